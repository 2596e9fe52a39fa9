"""A chat's pinned messages are found by their pins, and what somebody saved by who did."""

from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    db["log"].create_index(
        [("chat", ASCENDING), ("pin.k", DESCENDING)],
        name="pinned",
        partialFilterExpression={"pin.on": True},
    )
    db["saved"].create_index([("user", ASCENDING), ("at", DESCENDING), ("message", DESCENDING)])
