"""Figures for the admin's pages, from queries that cost little however much there is. It changes nothing but that it
keeps the count of a day that is over.
"""

import time
from threading import Lock
from typing import NamedTuple

from pymongo.errors import ExecutionTimeout, NetworkTimeout

from infitalks.actions.doctor import Finding, examine
from infitalks.actions.inspection import DAYS_COUNTED, count_day, keep_day, last_days
from infitalks.actions.upkeep import DEAD_DELIVERIES, DEAD_ENTRIES, FAILED_PICTURES
from infitalks.backends import queue
from infitalks.models.chats import Chat
from infitalks.models.database import Doc, database
from infitalks.models.deliveries import OPEN, Delivery
from infitalks.models.log import Entry
from infitalks.models.media import Media
from infitalks.models.site import stored_days
from infitalks.models.users import User
from infitalks.settings import Settings

Counts = dict[str, int]

DISABLED: Doc = {"disabled_at": {"$type": "date"}}
HEALTH_SECONDS = 60.0  # an examination takes some seconds, so it serves for so long
DAY_MS = 300  # a day that takes longer to count is left to the task `activity`


class Health(NamedTuple):
    findings: list[Finding]
    at: float  # by time.monotonic


_health: Health | None = None
_examining = Lock()


def health(settings: Settings) -> tuple[list[Finding], int]:
    """What the doctor says, and how many seconds ago."""
    global _health
    with _examining:
        if _health is None or time.monotonic() - _health.at > HEALTH_SECONDS:
            _health = Health(examine(settings), time.monotonic())
        return _health.findings, round(time.monotonic() - _health.at)


def site_counts() -> Counts:
    """What there is; approximate where exact figures would read everything."""
    bots = User.raw().count_documents({"kind": "bot"}, hint="kinds")
    closed = {kind: User.raw().count_documents({"kind": kind, **DISABLED}, hint="kinds") for kind in ("person", "bot")}
    return {
        # All but the few: people could be millions, of which an index has to be walked one by one.
        "people": max(0, User.raw().estimated_document_count() - bots - closed["person"]),
        "bots": bots - closed["bot"],
        "chats": Chat.raw().estimated_document_count(),
        "log entries": Entry.raw().estimated_document_count(),
        "pictures": Media.raw().estimated_document_count(),
    }


def stored_bytes() -> int:
    """What the database takes on disk, indexes too, pictures' bytes not."""
    stats = database().command("dbStats")
    return int(stats["storageSize"] + stats["indexSize"])


def depths() -> Counts | None:
    """How many tasks wait in each queue; None where Redis is away."""
    try:
        return queue.depths()
    except queue.QueueUnavailable:
        return None


def waiting_counts() -> Counts:
    """Work that stands in the database and is to be done, by the indexes made for it."""
    return {
        "log entries to be told": Entry.raw().count_documents({"out.state": "new"}, hint="waiting"),
        "deliveries to be sent": Delivery.raw().count_documents(OPEN, hint="open"),
        "pictures to be prepared": Media.raw().count_documents({"state": "processing"}),
    }


def dead_counts() -> Counts:
    """Work that was given up: each by the maintenance task that tries it again."""
    return {
        "dead-entries": Entry.raw().count_documents(DEAD_ENTRIES, hint="dead"),
        "dead-deliveries": Delivery.raw().count_documents(DEAD_DELIVERIES, hint="dead"),
        "failed-pictures": Media.raw().count_documents(FAILED_PICTURES),
    }


def activity() -> list[Doc]:
    """{_id, messages, people} for each of the last days, today's so far; without figures where counting took long."""
    days = last_days(DAYS_COUNTED)
    known = stored_days(f"{day:%Y-%m-%d}" for day in days)
    rows = []
    slow = False
    for day in days:
        row = known.get(name := f"{day:%Y-%m-%d}")
        if row is None and not slow:
            try:
                row = count_day(day, DAY_MS)
            except (ExecutionTimeout, NetworkTimeout):
                slow = True
            else:
                if day != days[-1]:
                    keep_day(row)
        rows.append(row or {"_id": name})
    return rows
