"""Maintenance tasks that clear away what nobody needs, and that try again what failed."""

import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from gridfs.errors import NoFile
from pymongo.errors import PyMongoError

from infitalks.actions.deliveries import redeliver
from infitalks.actions.media import PUBLIC_IDS, destroy_media, try_again
from infitalks.actions.sessions import end_session, expired
from infitalks.actions.turns import Turn
from infitalks.backends.media import Kind, Listed, MediaRefused, MediaUnavailable, store
from infitalks.errors import Conflict, InfiTalksError, NotFound, Unavailable
from infitalks.models.database import Doc, database
from infitalks.models.deliveries import EVENTS, Delivery
from infitalks.models.log import AT_ONCE, Entry
from infitalks.models.media import Media, spool, unattached, unclaimed
from infitalks.models.sessions import Session
from infitalks.models.webhooks import webhook_by_id

logger = logging.getLogger(__name__)

ORPHAN_AGE = timedelta(hours=24)
PICTURES = 10  # at once: the media service takes its time for each
LISTED = 500  # assets at once; hosted services count the calls of an hour
NO_PICTURE = f"{PUBLIC_IDS}none"

DEAD_ENTRIES: Doc = {"out.state": "dead"}
# What somebody asked a bot is not asked again without them, and what came in is its sender's to repeat.
DEAD_DELIVERIES: Doc = {"state": "dead", "incoming": {"$ne": True}, **EVENTS}
FAILED_PICTURES: Doc = {"state": "failed", "spool": {"$ne": None}, "dropped": {"$ne": True}}


def end_expired_sessions(turn: Turn) -> Iterator[Any]:
    turn.count(expired=0, ended=0)
    for found in turn.batches(Session.raw(), expired(datetime.now(UTC)), {"user": 1}):
        turn.count(expired=len(found))
        for row in found if not turn.dry_run else ():
            end_session(Session(id=row["_id"], user=row["user"]))  # which also closes the ears of its pages
            turn.count(ended=1)
        yield found[-1]["_id"]


def drop_orphaned_pictures(turn: Turn) -> Iterator[Any]:
    turn.count(orphaned=0, dropped=0, kept=0)
    for found in turn.batches(Media.raw(), unattached(datetime.now(UTC) - ORPHAN_AGE), {"_id": 1}, at_once=PICTURES):
        turn.count(orphaned=len(found))
        for media in found if not turn.dry_run else ():
            turn.count(**{"dropped" if _could(turn, destroy_media, media["_id"]) else "kept": 1})
        yield found[-1]["_id"]


def _could(turn: Turn, act: Callable[..., object], what: Any) -> bool:
    """One stubborn or odd thing must not keep the others: it is told of and passed over. Raises Unavailable without the
    media service, and what the database does: all would wait."""
    try:
        act(what)
    except MediaUnavailable as error:
        _require_media_service()
        turn.say(f"{_named(what)} stays as it is: {error}.")
        return False
    except (MediaRefused, Conflict, NotFound) as error:
        turn.say(f"{_named(what)} stays as it is: {error}.")
        return False
    except (PyMongoError, InfiTalksError):
        raise
    except Exception as error:
        logger.exception("%s cannot be dealt with", _named(what))
        turn.say(f"{_named(what)} stays as it is: {type(error).__name__}: {error}.")
        return False
    return True


def _named(what: Any) -> str:
    return str(what["_id"] if isinstance(what, dict) else what)


def _require_media_service() -> None:
    """Raises Unavailable where it is away, and not only at odds with one picture."""
    try:
        store().destroy(NO_PICTURE)
    except MediaUnavailable as error:
        raise Unavailable(f"The media service is away: {error}.") from error
    except MediaRefused:
        return


def drop_unknown_assets(turn: Turn) -> Iterator[Any]:
    """The media service's side: what lost its record, or was left by a worker that died where nobody could clear up.

    A record is there before its picture or file is uploaded, so that what is unknown and a day old belongs to none.
    """
    turn.count(looked_at=0, unknown=0, dropped=0, kept=0)
    after = turn.after or {"kind": "image"}
    yield from _drop_unknown(turn, after["kind"], after.get("cursor"), after.get("kept", 0))
    if after["kind"] == "image":
        yield {"kind": "raw"}
        yield from _drop_unknown(turn, "raw", None, 0)


