"""Pictures and files from upload to shown: prepare a picture in a child, keep both at Cloudinary, tell the chat.

Not for: what comes in (uploads.py)."""

import contextlib
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import IO, Literal, NamedTuple

from bson import ObjectId
from gridfs.errors import NoFile
from pymongo.errors import PyMongoError

from infitalks import access, events
from infitalks.actions.log import Draft, append
from infitalks.actions.profile_pictures import show_profile_picture
from infitalks.backends import media as media_store
from infitalks.errors import Conflict, Invalid, NotFound
from infitalks.failpoints import failpoint
from infitalks.integrations.pictures import PictureRefused, prepare_in_child
from infitalks.models.database import Doc, object_id
from infitalks.models.media import (
    Media,
    is_file,
    kind_of,
    media_by_id,
    resource_type,
    spool,
    untold_media,
    waiting_media,
)

logger = logging.getLogger(__name__)

CLAIM = timedelta(seconds=90)  # a worker that takes longer is taken for dead
MOST_TRIES = 10
THUMB_WIDTH = 640
PUBLIC_IDS = "infitalks/"  # what all of ours begin with, at the media service
SETTLED = timedelta(hours=1)  # a message that took a picture so long ago shows it by now, or never will

UNFINISHED: Doc = {"state": "processing", "dropped": {"$ne": True}}

Size = Literal["full", "thumb", "still"]


class OpenFile(NamedTuple):
    """A file on its way: its label, its bytes in all, and which of them come where it is a part."""

    name: str
    size: int
    part: tuple[int, int] | None
    download: media_store.Download


def retry_media(user_id: ObjectId, media_id: str) -> Doc:
    """Try a failed picture or file of one's own again. Raises Conflict where it has not failed."""
    return try_again(access.get_own_media(user_id, media_id))


def try_again(media: Doc) -> Doc:
    """The same for whoever looks after all of them. Raises Conflict."""
    again = {"state": "processing", "reason": None, "tries": 0, "due": datetime.now(UTC), "told": False}
    query = {"_id": media["_id"], "state": "failed", "spool": {"$ne": None}}
    if not Media.raw().update_one(query, {"$set": again}).matched_count:
        raise Conflict("Only what failed can be tried again.")
    events.media_uploaded(media["_id"])
    return {**media, **again}


def claim_media(user_id: ObjectId, ids: Iterable[str], chat_id: ObjectId, client_id: str) -> list[ObjectId]:
    """Reserve one's uploads for one message, so that no picture is sent twice. Repeatable for the same message.

    Raises Invalid where one cannot be used; then none stays reserved.
    """
    keys = [ObjectId(text) for text in ids]
    free = {"$or": [{"chat": None}, {"chat": chat_id, "client_id": client_id}]}
    usable = {"owner": user_id, "profile_of": None, "dropped": {"$ne": True}, **free}
    if unusable := set(keys) - set(Media.raw().distinct("_id", {"_id": {"$in": keys}, **usable})):
        raise _unusable(unusable)
    # What is finished by now, the message shows from the start; what finishes later has to be told. A repeat may
    # come when the message is out already, so it changes nothing of that.
    fresh = {"$eq": [{"$ifNull": ["$chat", None]}, None]}
    told = {"$cond": [fresh, {"$ne": ["$state", "processing"]}, "$told"]}
    mine = {"chat": chat_id, "client_id": client_id, "told": told, "claimed_at": datetime.now(UTC)}
    for key in keys:
        if not Media.raw().update_one({"_id": key, **usable}, [{"$set": mine}]).matched_count:
            _release_media(keys, chat_id, client_id)  # somebody was a moment quicker
            raise _unusable([key])
    return keys


def count_files(ids: list[ObjectId]) -> int:
    """How many of these are files, the others being pictures: what a chat's list says where there is no text."""
    return Media.raw().count_documents({"_id": {"$in": ids}, "kind": "file"}) if ids else 0


def _unusable(keys: Iterable[ObjectId]) -> Invalid:
    named = ", ".join(sorted(map(str, keys)))
    return Invalid(
        "A picture or file is not yours to send, or was sent before.",
        fields={"attachments": f"{named} cannot be used"},
    )


def _release_media(keys: list[ObjectId], chat_id: ObjectId, client_id: str) -> None:
    reserved = {"_id": {"$in": keys}, "chat": chat_id, "client_id": client_id, "message": None}
    Media.raw().update_many(reserved, {"$unset": {"chat": 1, "client_id": 1, "claimed_at": 1}})


