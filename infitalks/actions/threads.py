"""Following threads and reading them. Whoever writes in a thread, and whose message it began with, follows it until
they say otherwise. Not for: the replies themselves, which are messages like any other (messages.py)."""

from bson import ObjectId
from pymongo import UpdateMany, UpdateOne

from infitalks import access
from infitalks.errors import NotFound
from infitalks.models.chats import membership_of
from infitalks.models.database import Doc, object_id
from infitalks.models.log import Entry, entry_by_id
from infitalks.models.threads import (
    Follow,
    count_unread,
    follow_id,
    follow_of,
    followers_of,
    replies_in,
    thread_of,
)


def followers(root_id: ObjectId) -> set[ObjectId]:
    """Who follows the thread; whether they may still see its chat is for the caller to ask."""
    return followers_of(root_id)


def get_thread_for(user_id: ObjectId, message_id: str) -> tuple[Doc, Doc]:
    """The first message of the thread that this message is in, as stored, and the user's membership.

    Where the user does not see the first message, but a reply to it, that is no reason not to show the reply. Raises
    NotFound where the user sees nothing of it.
    """
    named = entry_by_id(object_id(message_id))
    root = entry_by_id(thread_of(named)) if named else None
    membership = membership_of(root["chat"], user_id) if root else None
    if not root or root["kind"] != "message" or not membership or not membership["active"]:
        raise NotFound()
    seen = access.seen_filter(membership["intervals"])
    sees_root = access.visible(root["seq"], membership["intervals"])
    if not sees_root and not Entry.raw().find_one(replies_in(root["_id"], root["chat"], seen), {"_id": 1}):
        raise NotFound()
    return root, membership


def note_reply(entry: Doc) -> None:
    """Its author, and the author of the thread's first message, follow the thread now. Repeatable."""
    root = entry_by_id(entry["thread"])
    if not root:
        return
    begin = _following(root, root["author"], root["seq"], {"$ifNull": ["$on", True]})
    write = _following(root, entry["author"], entry["seq"], {"$ifNull": ["$on", True]})
    told = {"$max": {"last_seq": entry["seq"], "last_at": entry["at"]}}
    Follow.raw().bulk_write([begin, write, UpdateMany({"root": root["_id"]}, told)])


def _following(root: Doc, user_id: ObjectId, read_seq: int, on: object) -> UpdateOne:
    fixed = {"root": root["_id"], "chat": root["chat"], "user": user_id}
    # A pipeline, since a choice made before has to stay, in one step.
    change = {**fixed, "on": on, "read_seq": {"$max": ["$read_seq", read_seq]}}
    return UpdateOne({"_id": follow_id(root["_id"], user_id)}, [{"$set": change}], upsert=True)


def set_follow(user_id: ObjectId, message_id: str, *, on: bool | None, read_seq: int | None) -> tuple[Doc, Doc]:
    """Follow the thread or not (None: as before), and have read it up to an entry of its chat; positions only move
    forward. Returns as get_thread_for. Raises NotFound."""
    root, membership = get_thread_for(user_id, message_id)
    chosen: object = "$on" if on is None else on
    through = min(read_seq or 0, _last_seq(root))
    told = Entry.raw().find_one({"chat": root["chat"], "thread": root["_id"]}, sort=[("seq", -1)]) or root
    newest = UpdateOne(
        {"_id": follow_id(root["_id"], user_id)}, {"$max": {"last_seq": told["seq"], "last_at": told["at"]}}
    )
    Follow.raw().bulk_write([_following(root, user_id, through, chosen), newest])
    return root, membership


def _last_seq(root: Doc) -> int:
    found = Entry.raw().find_one({"chat": root["chat"]}, {"seq": 1}, sort=[("seq", -1)])
    return int(found["seq"]) if found else 0


def unread_in(user_id: ObjectId, rows: list[Doc], memberships: dict[ObjectId, Doc]) -> dict[ObjectId, int]:
    """Others' replies that the user has read neither in the thread nor in its chat, by the thread's root."""
    positions = {}
    for row in rows:
        membership = memberships[row["chat"]]
        read = max(row.get("read_seq") or 0, membership["read_seq"])
        positions[row["root"]] = (row["chat"], read, access.seen_filter(membership["intervals"]))
    return count_unread(user_id, positions)


def standing_of(user_id: ObjectId, root: Doc, membership: Doc) -> Doc:
    """How the user stands to a thread: {follow, read_seq, unread}."""
    row = follow_of(root["_id"], user_id) or {"root": root["_id"], "chat": root["chat"]}
    unread = unread_in(user_id, [row], {root["chat"]: membership})
    read = max(row.get("read_seq") or 0, membership["read_seq"])
    return {"follow": bool(row.get("on")), "read_seq": read, "unread": unread.get(root["_id"], 0)}
