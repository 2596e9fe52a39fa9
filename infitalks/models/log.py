"""The log: everything that happens in a chat is one entry of it, numbered 1, 2, 3 … without a hole.

An entry: {_id, chat, seq, n, m, kind, author, at, client_id, hash, body…, out}. `n` counts the messages up to and
including it, `m` is the seq of the last member entry up to and including it. `out` is its row in the outbox: state
new (to be told), done or dead, due (by the database's clock), tries, and until it is told the request that made it. A
message is an entry of kind message; its id is the message's.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from bson import MinKey, ObjectId
from mongoengine import BooleanField, DateTimeField, DictField, IntField, ListField, ObjectIdField, StringField

from infitalks.models.database import Doc, Stored

KINDS = ("message", "edit", "delete", "reaction", "pin", "media", "member", "chat")
ABOUT_MESSAGES = ("edit", "delete", "reaction", "pin", "media")
AT_ONCE = datetime.fromtimestamp(0, UTC)  # due, whatever any clock says


class Entry(Stored):
    """What all kinds have, and the fields of a message. Other kinds' fields: `actions/` that appends them."""

    chat = ObjectIdField(required=True)
    seq = IntField(required=True)
    n = IntField(required=True)
    m = IntField(required=True)
    kind = StringField(required=True, choices=KINDS)
    author = ObjectIdField(required=True)
    at = DateTimeField(required=True)
    client_id = StringField(required=True)
    hash = StringField(required=True)
    out = DictField(required=True)
    target = ObjectIdField()  # edit, delete, reaction, pin, media: the message it is about
    text = StringField()
    html = StringField()
    mentions = ListField(ObjectIdField())  # the members whom the text calls by name; only where there are some
    mentions_all = BooleanField()  # it calls all of them
    attachments = ListField(ObjectIdField())
    files = IntField()  # so many of them are no pictures
    cards = ListField(DictField())  # schemas.cards.CardOut, without its defaults
    reply_to = ObjectIdField()
    thread = ObjectIdField()  # a reply's: the first message of the chain; deletion leaves it
    via = DictField()
    reactions = DictField()  # user id -> emoji -> {k: seq, on: bool}
    pin = DictField()  # {k: seq, on: bool, by: user, at}: the last entry that pinned it, or took the pin away
    first = DictField()  # {text, html, cards} before the first edit
    edit_seq = IntField()
    edited_at = DateTimeField()
    deleted_seq = IntField()

    meta = {"collection": "log"}


class Top(NamedTuple):
    """The newest entry's numbers; all 0 where the log is empty."""

    seq: int
    n: int
    m: int


def top_of(chat_id: ObjectId) -> Top:
    found = Entry.raw().find_one({"chat": chat_id}, {"seq": 1, "n": 1, "m": 1}, sort=[("seq", -1)])
    return Top(found["seq"], found["n"], found["m"]) if found else Top(0, 0, 0)


def tops_of(chat_ids: Iterable[ObjectId]) -> dict[ObjectId, Top]:
    """The tops of these chats, whose number is small: each is one step of an index."""
    return {chat_id: top_of(chat_id) for chat_id in chat_ids}


def entry_by_id(entry_id: ObjectId) -> Doc | None:
    return Entry.raw().find_one({"_id": entry_id})


def entries_by_id(ids: Iterable[ObjectId]) -> dict[ObjectId, Doc]:
    return {doc["_id"]: doc for doc in Entry.raw().find({"_id": {"$in": list(ids)}})}


def entry_by_client_id(chat_id: ObjectId, author: ObjectId, client_id: str) -> Doc | None:
    return Entry.raw().find_one({"chat": chat_id, "author": author, "client_id": client_id})


def entries_after(chat_id: ObjectId, seen: Doc, after: int, limit: int) -> list[Doc]:
    """Ascending from `after`, of those that the filter `seen` (access.seen_filter) lets pass."""
    query = {"$and": [{"chat": chat_id, "seq": {"$gt": after}}, seen]}
    return list(Entry.raw().find(query).sort("seq", 1).limit(limit))


