"""One chat's log as a page knows it: frontend/state/log.ts in Python, name for name, for the fault tests.

Pure: every function gives a new log. Not for: deciding what to fetch (catchup.py).
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

FAR_BEHIND = 500
"""Beyond this many missing entries it is quicker to start again from the newest page."""

MOST_ROWS, KEPT_ROWS = 400, 200

Entry = Mapping[str, Any]
Message = Mapping[str, Any]
LogPage = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """An entry that is shown. `version`: the seq as of which `message` is known to be right."""

    seq: int
    entry: Entry
    message: Message | None
    version: int


Known = tuple[Message, int]


@dataclass(frozen=True)
class ChatLog:
    """`rows`: all that the user may see from `start` to `through`. `last`: the highest seq heard of.

    `begins`: nothing older exists. `past`: it ends at an old message that was asked for. `as_of`: the rows show what
    happened to them up to this entry, which may then lie beyond `through`. `early`: entries beyond a gap. `unloaded`:
    the newest known states of messages that are no rows.
    """

    rows: tuple[Row, ...]
    start: int
    through: int
    begins: bool
    past: bool
    as_of: int
    last: int
    early: Mapping[int, Entry] = field(default_factory=dict)
    unloaded: Mapping[int, Known] = field(default_factory=dict)


@dataclass
class _Work:
    rows: list[Row]
    unloaded: dict[int, Known]


def open_log(page: LogPage, up_to: int | None = None) -> ChatLog:
    """The log that a page without `after` starts: the newest one, or with `up_to` one that ends there."""
    up_to = page["last_seq"] if up_to is None else up_to
    work, start = _Work([], {}), _start_of(page)
    for entry in page["entries"]:
        _apply(work, entry, page["last_seq"])
    last = max(page["last_seq"], up_to)
    return ChatLog(tuple(work.rows), start, up_to, not page["has_more"], up_to < last, last, last, {}, work.unloaded)


def add_live(log: ChatLog, entries: Iterable[Entry]) -> ChatLog:
    """Takes live entries, in any order and any number of times; those beyond a gap wait, but not too many of them."""
    early, last, entries = dict(log.early), log.last, list(entries)
    for entry in entries:
        last = max(last, entry["seq"])
        if entry["seq"] > log.through:
            early[entry["seq"]] = entry
    drained = _drain(replace(log, last=last, early=early))
    kept = replace(drained, early={}) if len(drained.early) > FAR_BEHIND else drained
    return _renewed(kept, entries) if log.past else kept


def _renewed(log: ChatLog, entries: Iterable[Entry]) -> ChatLog:
    """Who reads in the past sees what happens to what they read, though the entries lie beyond what is loaded."""
    work, as_of = _work_on(log), _shown_to(log)
    for entry in sorted(entries, key=lambda entry: int(entry["seq"])):
        as_of += entry["seq"] == as_of + 1
        if about_message(entry) and entry["kind"] != "message":
            _renew(work, (entry["message"], entry["seq"]))
    return replace(_done(log, work), as_of=as_of)


def _shown_to(log: ChatLog) -> int:
    return max(log.as_of, log.through) if log.past else log.through


def set_aside(log: ChatLog) -> ChatLog:
    """The log of a chat that nobody looks at any more: what it misses is fetched once somebody does."""
    return replace(_trim(log), early={})


def add_newer(log: ChatLog, page: LogPage, after: int) -> ChatLog:
    """Takes a page that was asked for with `after`, which has to lie inside the log or to be its `as_of`."""
    if log.past and log.through < after <= log.as_of:
        return _add_happened(log, page)
    if after > log.through or page["through"] <= log.through:
        return log
    work = _work_on(log)
    for entry in page["entries"]:
        if entry["seq"] > log.through:
            _apply(work, entry, page["last_seq"])
    past, last = log.past and page["has_more"], max(log.last, page["last_seq"])
    return _drain(replace(_done(log, work), through=page["through"], past=past, last=last))


def _add_happened(log: ChatLog, page: LogPage) -> ChatLog:
    """Takes what happened meanwhile to the rows of a log that ends in the past."""
    seen = _renewed(log, page["entries"])
    return replace(seen, as_of=max(seen.as_of, page["through"]), last=max(log.last, page["last_seq"]))


def add_older(log: ChatLog, page: LogPage, before: int) -> ChatLog:
    """Takes a page that was asked for with `before`; one that does not meet the log's start is dropped."""
    if before != log.start:
        return log
    work = _Work([], dict(log.unloaded))
    for entry in page["entries"]:
        if entry["seq"] < before:
            _apply(work, entry, page["last_seq"])
    work.rows += log.rows
    return replace(_done(log, work), start=_start_of(page), begins=not page["has_more"])


