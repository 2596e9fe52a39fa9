"""The pictures that were given to a profile are found by it."""

from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    db["media"].create_index(
        [("profile_of", ASCENDING), ("profile_at", DESCENDING)],
        name="profiles",
        partialFilterExpression={"profile_of": {"$gt": ""}},  # of most uploads there is none
    )
