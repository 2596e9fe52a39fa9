"""Telling pages what happened: the fan-out of waiting entries, the sweep behind it, and small notices.

An entry's row in the outbox is its place in the log; Redis only says that there is something to look for.
"""

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

from bson import ObjectId

from infitalks import events
from infitalks.access import visible
from infitalks.actions import log as chat_log
from infitalks.actions.chats import keep_an_owner
from infitalks.actions.leases import leased, renew_lease
from infitalks.backends import realtime
from infitalks.failpoints import failpoint
from infitalks.models.chats import active_members, contacts_of, membership_of, memberships_in
from infitalks.models.database import Doc
from infitalks.models.log import Entry, chats_with_waiting, waiting_entries
from infitalks.models.users import User, live_channels, user_by_id

logger = logging.getLogger(__name__)

LEASE_SECONDS = 5.0
BATCH = 100  # entries read at once
MOST_TRIES = 3
SWEEP_AFTER = timedelta(seconds=2)
RETRY_AFTER = timedelta(seconds=2)


def fan_out(chat_id: ObjectId) -> None:
    """Tell everybody concerned of all waiting entries of the chat, in order. Running it twice is harmless."""
    lease = f"fan_out:{chat_id}"
    with leased(lease, LEASE_SECONDS) as token:
        if token is None:
            return  # whoever holds it looks once more after letting go
        while batch := waiting_entries(chat_id, datetime.now(UTC), BATCH):
            _tell_batch(chat_id, batch)
            if not renew_lease(lease, token, LEASE_SECONDS):
                return
    if waiting_entries(chat_id, datetime.now(UTC), 1):
        events.entry_appended(chat_id)


def sweep() -> None:
    """Ring for every chat whose entries have waited longer than a bell takes."""
    with leased("sweep:log", 1.0) as token:
        if token is not None:
            for chat_id in chats_with_waiting(datetime.now(UTC) - SWEEP_AFTER):
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


def _tell_batch(chat_id: ObjectId, batch: list[Doc]) -> None:
    reachable = True
    for run in _runs(batch):
        reachable = _tell_run(chat_id, run, reachable)


def _tell_run(chat_id: ObjectId, run: list[Doc], reachable: bool) -> bool:
    """Apply the run and tell of it. Returns whether the server of live events could be reached."""
    try:
        # Never skipped: a removal holds whether or not anybody can be told of it.
        _apply_run(chat_id, run)
        if reachable:
            _send_run(chat_id, run)
            _mark(run, {"out.state": "done"})
        else:
            _postpone(run)
    except realtime.RealtimeUnavailable as error:
        logger.warning("live events wait, pages poll meanwhile: %s", error)
        _postpone(run)
        return False
    except Exception:
        if len(run) > 1:  # one of them is at fault: alone, the others pass
            for entry in run:
                reachable = _tell_run(chat_id, [entry], reachable)
            return reachable
        logger.exception("entry %s of chat %s could not be told", run[0]["seq"], chat_id)
        _count_failure(run[0])
    return reachable


def _apply_run(chat_id: ObjectId, run: list[Doc]) -> None:
    chat_log.apply_all(run)
    if run[0]["kind"] == "member":
        keep_an_owner(run[0])


def _send_run(chat_id: ObjectId, run: list[Doc]) -> None:
    # What is told shows messages as they now are, so members and channels are read after it, and never kept:
    # who was removed, or whose session ended, meanwhile must not hear what came later.
    ready = events.log_events(chat_id, run)
    members = memberships_in(chat_id)
    about_members = run[0]["kind"] == "member"  # the removed one's own pages hear of the removal
    told = [m["user"] for m in members if (m["active"] or about_members) and visible(run[0]["seq"], m["intervals"])]
    channels = live_channels(told)
    failpoint("fan_out.before_send")
    for data in ready:
        realtime.trigger(channels, "log", data)
    failpoint("fan_out.after_send")
    if any(entry["kind"] in ("member", "chat") for entry in run):
        realtime.trigger(channels, "chats", events.write_event({"chat_id": str(chat_id)}))


def _postpone(run: list[Doc]) -> None:
    """The server of live events is away: that is no fault of the entries, so it does not count."""
    _mark(run, {"out.due": datetime.now(UTC) + RETRY_AFTER})


def _count_failure(entry: Doc) -> None:
    tries = entry["out"]["tries"] + 1
    state = "dead" if tries >= MOST_TRIES else "new"
    due = datetime.now(UTC) + RETRY_AFTER
    _mark([entry], {"out.state": state, "out.tries": tries, "out.due": due})


def _mark(run: list[Doc], fields: Doc) -> None:
    Entry.raw().update_many({"_id": {"$in": [entry["_id"] for entry in run]}, "out.state": "new"}, {"$set": fields})


def tell_read(chat_id: ObjectId, user_id: ObjectId) -> None:
    """Others see how far the user has read; the user's other pages clear their counts."""
    membership = membership_of(chat_id, user_id)
    if membership and membership["active"]:
        data = {"chat_id": str(chat_id), "user_id": str(user_id), "seq": membership["read_seq"]}
        _notify_chat(chat_id, "read", data)


def tell_typing(chat_id: ObjectId, user_id: ObjectId) -> None:
    membership = membership_of(chat_id, user_id)
    if membership and membership["active"]:
        _notify_chat(chat_id, "typing", {"chat_id": str(chat_id), "user_id": str(user_id)})


def tell_me(user_id: ObjectId) -> None:
    """The user's own settings or name changed; contacts learn it when they next fetch."""
    _notify([user_id], "me", {"user_id": str(user_id)})


def tell_presence(user_id: ObjectId) -> None:
    user = user_by_id(user_id)
    if user:
        _notify(contacts_of(user_id), "presence", {"user_id": str(user_id), "online": bool(user.online)})


def tell_moved(old_channel: str) -> None:
    """Without content: whoever is still entitled asks for the new channel."""
    with suppress(realtime.RealtimeUnavailable, realtime.RealtimeRefused):
        realtime.trigger([old_channel], "moved", "{}")


def _notify_chat(chat_id: ObjectId, event: str, data: Doc) -> None:
    _notify([member["user"] for member in active_members(chat_id)], event, data)


def _notify(user_ids: list[ObjectId], event: str, data: Doc) -> None:
    try:
        realtime.trigger(live_channels(user_ids), event, events.write_event(data))
    except (realtime.RealtimeUnavailable, realtime.RealtimeRefused) as error:
        logger.info("dropped a %s notice: %s", event, error)


def note_presence(channel: str, online: bool) -> None:
    """A live channel got its first connection or lost its last. Only channels of the current epoch count."""
    parts = channel.split("-")
    if len(parts) != 4 or parts[:2] != ["private", "user"] or not ObjectId.is_valid(parts[2]):
        return
    user_id = ObjectId(parts[2])
    changed = User.raw().update_one(
        {"_id": user_id, "epoch": parts[3], "online": {"$ne": online}}, {"$set": {"online": online}}
    )
    if changed.modified_count:
        events.presence_changed(user_id)
