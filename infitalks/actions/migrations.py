"""Brings the database to the form that this version needs: each migration once, one runner at a time."""

import importlib
import pkgutil
import time
from datetime import UTC, datetime

import pymongo

import migrations
from infitalks.actions.leases import leased
from infitalks.errors import Unavailable
from infitalks.failpoints import failpoint
from infitalks.models.database import TASK_SECONDS, database

LEASE_SECONDS = 300.0
PATIENCE_SECONDS = 60.0


def names() -> list[str]:
    """All migrations of this version, in order."""
    return sorted(module.name for module in pkgutil.iter_modules(migrations.__path__))


def applied() -> set[str]:
    """Those that the database has had."""
    return {doc["_id"] for doc in database()["migrations"].find()}


def pending() -> list[str]:
    done = applied()
    return [name for name in names() if name not in done]


def upgrade() -> list[str]:
    """Run what is pending. Returns the names. Raises Unavailable where another runner holds on for a minute."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        with leased("migrations", LEASE_SECONDS) as token:
            if token is not None:
                return [_run(name) for name in pending()]
        if time.monotonic() > give_up:
            raise Unavailable("Another process is migrating the database; try again when it is done.")
        time.sleep(0.2)


def _run(name: str) -> str:
    with pymongo.timeout(TASK_SECONDS):  # building an index takes its time
        importlib.import_module(f"migrations.{name}").upgrade(database())
    failpoint("migrations.before_mark")
    database()["migrations"].insert_one({"_id": name, "at": datetime.now(UTC)})
    return name
