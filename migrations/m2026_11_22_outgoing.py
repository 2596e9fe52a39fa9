"""Outgoing webhooks: they have no secret address, and their deliveries are found by what has to be sent."""

from contextlib import suppress
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database
from pymongo.errors import OperationFailure


def upgrade(db: Database[dict[str, Any]]) -> None:
    webhooks = db["webhooks"]
    # The new index under a name of its own before the old one goes: addresses stay unique all the while.
    webhooks.create_index(
        "secret_hash",
        unique=True,
        name="addresses",
        partialFilterExpression={"secret_hash": {"$type": "string"}},
    )
    with suppress(OperationFailure):  # gone already
        webhooks.drop_index("secret_hash_1")
    webhooks.create_index("bot")

    deliveries = db["deliveries"]
    deliveries.create_index(
        [("webhook", ASCENDING), ("due", ASCENDING), ("seq", ASCENDING)],
        name="open",
        partialFilterExpression={"due": {"$exists": True}},
    )
    deliveries.create_index([("webhook", ASCENDING), ("_id", DESCENDING)])
    deliveries.create_index([("webhook", ASCENDING), ("state", ASCENDING), ("_id", DESCENDING)])
    deliveries.create_index("expires_at", expireAfterSeconds=0)
