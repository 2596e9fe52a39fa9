"""Messages that call people by name, found by whom they call. Not for: reading the names (integrations/markdown.py)."""

from bson import ObjectId

from infitalks.models.database import Doc
from infitalks.models.log import Entry

MOST_COUNTED = 1000  # over all of the chats that are asked about together


def count_mentions(user_id: ObjectId, since: dict[ObjectId, int]) -> dict[ObjectId, int]:
    """For each chat how many messages numbered above the given seq call this user, or everybody there."""
    if not since:
        return {}
    wanted: list[Doc] = []
    for chat_id, seq in since.items():
        beyond = {"chat": chat_id, "seq": {"$gt": seq}}
        wanted += [{**beyond, "mentions": user_id}, {**beyond, "mentions_all": True}]
    stages: list[Doc] = [
        {"$match": {"$or": wanted, "kind": "message", "author": {"$ne": user_id}}},
        {"$limit": MOST_COUNTED},
        {"$group": {"_id": "$chat", "count": {"$sum": 1}}},
    ]
    return {row["_id"]: row["count"] for row in Entry.raw().aggregate(stages)}
