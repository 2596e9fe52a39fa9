"""The Python port of the page's machine does exactly what the page does: in every shared case, and in random ones."""

import json
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.catchup import begin, next_due, rows_of, step
from tests.faults.conftest import FULL
from tests.faults.pagestate import Page

ROOT = Path(__file__).parent.parent.parent
FILE = json.loads((ROOT / "tests/cases/catchup.json").read_text())
SHORT = re.compile(r"(\d+): (?:(edit|delete|reaction|media) (\d+): )?(.*)")


def entry(short: str) -> dict[str, Any]:
    """An entry of its short form in the file of cases."""
    found = SHORT.fullmatch(short)
    assert found, short
    seq, kind, about, text = found.groups()
    if text in ("member", "chat"):
        return {"seq": int(seq), "kind": text}
    about = int(about or seq)
    message = {"id": f"m{about}", "seq": about, "text": text}
    return {"seq": int(seq), "kind": kind or "message", "message": message}


def written_out(given: Any) -> Any:
    """An input or a start with its entries in full."""
    if not isinstance(given, dict):
        return given
    full = {key: written_out(value) for key, value in given.items()}
    return full | {"entries": [entry(short) for short in given["entries"]]} if "entries" in given else full


def shown(page: Page) -> list[str]:
    return [f"{row.seq} {row.message['text'] if row.message else row.entry['kind']}" for row in rows_of(page, "c")]


@pytest.mark.parametrize("case", FILE["cases"], ids=lambda case: case["name"])
def test_the_port_does_as_the_page_does_when(case: dict[str, Any]) -> None:
    page, now = begin(written_out(case.get("start", FILE["start"])), 0, 0), 0
    for number, it in enumerate(case["steps"]):
        now = it.get("at", now)
        page, effects = step(page, written_out(it["give"]), now, it.get("random", 0))
        assert effects == it["do"], f"step {number}"
        if "due" in it:
            assert next_due(page) == it["due"], f"step {number}"
    assert shown(page) == case["rows"]


# Anything may come at any time: more than a server would ever do.

SEQS, CHATS = st.integers(1, 12), st.sampled_from("cd")
PLAIN = ["connected", "disconnected", "subscribed", "refused", "moved", "renew_failed", "sync_failed"]
PLAIN += ["tick", "woke", "unauthorised", "signed_in"]
SHORTS = st.one_of(
    st.builds("{}: said".format, SEQS),
    st.builds("{}: edit {}: as of {}".format, SEQS, SEQS, SEQS),
    st.builds("{}: member".format, SEQS),
)
ENTRIES = st.lists(SHORTS, max_size=4)
LISTED = st.lists(st.fixed_dictionaries({"id": CHATS, "last_seq": SEQS | st.just(900)}), max_size=2)
PAGES = st.fixed_dictionaries({"entries": ENTRIES, "through": SEQS, "has_more": st.booleans(), "last_seq": SEQS})
CHANNELS = {"channels": st.sampled_from([["mine"], ["new"]])}
STARTS = st.fixed_dictionaries(
    {"chats": LISTED, "open": CHATS | st.none(), "page": PAGES | st.none(), "up_to": SEQS | st.none()},
    optional=CHANNELS,
)


def inputs(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"kind": st.just(kind), **fields})


def telling(kind: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """An input that may name the channels."""
    return st.fixed_dictionaries({"kind": st.just(kind), **fields}, optional=CHANNELS)


INPUTS = st.one_of(
    st.fixed_dictionaries({"kind": st.sampled_from(PLAIN)}),
    telling("renewed", changed=st.booleans()),
    inputs("event", chat=CHATS, entries=ENTRIES),
    inputs("event", chat=CHATS, last_seq=SEQS | st.just(900)),
    inputs("changed", chat=CHATS) | inputs("gone", chat=CHATS) | inputs("more", chat=CHATS),
    inputs("opened", chat=CHATS | st.none()),
    inputs("listed", chats=LISTED),
    inputs("page", chat=CHATS, after=SEQS | st.none(), page=PAGES),
    inputs("older", chat=CHATS, before=SEQS, page=PAGES),
    inputs("fetch_failed", chat=CHATS, status=st.sampled_from([0, 404, 503])),
    inputs("detail_failed", chat=CHATS, status=st.sampled_from([0, 404])),
    telling("synced", changed=LISTED, gone=st.lists(CHATS, max_size=1)),
)
STEPS = st.lists(st.tuples(st.integers(0, 9000), st.floats(0, 1), INPUTS), min_size=10, max_size=60)

Ask = Callable[[Any], Any]


@pytest.fixture(scope="module")
def the_pages_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """What the page's machine makes of a start and steps."""
    script = tmp_path_factory.mktemp("machine") / "machine.mjs"
    build = ("node_modules/.bin/esbuild", "tests/faults/machine.mjs", "--bundle", "--format=esm", "--platform=node")
    subprocess.run((*build, f"--outfile={script}", "--log-level=warning"), cwd=ROOT, check=True)
    with subprocess.Popen(("node", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as node:
        assert node.stdin and node.stdout
        into, out = node.stdin, node.stdout

        def ask(case: Any) -> Any:
            print(json.dumps(case), file=into, flush=True)
            return json.loads(out.readline())

        yield ask
        into.close()


def all_rows(page: Page) -> list[Any]:
    """As machine.mjs writes them."""
    return [
        [
            chat,
            [[row.seq, row.version, (row.message or {}).get("text", row.entry["kind"])] for row in rows_of(page, chat)],
        ]
        for chat in page.chats
    ]


@given(start=STARTS, steps=STEPS)
@settings(derandomize=True, deadline=None, max_examples=3000 if FULL else 300)
def test_whatever_happens_in_any_order_the_port_and_the_page_agree(
    the_pages_own: Ask, start: Any, steps: list[tuple[int, float, Any]]
) -> None:
    agree(the_pages_own, start, steps)


def agree(the_pages_own: Ask, start: Any, steps: Iterable[tuple[int, float, Any]]) -> Page:
    """The page that both come to."""
    start, now, case = written_out(start), 0, []
    page, seen = begin(start, 0, 0), []
    for pause, random, short in steps:
        now, what = now + pause, written_out(short)
        case.append({"at": now, "random": random, "give": what})
        page, effects = step(page, what, now, random)
        seen.append([effects, next_due(page), all_rows(page)])
    assert the_pages_own({"start": start, "steps": case}) == seen
    return page


def told(chat: str, first: int, last: int) -> Iterator[tuple[int, float, Any]]:
    for seq in range(first, last + 1):
        yield 1, 0, {"kind": "event", "chat": chat, "entries": [f"{seq}: said"]}


def opened(chat: str) -> tuple[int, float, Any]:
    return 1, 0, {"kind": "opened", "chat": chat}


def test_a_long_chat_stays_small_once_nobody_looks_at_it(the_pages_own: Ask) -> None:
    start = FILE["start"]
    page = agree(the_pages_own, start, [*told("c", 3, 500), opened("d")])
    assert [row.seq for row in rows_of(page, "c")] == list(range(301, 501))
    page = agree(the_pages_own, start, [opened("d"), *told("c", 3, 3000), *told("c", 3002, 3400)])
    log = page.chats["c"].log
    assert log and len(log.rows) <= 400 and (log.through, log.last, log.early) == (3000, 3400, {})


def test_what_waits_beyond_a_gap_of_the_open_chat_has_a_limit(the_pages_own: Ask) -> None:
    page = agree(the_pages_own, FILE["start"], told("c", 4, 1200))
    log = page.chats["c"].log
    assert log and log.last == 1200 and 0 < len(log.early) <= 500
