"""Replies know the first message of their thread, which is found by it, and threads have followers."""

from collections.abc import Iterator
from typing import Any

from bson import ObjectId
from pymongo import ASCENDING, DESCENDING, UpdateOne
from pymongo.database import Database

AT_ONCE = 500


def upgrade(db: Database[dict[str, Any]]) -> None:
    db["log"].create_index(
        [(name, ASCENDING) for name in ("chat", "thread", "seq", "deleted_seq", "author", "at")],
        name="threads",
        partialFilterExpression={"thread": {"$exists": True}},
    )
    db["follows"].create_index([("user", ASCENDING), ("on", ASCENDING), ("last_at", DESCENDING), ("root", DESCENDING)])
    db["follows"].create_index([("root", ASCENDING), ("on", ASCENDING)])
    for replies in _unmarked(db):
        _mark(db, replies)


def _unmarked(db: Database[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """In their order, some at a time: whatever a reply answers is marked before it."""
    chats = db["log"].distinct("chat", {"reply_to": {"$type": "objectId"}, "thread": {"$exists": False}})
    for chat in chats:
        seq = 0
        while found := _next(db, chat, seq):
            yield found
            seq = found[-1]["seq"]


def _next(db: Database[dict[str, Any]], chat: ObjectId, after: int) -> list[dict[str, Any]]:
    asked = {"chat": chat, "kind": "message", "seq": {"$gt": after}, "reply_to": {"$type": "objectId"}}
    unmarked = {**asked, "thread": {"$exists": False}}
    return list(db["log"].find(unmarked, {"seq": 1, "reply_to": 1}).sort("seq", ASCENDING).limit(AT_ONCE))


def _mark(db: Database[dict[str, Any]], replies: list[dict[str, Any]]) -> None:
    answered = db["log"].find({"_id": {"$in": [each["reply_to"] for each in replies]}}, {"thread": 1})
    roots = {row["_id"]: row.get("thread", row["_id"]) for row in answered}
    for each in replies:
        roots[each["_id"]] = roots.get(each["reply_to"], each["reply_to"])
    changes = [UpdateOne({"_id": each["_id"]}, {"$set": {"thread": roots[each["_id"]]}}) for each in replies]
    db["log"].bulk_write(changes)
