"""Group commit: one thread per process numbers what waits to be appended and commits it together, without a timer.

Not for: what an entry means, nor applying it (log.py).
"""

import logging
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import bson
from bson import ObjectId
from pymongo.errors import BulkWriteError, PyMongoError

from infitalks import metrics, trace
from infitalks.actions import memberships, summaries
from infitalks.errors import Unavailable
from infitalks.failpoints import failpoint
from infitalks.models.chats import applied_members, membership_id, memberships_by_id
from infitalks.models.database import Doc
from infitalks.models.log import AT_ONCE, Entry, Top, entry_by_client_id, tops_of

LARGEST_BATCH = 64
PATIENCE_SECONDS = 2.0  # how long an entry competes for a number before its sender is asked to send again
ANSWER_SECONDS = 20.0  # longer than any batch can take, with the driver's own time limits
DUPLICATE_KEY = 11000

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Draft:
    """An entry before it has a number.

    `body` holds the kind's own fields. `said` is what the sender said, in JSON values: a repeat under the same
    client_id has to say the same. `allow` gets the author's membership as of the entry's place in the log (None
    where there never was one) and raises what refuses the entry.
    """

    chat: ObjectId
    kind: str
    author: ObjectId
    client_id: str
    body: Doc
    said: Any
    allow: Callable[[Doc | None], None]


@dataclass(eq=False)
class Waiting:
    """A draft on its way; `done` is set when `entry` and `new`, or `error`, say how it went."""

    draft: Draft
    digest: str
    give_up: float
    done: threading.Event = field(default_factory=threading.Event)
    entry: Doc = field(default_factory=dict)
    new: bool = False
    error: BaseException | None = None
    request: str = field(default_factory=trace.current)  # whose thread waits for it

    def finish(self, entry: Doc, *, new: bool) -> None:
        self.entry, self.new = entry, new
        self.done.set()

    def fail(self, error: BaseException) -> None:
        self.error = error
        self.done.set()


_queue: "queue.SimpleQueue[Waiting]" = queue.SimpleQueue()
_starting = threading.Lock()
_thread: threading.Thread | None = None


def commit(draft: Draft, digest: str) -> tuple[Doc, bool]:
    """The draft as its chat's next entry, journaled by a majority, and True; or the entry that its client_id has
    already, and False.

    Raises Unavailable where the number stayed contested for 2 s, what `draft.allow` raises, and the driver's errors,
    after which the outcome is unknown until the same client_id is sent again.
    """
    bson.encode(draft.body)  # a value that BSON cannot hold fails here, alone
    waiting = Waiting(draft, digest, time.monotonic() + PATIENCE_SECONDS)
    _start()
    _queue.put(waiting)
    if not waiting.done.wait(ANSWER_SECONDS):
        raise Unavailable("The database is slow. Send again with the same client_id.")
    if waiting.error:
        raise waiting.error
    return waiting.entry, waiting.new


def _start() -> None:
    # With the first entry, not at import: threads do not survive a fork.
    global _thread
    with _starting:
        if _thread is None or not _thread.is_alive():
            _thread = threading.Thread(target=_write_for_ever, name="log writer", daemon=True)
            _thread.start()


def _write_for_ever() -> None:
    while True:
        batch = [_queue.get()]
        while len(batch) < LARGEST_BATCH and not _queue.empty():
            batch.append(_queue.get())
        try:
            _write(batch)
        except BaseException as error:  # whatever it is, its senders have to hear of it, and the thread goes on
            for waiting in batch:
                if not waiting.done.is_set():
                    waiting.fail(error)


def _write(batch: list[Waiting]) -> None:
    """Round after round until all of the batch are settled. A round ends at the first entry that was not taken."""
    left = deque(batch)
    while left:
        round_of = _by_chat(left)
        numbered = [pair for group in round_of.values() for pair in group]
        taken = {waiting for waiting, _ in numbered}
        left = deque(waiting for waiting in left if not waiting.done.is_set() and waiting not in taken)
        refused = _insert(numbered)
        if numbered:
            metrics.BATCH_ENTRIES.labels("lost" if refused else "won").observe(len(numbered))
        if refused:
            lost, others = refused[0], refused[1:]
            _settle_duplicate(lost)
            # Those of a chat that just lost a race go last: one hot chat must not stop the quiet ones.
            left.extendleft(reversed([waiting for waiting in others if waiting.draft.chat != lost.draft.chat]))
            left.extend(waiting for waiting in others if waiting.draft.chat == lost.draft.chat)
            if not lost.done.is_set():
                left.append(lost)
                if all(waiting.draft.chat == lost.draft.chat for waiting in left):
                    time.sleep(random.uniform(0.001, 0.01))  # lets the other processes of this race pass


