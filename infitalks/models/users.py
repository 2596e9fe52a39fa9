"""People and bots. Not for: who is signed in (sessions) or who is in a chat (chats)."""

import hashlib
from collections.abc import Iterable

from bson import ObjectId
from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    EmbeddedDocument,
    EmbeddedDocumentListField,
    ListField,
    ObjectIdField,
    StringField,
)

from infitalks.models.database import Doc, Stored


class Identity(EmbeddedDocument):
    """An account at a sign-in provider; issuer and subject together are its key, never the address."""

    issuer = StringField(required=True)
    subject = StringField(required=True)
    provider = StringField(required=True)
    linked_at = DateTimeField(required=True)

    meta = {"strict": False}


class User(Stored):
    """`kind` is person or bot. `epoch` names the live channel; changing it ends the old one."""

    kind = StringField(required=True, choices=("person", "bot"))
    username = StringField(required=True)
    display_name = StringField(required=True)
    search = ListField(StringField())  # casefolded username and words of the display name
    email = StringField()
    email_verified = BooleanField(default=False)
    password_hash = StringField()
    identities = EmbeddedDocumentListField(Identity)
    avatar = ObjectIdField()
    avatar_at = DateTimeField()  # when it was asked for, or taken away: what was asked for earlier never replaces it
    is_admin = BooleanField(default=False)
    disabled_at = DateTimeField()
    epoch = StringField(required=True)
    online = BooleanField(default=False)
    away = BooleanField(default=False)  # has pages that listen, and has not moved in any of them for a while
    preferences = DictField()  # what was set of schemas.users.PreferencesOut; the rest is as it says
    token_hash = StringField()
    created_by = ObjectIdField()
    created_at = DateTimeField(required=True)

    meta = {"collection": "users"}


PUBLIC = {"kind": 1, "username": 1, "display_name": 1, "avatar": 1, "online": 1, "away": 1}
PUBLIC |= {"preferences.read_receipts": 1}


def is_away(user: Doc | None) -> bool:
    """Of a stored user, raw: here, but not at it."""
    return bool(user and user.get("online") and user.get("away"))


def tells_reading(user: Doc | None) -> bool:
    """Of a stored user, raw: whether others may know how far they have read."""
    return bool(((user or {}).get("preferences") or {}).get("read_receipts", True))


def secret_hash(token: str) -> str:
    """What is stored of a token of 128 random bits or more; such a token needs no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def user_by_id(user_id: ObjectId) -> User | None:
    return User.objects(id=user_id).first()


def user_by_login(login: str) -> User | None:
    """The person with this e-mail address or username; both are compared in lower case."""
    name = login.strip().lower()
    return User.objects(**{"email" if "@" in name else "username": name, "kind": "person"}).first()


def user_by_email(email: str) -> User | None:
    return User.objects(email=email).first()


def user_by_identity(issuer: str, subject: str) -> User | None:
    return User.objects(identities__match={"issuer": issuer, "subject": subject}).first()


def bot_by_token(token: str) -> User | None:
    return User.objects(token_hash=secret_hash(token), kind="bot").first()


def bots_of(user_id: ObjectId) -> list[User]:
    """The bots that somebody made to give away their tokens, by name; webhooks' own, which nobody finds, are not."""
    mine = {"kind": "bot", "created_by": user_id, "disabled_at": None, "search.0": {"$exists": True}}
    return list(User.objects(__raw__=mine).order_by("username"))


def public_users(ids: Iterable[ObjectId]) -> dict[ObjectId, Doc]:
    """What anybody signed in may know of these users, by id."""
    return {doc["_id"]: doc for doc in User.raw().find({"_id": {"$in": list(ids)}}, PUBLIC)}


def enabled_users(ids: Iterable[ObjectId], *, kinds: tuple[str, ...] = ("person", "bot")) -> set[ObjectId]:
    """Those of these users whose account is open."""
    query = {"_id": {"$in": list(ids)}, "kind": {"$in": list(kinds)}, "disabled_at": None}
    return set(User.raw().distinct("_id", query))


def wishes_of(ids: Iterable[ObjectId]) -> dict[ObjectId, Doc]:
    """The stored preferences of those of these users who are people with an open account."""
    query = {"_id": {"$in": list(ids)}, "kind": "person", "disabled_at": None}
    return {doc["_id"]: doc.get("preferences") or {} for doc in User.raw().find(query, {"preferences": 1})}


def live_channels(ids: Iterable[ObjectId]) -> list[str]:
    """The current live channel of each of these users that is not disabled."""
    found = User.raw().find({"_id": {"$in": list(ids)}, "disabled_at": None}, {"epoch": 1})
    return [channel_name(doc["_id"], doc["epoch"]) for doc in found]


def online_channels() -> list[str]:
    """The live channels of all who are shown as online."""
    return [channel_name(doc["_id"], doc["epoch"]) for doc in User.raw().find({"online": True}, {"epoch": 1})]


def channel_name(user_id: ObjectId, epoch: str) -> str:
    return f"private-user-{user_id}-{epoch}"


def search_users(prefix: str, limit: int) -> list[Doc]:
    """People and bots whose username, or a word of whose display name, begins with `prefix`."""
    key = prefix.strip().casefold()
    query: Doc = {"disabled_at": None, "search.0": {"$exists": True}}
    if key:
        query["search"] = {"$elemMatch": {"$gte": key, "$lt": key + "\uffff"}}
    return list(User.raw().find(query, PUBLIC).sort("username", 1).limit(limit))


def users_by_username(names: Iterable[str]) -> list[User]:
    return list(User.objects(username__in=[name.strip().lower() for name in names], disabled_at=None))
