"""Entries are found by the message that they are about without an index entry for each message, too.

`sparse` leaves out only what has none of an index's fields, and every entry has a kind.
"""

from typing import Any

from pymongo import ASCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    db["log"].create_index(
        [("target", ASCENDING), ("kind", ASCENDING)],
        name="about_message",
        partialFilterExpression={"target": {"$exists": True}},
    )
    if "about" in db["log"].index_information():
        db["log"].drop_index("about")