def _by_chat(left: Iterable[Waiting]) -> dict[ObjectId, list[tuple[Waiting, Doc]]]:
    """One round: each chat's drafts that may have a number now, with their entries, up to its first member entry."""
    waiting = list(left)
    chats = {each.draft.chat for each in waiting}
    tops = tops_of(chats)
    applied = applied_members(chats)
    for chat in chats:
        if applied.get(chat, 0) < tops[chat].m:
            _apply_members(chat, tops[chat].m, waiting)
    # Read after the tops: whoever inserts after member entry m has read m, or fails on the number. That is what
    # makes a removal exact.
    known = memberships_by_id({membership_id(each.draft.chat, each.draft.author) for each in waiting})
    groups: dict[ObjectId, list[tuple[Waiting, Doc]]] = {chat: [] for chat in chats}
    for each in waiting:
        group = groups[each.draft.chat]
        if each.done.is_set():
            continue
        if not (group and group[-1][1]["kind"] == "member") and _is_allowed(each, known):
            entry = _number(each, tops[each.draft.chat])
            tops[each.draft.chat] = Top(entry["seq"], entry["n"], entry["m"])
            group.append((each, entry))
    return groups


def _apply_members(chat: ObjectId, up_to: int, waiting: Iterable[Waiting]) -> None:
    try:
        memberships.apply_members(chat, up_to)
    except Exception as fault:  # this chat's senders hear of it; the others of the batch wait for nothing here
        for each in waiting:
            if each.draft.chat == chat:
                each.fail(fault)


def _is_allowed(waiting: Waiting, known: dict[str, Doc]) -> bool:
    draft = waiting.draft
    try:
        draft.allow(known.get(membership_id(draft.chat, draft.author)))
    except Exception as refusal:  # the sender's to hear, be it a refusal or a fault
        waiting.fail(refusal)
        return False
    return True


def _number(waiting: Waiting, top: Top) -> Doc:
    draft, now = waiting.draft, datetime.now(UTC)
    seq = top.seq + 1
    return {
        "_id": ObjectId(),
        "chat": draft.chat,
        "seq": seq,
        "n": top.n + (draft.kind == "message"),
        "m": seq if draft.kind == "member" else top.m,
        "kind": draft.kind,
        "author": draft.author,
        "at": now.replace(microsecond=now.microsecond // 1000 * 1000),
        "client_id": draft.client_id,
        "hash": waiting.digest,
        "out": {"state": "new", "due": AT_ONCE, "tries": 0, "request": waiting.request},
        **draft.body,
    }


def _insert(numbered: list[tuple[Waiting, Doc]]) -> list[Waiting]:
    """Insert in order up to the first that is a duplicate. Returns that one and all after it."""
    if not numbered:
        return []
    stopped = len(numbered)
    failpoint("append.before_insert")
    try:
        Entry.raw().insert_many([entry for _, entry in numbered], ordered=True)
    except BulkWriteError as error:
        if error.details["writeConcernErrors"]:  # what went in is not sure to stay
            raise Unavailable("The database is changing hands. Send again with the same client_id.") from error
        (failure,) = error.details["writeErrors"]
        if failure["code"] != DUPLICATE_KEY:
            raise
        stopped = failure["index"]
    failpoint("append.after_insert")
    _finish(numbered[:stopped])
    return [waiting for waiting, _ in numbered[stopped:]]


def _finish(committed: list[tuple[Waiting, Doc]]) -> None:
    """The messages are counted here, for the whole batch, so that their senders find them counted."""
    try:
        summaries.count_messages(entry for _, entry in committed if entry["kind"] == "message")
    except PyMongoError as error:
        # They are committed all the same, and the fan-out counts what is not.
        logger.warning("messages are counted later: %s", error)
    for waiting, entry in committed:
        waiting.finish(entry, new=True)


def _settle_duplicate(waiting: Waiting) -> None:
    """A repeat gets the entry that is there; who lost the race for a number tries again, for a while."""
    draft = waiting.draft
    stored = entry_by_client_id(draft.chat, draft.author, draft.client_id)
    if stored:
        waiting.finish(stored, new=False)
    elif time.monotonic() > waiting.give_up:
        waiting.fail(Unavailable("The chat is very busy. Send again with the same client_id."))
