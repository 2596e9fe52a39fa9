"""Deliveries: what an outgoing webhook is told, one row for each event and webhook, kept long after its end.

`state`: new, sending, wait (for its next try), ok, or dead (the failed list). `due` is there as long as it has to be
sent: when, by the database's clock; while it is being sent, when somebody else may take it over.
"""

from collections.abc import Iterator
from typing import Any

from bson import MinKey, ObjectId
from mongoengine import (
    BinaryField,
    BooleanField,
    DateTimeField,
    DictField,
    FloatField,
    IntField,
    ListField,
    ObjectIdField,
    StringField,
)

from infitalks.models.database import Doc, Stored

STATES = ("new", "sending", "wait", "ok", "dead")


class Delivery(Stored):
    """`id` is `<event>:<webhook>`, and so the same whoever makes it; `body` is what every attempt sends."""

    id = StringField(primary_key=True)
    webhook = ObjectIdField(required=True)
    chat = ObjectIdField(required=True)
    seq = IntField(required=True)  # of the entry it tells of; 0 for a test
    message = ObjectIdField()  # that a reply may answer
    type = StringField(required=True)
    by_bot = BooleanField(default=False)
    origin = DictField()  # of the entry: {hops, bots}
    state = StringField(required=True, choices=STATES)
    due = DateTimeField()
    claim = StringField()
    tries = IntField(default=0)
    reason = StringField()  # why the last try, or all of it, came to nothing
    attempts = ListField(DictField())  # the last ones: {at, status, reason, took_ms, answer, reply}
    replays = ListField(DictField())  # {at, by}
    content_type = StringField(required=True)
    body = BinaryField(required=True)
    created_at = DateTimeField(required=True)
    expires_at = DateTimeField()  # once it has arrived, or is dead

    meta = {"collection": "deliveries"}


class Budget(Stored):
    """What a bot may still hear of other bots, and answer them, in one chat; `id` is `<bot>:<chat>`."""

    id = StringField(primary_key=True)
    level = FloatField()
    at = DateTimeField()
    noticed_at = DateTimeField()  # when the chat was told last that this came to an end
    heard = DictField()  # the origin of what the bot was told last when it asked
    heard_at = DateTimeField()

    meta = {"collection": "budgets"}


OPEN: Doc = {"due": {"$exists": True}}
DUE: Doc = {**OPEN, "$expr": {"$lte": ["$due", "$$NOW"]}}
IN_ORDER = [("due", 1), ("seq", 1)]


def delivery_by_id(delivery_id: str) -> Doc | None:
    return Delivery.raw().find_one({"_id": delivery_id})


def is_anything_due(webhook_id: ObjectId) -> bool:
    return Delivery.raw().find_one({"webhook": webhook_id, **DUE}, {"_id": 1}, hint="open") is not None


def webhooks_with_due() -> Iterator[ObjectId]:
    """Webhooks that have something to be sent now. One step of an index for each that has anything open at all: a
    receiver that was away for days has many waiting."""
    after: Any = MinKey()
    shown = {"webhook": 1, "is_due": {"$lte": ["$due", "$$NOW"]}}
    while True:
        query = {"webhook": {"$gt": after}, **OPEN}
        first = Delivery.raw().find_one(query, shown, sort=[("webhook", 1), *IN_ORDER], hint="open")
        if not first:
            return
        after = first["webhook"]
        if first["is_due"]:
            yield after


def deliveries_of(webhook_id: ObjectId, state: str | None, before: str | None, limit: int) -> list[Doc]:
    """The newest ones first; `before` (an id) continues a listing."""
    query: Doc = {"webhook": webhook_id}
    if state:
        query["state"] = state
    if before:
        query["_id"] = {"$lt": before}
    return list(Delivery.raw().find(query).sort("_id", -1).limit(limit))
