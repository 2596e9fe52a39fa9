"""Queries for what comes in through webhooks. Not for: the webhooks themselves."""

from bson import ObjectId

from infitalks.models.database import Doc
from infitalks.models.log import Entry

MOST_FOUND = 100


def entries_called(chat_id: ObjectId, author: ObjectId, prefix: str) -> list[Doc]:
    """The author's entries whose client_id begins so, the last by client_id first."""
    begins = {"$gte": prefix, "$lt": prefix + "\x7f"}
    query = {"chat": chat_id, "author": author, "client_id": begins}
    return list(Entry.raw().find(query).sort("client_id", -1).limit(MOST_FOUND))
