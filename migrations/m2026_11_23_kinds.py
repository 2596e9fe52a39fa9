"""Accounts are counted by their kind, and those that were closed, without reading them all."""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    db["users"].create_index([("kind", ASCENDING), ("disabled_at", ASCENDING)], name="kinds")
