"""What is told to others when something happened: which bell rings, and what live events look like.

Not for: the writing itself (actions) or the sending (tasks ring, actions/realtime.py sends).
"""

import json
from collections.abc import Iterable
from typing import Any

from bson import ObjectId

from infitalks.backends import queue
from infitalks.backends.realtime import fits
from infitalks.models.database import Doc
from infitalks.schemas.messages import entries_out
from infitalks.schemas.notifications import NotificationOut


def entry_appended(chat_id: ObjectId) -> None:
    queue.ring_once("realtime.fan_out", str(chat_id))


def read_moved(chat_id: ObjectId, user_id: ObjectId) -> None:
    queue.ring("realtime.tell_read", str(chat_id), str(user_id))


def typed(chat_id: ObjectId, user_id: ObjectId) -> None:
    queue.ring("realtime.tell_typing", str(chat_id), str(user_id))


def self_changed(user_id: ObjectId) -> None:
    queue.ring("realtime.tell_me", str(user_id))


def own_chat_changed(chat_id: ObjectId, user_id: ObjectId) -> None:
    """What only this user sees of it: muted, a favourite."""
    queue.ring("realtime.tell_own_chat", str(chat_id), str(user_id))


def saved_changed(user_id: ObjectId) -> None:
    queue.ring("realtime.tell_saved", str(user_id))


def presence_changed(user_id: ObjectId) -> None:
    queue.ring("realtime.tell_presence", str(user_id))


def ephemeral_said(user_id: ObjectId, chat_id: ObjectId) -> None:
    """Said, changed or taken away."""
    queue.ring("realtime.tell_ephemeral", str(user_id), str(chat_id))


def channel_moved(old_channel: str) -> None:
    queue.ring("realtime.tell_moved", old_channel)


def media_uploaded(media_id: ObjectId) -> None:
    queue.ring("media.process", str(media_id))


def media_dropped(media_id: ObjectId) -> None:
    queue.ring("media.destroy", str(media_id))


def maintenance_asked(report_id: ObjectId) -> None:
    queue.ring("maintenance.run", str(report_id))


def write_event(data: dict[str, Any]) -> str:
    """An event's data as it is sent."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def log_events(chat_id: ObjectId, docs: Iterable[Doc]) -> list[str]:
    """The `log` events for these entries, in order, each within the protocol's 10,240 bytes.

    An entry that is too large for one by itself is announced by its number; the page fetches it.
    """
    ready: list[str] = []
    batch: list[Any] = []
    for entry in entries_out(docs):
        shape = entry.model_dump(mode="json", exclude_none=False)
        if batch and not fits(_log_event(chat_id, [*batch, shape])):
            ready.append(_log_event(chat_id, batch))
            batch = []
        if fits(_log_event(chat_id, [shape])):
            batch.append(shape)
        else:
            ready.append(write_event({"chat_id": str(chat_id), "last_seq": entry.seq}))
    return [*ready, _log_event(chat_id, batch)] if batch else ready


def notify_events(notifications: list[NotificationOut]) -> list[str]:
    """The `notify` events for what one audience is notified of, in order, each within the protocol's limit."""
    ready: list[str] = []
    batch: list[Any] = []
    for shape in (each.model_dump(mode="json") for each in notifications):
        if batch and not fits(write_event({"notifications": [*batch, shape]})):
            ready.append(write_event({"notifications": batch}))
            batch = []
        batch.append(shape)
    return [*ready, write_event({"notifications": batch})]


def _log_event(chat_id: ObjectId, entries: list[Any]) -> str:
    return write_event({"chat_id": str(chat_id), "entries": entries})
