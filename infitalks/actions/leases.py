"""Leases: one worker at a time does a piece of work, and a dead one's place becomes free. Times are the database's."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from pymongo import ReturnDocument

from infitalks.models.maintenance import Lease


def take_lease(name: str, seconds: float) -> int | None:
    """The lease's token, which rises with each taker, or None while somebody else holds it."""
    taker = secrets.token_hex(8)
    free = {"$lt": [{"$ifNull": ["$until", datetime.min.replace(tzinfo=UTC)]}, "$$NOW"]}
    after = Lease.raw().find_one_and_update(
        {"_id": name},
        [
            {"$set": {"free": free}},
            {
                "$set": {
                    "holder": {"$cond": ["$free", taker, "$holder"]},
                    "until": {"$cond": ["$free", {"$add": ["$$NOW", round(seconds * 1000)]}, "$until"]},
                    "token": {"$add": [{"$ifNull": ["$token", 0]}, {"$cond": ["$free", 1, 0]}]},
                }
            },
            {"$unset": "free"},
        ],
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    return int(after["token"]) if after and after["holder"] == taker else None


def renew_lease(name: str, token: int, seconds: float) -> bool:
    """Hold on for `seconds` more; False where somebody else has taken it since."""
    update = [{"$set": {"until": {"$add": ["$$NOW", round(seconds * 1000)]}}}]
    return Lease.raw().update_one({"_id": name, "token": token}, update).matched_count == 1


def release_lease(name: str, token: int) -> None:
    Lease.raw().update_one({"_id": name, "token": token}, [{"$set": {"until": "$$NOW"}}])


@contextmanager
def leased(name: str, seconds: float) -> Iterator[int | None]:
    """`with leased(…) as token`: None means that somebody else is at it."""
    token = take_lease(name, seconds)
    try:
        yield token
    finally:
        if token is not None:
            release_lease(name, token)