def set_profile_picture(user_id: ObjectId, media_id: str, profile_of: str) -> None:
    """Give one's upload to a profile (`user:<id>` or `chat:<id>`), which shows it as soon as it is ready."""
    key = object_id(media_id)
    query: Doc = {"_id": key, "owner": user_id, "chat": None, "state": {"$ne": "failed"}, "dropped": {"$ne": True}}
    query |= {"profile_of": {"$in": [None, profile_of]}, "kind": {"$ne": "file"}}
    asked = {"profile_of": profile_of, "profile_at": datetime.now(UTC), "told": False, "outcome": ObjectId()}
    if not Media.raw().update_one(query, {"$set": asked}).matched_count:
        raise Invalid("That picture cannot be used.", fields={"avatar": "is no picture of yours that is free"})
    tell_media(key)


def process_media(media_id: ObjectId) -> None:
    """A worker's turn: prepare and store the picture, or store the file, then tell. Running it twice is harmless."""
    media = _claim_turn(media_id)
    if media and media["tries"] >= MOST_TRIES:  # its workers died, each time
        _fail(media, f"The {kind_of(media)} could not be prepared.")
    elif media:
        _take_turn(media)
    tell_media(media_id)


def _take_turn(media: Doc) -> None:
    try:
        with spool().open_download_stream(media["spool"]) as spooled:
            stored = _store_file(media, spooled) if is_file(media) else _store_picture(media, spooled)
        _end_stored(media, stored)
    except NoFile:
        _fail(media, "The upload was not kept.")
    except PictureRefused as refusal:
        _fail(media, str(refusal))
    except media_store.MediaRefused as refusal:
        logger.warning("upload %s refused by the media service: %s", media["_id"], refusal)
        _fail(media, f"The {kind_of(media)} service did not take it.")
    except (media_store.MediaUnavailable, RuntimeError) as error:  # or the child could not be run
        _try_later(media, str(error))


