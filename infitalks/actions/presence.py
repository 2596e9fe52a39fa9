"""Who is online: whoever has a page that listens. The server of live events tells, and is asked now and then.

Not for: telling others of it (realtime.py).
"""

import logging
import time

from bson import ObjectId

from infitalks import events
from infitalks.actions.leases import leased
from infitalks.backends import realtime
from infitalks.models.users import User, live_channels, online_channels

SECOND_LOOK_SECONDS = 4.0  # longer than the server waits before it says that somebody has left
LEASE_SECONDS = 30.0

logger = logging.getLogger(__name__)


def note_presence(channel: str, online: bool) -> None:
    """A live channel got its first connection or lost its last. Only channels of the current epoch count."""
    user_id, epoch = _parts(channel)
    if not user_id:
        return
    changed = User.raw().update_one(
        {"_id": user_id, "epoch": epoch, "online": {"$ne": online}}, {"$set": {"online": online, "away": False}}
    )
    if changed.modified_count:
        events.presence_changed(user_id)


def note_away(user_id: ObjectId, away: bool) -> None:
    """A page of theirs says that nobody has moved in it for a while, or that somebody does again."""
    if User.raw().update_one({"_id": user_id, "away": {"$ne": away}}, {"$set": {"away": away}}).modified_count:
        events.presence_changed(user_id)


def repair_presence() -> None:
    """Make presence what the server of live events says: one that was killed tells nobody who has left by then."""
    with leased("presence", LEASE_SECONDS) as token:
        try:
            wrong = _wrong_ones() if token else set()
            if wrong:
                time.sleep(SECOND_LOOK_SECONDS)  # who reloads a page is away for a moment
                for channel, online in wrong & _wrong_ones():
                    note_presence(channel, online)
        except realtime.RealtimeUnavailable as error:
            logger.info("presence is looked at again later: %s", error)


def _wrong_ones() -> set[tuple[str, bool]]:
    """Live channels whose users are shown otherwise than they are; True: they are online."""
    listening = realtime.occupied_channels("private-user-")
    shown = set(online_channels())
    missed = live_channels(user_id for user_id, _ in map(_parts, listening - shown) if user_id)
    return {(channel, False) for channel in shown - listening} | {(c, True) for c in missed if c in listening}


def _parts(channel: str) -> tuple[ObjectId | None, str]:
    """A live channel's user and epoch; None for any other channel."""
    match channel.split("-"):
        case ["private", "user", user_id, epoch] if ObjectId.is_valid(user_id):
            return ObjectId(user_id), epoch
    return None, ""
