"""Keeping messages for later. Nobody else learns of it. Not for: pins, which all members see (messages.py)."""

from datetime import UTC, datetime

from bson import ObjectId

from infitalks import access, events
from infitalks.errors import Conflict, NotFound
from infitalks.models.chats import memberships_of
from infitalks.models.database import object_id
from infitalks.models.saved import Saved, count_saved, saved_by, saved_id

MOST_SAVED = 1000


def save_message(user_id: ObjectId, message_id: str) -> None:
    """Keep a message that the user sees. Repeatable. Raises NotFound, also for a deleted one, and Conflict where they
    have their 1,000."""
    message, _ = access.get_message_for(user_id, message_id)
    if message.get("deleted_seq") is not None:
        raise NotFound()
    key = saved_id(message["_id"], user_id)
    if Saved.raw().find_one({"_id": key}):
        return
    if count_saved(user_id) >= MOST_SAVED and not _forget_unseen(user_id):
        raise Conflict(f"At most {MOST_SAVED} messages are saved: take some away first.")
    row = {"user": user_id, "chat": message["chat"], "message": message["_id"], "at": datetime.now(UTC)}
    Saved.raw().update_one({"_id": key}, {"$setOnInsert": row}, upsert=True)
    events.saved_changed(user_id)


def _forget_unseen(user_id: ObjectId) -> int:
    """Make room: forget what was deleted since, or is not the user's to see any more. Returns how many those were."""
    rows = saved_by(user_id, None, MOST_SAVED)
    mine = memberships_of(user_id, {row["chat"] for row in rows})
    seen = access.messages_seen([row["message"] for row in rows], mine)
    there = {doc["_id"] for doc in seen if doc.get("deleted_seq") is None}
    gone = [row["_id"] for row in rows if row["message"] not in there]
    return Saved.raw().delete_many({"_id": {"$in": gone}}).deleted_count


def forget_all_saved(user_id: ObjectId) -> None:
    Saved.raw().delete_many({"user": user_id})


def forget_saved(user_id: ObjectId, message_id: str) -> None:
    """Keep it no longer, also where the user does not see it any more. Repeatable.
    Raises NotFound for a message that they neither saved nor see."""
    if Saved.raw().delete_one({"_id": saved_id(object_id(message_id), user_id)}).deleted_count:
        events.saved_changed(user_id)
    else:
        access.get_message_for(user_id, message_id)
