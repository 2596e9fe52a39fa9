"""Deliveries: what a webhook is told, one row for each event or ask, and what came in through it, one for each
request; kept long after their end.

`state`: new, sending, wait (for its next try), ok, or dead (the failed list). `due` is there as long as it has to be
sent: when, by the database's clock; while it is being sent, when somebody else may take it over.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
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
from pymongo.read_concern import ReadConcern

from infitalks.models.database import Doc, Stored

STATES = ("new", "sending", "wait", "ok", "dead")


class Delivery(Stored):
    """`id` is `<event>:<webhook>`, the same whoever makes it; `body` is what every attempt sends, or what came in."""

    id = StringField(primary_key=True)
    webhook = ObjectIdField(required=True)
    chat = ObjectIdField(required=True)
    seq = IntField(required=True)  # of the entry it tells of, or that shows what came in; 0 where there is none
    message = ObjectIdField()  # that a reply may answer; that shows what came in
    type = StringField(required=True)  # of the event; command; action; what came in: post.<format>, edit., delete.
    incoming = BooleanField(default=False)
    user = ObjectIdField()  # who asked: commands and actions
    url = StringField()  # where this one goes, if not to the webhook's own
    ephemeral = ObjectIdField()  # whose button was pressed
    digest = StringField()  # of a command's text
    by_bot = BooleanField(default=False)
    request = StringField()  # whose doing it is, for our logs
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
    headers = ListField(ListField(StringField()))  # what came in: those that its format reads
    cut = BooleanField(default=False)  # more of it came in than is kept
    unsigned = BooleanField(default=False)  # it did not prove to know the signing secret
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
# Each ask is sent by itself, whatever else waits for its receiver; events are sent one after the other.
EVENTS: Doc = {"user": {"$exists": False}}
ASKS: Doc = {"user": {"$exists": True}}
IN_ORDER = [("due", 1), ("seq", 1)]
NEWEST_FIRST = [("created_at", -1), ("_id", -1)]


def delivery_by_id(delivery_id: str) -> Doc | None:
    return Delivery.raw().find_one({"_id": delivery_id})


def is_anything_due(webhook_id: ObjectId) -> bool:
    """Whether the webhook is to be told of an event now."""
    return Delivery.raw().find_one({"webhook": webhook_id, **DUE, **EVENTS}, {"_id": 1}, hint="open") is not None


def due_asks(limit: int) -> list[str]:
    """Asks that nobody has sent yet, the oldest first."""
    return [row["_id"] for row in Delivery.raw().find({**DUE, **ASKS}, {"_id": 1}, hint="asks").limit(limit)]


def webhooks_with_due() -> Iterator[ObjectId]:
    """Webhooks that are to be told of an event now. One step of an index for each that has anything open at all: a
    receiver that was away for days has many waiting."""
    after: Any = MinKey()
    shown = {"webhook": 1, "is_due": {"$lte": ["$due", "$$NOW"]}}
    while True:
        query = {"webhook": {"$gt": after}, **OPEN, **EVENTS}
        first = Delivery.raw().find_one(query, shown, sort=[("webhook", 1), *IN_ORDER], hint="open")
        if not first:
            return
        after = first["webhook"]
        if first["is_due"]:
            yield after


def deliveries_of(webhook_id: ObjectId, states: Sequence[str], before: str | None, limit: int) -> list[Doc]:
    """The newest ones first, in any of the states, or in all; `before` (an id) continues a listing."""
    query: Doc = {"webhook": webhook_id}
    if states:
        query["state"] = {"$in": list(states)}
    if before:
        last = Delivery.raw().find_one({"_id": before, "webhook": webhook_id}, {"created_at": 1})
        if not last:  # gone by its age, and so is what was older
            return []
        at = last["created_at"]
        query["$or"] = [{"created_at": {"$lt": at}}, {"created_at": at, "_id": {"$lt": before}}]
    return list(Delivery.raw().find(query).sort(NEWEST_FIRST).limit(limit))


def oldest_kept(webhook_id: ObjectId, most: int) -> datetime | None:
    """When the oldest came in of the newest `most` requests; None where there are no more than that."""
    query = {"webhook": webhook_id, "incoming": True}
    latest = Delivery.raw().with_options(read_concern=ReadConcern("local"))  # they are not written for a majority
    found = list(latest.find(query, {"created_at": 1}).sort(NEWEST_FIRST).skip(most - 1).limit(2))
    return found[0]["created_at"] if len(found) == 2 else None


def failed_requests(webhook_id: ObjectId) -> list[Doc]:
    """What came in, was refused and can be received again; the oldest first."""
    again = {"incoming": True, "state": "dead", "type": {"$regex": "^post\\."}, "cut": False, "unsigned": False}
    return list(Delivery.raw().find({"webhook": webhook_id, **again}).sort([("created_at", 1), ("_id", 1)]))
