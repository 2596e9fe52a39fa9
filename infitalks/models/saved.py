"""Messages that somebody keeps for later, for themselves alone. Not for: who may see them (access.py)."""

from datetime import datetime

from bson import ObjectId
from mongoengine import DateTimeField, ObjectIdField, StringField

from infitalks.models.database import Doc, Stored


class Saved(Stored):
    """One user and one message. `id` is `<message>:<user>`."""

    id = StringField(primary_key=True)
    user = ObjectIdField(required=True)
    chat = ObjectIdField(required=True)
    message = ObjectIdField(required=True)
    at = DateTimeField(required=True)

    meta = {"collection": "saved"}


def saved_id(message: ObjectId, user: ObjectId) -> str:
    return f"{message}:{user}"


def saved_by(user: ObjectId, before: tuple[datetime, ObjectId] | None, limit: int) -> list[Doc]:
    """What was saved last first; `before` continues a listing."""
    query: Doc = {"user": user}
    if before:
        at, message = before
        query["$or"] = [{"at": {"$lt": at}}, {"at": at, "message": {"$lt": message}}]
    return list(Saved.raw().find(query).sort([("at", -1), ("message", -1)]).limit(limit))


def count_saved(user: ObjectId) -> int:
    return Saved.raw().count_documents({"user": user})
