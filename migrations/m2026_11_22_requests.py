"""Deliveries are listed by their time, since not all of their ids tell it; bots are listed by their makers."""

from contextlib import suppress
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database
from pymongo.errors import OperationFailure

NEWEST = [("created_at", DESCENDING), ("_id", DESCENDING)]
BEFORE = ("webhook_1__id_-1", "webhook_1_state_1__id_-1")


def upgrade(db: Database[dict[str, Any]]) -> None:
    deliveries = db["deliveries"]
    deliveries.create_index([("webhook", ASCENDING), *NEWEST], name="newest")
    deliveries.create_index([("webhook", ASCENDING), ("state", ASCENDING), *NEWEST], name="newest_by_state")
    for name in BEFORE:
        with suppress(OperationFailure):  # gone already
            deliveries.drop_index(name)
    db["users"].create_index("created_by", sparse=True)