def entries_before(chat_id: ObjectId, seen: Doc, before: int | None, limit: int) -> list[Doc]:
    """The newest ones below `before` (None: of all), ascending."""
    below = {} if before is None else {"seq": {"$lt": before}}
    query = {"$and": [{"chat": chat_id, **below}, seen]}
    return list(Entry.raw().find(query).sort("seq", -1).limit(limit))[::-1]


def only_messages(seen: Doc) -> Doc:
    return {"$and": [seen, {"kind": "message"}]}


_PINNED = {"pin.on": True}  # as the index `pinned` has it


def pinned_in(chat_id: ObjectId, seen: Doc, limit: int) -> list[Doc]:
    """The chat's pinned messages, those pinned last first."""
    query = {"$and": [{"chat": chat_id, **_PINNED}, seen]}
    return list(Entry.raw().find(query).sort("pin.k", -1).limit(limit))


def count_pinned(chat_id: ObjectId) -> int:
    return Entry.raw().count_documents({"chat": chat_id, **_PINNED})


def member_entries(chat_id: ObjectId, after: int) -> list[Doc]:
    return list(Entry.raw().find({"chat": chat_id, "kind": "member", "seq": {"$gt": after}}).sort("seq", 1))


def chat_entries(chat_id: ObjectId) -> list[Doc]:
    """Those that change the chat itself, in order."""
    return list(Entry.raw().find({"chat": chat_id, "kind": "chat"}).sort("seq", 1))


def entry_at(chat_id: ObjectId, seq: int) -> Doc | None:
    return Entry.raw().find_one({"chat": chat_id, "seq": seq})


_DUE = {"out.state": "new", "$expr": {"$lte": ["$out.due", "$$NOW"]}}


def waiting_entries(chat_id: ObjectId, after: int, limit: int) -> list[Doc]:
    """Entries numbered above `after` that are to be told now, in order."""
    query = {"chat": chat_id, "seq": {"$gt": after}, **_DUE}
    # By the index of what waits: the one of all numbers would be read from the chat's first entry on.
    return list(Entry.raw().find(query).sort("seq", 1).limit(limit).hint("waiting"))


def waiting_about(message_ids: list[ObjectId]) -> list[Doc]:
    """Entries about these messages that their writer may not have applied yet, in order."""
    query = {"target": {"$in": message_ids}, "out.state": "new"}
    return list(Entry.raw().find(query).sort("seq", 1))


def edits_of(message_id: ObjectId) -> list[Doc]:
    """In order, applied or not."""
    query = {"target": message_id, "kind": "edit"}
    return list(Entry.raw().find(query).sort("seq", 1))


def chats_with_waiting() -> list[ObjectId]:
    """Chats of which something is to be told now: just appended, rung for in vain, or due again after a failure."""
    stages: list[Doc] = [{"$match": _DUE}, {"$group": {"_id": "$chat"}}]
    return [row["_id"] for row in Entry.raw().aggregate(stages, hint="waiting")]


def chat_after(chat_id: ObjectId | None) -> ObjectId | None:
    """The chat whose id is the next larger one, of all that have a log; of None the first. One step of an index."""
    query: Doc = {"chat": {"$gt": MinKey() if chat_id is None else chat_id}}
    found = Entry.raw().find_one(query, {"chat": 1}, sort=[("chat", 1), ("seq", 1)])
    return found["chat"] if found else None


def broken_chats() -> list[ObjectId]:
    """Chats whose entries are not numbered 1, 2, 3 … without a hole. Reads all of the log."""
    count: Doc = {"$group": {"_id": "$chat", "entries": {"$sum": 1}, "top": {"$max": "$seq"}}}
    broken: Doc = {"$match": {"$expr": {"$ne": ["$entries", "$top"]}}}
    return [row["_id"] for row in Entry.raw().aggregate([count, broken], allowDiskUse=True)]


def last_message_in(chat_id: ObjectId) -> Doc | None:
    return Entry.raw().find_one({"chat": chat_id, "kind": "message"}, sort=[("seq", -1)])
