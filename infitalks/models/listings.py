"""Lists for the admin's pages, a page at a time: accounts, chats, webhooks, work that was given up."""

from collections.abc import Iterable
from datetime import datetime

from bson import ObjectId

from infitalks.models.chats import Chat, Membership
from infitalks.models.database import Doc
from infitalks.models.deliveries import Delivery
from infitalks.models.log import Entry
from infitalks.models.users import User
from infitalks.models.webhooks import Webhook

USERS: dict[str, Doc] = {
    "people": {"kind": "person"},
    "admins": {"kind": "person", "is_admin": True},
    "disabled": {"disabled_at": {"$ne": None}},
    "bots": {"kind": "bot"},
}
WEBHOOKS: dict[str, Doc] = {
    "all": {},
    "failing": {"active": {"$ne": False}, "failing_since": {"$ne": None}},
    "off": {"active": False},
}


def list_users(show: str, prefix: str, after: str, limit: int) -> list[User]:
    """By username, behind `after`; those whose username, address or a word of whose name begins with `prefix`."""
    query: Doc = {**USERS[show], "username": {"$gt": after}}
    if key := prefix.strip().casefold():
        begins = {"$gte": key, "$lt": key + "\uffff"}
        query["$or"] = [{"search": {"$elemMatch": begins}}, {"email": begins}, {"username": {**begins}}]
    return list(User.objects(__raw__=query).order_by("username")[:limit])


def list_chats(before: tuple[datetime, ObjectId] | None, limit: int) -> list[Doc]:
    """The newest message first; `before` continues a listing. What was said in them is not read."""
    query: Doc = {}
    if before:
        at, last = before
        query["$or"] = [{"last_at": {"$lt": at}}, {"last_at": at, "_id": {"$lt": last}}]
    shown = {"kind": 1, "name": 1, "n": 1, "last_seq": 1, "last_at": 1, "created_at": 1, "retention_days": 1}
    return list(Chat.raw().find(query, shown).sort([("last_at", -1), ("_id", -1)]).limit(limit))


def chat_names(chat_ids: Iterable[ObjectId]) -> dict[ObjectId, str]:
    """Groups' names; direct chats have none."""
    rows = Chat.raw().find({"_id": {"$in": list(chat_ids)}}, {"name": 1})
    return {row["_id"]: row.get("name") or "A direct chat" for row in rows}


def list_webhooks(show: str, after: ObjectId | None, limit: int) -> list[Webhook]:
    """The newest first."""
    query: Doc = {**WEBHOOKS[show], **({"_id": {"$lt": after}} if after else {})}
    return list(Webhook.objects(__raw__=query).order_by("-id")[:limit])


def dead_by_webhook(query: Doc, most: int = 200) -> dict[ObjectId, int]:
    """How many deliveries of each webhook match, of those that failed for good; the most first."""
    count: list[Doc] = [{"$match": query}, {"$group": {"_id": "$webhook", "count": {"$sum": 1}}}]
    rows = Delivery.raw().aggregate([*count, {"$sort": {"count": -1, "_id": 1}}, {"$limit": most}], hint="dead")
    return {row["_id"]: row["count"] for row in rows}


def dead_entries(limit: int) -> list[Doc]:
    """The oldest first; not what they say."""
    shown = {"chat": 1, "seq": 1, "kind": 1, "at": 1, "out": 1}
    return list(Entry.raw().find({"out.state": "dead"}, shown).sort("at", 1).limit(limit).hint("dead"))


def chats_joined(user_id: ObjectId) -> int:
    return int(Membership.raw().count_documents({"user": user_id, "active": True}))
