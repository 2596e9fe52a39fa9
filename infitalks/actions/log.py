"""Appending to a chat's log, and applying what was appended. Everything that happens in a chat goes through here.

Not for: what each kind of entry means to people (chats, messages, media) or who is told (realtime).
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Iterable

from bson import ObjectId

from infitalks import events, metrics
from infitalks.actions import memberships, summaries, threads, writer
from infitalks.actions.writer import Draft
from infitalks.errors import Conflict, NotFound
from infitalks.failpoints import failpoint
from infitalks.models.chats import Chat
from infitalks.models.database import Doc
from infitalks.models.log import Entry
from infitalks.models.media import Media
from infitalks.schemas.folding import BLANK, WORDING, edit_fields, pin_of

__all__ = ["Draft", "append", "apply", "apply_all", "configure", "own_client_id", "require_active"]

_content_key = b""


def configure(content_key: bytes) -> None:
    """The key of the content hashes, without which erased text could be guessed from them."""
    global _content_key
    _content_key = content_key


def content_key_mark() -> str:
    """Tells the key from any other, and nothing of it."""
    return hmac.new(_content_key, b"mark", hashlib.sha256).hexdigest()[:16]


def require_active(membership: Doc | None) -> None:
    """The usual `allow`: the author is in the chat."""
    if not membership or not membership["active"]:
        raise NotFound()


def own_client_id() -> str:
    """For a caller who gave none. The dot keeps it apart from all that clients can make."""
    return f"s.{ObjectId()}"


def append(draft: Draft) -> tuple[Doc, bool]:
    """Commit the draft as the chat's next entry, apply it, ring the fan-out. (Messages are counted by the writer.)

    Returns the entry and whether it is new; a repeat (same chat, author, client_id, content) gets the stored one.
    Raises Conflict for other content under the same client_id, Unavailable where the number stayed contested
    for 2 s or the outcome is unknown, and whatever `draft.allow` raises.
    """
    digest = _digest(draft)
    with metrics.append_timed(draft.kind) as told:
        entry, new = writer.commit(draft, digest)
        entry = entry if new else _settle_repeat(entry, digest)
        told["result"] = "new" if new else "repeat"
    if not new:
        return entry, False
    failpoint("append.before_apply")
    apply(entry)
    failpoint("append.before_ring")
    events.entry_appended(draft.chat)
    return entry, True


def _digest(draft: Draft) -> str:
    content = json.dumps([draft.kind, draft.said], sort_keys=True, ensure_ascii=True)
    return hmac.new(_content_key, content.encode(), hashlib.sha256).hexdigest()


def _settle_repeat(stored: Doc, digest: str) -> Doc:
    if not hmac.compare_digest(stored["hash"], digest):
        raise Conflict("This client_id was used for other content.", fields={"client_id": "used for other content"})
    return stored


def apply(entry: Doc) -> None:
    """Make chats, memberships and messages show the entry. Repeatable; the fan-out does it again after a crash."""
    _APPLIERS[entry["kind"]](entry)
    if entry["kind"] != "message":
        summaries.move_tops([entry])


def apply_all(entries: Iterable[Doc]) -> None:
    """The same for entries of one chat, in order, whose writer may have died before all of it was done."""
    ordered = list(entries)
    summaries.count_messages(summaries.uncounted([entry for entry in ordered if entry["kind"] == "message"]))
    for entry in ordered:
        apply(entry)


def _apply_message(entry: Doc) -> None:
    if entry.get("attachments"):
        waiting = {"_id": {"$in": entry["attachments"]}, "message": None, "dropped": {"$ne": True}}
        Media.raw().update_many(waiting, {"$set": {"message": entry["_id"]}})
    if entry.get("thread"):
        threads.note_reply(entry)


# Of a message that was edited before this was kept, the first wording is lost.
_FIRST_WORDING: Doc = {
    "$cond": [{"$gt": ["$edit_seq", None]}, "$first", {field: f"${field}" for field in WORDING}],
}


def _apply_edit(entry: Doc) -> None:
    applied = Entry.raw().update_one(
        {
            "_id": entry["target"],
            "deleted_seq": None,
            "$or": [{"edit_seq": None}, {"edit_seq": {"$lt": entry["seq"]}}],
        },
        [{"$set": {"first": _FIRST_WORDING, **{key: {"$literal": new} for key, new in edit_fields(entry).items()}}}],
    )
    if not applied.matched_count and Entry.raw().find_one({"_id": entry["target"], "deleted_seq": {"$ne": None}}):
        _blank_edits(entry["target"])  # it was on its way while the message was deleted
    summaries.rebuild_last_message(entry["chat"])


def _apply_delete(entry: Doc) -> None:
    # Its pictures first, by the message's own list, which the next step blanks: the message may not be applied yet.
    drop_attachments(Entry.raw().distinct("attachments", {"_id": entry["target"]}))
    Entry.raw().update_one(
        {"_id": entry["target"], "deleted_seq": None}, {"$set": {**BLANK, "deleted_seq": entry["seq"]}}
    )
    _blank_edits(entry["target"])
    summaries.rebuild_last_message(entry["chat"])


def drop_attachments(media_ids: list[ObjectId]) -> None:
    """Nobody is to see these pictures and files any more; workers take them from the media service."""
    Media.raw().update_many({"_id": {"$in": media_ids}}, {"$set": {"message": None, "dropped": True}})


def _blank_edits(message_id: ObjectId) -> None:
    """They carry earlier and later wordings."""
    blank = {"text": "", "html": "", "cards": [], "mentions": [], "mentions_all": False}
    Entry.raw().update_many({"target": message_id, "kind": "edit"}, {"$set": blank})


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


def _apply_pin(entry: Doc) -> None:
    older = {"$or": [{"pin": None}, {"pin.k": {"$lt": entry["seq"]}}]}
    Entry.raw().update_one({"_id": entry["target"], "deleted_seq": None, **older}, {"$set": {"pin": pin_of(entry)}})


def _apply_chat(entry: Doc) -> None:
    for field, value in entry["changes"].items():
        place = f"changed.{field}"
        Chat.raw().update_one(
            {"_id": entry["chat"], "$or": [{place: None}, {place: {"$lt": entry["seq"]}}]},
            {"$set": {field: value, place: entry["seq"]}},
        )


def _apply_member(entry: Doc) -> None:
    memberships.apply_members(entry["chat"], entry["seq"])


_APPLIERS: dict[str, Callable[[Doc], None]] = {
    "message": _apply_message,
    "edit": _apply_edit,
    "delete": _apply_delete,
    "reaction": _apply_reaction,
    "pin": _apply_pin,
    "media": lambda entry: None,  # the picture itself shows it
    "member": _apply_member,
    "chat": _apply_chat,
}