def _drop_unknown(turn: Turn, kind: Kind, cursor: str | None, kept: int) -> Iterator[Any]:
    """Of one kind, page by page. Of the first one an earlier turn kept so many, and what it dropped is gone from it."""
    while True:
        try:
            found, following = _listed(kind, cursor)
        except MediaRefused:
            if cursor is None:
                raise
            cursor, kept = None, 0  # the service does not know it any more: from the beginning
            continue
        unknown = _unknown(found)[kept:]
        at_once = len(found) if turn.dry_run else PICTURES
        while batch := unknown[:at_once]:
            unknown = unknown[at_once:]
            kept += _drop_assets(turn, kind, batch)
            yield {"kind": kind, "cursor": cursor, "kept": kept}
        turn.seen += len(found)
        turn.count(looked_at=len(found))
        if not following:
            return
        cursor, kept = following, 0
        yield {"kind": kind, "cursor": cursor}


def _listed(kind: Kind, cursor: str | None) -> tuple[list[Listed], str | None]:
    """A page of what the media service holds. Raises MediaRefused where it does not know the cursor (any more)."""
    try:
        return store().list_assets(kind, cursor, prefix=PUBLIC_IDS, most=LISTED)
    except MediaUnavailable as error:
        raise Unavailable(f"The media service is away: {error}.") from error


def _unknown(found: list[Listed]) -> list[str]:
    old = [asset.public_id for asset in found if asset.created_at < datetime.now(UTC) - ORPHAN_AGE]
    known = set(Media.raw().distinct("public_id", {"public_id": {"$in": old}}))
    return [public_id for public_id in old if public_id not in known]


def _drop_assets(turn: Turn, kind: Kind, public_ids: list[str]) -> int:
    """Returns how many had to be kept, or all where nothing is to be changed."""
    turn.count(unknown=len(public_ids))
    if turn.dry_run:
        return len(public_ids)
    dropped = sum(_could(turn, lambda which: store().destroy(which, kind), public_id) for public_id in public_ids)
    turn.count(dropped=dropped, kept=len(public_ids) - dropped)
    return len(public_ids) - dropped


def drop_spooled_files(turn: Turn) -> Iterator[Any]:
    """Bytes whose upload ended before its record was written, or whose record is gone."""
    turn.count(left_behind=0, dropped=0)
    old = {"uploadDate": {"$lt": datetime.now(UTC) - ORPHAN_AGE}}
    for found in turn.batches(database()["spool.files"], old, {"_id": 1}):
        nobodys = unclaimed([file["_id"] for file in found])
        turn.count(left_behind=len(nobodys))
        for file_id in nobodys if not turn.dry_run else ():
            turn.count(dropped=_drop_file(file_id))
        yield found[-1]["_id"]


def _drop_file(file_id: ObjectId) -> int:
    try:
        spool().delete(file_id)
    except NoFile:  # somebody was a moment quicker
        return 0
    return 1


def retry_failed_pictures(turn: Turn) -> Iterator[Any]:
    turn.count(failed=0, tried_again=0)
    for found in turn.batches(Media.raw(), FAILED_PICTURES, {"owner": 1}, at_once=PICTURES):
        turn.count(failed=len(found))
        for media in found if not turn.dry_run else ():
            turn.count(tried_again=_could(turn, try_again, media))
        yield found[-1]["_id"]


def replay_dead_entries(turn: Turn) -> Iterator[Any]:
    turn.count(dead=0, replayed=0)
    for found in turn.batches(Entry.raw(), DEAD_ENTRIES, {"_id": 1}, hint="dead"):
        turn.count(dead=len(found))
        if not turn.dry_run:
            turn.count(replayed=replay_entries([entry["_id"] for entry in found]))
        yield found[-1]["_id"]


def replay_entries(ids: list[ObjectId]) -> int:
    """Let these entries be told anew, where they were set aside. Returns how many were; the sweep rings for them."""
    again = {"out.state": "new", "out.tries": 0, "out.due": AT_ONCE}
    return Entry.raw().update_many({"_id": {"$in": ids}, **DEAD_ENTRIES}, {"$set": again}).modified_count


def redeliver_dead(turn: Turn) -> Iterator[Any]:
    turn.count(failed=0, sent_again=0, kept=0)
    for found in turn.batches(Delivery.raw(), DEAD_DELIVERIES, {"webhook": 1}, hint="dead"):
        turn.count(failed=len(found))
        for delivery in found if not turn.dry_run else ():
            turn.count(**{"sent_again" if _could(turn, _redeliver, delivery) else "kept": 1})
        yield found[-1]["_id"]


def _redeliver(delivery: Doc) -> None:
    webhook = webhook_by_id(delivery["webhook"])
    if not webhook:
        raise NotFound()
    redeliver(webhook, None, delivery["_id"])
