"""Telling pages what happened: the fan-out of waiting entries, the sweep behind it, and small notices.

An entry's row in the outbox is its place in the log; Redis only says that there is something to look for.
"""

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime

from bson import ObjectId
from pymongo.errors import ConnectionFailure, ExecutionTimeout, WTimeoutError

from infitalks import events, logs, metrics, trace
from infitalks.access import visible
from infitalks.actions import log as chat_log
from infitalks.actions.chats import keep_an_owner
from infitalks.actions.deliveries import create_deliveries
from infitalks.actions.leases import leased, renew_lease
from infitalks.actions.notifications import LARGE_CHAT, Telling, decide_all
from infitalks.backends import realtime
from infitalks.failpoints import failpoint
from infitalks.models.chats import active_members, contacts_of, member_counts, membership_of, memberships_in
from infitalks.models.database import Doc
from infitalks.models.log import Entry, chats_with_waiting, waiting_entries
from infitalks.models.users import live_channels, public_users, tells_reading, user_by_id

logger = logging.getLogger(__name__)

LEASE_SECONDS = 5.0
RENEW_AFTER = 1.0
BATCH = 100  # entries read at once
MOST_TRIES = 3
RETRY_SECONDS = 2
LONGEST_RETRY_SECONDS = 8


class LeaseLost(Exception):
    """Somebody else tells this chat by now."""


class Turn:
    """The right to tell a chat: a lease that is renewed as long as one asks, before anything is sent."""

    def __init__(self, lease: str, token: str) -> None:
        self._lease, self._token, self._kept = lease, token, time.monotonic()

    def keep(self) -> None:
        """Raises LeaseLost where one was away for so long that another has taken over: what was read before then
        must not be sent any more."""
        if time.monotonic() - self._kept < RENEW_AFTER:
            return
        if not renew_lease(self._lease, self._token, LEASE_SECONDS):
            raise LeaseLost
        self._kept = time.monotonic()


def fan_out(chat_id: ObjectId) -> None:
    """Tell everybody concerned of all waiting entries of the chat, in order. Running it twice is harmless."""
    told, reachable = 0, True
    with leased(lease := f"fan_out:{chat_id}", LEASE_SECONDS) as token:
        if token is None:
            return  # whoever holds it looks once more after letting go
        turn = Turn(lease, token)
        with suppress(LeaseLost):
            while batch := waiting_entries(chat_id, told, BATCH):
                reachable = _tell_batch(chat_id, batch, turn, reachable)
                told = batch[-1]["seq"]
    if waiting_entries(chat_id, told, 1):
        events.entry_appended(chat_id)


def sweep() -> None:
    """Ring for every chat of which something is still to be told. Bells that wait already are not doubled."""
    with leased("sweep:log", 1.0) as token:
        if token is not None:
            for chat_id in chats_with_waiting():
                events.entry_appended(chat_id)


def _runs(batch: list[Doc]) -> Iterator[list[Doc]]:
    """The batch, cut so that a member entry stands alone: who is told changes there."""
    run: list[Doc] = []
    for entry in batch:
        if entry["kind"] == "member":
            if run:
                yield run
            yield [entry]
            run = []
        else:
            run.append(entry)
    if run:
        yield run


def _tell_batch(chat_id: ObjectId, batch: list[Doc], turn: Turn, reachable: bool) -> bool:
    for run in _runs(batch):
        reachable = _tell_run(chat_id, run, turn, reachable)
    return reachable


def _tell_run(chat_id: ObjectId, run: list[Doc], turn: Turn, reachable: bool) -> bool:
    """Apply the run and tell of it. Returns whether the server of live events could be reached."""
    try:
        # Never skipped: a removal holds whether or not anybody can be told of it.
        _apply_run(chat_id, run)
        create_deliveries(chat_id, run)
        decide_all(chat_id, run)
        if reachable:
            _send_run(chat_id, run, turn)
            _mark(run, {"out.state": "done", "out.request": "$$REMOVE"})
        else:
            _postpone(run)
    except (LeaseLost, ConnectionFailure, WTimeoutError, ExecutionTimeout):
        raise  # no fault of the entries
    except realtime.RealtimeUnavailable as error:
        logger.warning("live events wait, pages poll meanwhile: %s", error)
        _postpone(run)
        return False
    except Exception:
        if len(run) > 1:  # one of them is at fault: alone, the others pass
            for entry in run:
                reachable = _tell_run(chat_id, [entry], turn, reachable)
            return reachable
        logger.exception("entry %s of chat %s could not be told", run[0]["seq"], chat_id)
        _count_failure(run[0])
    return reachable


def _apply_run(chat_id: ObjectId, run: list[Doc]) -> None:
    chat_log.apply_all(run)
    if run[0]["kind"] == "member":
        keep_an_owner(run[0])


def _send_run(chat_id: ObjectId, run: list[Doc], turn: Turn) -> None:
    # What is told shows messages as they now are, so members and channels are read after it, and never kept:
    # who was removed, or whose session ended, meanwhile must not hear what came later.
    ready = [("log", data) for data in events.log_events(chat_id, run)]
    if any(entry["kind"] in ("member", "chat") for entry in run):
        ready.append(("chats", events.write_event({"chat_id": str(chat_id)})))
    telling = Telling(chat_id, run)
    recipients = _recipients(chat_id, run[0])
    channels = live_channels(recipients)
    failpoint("fan_out.before_send")
    turn.keep()
    with trace.following(entry["out"].get("request") for entry in run):
        realtime.publish(channels, ready)
        for hearers, told in telling.events(recipients):
            realtime.publish(live_channels(hearers), [("notify", data) for data in told])
        _note_told(chat_id, run, len(channels))
    failpoint("fan_out.after_send")


