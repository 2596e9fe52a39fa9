"""Unread messages that call somebody by name are counted without reading the others."""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    db["log"].create_index(
        [("chat", ASCENDING), ("mentions", ASCENDING), ("seq", ASCENDING)],
        name="mentions",
        partialFilterExpression={"mentions": {"$exists": True}},
    )
    db["log"].create_index(
        [("chat", ASCENDING), ("seq", ASCENDING)],
        name="mentions_all",
        partialFilterExpression={"mentions_all": True},
    )
