"""A command has its name once in each chat; words to one person and the addresses to answer at end by themselves."""

from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    db["webhooks"].create_index(
        [("chat", ASCENDING), ("command", ASCENDING)],
        unique=True,
        partialFilterExpression={"command": {"$type": "string"}},
    )
    db["ephemerals"].create_index([("user", ASCENDING), ("at", DESCENDING)])
    db["ephemerals"].create_index("expires_at", expireAfterSeconds=0)
    db["responses"].create_index("forgotten_at", expireAfterSeconds=0)
