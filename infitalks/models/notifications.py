"""Who was notified of a message and who was not, each with the reason: decided once, when the message is told, and
kept for 30 days. Not for: the rules (actions/deciding.py)."""

from collections.abc import Iterable

from bson import ObjectId
from mongoengine import DateTimeField, DictField, IntField, ListField, ObjectIdField, StringField

from infitalks.models.database import Doc, Stored

KEPT_SECONDS = 30 * 24 * 3600


class Notification(Stored):
    """`id` is the message's. `told` and `silent`: [{why, users}]. `rest`, of a large chat alone: why those who are in
    neither list were not notified, so that a large chat does not store all its members with every message."""

    chat = ObjectIdField(required=True)
    seq = IntField(required=True)
    at = DateTimeField(required=True)
    told = ListField(DictField())
    silent = ListField(DictField())
    rest = StringField()

    meta = {"collection": "notifications"}


def notification_of(message_id: ObjectId) -> Doc | None:
    return Notification.raw().find_one({"_id": message_id})


def notifications_of(message_ids: Iterable[ObjectId]) -> dict[ObjectId, Doc]:
    return {row["_id"]: row for row in Notification.raw().find({"_id": {"$in": list(message_ids)}})}


def notifications_for(user_id: ObjectId, after: ObjectId | None, limit: int) -> list[Doc]:
    """Of what the user was notified of the newest `limit`, the newest first; with `after` only what is newer."""
    query: Doc = {"told.users": user_id}
    if after:
        query["_id"] = {"$gt": after}
    return list(Notification.raw().find(query).sort("_id", -1).limit(limit))
