"""Messages are found by their age in their chat too, and so are the chats that keep theirs for a time of their own."""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    db["log"].create_index(
        [("chat", ASCENDING), ("deleted_seq", ASCENDING), ("at", ASCENDING)],
        name="by_age_in_chat",
        partialFilterExpression={"kind": "message"},
    )
    db["chats"].create_index(
        [("_id", ASCENDING), ("retention_days", ASCENDING)],
        name="retention",
        partialFilterExpression={"retention_days": {"$gt": 0}},
    )
