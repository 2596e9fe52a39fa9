"""What is looked at after an import."""

from bson import ObjectId

from infitalks.actions.imported import own_id
from infitalks.models.database import Doc, database
from infitalks.models.log import Entry


def quiet(line: str) -> None:
    """Hears nothing."""


def everything() -> dict[str, list[Doc]]:
    """All that is stored, by collection."""
    names = sorted(set(database().list_collection_names()) - {"leases"})
    return {name: list(database()[name].find({}).sort("_id", 1)) for name in names}


def chat_of(channel: str) -> ObjectId:
    return own_id("chat", channel)


def messages_in(chat: ObjectId) -> list[Doc]:
    return list(Entry.raw().find({"chat": chat, "kind": "message"}).sort("seq", 1))
