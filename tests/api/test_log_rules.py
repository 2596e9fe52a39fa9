"""The pure rules behind the log: what entries do to a message and to a membership, and what is then seen."""

from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from infitalks.access import seen_filter, visible
from infitalks.actions import log as chat_log
from infitalks.actions.memberships import next_membership
from infitalks.models.database import Doc, database
from infitalks.models.log import Entry, entry_by_id
from infitalks.schemas.folding import fold

USERS = [ObjectId() for _ in range(3)]
AT = datetime(2026, 11, 22, tzinfo=UTC)
SEQS = 12

edits = st.builds(lambda text: {"kind": "edit", "text": text, "html": f"<p>{text}</p>"}, st.sampled_from("abc"))
reactions = st.builds(
    lambda user, emoji, on: {"kind": "reaction", "author": user, "emoji": emoji, "on": on},
    st.sampled_from(USERS),
    st.sampled_from("👍👎"),
    st.booleans(),
)
pins = st.builds(lambda user, on: {"kind": "pin", "author": user, "on": on}, st.sampled_from(USERS), st.booleans())
deletions = st.just({"kind": "delete"})
others = st.just({"kind": "media"})
histories = st.lists(st.one_of(edits, edits, reactions, reactions, pins, pins, deletions, others), max_size=8)


def numbered(history: list[Doc]) -> list[Doc]:
    return [{"author": USERS[0], "at": AT, **entry, "seq": seq} for seq, entry in enumerate(history, start=2)]


def message() -> Doc:
    return {"_id": ObjectId(), "kind": "message", "seq": 1, "text": "first", "html": "<p>first</p>", "reactions": {}}


def shown(doc: Doc) -> Doc:
    """What anybody can tell apart: of two deletions it is not known which one it was."""
    fields = ("text", "html", "edited_at", "attachments", "cards", "reply_to", "via")
    marks = {(user, emoji) for user, all_of in doc["reactions"].items() for emoji, m in all_of.items() if m["on"]}
    first = (doc.get("first") or {}).get("text")
    pin = doc.get("pin") or {"on": False}
    known = {**{name: doc.get(name) or None for name in fields}, "on": marks, "first": first, "pin": pin["on"] and pin}
    return {**known, "gone": doc.get("deleted_seq") is not None}


def folded(doc: Doc, entries: list[Doc]) -> Doc:
    for entry in entries:
        doc = fold(doc, entry)
    return doc


@settings(deadline=None)
@given(histories, st.data())
def test_entries_fold_to_the_same_message_in_any_order_and_however_often(history: list[Doc], data: Any) -> None:
    entries, first = numbered(history), message()
    mixed = data.draw(st.permutations(entries + entries[::2]))
    assert shown(folded(first, mixed)) == shown(folded(first, entries))


@settings(deadline=None)
@given(histories)
def test_the_last_word_counts(history: list[Doc]) -> None:
    after = folded(message(), numbered(history))
    texts = [entry["text"] for entry in history if entry["kind"] == "edit"]
    if any(entry["kind"] == "delete" for entry in history):
        assert (after["text"], after["reactions"]) == ("", {})
        return
    assert after["text"] == ([*texts] or ["first"])[-1]
    assert (after.get("first") or {}).get("text") == ("first" if texts else None)
    last = {(e["author"], e["emoji"]): e["on"] for e in history if e["kind"] == "reaction"}
    pins = [(entry["author"], entry["on"]) for entry in history if entry["kind"] == "pin"]
    by, pinned = [(None, False), *pins][-1]
    assert shown(after)["pin"] == (pinned and {**after["pin"], "by": by, "on": True})
    assert shown(after)["on"] == {(str(user), emoji) for (user, emoji), on in last.items() if on}


@settings(max_examples=50, deadline=None, derandomize=True)
@given(histories, st.data())
def test_the_database_applies_entries_as_they_fold(app: Flask, history: list[Doc], data: Any) -> None:
    chat, first = ObjectId(), message()
    blank = {"attachments": [], "cards": [], "reply_to": None, "via": None}
    own = {"chat": chat, "n": 1, "m": 0, "author": USERS[0], "at": AT, "out": {"state": "done"}}
    Entry.raw().insert_one({**own, **blank, **first, "client_id": "1"})
    entries = numbered(history)
    for entry in entries:
        entry.update(_id=ObjectId(), chat=chat, n=1, m=0, target=first["_id"], client_id=f"c{entry['seq']}")
    if entries:
        Entry.raw().insert_many([{**entry, "out": {"state": "done"}} for entry in entries])
    for entry in data.draw(st.permutations(entries + entries[::2])):
        chat_log.apply(entry)
    stored = entry_by_id(first["_id"])
    assert stored
    assert shown(stored) == shown(folded(first, entries))


acts = st.one_of(
    st.tuples(st.just("added"), st.booleans()),
    st.tuples(st.sampled_from(["removed", "left", "role"]), st.booleans()),
    st.tuples(st.just("message"), st.booleans()),
)


@settings(deadline=None)
@given(st.lists(acts, max_size=SEQS))
def test_a_member_sees_from_joining_or_from_the_start_to_the_entry_that_ends_it(acts: list[tuple[str, bool]]) -> None:
    membership: Doc | None = None
    seen: set[int] = set()
    active = False
    for seq, (action, history) in enumerate(acts, start=1):
        if action != "message":
            entry = {"seq": seq, "n": seq, "history": history}
            change = {"action": action, "user": USERS[0], "role": "owner" if history else "member"}
            membership = next_membership(membership, entry, change)
            if action == "added" and not active:
                active = True
                seen |= set(range(1, seq)) if history else set()
        if active:
            seen.add(seq)
        if action in ("removed", "left"):
            active = False
        intervals = membership["intervals"] if membership else []
        assert {n for n in range(1, seq + 1) if visible(n, intervals)} == seen
        assert bool(membership and membership["active"]) == active == visible(SEQS + 99, intervals)


bounds = st.tuples(st.integers(1, SEQS), st.one_of(st.none(), st.integers(1, SEQS)))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(bounds.map(list), max_size=3))
def test_the_database_shows_what_the_rule_says(app: Flask, intervals: list[list[int | None]]) -> None:
    numbers = database()["test_numbers"]
    if not numbers.find_one():
        numbers.insert_many([{"seq": seq} for seq in range(1, SEQS + 2)])
    found = {doc["seq"] for doc in numbers.find(seen_filter(intervals))}
    assert found == {seq for seq in range(1, SEQS + 2) if visible(seq, intervals)}
