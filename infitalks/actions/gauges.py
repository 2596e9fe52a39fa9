"""Figures that are looked up when Prometheus asks: what waits and what was given up, in the database and in Redis.

A store that is away costs a scrape two seconds at most, and its figures; `infitalks_up` says so.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from threading import Lock

import pymongo
from pymongo.errors import PyMongoError

from infitalks.actions.upkeep import DEAD_DELIVERIES, DEAD_ENTRIES
from infitalks.backends import queue
from infitalks.metrics import Metric, gauge
from infitalks.models.database import Doc, database
from infitalks.models.deliveries import OPEN, Delivery
from infitalks.models.log import Entry
from infitalks.models.media import Media

MOST_SECONDS = 2.0  # for all questions to MongoDB together
KEPT_SECONDS = 5.0  # so long one answer serves, however many ask

Figures = Mapping[str, float]

_looking = Lock()
_kept: list[Metric] = []
_kept_until = 0.0


def look_up() -> list[Metric]:
    """Now, or a few seconds ago."""
    global _kept, _kept_until
    with _looking:
        if time.monotonic() >= _kept_until:
            _kept = list(_look())
            _kept_until = time.monotonic() + KEPT_SECONDS
        return _kept


def _look() -> Iterator[Metric]:
    up: dict[str, float] = {"redis": 0, "mongodb": 0}
    try:
        yield gauge("queue_tasks", "Tasks that wait in Redis.", "queue", queue.depths())
        up["redis"] = 1
    except queue.QueueUnavailable:
        pass
    with pymongo.timeout(MOST_SECONDS):
        try:
            database().command("ping")
            up["mongodb"] = 1
            for name, text, label, count in _COUNTED:
                yield gauge(name, text, label, count())
        except PyMongoError:  # what could not be counted in that time is left out
            pass
    yield gauge("up", "Whether the store answers.", "store", up)


def _entries() -> Figures:
    return {
        "waiting": Entry.raw().count_documents({"out.state": "new"}, hint="waiting"),
        "dead": Entry.raw().count_documents(DEAD_ENTRIES, hint="dead"),
    }


def _lag() -> Figures:
    """By the database's clock."""
    age: Doc = {"$divide": [{"$subtract": ["$$NOW", {"$min": "$at"}]}, 1000]}
    oldest: list[Doc] = [
        {"$match": {"out.state": "new"}},
        {"$group": {"_id": None, "at": {"$min": "$at"}}},
        {"$project": {"s": age}},
    ]
    found = next(iter(Entry.raw().aggregate(oldest, hint="waiting")), {"s": 0})
    return {"entries": max(found["s"], 0)}


def _deliveries() -> Figures:
    """By the indexes of what is to be sent, and of what was given up: those that arrived are not counted."""
    by_state: list[Doc] = [{"$match": OPEN}, {"$group": {"_id": "$state", "count": {"$sum": 1}}}]
    found = {row["_id"]: row["count"] for row in Delivery.raw().aggregate(by_state, hint="open")}
    dead = Delivery.raw().count_documents(DEAD_DELIVERIES, hint="dead")
    return {"new": 0, "sending": 0, "wait": 0, **found, "dead": dead}


def _pictures() -> Figures:
    """Ready ones are most of them: they are what is left."""
    processing = Media.raw().count_documents({"state": "processing"})
    failed = Media.raw().count_documents({"state": "failed"})
    ready = max(Media.raw().estimated_document_count() - processing - failed, 0)
    return {"processing": processing, "failed": failed, "ready": ready}


# Name, help, label, figures by its value; what costs least first.
_COUNTED: tuple[tuple[str, str, str, Callable[[], Figures]], ...] = (
    ("outbox_entries", "Entries of logs that are to be told, or that were given up.", "state", _entries),
    ("outbox_oldest_seconds", "Age of the oldest entry that is to be told.", "what", _lag),
    ("deliveries", "Webhooks' deliveries that are to be sent, or that were given up.", "state", _deliveries),
    ("pictures", "Uploaded pictures.", "state", _pictures),
)
