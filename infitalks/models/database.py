"""The connection to MongoDB and what every stored document shares. Not for: queries; each noun's file has its own."""

import logging
import time
from typing import Any

from bson import ObjectId
from mongoengine import Document, connect, disconnect
from mongoengine.connection import get_db
from pymongo import MongoClient
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import ConnectionFailure, OperationFailure

from infitalks.errors import NotFound
from infitalks.settings import Settings, SettingsError

Doc = dict[str, Any]

AWAY_MS = 2500  # how long a server that is away is waited for
ANSWER_MS = 8000  # how long one that is there may take for a request
TASK_SECONDS = 6 * 3600.0  # what migrations and maintenance may take for one operation
RETRY_SECONDS = 2.0

log = logging.getLogger(__name__)


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
        serverSelectionTimeoutMS=AWAY_MS,
        connectTimeoutMS=AWAY_MS,
        # Not timeoutMS: with it the driver waits that long for a server that is away, too.
        socketTimeoutMS=ANSWER_MS,
        wTimeoutMS=ANSWER_MS,
        w="majority",
        journal=True,
        readConcernLevel="majority",
    )


def disconnect_database() -> None:
    """Forget the connection; a forked worker process connects anew."""
    disconnect()


def check_journal(settings: Settings) -> bool:
    """True where the server is a replica set that answers a majority write when it is journaled.

    False, and a line in the log, where it is away: ask again. Raises SettingsError where a crash could take back
    what it answered. Connects by itself and closes again, so it is safe before a fork.
    """
    client: MongoClient[Doc]
    with MongoClient(settings.mongodb_uri, serverSelectionTimeoutMS=AWAY_MS, connectTimeoutMS=AWAY_MS) as client:
        try:
            _require_journal(client)
        except ConnectionFailure as error:
            log.warning("MongoDB is away, so whether it journals is checked later: %s", str(error)[:200])
            return False
    return True


def wait_for_journal(settings: Settings) -> None:
    """Return once check_journal is true. Raises as it does."""
    while not check_journal(settings):
        time.sleep(RETRY_SECONDS)


def _require_journal(client: MongoClient[Doc]) -> None:
    hello = client.admin.command("hello")
    if "setName" not in hello and hello.get("msg") != "isdbgrid":
        raise SettingsError(
            "MONGODB_URI: the server is a standalone mongod. It has to be a replica set; one member is enough: "
            "mongod --replSet rs0, then rs.initiate()"
        )
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure:
        # Hosted services show it to nobody, and a router has none. Each of our writes asks for the journal anyway.
        log.info("MongoDB does not show its replica set's configuration")
        return
    if not config.get("writeConcernMajorityJournalDefault", True):
        raise SettingsError(
            "MONGODB_URI: the replica set answers majority writes before they are journaled. "
            "Set writeConcernMajorityJournalDefault to true with rs.reconfig()"
        )


def database() -> Database[Doc]:
    """The database in use."""
    return get_db()


def object_id(text: str) -> ObjectId:
    """The id that `text` writes in 24 lower-case hex digits; anything else names nothing: NotFound."""
    if len(text) != 24 or not set(text) <= set("0123456789abcdef"):
        raise NotFound()
    return ObjectId(text)