def _note_told(chat_id: ObjectId, run: list[Doc], channels: int) -> None:
    for entry in run:
        metrics.TOLD_SECONDS.labels(entry["kind"]).observe(max((datetime.now(UTC) - entry["at"]).total_seconds(), 0))
    first, last = run[0]["seq"], run[-1]["seq"]
    logs.note("told", chat=str(chat_id), first=first, last=last, channels=channels)


def _recipients(chat_id: ObjectId, first: Doc) -> list[ObjectId]:
    """Who may see the entry, and with it its run. A removed one's own pages hear of the removal."""
    about_members = first["kind"] == "member"
    members = memberships_in(chat_id)
    return [m["user"] for m in members if (m["active"] or about_members) and visible(first["seq"], m["intervals"])]


def _postpone(run: list[Doc]) -> None:
    """The server of live events is away: that is no fault of the entries, so it does not count. What has waited long
    is tried less often, so that a long backlog costs little."""
    age = {"$divide": [{"$subtract": ["$$NOW", "$at"]}, 4]}
    wait = {"$max": [RETRY_SECONDS * 1000, {"$min": [LONGEST_RETRY_SECONDS * 1000, age]}]}
    _mark(run, {"out.due": {"$add": ["$$NOW", wait]}})


def _count_failure(entry: Doc) -> None:
    tries = entry["out"]["tries"]
    state = "dead" if tries + 1 >= MOST_TRIES else "new"
    _mark([entry], {"out.state": state, "out.tries": tries + 1, "out.due": _LATER}, {"out.tries": tries})


_LATER = {"$add": ["$$NOW", RETRY_SECONDS * 1000]}


def _mark(run: list[Doc], fields: Doc, still: Doc | None = None) -> None:
    """Only what nobody has marked since: who comes late changes nothing."""
    waiting = {"_id": {"$in": [entry["_id"] for entry in run]}, "out.state": "new", **(still or {})}
    Entry.raw().update_many(waiting, [{"$set": fields}])


def tell_read(chat_id: ObjectId, user_id: ObjectId) -> None:
    """Others see how far the user has read, where the user wants that; the user's other pages clear their counts."""
    membership = membership_of(chat_id, user_id)
    if membership and membership["active"]:
        told = tells_reading(public_users([user_id]).get(user_id))
        data = {"chat_id": str(chat_id), "user_id": str(user_id), "seq": membership["read_seq"]}
        _notify(_hearers(chat_id, user_id) if told else [user_id], "read", data)


def tell_typing(chat_id: ObjectId, user_id: ObjectId) -> None:
    membership = membership_of(chat_id, user_id)
    if membership and membership["active"]:
        _notify(_hearers(chat_id, user_id), "typing", {"chat_id": str(chat_id), "user_id": str(user_id)})


def tell_me(user_id: ObjectId) -> None:
    """The user's own settings or name changed; contacts learn it when they next fetch."""
    _notify([user_id], "me", {"user_id": str(user_id)})


def tell_saved(user_id: ObjectId) -> None:
    """The user saved a message or forgot one: without content, their pages ask."""
    _notify([user_id], "saved", {})


def tell_own_chat(chat_id: ObjectId, user_id: ObjectId) -> None:
    """What one set for oneself in a chat; the user's pages ask for the chat."""
    _notify([user_id], "chats", {"chat_id": str(chat_id)})


def tell_presence(user_id: ObjectId) -> None:
    """To all who share a chat that is not large, and to the user's own pages: one in which they do move contradicts."""
    user = user_by_id(user_id)
    if user:
        data = {"user_id": str(user_id), "online": bool(user.online), "away": bool(user.online and user.away)}
        _notify([*contacts_of(user_id, LARGE_CHAT), user_id], "presence", data)


def tell_ephemeral(user_id: ObjectId, chat_id: ObjectId) -> None:
    """Something was said to the user alone: without content, their pages ask for it."""
    membership = membership_of(chat_id, user_id)
    if membership and membership["active"]:
        _notify([user_id], "ephemeral", {"chat_id": str(chat_id)})


def tell_moved(old_channel: str) -> None:
    """Without content: whoever is still entitled asks for the new channel."""
    with suppress(realtime.RealtimeUnavailable, realtime.RealtimeRefused):
        realtime.publish([old_channel], [("moved", "{}")])


def _hearers(chat_id: ObjectId, user_id: ObjectId) -> list[ObjectId]:
    """Who hears what the user does in the chat beside writing: all, or in a large one the user's own pages."""
    if member_counts([chat_id]).get(chat_id, 0) > LARGE_CHAT:
        return [user_id]
    return [member["user"] for member in active_members(chat_id)]


def _notify(user_ids: list[ObjectId], event: str, data: Doc) -> None:
    try:
        realtime.publish(live_channels(user_ids), [(event, events.write_event(data))])
    except (realtime.RealtimeUnavailable, realtime.RealtimeRefused) as error:
        logger.info("dropped a %s notice: %s", event, error)
