"""The picture that a person or a group shows: of all that were asked for, the one that was asked for last.

Not for: how a picture becomes ready (media.py).
"""

from datetime import datetime

from bson import ObjectId

from infitalks import access
from infitalks.actions.log import Draft, append, require_active
from infitalks.errors import Forbidden, NotFound
from infitalks.models.database import Doc
from infitalks.models.log import entry_by_client_id
from infitalks.models.media import Media
from infitalks.models.users import User


def show_profile_picture(media: Doc) -> None:
    """Show this one, which is ready, unless a later one is shown or on its way there, or it is not wanted any more;
    whichever it is, the others are nobody's from now on. Repeatable."""
    kind, _, key = media["profile_of"].partition(":")
    shown = _show_persons(media, ObjectId(key)) if kind == "user" else _show_groups(media, ObjectId(key))
    if shown:
        clear_profile_pictures(media["profile_of"], media["profile_at"])
    else:
        Media.raw().update_one({"_id": media["_id"], "profile_at": media["profile_at"]}, {"$set": {"profile_of": None}})


def clear_profile_pictures(profile_of: str, asked_before: datetime) -> None:
    """Pictures that a profile no longer shows, or was to show, are nobody's from now on."""
    older = {"profile_of": profile_of, "profile_at": {"$lt": asked_before}}
    Media.raw().update_many(older, {"$set": {"profile_of": None}})


def _show_persons(media: Doc, user_id: ObjectId) -> bool:
    """Two workers may be at this at once, each with a picture: the one step is conditional, so that the later wins."""
    not_later = {"$or": [{"avatar_at": None}, {"avatar_at": {"$lte": media["profile_at"]}}]}
    shown = {"avatar": media["_id"], "avatar_at": media["profile_at"]}
    return bool(User.raw().update_one({"_id": user_id, **not_later}, {"$set": shown}).matched_count)


def _show_groups(media: Doc, chat_id: ObjectId) -> bool:
    """By an entry of the log. Whether it may come is asked anew for each number that it tries for: so whatever entry
    comes before it is known by then, and of two pictures the one that was asked for earlier is never the last."""

    def allow(membership: Doc | None) -> None:
        require_active(membership)
        access.require(bool(membership and membership["role"] == "owner"), "Only owners change a group.")
        if not _is_wanted(media):
            raise NotFound()

    changes, cause = {"avatar": str(media["_id"])}, f"avatar.{media['outcome']}"
    try:
        append(Draft(chat_id, "chat", media["owner"], cause, {"changes": changes}, changes, allow))
    except (NotFound, Forbidden):
        # It may have been shown by an earlier run that died before it could say so.
        return entry_by_client_id(chat_id, media["owner"], cause) is not None
    return True


def _is_wanted(media: Doc) -> bool:
    asked = {"profile_of": media["profile_of"], "profile_at": media["profile_at"]}
    later = {"profile_of": media["profile_of"], "profile_at": {"$gt": media["profile_at"]}}
    later |= {"state": "ready", "dropped": {"$ne": True}}
    found = Media.raw().find({"$or": [{"_id": media["_id"], **asked}, later]}, {"_id": 1}).limit(2)
    return [doc["_id"] for doc in found] == [media["_id"]]
