"""Log entries that were set aside are found without reading the log."""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    db["log"].create_index([("at", ASCENDING)], name="dead", partialFilterExpression={"out.state": "dead"})
