"""Pictures and other files: what was uploaded, where it is kept, and which message shows it.

The bytes wait in GridFS (`spool`)."""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import gridfs
from bson import ObjectId
from mongoengine import BooleanField, DateTimeField, IntField, ObjectIdField, StringField

from infitalks.models.database import Doc, Stored, database


class Media(Stored):
    """`state`: processing, ready or failed. `due`: when a worker may take it up (again)."""

    owner = ObjectIdField(required=True)
    kind = StringField(choices=("picture", "file"))  # those from before there were files have none
    state = StringField(required=True, choices=("processing", "ready", "failed"))
    reason = StringField()
    name = StringField(required=True)
    alt = StringField()  # what it shows, in its owner's words
    content_type = StringField(required=True)
    bytes = IntField(required=True)
    spool = ObjectIdField()
    tries = IntField(default=0)
    due = DateTimeField()
    public_id = StringField(required=True)
    version = IntField()
    format = StringField()
    width = IntField()
    height = IntField()
    placeholder = StringField()
    moving = BooleanField(default=False)  # it has more than one frame
    chat = ObjectIdField()  # where it was sent
    client_id = StringField()  # of the message that took it
    claimed_at = DateTimeField()  # when the message took it
    message = ObjectIdField()
    told = BooleanField(default=False)  # the message's readers know how it ended
    dropped = BooleanField(default=False)  # nobody is to see it any more, and no worker to store it
    outcome = ObjectIdField()  # names how it ended, anew each time
    profile_of = StringField()  # user:<id> or chat:<id> whose picture it is
    profile_at = DateTimeField()  # when it was asked to be
    created_at = DateTimeField(required=True)

    meta = {"collection": "media"}


def kind_of(media: Doc) -> Literal["picture", "file"]:
    """Of media as stored: a picture, or something to be saved."""
    return "file" if media.get("kind") == "file" else "picture"


def is_file(media: Doc) -> bool:
    return kind_of(media) == "file"


def resource_type(media: Doc) -> Literal["image", "raw"]:
    """As what the media service keeps it."""
    return "raw" if is_file(media) else "image"


def media_by_id(media_id: ObjectId) -> Doc | None:
    return Media.raw().find_one({"_id": media_id})


def media_by_ids(ids: Iterable[ObjectId]) -> dict[ObjectId, Doc]:
    return {doc["_id"]: doc for doc in Media.raw().find({"_id": {"$in": list(ids)}})}


def waiting_media(due_before: datetime) -> list[ObjectId]:
    query = {"state": "processing", "dropped": {"$ne": True}, "due": {"$lte": due_before}}
    return [doc["_id"] for doc in Media.raw().find(query, {"_id": 1}).limit(100)]


def untold_media() -> list[ObjectId]:
    """Finished pictures of sent messages and of profiles whose outcome has not been told: any hundred of them, so that
    some that never can be told keep no other from its turn."""
    shown = {"$or": [{"message": {"$ne": None}}, {"profile_of": {"$ne": None}}]}
    query = {"told": False, "state": {"$in": ["ready", "failed"]}, **shown}
    picked: list[Doc] = [{"$match": query}, {"$sample": {"size": 100}}, {"$project": {"_id": 1}}]
    return [doc["_id"] for doc in Media.raw().aggregate(picked)]


def newest_unshown(profile_of: str) -> Doc | None:
    """What was asked for last to be this profile's picture, where it is being prepared or has failed. Of what is shown
    by now, or is to be shown no more, the earlier ones are nobody's."""
    coming = {"profile_of": profile_of, "state": {"$ne": "ready"}, "dropped": {"$ne": True}}
    return Media.raw().find_one(coming, sort=[("profile_at", -1)])


def unattached(created_before: datetime) -> Doc:
    """A query: uploads that no message and no profile took."""
    return {"message": None, "profile_of": None, "created_at": {"$lt": created_before}}


def unclaimed(file_ids: list[ObjectId]) -> list[ObjectId]:
    """Those of these spooled files that no media refers to."""
    used = set(Media.raw().distinct("spool", {"spool": {"$in": file_ids}}))
    return [file_id for file_id in file_ids if file_id not in used]


def spool() -> gridfs.GridFSBucket:
    return gridfs.GridFSBucket(database(), bucket_name="spool")
