"""Appending to a chat's log, and applying what was appended. Everything that happens in a chat goes through here.

Not for: what each kind of entry means to people (chats, messages, media) or who is told (realtime).
"""

import hashlib
import hmac
import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from infitalks import events
from infitalks.actions import memberships
from infitalks.errors import Conflict, NotFound, Unavailable
from infitalks.models.chats import Chat, membership_of
from infitalks.models.database import Doc
from infitalks.models.log import Entry, Top, entry_by_client_id, last_message_in, top_of
from infitalks.models.media import Media
from infitalks.schemas.folding import BLANK, edit_fields

PATIENCE_SECONDS = 2.0  # how long an append competes for a number before it asks to be sent again
SNIPPET = 140  # characters of a message that the chat list shows

_content_key = b""


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


def configure(content_key: bytes) -> None:
    """The key of the content hashes, without which erased text could be guessed from them."""
    global _content_key
    _content_key = content_key


def require_active(membership: Doc | None) -> None:
    """The usual `allow`: the author is in the chat."""
    if not membership or not membership["active"]:
        raise NotFound()


def own_client_id() -> str:
    """For a caller who gave none. The dot keeps it apart from all that clients can make."""
    return f"s.{ObjectId()}"


def append(draft: Draft) -> tuple[Doc, bool]:
    """Commit the draft as the chat's next entry, apply it, ring the fan-out.

    Returns the entry and whether it is new; a repeat (same chat, author, client_id, content) gets the stored one.
    Raises Conflict for other content under the same client_id, Unavailable where the number stayed contested
    for 2 s or the outcome is unknown, and whatever `draft.allow` raises.
    """
    digest = _digest(draft)
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        top = top_of(draft.chat)
        draft.allow(_membership_as_of(draft, top))
        entry = _number(draft, top, digest)
        try:
            Entry.raw().insert_one(entry)
        except DuplicateKeyError:
            stored = entry_by_client_id(draft.chat, draft.author, draft.client_id)
            if stored:
                return _settle_repeat(stored, digest), False
            if time.monotonic() > give_up:
                raise Unavailable("The chat is very busy. Send again with the same client_id.") from None
            time.sleep(random.uniform(0.001, 0.02))  # lets the others of this race pass
        else:
            apply(entry)
            events.entry_appended(draft.chat)
            return entry, True


def _membership_as_of(draft: Draft, top: Top) -> Doc | None:
    # Whoever inserts after member entry m has read m, or fails on the number: that makes removal exact.
    memberships.apply_members(draft.chat, top.m)
    return membership_of(draft.chat, draft.author)


def _number(draft: Draft, top: Top, digest: str) -> Doc:
    now = datetime.now(UTC)
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
        "hash": digest,
        "out": {"state": "new", "due": now, "tries": 0},
        **draft.body,
    }


def _digest(draft: Draft) -> str:
    content = json.dumps([draft.kind, draft.said], sort_keys=True, ensure_ascii=True)
    return hmac.new(_content_key, content.encode(), hashlib.sha256).hexdigest()


def _settle_repeat(stored: Doc, digest: str) -> Doc:
    if not hmac.compare_digest(stored["hash"], digest):
        raise Conflict("This client_id was used for other content.", fields={"client_id": "used for other content"})
    return stored


def apply(entry: Doc) -> None:
    """Make chats, memberships and messages show the entry. Repeatable; the fan-out does it again after a crash."""
    if entry["kind"] == "member":
        memberships.apply_members(entry["chat"], entry["seq"])
    appliers: dict[str, Callable[[Doc], None]] = {
        "message": _apply_message,
        "edit": _apply_edit,
        "delete": _apply_delete,
        "reaction": _apply_reaction,
        "chat": _apply_chat,
    }
    if applier := appliers.get(entry["kind"]):
        applier(entry)
    _move_summary(entry)


def _move_summary(entry: Doc) -> None:
    """The chat's own copy of its top, from which the chat list is one query. Later entries win."""
    new: Doc = {
        "last_seq": {"$max": ["$last_seq", entry["seq"]]},
        "n": {"$max": ["$n", entry["n"]]},
    }
    if entry["kind"] == "message":
        newer = {"$gt": [entry["seq"], {"$ifNull": ["$last_message.seq", 0]}]}
        new["last_message"] = {"$cond": [newer, {"$literal": _snippet(entry)}, "$last_message"]}
        new["last_at"] = {"$max": ["$last_at", entry["at"]]}
    Chat.raw().update_one({"_id": entry["chat"]}, [{"$set": new}])


def _snippet(message: Doc) -> Doc:
    return {
        "id": message["_id"],
        "seq": message["seq"],
        "author": message["author"],
        "text": (message.get("text") or "")[:SNIPPET],
        "attachments": len(message.get("attachments") or ()),
        "deleted": message.get("deleted_seq") is not None,
        "at": message["at"],
    }


def rebuild_last_message(chat_id: ObjectId) -> None:
    """After an edit or deletion: the chat list shows the last message as it now is."""
    message = last_message_in(chat_id)
    if message:
        Chat.raw().update_one(
            {"_id": chat_id, "last_message.seq": message["seq"]},
            {"$set": {"last_message": _snippet(message)}},
        )


def _apply_message(entry: Doc) -> None:
    if entry.get("attachments"):
        waiting = {"_id": {"$in": entry["attachments"]}, "message": None, "dropped": {"$ne": True}}
        Media.raw().update_many(waiting, {"$set": {"message": entry["_id"]}})


def _apply_edit(entry: Doc) -> None:
    applied = Entry.raw().update_one(
        {
            "_id": entry["target"],
            "deleted_seq": None,
            "$or": [{"edit_seq": None}, {"edit_seq": {"$lt": entry["seq"]}}],
        },
        {"$set": edit_fields(entry)},
    )
    if not applied.matched_count and Entry.raw().find_one({"_id": entry["target"], "deleted_seq": {"$ne": None}}):
        _blank_edits(entry["target"])  # it was on its way while the message was deleted
    rebuild_last_message(entry["chat"])


def _apply_delete(entry: Doc) -> None:
    Entry.raw().update_one(
        {"_id": entry["target"], "deleted_seq": None}, {"$set": {**BLANK, "deleted_seq": entry["seq"]}}
    )
    Media.raw().update_many({"message": entry["target"]}, {"$set": {"message": None, "dropped": True}})
    _blank_edits(entry["target"])
    rebuild_last_message(entry["chat"])


def _blank_edits(message_id: ObjectId) -> None:
    """They carry earlier and later wordings."""
    Entry.raw().update_many({"target": message_id, "kind": "edit"}, {"$set": {"text": "", "html": ""}})


def _apply_reaction(entry: Doc) -> None:
    place = f"reactions.{entry['author']}.{entry['emoji']}"
    Entry.raw().update_one(
        {
            "_id": entry["target"],
            "deleted_seq": None,
            "$or": [{f"{place}.k": None}, {f"{place}.k": {"$lt": entry["seq"]}}],
        },
        {"$set": {place: {"k": entry["seq"], "on": entry["on"]}}},
    )


def _apply_chat(entry: Doc) -> None:
    for field, value in entry["changes"].items():
        place = f"changed.{field}"
        Chat.raw().update_one(
            {"_id": entry["chat"], "$or": [{place: None}, {place: {"$lt": entry["seq"]}}]},
            {"$set": {field: value, place: entry["seq"]}},
        )