def heard_of(log: ChatLog, seq: int) -> ChatLog:
    """Notes that the chat has grown to `seq`."""
    return replace(log, last=seq) if seq > log.last else log


def next_step(log: ChatLog, force: bool = False) -> int | str | None:
    """The next fetch: the seq to fetch after, "restart", or None when nothing is missing and nothing forces it."""
    if not log.past and log.last - log.through > FAR_BEHIND:
        return "restart"
    if force:
        return log.through
    return _shown_to(log) if log.last > _shown_to(log) else None


def about_message(entry: Entry) -> bool:
    """Whether an entry is about a message and so carries it."""
    return entry["kind"] not in ("member", "chat")


def _trim(log: ChatLog) -> ChatLog:
    """Drops the oldest rows where there are many; they can be loaded again."""
    if len(log.rows) <= MOST_ROWS:
        return log
    rows = log.rows[-KEPT_ROWS:]
    return replace(log, rows=rows, start=rows[0].seq, begins=False)


def _start_of(page: LogPage) -> int:
    """Pages that go backwards are complete down to `through`."""
    return page["through"] if page["has_more"] else 1


def _work_on(log: ChatLog) -> _Work:
    return _Work(list(log.rows), dict(log.unloaded))


def _done(log: ChatLog, work: _Work) -> ChatLog:
    return replace(log, rows=tuple(work.rows), unloaded=work.unloaded)


def _drain(log: ChatLog) -> ChatLog:
    work, through = _work_on(log), log.through
    while entry := log.early.get(through + 1):
        _apply(work, entry, entry["seq"])
        through = entry["seq"]
    early = {seq: entry for seq, entry in log.early.items() if seq > through}
    return replace(_done(log, work), through=through, early=early, last=max(log.last, through))


def _apply(work: _Work, entry: Entry, as_of: int) -> None:
    if not about_message(entry):
        _insert(work, Row(entry["seq"], entry, None, entry["seq"]))
        return
    known: Known = (entry["message"], max(as_of, entry["seq"]))
    if entry["kind"] == "message":
        _insert(work, Row(entry["seq"], entry, *_best(work, known)))
        work.unloaded.pop(entry["seq"], None)  # only the row is kept up from now on
    else:
        _renew(work, known)


def _best(work: _Work, known: Known) -> Known:
    kept = work.unloaded.get(known[0]["seq"])
    return kept if kept and kept[1] > known[1] else known


def _insert(work: _Work, row: Row) -> None:
    place = _place_of(work.rows, row.seq)
    if place == len(work.rows) or work.rows[place].seq != row.seq:
        work.rows.insert(place, row)
    elif row.message:
        _renew(work, (row.message, row.version))


def _renew(work: _Work, known: Known) -> None:
    message, version = known
    place = _place_of(work.rows, message["seq"])
    row = work.rows[place] if place < len(work.rows) else None
    if not row or not row.message or row.message["id"] != message["id"]:
        work.unloaded[message["seq"]] = _best(work, known)
    elif row.version < version:
        work.rows[place] = replace(row, message=message, version=version)


def _place_of(rows: list[Row], seq: int) -> int:
    return bisect_left(rows, seq, key=lambda row: row.seq)
