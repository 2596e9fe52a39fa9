"""Leases: one worker at a time does a piece of work, and a dead one's place becomes free. Times are the database's."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from pymongo import ReturnDocument, WriteConcern
from pymongo.collection import Collection

from infitalks.models.database import Doc
from infitalks.models.maintenance import Lease


def _leases() -> Collection[Doc]:
    # Not worth a wait for the journal: after a crash nobody holds one any more, and all that is done under a lease
    # is harmless when it is done twice.
    return Lease.raw().with_options(write_concern=WriteConcern(w=1))


def take_lease(name: str, seconds: float) -> str | None:
    """A token that only this taker has, or None while somebody else holds the lease."""
    token = secrets.token_hex(8)
    free = {"$lte": [{"$ifNull": ["$until", datetime.min.replace(tzinfo=UTC)]}, "$$NOW"]}
    update: list[Doc] = [
        {"$set": {"free": free}},
        {
            "$set": {
                "holder": {"$cond": ["$free", token, "$holder"]},
                "until": {"$cond": ["$free", _in(seconds), "$until"]},
            }
        },
        {"$unset": "free"},
    ]
    after = _leases().find_one_and_update({"_id": name}, update, upsert=True, return_document=ReturnDocument.AFTER)
    return token if after and after["holder"] == token else None


def renew_lease(name: str, token: str, seconds: float) -> bool:
    """Hold on for `seconds` more; False where somebody else has taken it since."""
    held = {"_id": name, "holder": token}
    return _leases().update_one(held, [{"$set": {"until": _in(seconds)}}]).matched_count == 1


def release_lease(name: str, token: str) -> None:
    """Let others in at once."""
    _leases().update_one({"_id": name, "holder": token}, [{"$set": {"until": "$$NOW"}}])


@contextmanager
def leased(name: str, seconds: float) -> Iterator[str | None]:
    """`with leased(…) as token`: None means that somebody else is at it."""
    token = take_lease(name, seconds)
    try:
        yield token
    finally:
        if token is not None:
            release_lease(name, token)


def _in(seconds: float) -> Doc:
    return {"$add": ["$$NOW", round(seconds * 1000)]}