def _claim_turn(media_id: ObjectId) -> Doc | None:
    now = datetime.now(UTC)
    pieces = {"$floor": {"$divide": ["$bytes", media_store.PIECE]}}  # beside the first; each may take its time
    due = {"$add": [now + CLAIM, {"$multiply": [pieces, CLAIM // timedelta(milliseconds=1)]}]}
    return Media.raw().find_one_and_update(
        {"_id": media_id, **UNFINISHED, "due": {"$lte": now}},
        [{"$set": {"due": due, "tries": {"$add": ["$tries", 1]}}}],
    )


def _store_picture(media: Doc, spooled: IO[bytes]) -> Doc:
    picture = prepare_in_child(spooled.read())
    failpoint("media.before_upload")
    stored = media_store.store().upload(picture.data, media["public_id"])
    failpoint("media.after_upload")
    return {
        "content_type": picture.content_type,
        "bytes": stored.bytes,
        "version": stored.version,
        "format": stored.format,
        "width": stored.width,
        "height": stored.height,
        "placeholder": picture.placeholder,
        "moving": picture.moving,
    }


def _store_file(media: Doc, spooled: IO[bytes]) -> Doc:
    failpoint("media.before_upload")
    stored = media_store.store().upload_file(spooled, media["bytes"], media["public_id"])
    failpoint("media.after_upload")
    return {"version": stored.version}


def _end_stored(media: Doc, stored: Doc) -> None:
    if _finish(media, {"state": "ready", "spool": None, **stored}):
        failpoint("media.after_finish")
        _forget_spool(media)
    else:
        _take_back(media)


def _take_back(media: Doc) -> None:
    """Its message was deleted while this worker stored it: whoever dropped it came too early to remove it."""
    current = media_by_id(media["_id"])
    if not current or current.get("dropped"):
        media_store.store().destroy(media["public_id"], resource_type(media))


def _fail(media: Doc, reason: str) -> None:
    _finish(media, {"state": "failed", "reason": reason})


def _finish(media: Doc, fields: Doc) -> bool:
    """One atomic step against the sending of the message: one of the two sees the other's mark. Each outcome has an
    id of its own, so that a second failure is told like the first."""
    query = {"_id": media["_id"], **UNFINISHED}
    done = {**fields, "told": False, "outcome": ObjectId()}
    return Media.raw().update_one(query, {"$set": done}).modified_count == 1


def _try_later(media: Doc, error: str) -> None:
    tries = media["tries"] + 1
    logger.warning("upload %s waits (try %s): %s", media["_id"], tries, error)
    if tries >= MOST_TRIES:
        _fail(media, f"The {kind_of(media)} service cannot be reached.")
        return
    due = datetime.now(UTC) + timedelta(seconds=min(2**tries, 300))
    Media.raw().update_one({"_id": media["_id"], **UNFINISHED}, {"$set": {"due": due}})


def _forget_spool(media: Doc) -> None:
    with contextlib.suppress(NoFile):
        spool().delete(media["spool"])


def tell_media(media_id: ObjectId) -> None:
    """The message or profile of what is finished shows how it ended, and pages hear of it; once for each outcome."""
    media = media_by_id(media_id)
    if not media or media["state"] == "processing" or media.get("told"):
        return
    if media.get("message"):
        cause = f"media.{media['outcome']}"
        body = {"target": media["message"]}
        append(Draft(media["chat"], "media", media["owner"], cause, body, said=cause, allow=lambda _: None))
    elif media.get("profile_of"):
        if media["state"] == "ready":  # else the one before stays, and this one may be tried again
            show_profile_picture(media)
        events.self_changed(media["owner"])
    else:
        return
    Media.raw().update_one({"_id": media_id, "outcome": media["outcome"]}, {"$set": {"told": True}})


def sweep_media() -> None:
    """Take up pictures and files whose bell was lost, and outcomes that nobody was told of."""
    for media_id in waiting_media(datetime.now(UTC) - timedelta(seconds=2)):
        events.media_uploaded(media_id)
    for media_id in untold_media():
        try:
            tell_media(media_id)
        except PyMongoError:  # the others would fare no better
            raise
        except Exception:  # an odd one must not keep the others from being told, at each sweep
            logger.exception("how upload %s ended cannot be told", media_id)


def destroy_media(media_id: ObjectId) -> None:
    """Remove a picture or file that nothing shows, at the service and here. Repeatable.

    Dropped first, so that no message takes it and no worker finishes it from here on. While a worker may be storing it
    its record stays, so that maintenance removes what a worker left that died right after.
    """
    media = _drop(media_id)
    if not media:
        return
    media_store.store().destroy(media["public_id"], resource_type(media))
    if media.get("spool"):
        _forget_spool(media)
    if media["state"] != "processing" or media["due"] <= datetime.now(UTC):
        Media.raw().delete_one({"_id": media_id, "dropped": True})


def _drop(media_id: ObjectId) -> Doc | None:
    claimed_long_ago = {"$or": [{"claimed_at": None}, {"claimed_at": {"$lt": datetime.now(UTC) - SETTLED}}]}
    unshown: Doc = {"_id": media_id, "message": None, "profile_of": None}
    free = {"$or": [{"dropped": True}, {"chat": None}, claimed_long_ago]}
    return Media.raw().find_one_and_update({**unshown, **free}, {"$set": {"dropped": True}})


def open_media(user_id: ObjectId, media_id: str, size: Size) -> media_store.Download:
    """The bytes of a picture that the user may see. Raises NotFound, also while it is not ready.

    `still` is the first frame, which Cloudinary gives for a moving picture asked for as a PNG.
    """
    media = _ready_media(user_id, media_id)
    if is_file(media):
        raise NotFound()
    if media.get("profile_of") and media.get("moving") and size == "thumb":
        size = "still"  # a list of faces that move is nobody's wish
    format = "png" if size == "still" else media["format"]
    width = None if size == "full" else THUMB_WIDTH
    return media_store.store().open(media["public_id"], media["version"], format, width=width)


def open_file(user_id: ObjectId, media_id: str, part: Callable[[int], tuple[int, int] | None]) -> OpenFile:
    """A file that the user may see. `part` is told its bytes, and says which are wanted, None for all.

    Raises NotFound as open_media does, also for a picture.
    """
    media = _ready_media(user_id, media_id)
    if not is_file(media):
        raise NotFound()
    wanted = part(media["bytes"])
    download = media_store.store().open_file(media["public_id"], media["version"], media["bytes"], part=wanted)
    return OpenFile(media["name"], media["bytes"], wanted if download.partial else None, download)


def _ready_media(user_id: ObjectId, media_id: str) -> Doc:
    media = access.get_media_for(user_id, media_id)
    if media["state"] != "ready":
        raise NotFound()
    return media


def open_stored(media: Doc) -> media_store.Download:
    """All of what is stored, for whoever may have everything: backups and exports."""
    if is_file(media):
        return media_store.store().open_file(media["public_id"], media["version"], media["bytes"])
    return media_store.store().open(media["public_id"], media["version"], media["format"], width=None)


def store_again(media: Doc, stream: IO[bytes]) -> None:
    """Put what a backup has of it into the service, under its id. Raises what the service does."""
    if is_file(media):
        changes: Doc = {"version": media_store.store().upload_file(stream, media["bytes"], media["public_id"]).version}
    else:
        stored = media_store.store().upload(stream.read(), media["public_id"])
        changes = {"version": stored.version, "format": stored.format}
    Media.raw().update_one({"_id": media["_id"]}, {"$set": changes})
