"""What somebody asks a bot is found apart from what webhooks are told, since it must not wait behind that."""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    asked = {"user": {"$exists": True}, "due": {"$exists": True}}
    db["deliveries"].create_index([("due", ASCENDING)], name="asks", partialFilterExpression=asked)
