"""Brings the database to the form that this version needs: each migration once, one runner at a time."""

import importlib
import pkgutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Event, Thread

import pymongo
from pymongo.errors import PyMongoError

import migrations
from infitalks.actions.leases import leased, renew_lease
from infitalks.errors import Unavailable
from infitalks.failpoints import failpoint
from infitalks.models.database import TASK_SECONDS, database
from infitalks.settings import SettingsError

LEASE_SECONDS = 5.0  # short, and renewed: a killed runner's place is soon free
PATIENCE_SECONDS = 60.0


def names() -> list[str]:
    """All migrations of this version, in order."""
    return sorted(module.name for module in pkgutil.iter_modules(migrations.__path__))


def applied() -> set[str]:
    """Those that the database has had."""
    return {doc["_id"] for doc in database()["migrations"].find()}


def first_migrated_at() -> datetime | None:
    """When this database was made."""
    found = database()["migrations"].find_one(sort=[("at", 1)])
    return found["at"] if found else None


def pending() -> list[str]:
    done = applied()
    return [name for name in names() if name not in done]


def newer() -> list[str]:
    """Those that a newer version has run here: this one does not know what they did."""
    return sorted(applied() - set(names()))


def require_known() -> None:
    """Raise SettingsError where the database is newer than this version, which could spoil it."""
    if unknown := newer():
        raise SettingsError(
            f"the database is newer than this InfiTalks: it has had {', '.join(unknown)}, unknown here. "
            "Run the version that did this, or a later one; to go back, restore the backup from before it"
        )


def upgrade() -> list[str]:
    """Run what is pending. Returns the names. Raises Unavailable where another runner holds on for a minute,
    SettingsError where the database is newer than this version."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while True:
        with leased("migrations", LEASE_SECONDS) as token:
            if token is not None:
                require_known()
                with _holding_on(token):
                    return [_run(name) for name in pending()]
        if time.monotonic() > give_up:
            raise Unavailable("Another process is migrating the database; try again when it is done.")
        time.sleep(0.2)


@contextmanager
def _holding_on(token: str) -> Iterator[None]:
    """The lease is renewed while the block runs, however long a migration takes."""
    done = Event()

    def renew() -> None:
        while not done.wait(LEASE_SECONDS / 4):
            with suppress(PyMongoError):  # the next turn tries again
                renew_lease("migrations", token, LEASE_SECONDS)

    thread = Thread(target=renew, name="migrations lease", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def _run(name: str) -> str:
    with pymongo.timeout(TASK_SECONDS):  # building an index takes its time
        importlib.import_module(f"migrations.{name}").upgrade(database())
    failpoint("migrations.before_mark")
    # No insert: one that hung while its lease ran out finds the mark of whoever ran the migration again.
    mark = {"$setOnInsert": {"at": datetime.now(UTC)}}
    database()["migrations"].update_one({"_id": name}, mark, upsert=True)
    return name
