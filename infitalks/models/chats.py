"""Chats and who is in them. Both are derived from the log: its first entry makes them, later ones change them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from bson import ObjectId
from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
)

from infitalks.models.database import Doc, Stored


class Chat(Stored):
    """`applied_m`: the seq of the last member entry that the memberships show."""

    kind = StringField(required=True, choices=("direct", "group"))
    name = StringField()
    topic = StringField()
    avatar = ObjectIdField()
    history = BooleanField(default=True)  # newcomers see what came before them
    retention_days = IntField()  # after which its messages are blanked, if the site does not do it sooner
    changed = DictField()  # field -> seq of the chat entry that set it
    last_seq = IntField(default=0)
    n = IntField(default=0)
    last_message = DictField()
    last_at = DateTimeField()
    applied_m = IntField(default=0)
    created_at = DateTimeField()

    meta = {"collection": "chats"}


class Membership(Stored):
    """One user in one chat: the intervals [from, to or null] of the log that the user may see.

    `id` is `<chat>:<user>`. `applied`: seq of the last member entry that this shows.
    """

    id = StringField(primary_key=True)
    chat = ObjectIdField(required=True)
    user = ObjectIdField(required=True)
    role = StringField(required=True, choices=("owner", "member"))
    active = BooleanField(required=True)
    intervals = ListField(ListField(IntField(null=True)))
    joined = IntField(required=True)
    applied = IntField(required=True)
    read_seq = IntField(default=0)
    read_n = IntField(default=0)
    muted = BooleanField(default=False)
    favourite = BooleanField(default=False)
    level = StringField()  # schemas.notifications.Level: of which messages it notifies; none: as its size says
    hidden_n = IntField()  # a direct chat put away; a message numbered above this brings it back

    meta = {"collection": "memberships"}


def membership_id(chat_id: ObjectId, user_id: ObjectId) -> str:
    return f"{chat_id}:{user_id}"


def chat_by_id(chat_id: ObjectId) -> Doc | None:
    return Chat.raw().find_one({"_id": chat_id})


def chats_by_id(ids: Iterable[ObjectId]) -> dict[ObjectId, Doc]:
    return {row["_id"]: row for row in Chat.raw().find({"_id": {"$in": list(ids)}})}


def membership_of(chat_id: ObjectId, user_id: ObjectId) -> Doc | None:
    return Membership.raw().find_one({"_id": membership_id(chat_id, user_id)})


def memberships_by_id(ids: Iterable[str]) -> dict[str, Doc]:
    return {row["_id"]: row for row in Membership.raw().find({"_id": {"$in": list(ids)}})}


def applied_members(chat_ids: Iterable[ObjectId]) -> dict[ObjectId, int]:
    """For each chat that exists the seq of the last member entry that its memberships show."""
    rows = Chat.raw().find({"_id": {"$in": list(chat_ids)}}, {"applied_m": 1})
    return {row["_id"]: row["applied_m"] for row in rows}


def memberships_in(chat_id: ObjectId) -> list[Doc]:
    """All memberships that the chat ever had, the longest-standing first."""
    return list(Membership.raw().find({"chat": chat_id}).sort("joined", 1))


def active_members(chat_id: ObjectId) -> list[Doc]:
    return [member for member in memberships_in(chat_id) if member["active"]]


def member_counts(chat_ids: list[ObjectId]) -> dict[ObjectId, int]:
    stages: list[Doc] = [
        {"$match": {"chat": {"$in": chat_ids}, "active": True}},
        {"$group": {"_id": "$chat", "count": {"$sum": 1}}},
    ]
    return {row["_id"]: row["count"] for row in Membership.raw().aggregate(stages)}


def others_in_direct(chat_ids: list[ObjectId], user_id: ObjectId) -> dict[ObjectId, ObjectId]:
    """For each direct chat the other person's id. The two are there from its first entry on, bots join later."""
    query = {"chat": {"$in": chat_ids}, "joined": 1, "user": {"$ne": user_id}}
    rows = Membership.raw().find(query, {"chat": 1, "user": 1})
    return {row["chat"]: row["user"] for row in rows}


def memberships_of(user_id: ObjectId, chat_ids: Iterable[ObjectId] | None = None) -> dict[ObjectId, Doc]:
    """The user's active memberships by chat id."""
    query: Doc = {"user": user_id, "active": True}
    if chat_ids is not None:
        query["chat"] = {"$in": list(chat_ids)}
    return {row["chat"]: row for row in Membership.raw().find(query)}


def without_put_away(memberships: dict[ObjectId, Doc]) -> dict[ObjectId, Doc]:
    """The memberships, less those of chats that the user put away and that nobody has written in since."""
    hidden = [
        {"_id": key, "n": {"$lte": m["hidden_n"]}} for key, m in memberships.items() if m.get("hidden_n") is not None
    ]
    away = set(Chat.raw().distinct("_id", {"$or": hidden})) if hidden else set()
    return {key: membership for key, membership in memberships.items() if key not in away}


def newest_chats(memberships: dict[ObjectId, Doc], before: tuple[datetime, ObjectId] | None, limit: int) -> list[Doc]:
    """Of these memberships' chats up to `limit`, the newest message first; `before` continues a listing."""
    query: Doc = {"_id": {"$in": list(without_put_away(memberships))}}
    if before:
        at, last = before
        query["$or"] = [{"last_at": {"$lt": at}}, {"last_at": at, "_id": {"$lt": last}}]
    return list(Chat.raw().find(query).sort([("last_at", -1), ("_id", -1)]).limit(limit))


def chats_beyond(chat_ids: Iterable[ObjectId], known: dict[ObjectId, int]) -> list[Doc]:
    """Of these chats the ones whose log goes on beyond the `known` seq. Asked by every open page every few seconds,
    so that what has not changed is not read whole."""
    tops = Chat.raw().find({"_id": {"$in": list(chat_ids)}}, {"last_seq": 1})
    behind = [row["_id"] for row in tops if known.get(row["_id"], -1) < row["last_seq"]]
    return list(Chat.raw().find({"_id": {"$in": behind}})) if behind else []


def chat_with_retention(chat_id: Any, *, behind: bool = False) -> Doc | None:
    """{_id, retention_days} of the first chat that has a number of its own, by id, from this one on or behind it."""
    query = {"_id": {"$gt" if behind else "$gte": chat_id}, "retention_days": {"$gt": 0}}
    return Chat.raw().find_one(query, {"retention_days": 1}, sort=[("_id", 1)], hint="retention")


def contacts_of(user_id: ObjectId, largest: int) -> list[ObjectId]:
    """Everybody who shares a chat of up to `largest` members with the user."""
    chats = [chat for chat, count in member_counts(list(memberships_of(user_id))).items() if count <= largest]
    found = Membership.raw().distinct("user", {"chat": {"$in": chats}, "active": True})
    return [contact for contact in found if contact != user_id]
