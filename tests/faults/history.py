"""Whether what was answered, shown and stored fits together: rules C1–C6, C8 and C9, as pure functions.

Not for: making a history (senders.py, pages.py, rig.py). Each rule is seen to fail in test_history.py.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

Doc = Mapping[str, Any]
Key = tuple[str, str, str]  # chat, author, client_id: what makes one message

LOST, DOUBLED, MISORDERED, OTHER = "lost", "doubled", "misordered", "other"


@dataclass(frozen=True)
class Attempt:
    """One try at sending a message. Times are of one monotonic clock; a `status` of 0 means no answer."""

    chat: str
    author: str
    client_id: str
    text: str
    begin: float
    end: float
    status: int
    seq: int = 0
    message: str = ""  # its id
    retry_after: str = ""
    at: int = 0  # which web process
    error: str = ""  # why there was no answer

    @property
    def key(self) -> Key:
        return self.chat, self.author, self.client_id

    @property
    def acknowledged(self) -> bool:
        return self.status in (200, 201)

    @property
    def unknown(self) -> bool:
        """It may have been stored or not."""
        return self.status == 0 or self.status >= 500

    @property
    def refused(self) -> bool:
        """It was told that this message will never be taken: not for want of a token, or of patience."""
        return 400 <= self.status < 500 and self.status not in (401, 429)


@dataclass(frozen=True)
class PageStory:
    """What one page showed of one chat. Rows are (seq, what is shown of it)."""

    person: str
    chat: str
    shown: tuple[tuple[int, str], ...]  # at the end
    fresh: tuple[tuple[int, str], ...]  # what a newly opened page shows then
    settled: tuple[int, ...]  # the seqs in the order in which they first appeared, as complete


@dataclass(frozen=True)
class History:
    """`dump`: all entries of the log, as stored, by chat and seq."""

    attempts: tuple[Attempt, ...]
    dump: tuple[Doc, ...]
    pages: tuple[PageStory, ...] = ()

    def chats(self) -> dict[str, list[Doc]]:
        found: dict[str, list[Doc]] = defaultdict(list)
        for entry in self.dump:
            found[str(entry["chat"])].append(entry)
        return found

    def stored(self) -> dict[Key, list[Doc]]:
        """The messages of the chats in which somebody was seen to send."""
        found: dict[Key, list[Doc]] = defaultdict(list)
        chats = {attempt.chat for attempt in self.attempts}
        for entry in self.dump:
            if entry["kind"] == "message" and str(entry["chat"]) in chats:
                found[str(entry["chat"]), str(entry["author"]), entry["client_id"]].append(entry)
        return found

    def tries(self) -> dict[Key, list[Attempt]]:
        """The attempts at each message, the first one first."""
        found: dict[Key, list[Attempt]] = defaultdict(list)
        for attempt in sorted(self.attempts, key=lambda each: each.begin):
            found[attempt.key].append(attempt)
        return found


@dataclass(frozen=True)
class Violation:
    """`kind`: the column of the table that counts it."""

    rule: str
    kind: str
    what: str


Found = Iterator[tuple[str, str]]


def durable(history: History) -> Found:
    """C1: what was acknowledged is stored, once, and as it was said."""
    stored = history.stored()
    for attempt in history.attempts:
        if attempt.acknowledged:
            copies = stored.get(attempt.key, [])
            if not copies:
                yield LOST, f"{attempt} is not stored"
            for copy in copies:
                if not _altered(copy) and copy["text"] != attempt.text:
                    yield LOST, f"{attempt} is stored as {copy['text']!r}"
                if (str(copy["_id"]), copy["seq"]) != (attempt.message, attempt.seq):
                    yield MISORDERED, f"{attempt} is stored as {copy['_id']}, number {copy['seq']}"
    for key, copies in stored.items():
        if len(copies) > 1:
            yield DOUBLED, f"{key} is stored as {[copy['seq'] for copy in copies]}"


def no_phantom(history: History) -> Found:
    """C2: every stored message was sent by somebody."""
    tries = history.tries()
    for key in history.stored().keys() - tries.keys():
        yield OTHER, f"{key} is stored, and nobody sent it"


def gap_free(history: History) -> Found:
    """C3: each chat is numbered 1, 2, 3 …, counted rightly, and in the order of what did not overlap."""
    for chat, entries in history.chats().items():
        count = Counter(entry["seq"] for entry in entries)
        for seq in set(range(1, max(count) + 1)) - count.keys():
            yield LOST, f"chat {chat} has no entry {seq}"
        for seq in (seq for seq, times in count.items() if times > 1):
            yield DOUBLED, f"chat {chat} has entry {seq} {count[seq]} times"
        yield from _counted(chat, entries)
    yield from _in_time(history)


def _counted(chat: str, entries: Iterable[Doc]) -> Found:
    n = m = 0
    for entry in sorted(entries, key=lambda each: each["seq"]):
        n += entry["kind"] == "message"
        m = entry["seq"] if entry["kind"] == "member" else m
        if (entry["n"], entry["m"]) != (n, m):
            yield MISORDERED, f"entry {entry['seq']} of chat {chat} counts {entry['n']}, {entry['m']}, not {n}, {m}"
            return  # all after it are carried on from it


def _in_time(history: History) -> Found:
    """Whoever begins after another was answered gets the higher number."""
    told: dict[str, list[tuple[float, int, float]]] = defaultdict(list)
    for tries in history.tries().values():
        heard = [attempt for attempt in tries if attempt.acknowledged]
        if heard:
            first = min(heard, key=lambda each: each.end)
            told[first.chat].append((tries[0].begin, first.seq, first.end))
    for chat, messages in told.items():
        answered = sorted((end, seq) for _, seq, end in messages)
        place = highest = 0
        for begin, seq, _ in sorted(messages):
            while place < len(answered) and answered[place][0] < begin:
                highest = max(highest, answered[place][1])
                place += 1
            if seq < highest:
                yield MISORDERED, f"chat {chat}: {seq} was begun after {highest} had been answered"


def pages_equal(history: History) -> Found:
    """C4: a page that stayed open shows what a new one shows."""
    for page in history.pages:
        first = page.shown[0][0] if page.shown else 0
        fresh = [row for row in page.fresh if row[0] >= first]
        missing, extra = set(fresh) - set(page.shown), set(page.shown) - set(fresh)
        if missing:
            yield LOST, f"the page of {page.person} lacks {sorted(missing)[:5]} of chat {page.chat}"
        if extra:
            yield OTHER, f"the page of {page.person} shows {sorted(extra)[:5]} in chat {page.chat}"


def shown_once(history: History) -> Found:
    """C5: each entry appears once, in order, none before an earlier one."""
    for page in history.pages:
        for rows in (page.settled, tuple(seq for seq, _ in page.shown)):
            for before, after in pairwise(rows):
                if after <= before:
                    kind = DOUBLED if rows.count(after) > 1 else MISORDERED
                    yield kind, f"the page of {page.person} showed {after} after {before} of chat {page.chat}"
        late = {seq for seq, _ in page.shown} - set(page.settled)
        if late:
            yield (
                MISORDERED,
                f"the page of {page.person} showed {sorted(late)[:5]} of chat {page.chat} in between, later",
            )


def removal_final(history: History) -> Found:
    """C6: nobody wrote, or was shown, what lies outside of their time in the chat."""
    spans = {chat: spans_of(entries) for chat, entries in history.chats().items()}
    for entry in history.dump:
        author = str(entry["author"])
        if entry["kind"] != "member" and not _within(entry["seq"], spans[str(entry["chat"])].get(author, [])):
            yield OTHER, f"{author} wrote {entry['seq']} of chat {entry['chat']} without being in it"
    for page in history.pages:
        own = [(1 if told else since, until) for since, until, told in spans[page.chat].get(page.person, [])]
        for seq in {*page.settled, *(seq for seq, _ in page.shown), *(seq for seq, _ in page.fresh)}:
            if not any(since <= seq and (until is None or seq <= until) for since, until in own):
                yield OTHER, f"{page.person} was shown {seq} of chat {page.chat}"


Span = tuple[int, int | None, bool]  # since, until (None: still), whether what came before is shown too


def spans_of(entries: Iterable[Doc]) -> dict[str, list[Span]]:
    """When each person was in the chat, from its member entries alone."""
    spans: dict[str, list[Span]] = defaultdict(list)
    for entry in sorted(entries, key=lambda each: each["seq"]):
        if entry["kind"] != "member":
            continue
        added = entry["members"] if entry["action"] == "created" else [entry]
        for person in (str(each["user"]) for each in added):
            own = spans[person]
            inside = bool(own) and own[-1][1] is None
            if entry["action"] in ("created", "added") and not inside:
                own.append((entry["seq"], None, bool(entry.get("history", True))))
            elif entry["action"] in ("removed", "left") and inside:
                own[-1] = (own[-1][0], entry["seq"], own[-1][2])
    return spans


def _within(seq: int, spans: Iterable[Span]) -> bool:
    return any(since <= seq and (until is None or seq < until) for since, until, _ in spans)


def no_stuck_work(history: History) -> Found:
    """C8: everything has been told, nothing was set aside."""
    for entry in history.dump:
        if entry["out"]["state"] != "done":
            yield OTHER, f"entry {entry['seq']} of chat {entry['chat']} is still {entry['out']}"


def honest(history: History) -> Found:
    """C9: whoever was told to try again did and got one message; who may write is not refused; and 503 says when to."""
    stored = history.stored()
    yield from _taken(history)
    for key, tries in history.tries().items():
        heard = [attempt for attempt in tries if attempt.acknowledged]
        if len({(attempt.message, attempt.seq) for attempt in heard}) > 1:
            yield DOUBLED, f"{key} was answered differently: {heard}"
        if sum(attempt.status == 201 for attempt in heard) > 1:
            yield DOUBLED, f"{key} was made twice: {heard}"
        if tries[-1].unknown:
            yield OTHER, f"{key} was never answered: {tries[-1]}"
        if key in stored and not heard and not any(attempt.unknown for attempt in tries):
            yield OTHER, f"{key} was refused and is stored: {tries}"
        for attempt in tries:
            if attempt.status >= 500 and not (attempt.status == 503 and attempt.retry_after):
                yield OTHER, f"{attempt} is not how a server says that it is away"


def _taken(history: History) -> Found:
    """All that members who stayed have sent is acknowledged in the end, and no try at what is stored was refused."""
    stored = history.stored()
    stayed = {chat: _stayed(entries) for chat, entries in history.chats().items()}
    for key, tries in history.tries().items():
        if tries[0].author in stayed.get(tries[0].chat, ()):
            if not any(attempt.acknowledged for attempt in tries):
                yield LOST, f"{key} was never acknowledged: {tries[-1]}"
            if key in stored and any(attempt.refused for attempt in tries):
                yield OTHER, f"{key} is stored, and a try at it was refused: {tries}"


def _stayed(entries: Iterable[Doc]) -> set[str]:
    """Who is in the chat and never left it since: a refusal cannot be for that."""
    return {person for person, spans in spans_of(entries).items() if len(spans) == 1 and spans[0][1] is None}


def _altered(message: Doc) -> bool:
    return bool(message.get("edit_seq") or message.get("deleted_seq"))


RULES: dict[str, Callable[[History], Found]] = {
    "C1 durable": durable,
    "C2 no phantom": no_phantom,
    "C3 gap-free": gap_free,
    "C4 pages equal": pages_equal,
    "C5 shown once": shown_once,
    "C6 removal is final": removal_final,
    "C8 no stuck work": no_stuck_work,
    "C9 honest": honest,
}


def violations(history: History) -> list[Violation]:
    """All that is wrong with it, by rule."""
    return [Violation(rule, kind, what) for rule, check in RULES.items() for kind, what in check(history)]
