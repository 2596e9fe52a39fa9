"""What the chat list shows, derived from the log: a chat's top and last message, and how far each author has read.

Later entries win, so that applying one twice, or late, changes nothing.
"""

from collections.abc import Iterable

from bson import ObjectId
from pymongo import UpdateOne, WriteConcern

from infitalks.models.chats import Chat, Membership, chat_by_id, membership_id, memberships_by_id
from infitalks.models.database import Doc
from infitalks.models.log import last_message_in

SNIPPET = 140  # characters of a message that the chat list shows


def count_messages(messages: Iterable[Doc]) -> None:
    """The chats' tops and last messages, and how far the authors have read: sending is reading."""
    ordered = sorted(messages, key=lambda message: message["seq"])
    newest = {message["chat"]: message for message in ordered}
    move_tops(newest.values(), durable=False)  # the next write, which is durable, covers it
    own = {(message["chat"], message["author"]): message for message in ordered}
    move_read_positions((message["author"], message) for message in own.values())


def uncounted(messages: list[Doc]) -> list[Doc]:
    """Those, of one chat, that the summaries do not show: their writer died, or is at it."""
    if not messages:
        return []
    chat = chat_by_id(messages[0]["chat"])
    shown = ((chat or {}).get("last_message") or {}).get("seq", 0)
    authors = memberships_by_id({membership_id(message["chat"], message["author"]) for message in messages})
    read = {membership["user"]: membership["read_seq"] for membership in authors.values()}
    return [m for m in messages if m["seq"] > shown or m["seq"] > read.get(m["author"], 0)]


def move_tops(entries: Iterable[Doc], *, durable: bool = True) -> None:
    """The chats' own copies of their tops. With `durable` False a durable write has to follow, which covers it."""
    moves = [UpdateOne({"_id": entry["chat"]}, [{"$set": _top(entry)}]) for entry in entries]
    if moves:
        chats = Chat.raw() if durable else Chat.raw().with_options(write_concern=WriteConcern(w=1))
        chats.bulk_write(moves)


def _top(entry: Doc) -> Doc:
    new: Doc = {
        "last_seq": {"$max": ["$last_seq", entry["seq"]]},
        "n": {"$max": ["$n", entry["n"]]},
    }
    if entry["kind"] == "message":
        newer = {"$gt": [entry["seq"], {"$ifNull": ["$last_message.seq", 0]}]}
        new["last_message"] = {"$cond": [newer, {"$literal": _snippet(entry)}, "$last_message"]}
        new["last_at"] = {"$max": ["$last_at", entry["at"]]}
    return new


def _snippet(message: Doc) -> Doc:
    return {
        "id": message["_id"],
        "seq": message["seq"],
        "author": message["author"],
        "text": (message.get("text") or "")[:SNIPPET],
        "attachments": len(message.get("attachments") or ()),
        "files": message.get("files") or 0 if message.get("attachments") else 0,
        "deleted": message.get("deleted_seq") is not None,
        "at": message["at"],
    }


def rebuild_last_message(chat_id: ObjectId) -> None:
    """After an edit or deletion: the chat list shows the last message as it now is."""
    message = last_message_in(chat_id)
    while message:
        Chat.raw().update_one(
            {"_id": chat_id, "last_message.seq": message["seq"]}, {"$set": {"last_message": _snippet(message)}}
        )
        # Whoever was quicker may have been overwritten: a deleted text must not come back.
        before, message = message, last_message_in(chat_id)
        if message and _snippet(message) == _snippet(before):
            return


def move_read_positions(readers: Iterable[tuple[ObjectId, Doc]]) -> None:
    """Each user has read as far as the entry beside it. Positions only move forward."""
    moves = [
        UpdateOne(
            {"_id": membership_id(entry["chat"], user_id), "read_seq": {"$lt": entry["seq"]}},
            {"$set": {"read_seq": entry["seq"], "read_n": entry["n"]}},
        )
        for user_id, entry in readers
    ]
    if moves:
        Membership.raw().bulk_write(moves)
