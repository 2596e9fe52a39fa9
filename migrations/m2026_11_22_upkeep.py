"""Messages are found by their age, deliveries that failed for good without reading all, and what is under way."""

from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    # Those that stand come first; with the author in it, days are counted without reading a message.
    db["log"].create_index(
        [("deleted_seq", ASCENDING), ("at", ASCENDING), ("author", ASCENDING)],
        name="by_age",
        partialFilterExpression={"kind": "message"},
    )
    dead = {"state": "dead"}
    db["deliveries"].create_index([("webhook", ASCENDING)], name="dead", partialFilterExpression=dead)
    db["maintenance_reports"].create_index([("state", ASCENDING), ("task", ASCENDING), ("queued_at", ASCENDING)])
    db["admin_acts"].create_index([("at", DESCENDING)])
