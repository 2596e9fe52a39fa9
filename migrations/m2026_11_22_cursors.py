"""Bots' cursors are found by bot, the last used first."""

from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    db["cursors"].create_index([("bot", ASCENDING), ("used_at", DESCENDING), ("_id", DESCENDING)])
