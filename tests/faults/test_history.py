"""The checker of histories: it accepts a good one, and finds each kind of harm in one that is bad by a single thing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.history import RULES, Attempt, History, PageStory, spans_of, violations

DONE = {"state": "done"}


def sent(number: int, **other: Any) -> Attempt:
    """Message `number` of ada's, answered in second `number` as entry `number` + 1."""
    said = Attempt("c", "ada", f"k{number}", f"t{number}", number, number + 0.5, 201, number + 1, f"id{number + 1}")
    return replace(said, **other)


def entry(seq: int, **other: Any) -> dict[str, Any]:
    """Message `seq` - 1 of ada's, as it is stored."""
    fields = {"author": "ada", "kind": "message", "client_id": f"k{seq - 1}", "text": f"t{seq - 1}", "out": DONE}
    return {"_id": f"id{seq}", "chat": "c", "seq": seq, "n": seq - 1, "m": 1, **fields, **other}


def member(seq: int, action: str, **other: Any) -> dict[str, Any]:
    fields = {"kind": "member", "author": "ada", "action": action, "n": 4, "m": seq, "client_id": f"s{seq}"}
    return {"_id": f"id{seq}", "chat": "c", "seq": seq, "out": DONE, **fields, **other}


CREATED = member(1, "created", n=0, members=[{"user": "ada"}, {"user": "bob"}])
ROWS = tuple((seq, f"t{seq}") for seq in range(1, 6))
PAGE = PageStory("bob", "c", ROWS, ROWS, (1, 2, 3, 4, 5))
GOOD = History(
    attempts=(
        sent(1),
        sent(2, status=0, seq=0, message=""),
        sent(2, begin=2.6, status=200),
        sent(3),
        sent(4, status=503, retry_after="2", seq=0, message=""),
        sent(4, begin=4.6),
    ),
    dump=(CREATED, *(entry(seq) for seq in range(2, 6))),
    pages=(PAGE, replace(PAGE, shown=ROWS[2:], settled=(3, 4, 5))),
)

Change = Callable[[History], History]


def stored(number: int, /, **other: Any) -> Change:
    """This entry is stored otherwise."""
    return lambda good: replace(
        good, dump=tuple({**each, **other} if each["seq"] == number else each for each in good.dump)
    )


def dumped(*more: dict[str, Any]) -> Change:
    return lambda good: replace(good, dump=(*good.dump, *more))


def without(seq: int) -> Change:
    return lambda good: replace(good, dump=tuple(each for each in good.dump if each["seq"] != seq))


def tried(*more: Attempt) -> Change:
    return lambda good: replace(good, attempts=(*good.attempts, *more))


def attempt(number: int, /, **other: Any) -> Change:
    """The attempt at this place went otherwise."""
    return lambda good: replace(
        good, attempts=tuple(replace(a, **other) if i == number else a for i, a in enumerate(good.attempts))
    )


def page(**other: Any) -> Change:
    return lambda good: replace(good, pages=(replace(PAGE, **other),))


LEFT = {"action": "left", "user": "ada"}
REMOVED = member(6, "removed", user="bob")

BAD: list[tuple[str, str, str, Change]] = [
    ("C1 durable", "lost", "an acknowledged one is gone", without(3)),
    ("C1 durable", "lost", "an acknowledged one says something else", stored(3, text="other")),
    ("C1 durable", "doubled", "one is stored twice", dumped(entry(6, client_id="k3", text="t3"))),
    ("C1 durable", "misordered", "one has another number than was answered", attempt(0, seq=9)),
    ("C2 no phantom", "other", "nobody sent what is stored", dumped(entry(6))),
    ("C3 gap-free", "lost", "a number is missing", without(3)),
    ("C3 gap-free", "doubled", "a number is there twice", stored(3, seq=2)),
    ("C3 gap-free", "misordered", "the messages are counted wrongly", stored(3, n=7)),
    ("C3 gap-free", "misordered", "the last member entry is counted wrongly", stored(3, m=2)),
    ("C3 gap-free", "misordered", "a later one has a lower number", attempt(3, begin=0.1, end=0.4)),
    ("C4 pages equal", "lost", "an open page lacks one", page(shown=ROWS[:3] + ROWS[4:])),
    ("C4 pages equal", "lost", "an open page shows an old text", page(shown=(*ROWS[:4], (5, "before")))),
    ("C4 pages equal", "other", "an open page shows more", page(shown=(*ROWS, (6, "t6")))),
    ("C5 shown once", "doubled", "one is shown twice", page(shown=(*ROWS, ROWS[4]))),
    ("C5 shown once", "misordered", "one is shown before an earlier one", page(settled=(1, 3, 2, 4, 5))),
    ("C6 removal is final", "other", "somebody wrote after leaving", stored(2, kind="member", **LEFT)),
    ("C5 shown once", "misordered", "one is put in between later", page(settled=(1, 2, 4, 5))),
    (
        "C6 removal is final",
        "other",
        "the removed saw what came later",
        lambda good: page(shown=(*ROWS, (7, "t7")))(dumped(REMOVED, entry(7))(good)),
    ),
    ("C8 no stuck work", "other", "one still waits", stored(5, out={"state": "new"})),
    ("C8 no stuck work", "other", "one was set aside", stored(5, out={"state": "dead"})),
    ("C9 honest", "other", "one was never answered", tried(sent(5, status=0))),
    ("C9 honest", "doubled", "one was made twice", tried(sent(1, begin=1.1))),
    ("C9 honest", "doubled", "a repeat was answered with another one", tried(sent(1, begin=1.1, status=200, seq=4))),
    ("C9 honest", "other", "a refused one is stored", attempt(0, status=404)),
    (
        "C9 honest",
        "lost",
        "a member was told that there is no such chat",
        tried(sent(5, status=0), sent(5, begin=5.6, status=404)),
    ),
    ("C9 honest", "lost", "a member gave up without an answer", tried(sent(5, status=0))),
    ("C9 honest", "other", "the repeat of a stored one was refused", tried(sent(1, begin=1.6, status=409))),
    ("C9 honest", "other", "it broke", attempt(4, status=500)),
    ("C9 honest", "other", "it did not say when to try again", attempt(4, retry_after="")),
]


def test_a_good_history_has_no_violation() -> None:
    assert not violations(GOOD)


@pytest.mark.parametrize(
    ("rule", "kind", "change"), [pytest.param(r, k, c, id=f"{r}: {what}") for r, k, what, c in BAD]
)
def test_harm_is_found(rule: str, kind: str, change: Change) -> None:
    assert (rule, kind) in {(found.rule, found.kind) for found in violations(change(GOOD))}


def test_every_rule_is_seen_to_fail() -> None:
    assert {rule for rule, *_ in BAD} == RULES.keys()


def test_what_was_said_before_it_was_edited_is_no_loss() -> None:
    assert not violations(stored(3, text="better", edit_seq=6)(GOOD))


def test_who_was_removed_may_be_refused() -> None:
    refused = Attempt("c", "bob", "k9", "t9", 9, 9.5, 404)
    assert {found.kind for found in violations(tried(refused)(GOOD))} == {"lost"}
    assert not violations(tried(refused)(dumped(REMOVED)(GOOD)))


def test_who_comes_back_writes_again_and_sees_what_is_theirs() -> None:
    back = member(7, "added", user="bob", n=4, history=False)
    assert spans_of((*GOOD.dump, REMOVED, back))["bob"] == [(1, 6, True), (7, None, False)]
    assert not violations(dumped(REMOVED, back)(replace(GOOD, pages=())))
