"""Threads: the messages that answer one another, found by the first of them, and who follows which. A thread is a
view of its chat's log: nothing is stored of it but this. Not for: who may see what (access.py)."""

from collections.abc import Iterable
from datetime import datetime

from bson import ObjectId
from mongoengine import BooleanField, DateTimeField, IntField, ObjectIdField, StringField

from infitalks.models.database import Doc, Stored
from infitalks.models.log import Entry

MOST_COUNTED = 100  # unread threads; a page says "99+" before


class Follow(Stored):
    """One user and one thread. `id` is `<root>:<user>`; `last_*` is the newest reply that followers were told of."""

    id = StringField(primary_key=True)
    root = ObjectIdField(required=True)
    chat = ObjectIdField(required=True)
    user = ObjectIdField(required=True)
    on = BooleanField()  # missing: neither wrote in it nor chose
    read_seq = IntField(default=0)
    last_seq = IntField(default=0)
    last_at = DateTimeField()

    meta = {"collection": "follows"}


def follow_id(root: ObjectId, user: ObjectId) -> str:
    return f"{root}:{user}"


def thread_of(message: Doc) -> ObjectId:
    """The id of the first message of the thread that the message is in, or would begin."""
    found: ObjectId = message.get("thread") or message["_id"]
    return found


def follow_of(root: ObjectId, user: ObjectId) -> Doc | None:
    return Follow.raw().find_one({"_id": follow_id(root, user)})


def followers_of(root: ObjectId) -> set[ObjectId]:
    return set(Follow.raw().distinct("user", {"root": root, "on": True}))


def followed_by(user: ObjectId, before: tuple[datetime, ObjectId] | None, limit: int) -> list[Doc]:
    """The user's threads, the last answered first; `before` continues a listing."""
    query: Doc = {"user": user, "on": True}
    if before:
        at, root = before
        query["$or"] = [{"last_at": {"$lt": at}}, {"last_at": at, "root": {"$lt": root}}]
    return list(Follow.raw().find(query).sort([("last_at", -1), ("root", -1)]).limit(limit))


def maybe_unread(user: ObjectId) -> list[Doc]:
    """Those that were answered since the user read them, as far as the row alone can say."""
    query = {"user": user, "on": True, "$expr": {"$gt": ["$last_seq", "$read_seq"]}}
    return list(Follow.raw().find(query).sort("last_at", -1).limit(MOST_COUNTED))


def replies_in(root: ObjectId, chat: ObjectId, seen: Doc) -> Doc:
    """The filter of a thread's replies."""
    return {"$and": [{"chat": chat, "thread": root}, seen]}


def count_replies(chat: ObjectId, roots: Iterable[ObjectId], seen: Doc, through: int) -> list[Doc]:
    """Rows {root, author, count, first, last_at} of the replies as entry `through` left them: {first} is a seq."""
    asked = {"$and": [{"chat": chat, "thread": {"$in": list(roots)}, "seq": {"$lte": through}}, seen]}
    # Only fields of the index, so that no message is read for it.
    live = {"$gt": [{"$ifNull": ["$deleted_seq", through + 1]}, through]}
    stages: list[Doc] = [
        {"$match": asked},
        {"$project": {"_id": 0, "thread": 1, "author": 1, "at": 1, "seq": 1, "live": live}},
        {"$match": {"live": True}},
        {
            "$group": {
                "_id": {"root": "$thread", "author": "$author"},
                "count": {"$sum": 1},
                "first": {"$min": "$seq"},
                "last_at": {"$max": "$at"},
            }
        },
    ]
    rows = Entry.raw().aggregate(stages)
    return [{**row.pop("_id"), **row} for row in rows]


def count_unread(user: ObjectId, positions: dict[ObjectId, tuple[ObjectId, int, Doc]]) -> dict[ObjectId, int]:
    """Others' replies by root, of each {root: (chat, the seq read so far, seen filter)}."""
    asked = [
        {"$and": [{"chat": chat, "thread": root, "seq": {"$gt": read}}, seen]}
        for root, (chat, read, seen) in positions.items()
    ]
    if not asked:
        return {}
    stages: list[Doc] = [
        {"$match": {"$or": asked}},
        {"$match": {"deleted_seq": None, "author": {"$ne": user}}},
        {"$group": {"_id": "$thread", "count": {"$sum": 1}}},
    ]
    return {row["_id"]: row["count"] for row in Entry.raw().aggregate(stages)}
