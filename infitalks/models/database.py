"""The connection to MongoDB and what every stored document shares. Not for: queries; each noun's file has its own."""

from typing import Any

from bson import ObjectId
from mongoengine import Document, connect, disconnect
from mongoengine.connection import get_db
from pymongo.collection import Collection
from pymongo.database import Database

from infitalks.errors import NotFound
from infitalks.settings import Settings

Doc = dict[str, Any]


class Stored(Document):
    """A document that loads even where a newer version added fields (rolling deploys, roll-backs)."""

    meta: dict[str, Any] = {"abstract": True, "strict": False, "auto_create_index": False}

    @classmethod
    def raw(cls) -> Collection[Doc]:
        """The collection itself, for hot reads and conditional updates without hydration."""
        return cls._get_collection()


def connect_database(settings: Settings) -> None:
    """Connect lazily (no server is spoken to yet, so it is safe before a fork).

    Every write is journaled and acknowledged by a majority, every read is of what a majority has: nobody
    sees what a crash could take back. The options given here win over the URI's.
    """
    connect(
        db=settings.mongodb_database,
        host=settings.mongodb_uri,
        connect=False,
        tz_aware=True,
        uuidRepresentation="standard",
        serverSelectionTimeoutMS=2500,
        connectTimeoutMS=2500,
        timeoutMS=8000,
        w="majority",
        journal=True,
        readConcernLevel="majority",
    )


def disconnect_database() -> None:
    """Forget the connection; a forked worker process connects anew."""
    disconnect()


def database() -> Database[Doc]:
    """The database in use."""
    return get_db()


def object_id(text: str) -> ObjectId:
    """The id that `text` writes in 24 lower-case hex digits; anything else names nothing: NotFound."""
    if len(text) != 24 or not set(text) <= set("0123456789abcdef"):
        raise NotFound()
    return ObjectId(text)
