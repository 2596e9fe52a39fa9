"""Words to one person in one chat: no entries of its log, and gone after a day. Not for: who may see them (access)."""

from bson import ObjectId
from mongoengine import BooleanField, DateTimeField, DictField, IntField, ListField, ObjectIdField, StringField

from infitalks.models.database import Doc, Stored


class Ephemeral(Stored):
    """`id` is made from who it is for, where and why, so that saying it again says nothing new. One that was taken
    away stays, blank, until its day is over, for the same reason."""

    user = ObjectIdField(required=True)
    chat = ObjectIdField(required=True)
    seq = IntField(required=True)  # the chat's top when it was said
    author = ObjectIdField(required=True)
    via = DictField()
    text = StringField()
    html = StringField()
    cards = ListField(DictField())  # as a message's
    at = DateTimeField(required=True)
    gone = BooleanField()
    expires_at = DateTimeField(required=True)

    meta = {"collection": "ephemerals"}


# MongoDB removes what is over once a minute, or later.
THERE: Doc = {"gone": None, "$expr": {"$gt": ["$expires_at", "$$NOW"]}}


def ephemeral_by_id(ephemeral_id: ObjectId) -> Doc | None:
    """One that was not taken away, and whose day is not over."""
    return Ephemeral.raw().find_one({"_id": ephemeral_id, **THERE})


def ephemerals_for(user_id: ObjectId, limit: int) -> list[Doc]:
    """The newest ones, oldest first."""
    newest = Ephemeral.raw().find({"user": user_id, **THERE}).sort([("at", -1), ("_id", -1)]).limit(limit)
    return list(newest)[::-1]
