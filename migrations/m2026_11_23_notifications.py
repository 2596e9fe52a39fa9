"""Whom a message notified, and why, is found by user, and kept for 30 days."""

from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database

KEPT_SECONDS = 30 * 24 * 3600


def upgrade(db: Database[dict[str, Any]]) -> None:
    db["notifications"].create_index([("told.users", ASCENDING), ("_id", DESCENDING)])
    db["notifications"].create_index("at", expireAfterSeconds=KEPT_SECONDS)
