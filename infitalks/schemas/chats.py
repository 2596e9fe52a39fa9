"""Chats and their members in JSON."""

from collections.abc import Iterable
from typing import Annotated, Literal

from bson import ObjectId
from pydantic import AfterValidator, Field, model_validator

from infitalks.access import visible
from infitalks.models.chats import member_counts, others_in_direct
from infitalks.models.database import Doc
from infitalks.models.mentions import count_mentions
from infitalks.models.users import is_away, public_users, tells_reading
from infitalks.schemas.base import Days, Id, In, Limit, Name, Out, Query, Seq, Time, clean_name
from infitalks.schemas.ephemerals import EphemeralOut
from infitalks.schemas.messages import MessageOut
from infitalks.schemas.notifications import Level
from infitalks.schemas.paging import PageQuery
from infitalks.schemas.users import UserOut, avatar_url, user_out

MOST_MEMBERS_AT_ONCE = 100
Ids = Annotated[list[Id], Field(max_length=MOST_MEMBERS_AT_ONCE)]
Role = Literal["owner", "member"]


def _clean_topic(text: str) -> str:
    return clean_name(text) if text.strip() else ""


Topic = Annotated[str, Field(max_length=250), AfterValidator(_clean_topic)]


class ChatIn(In):
    """A direct chat has `user_id`, a group `name` and `member_ids` (its maker need not be among them)."""

    kind: Literal["direct", "group"]
    user_id: Id | None = None
    name: Name | None = None
    member_ids: Ids = []

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "ChatIn":
        if self.kind == "direct" and (not self.user_id or self.name or self.member_ids):
            raise ValueError("a direct chat has user_id and nothing else")
        if self.kind == "group" and (not self.name or self.user_id):
            raise ValueError("a group has name and member_ids, not user_id")
        return self


class ChatPatchIn(In):
    """Owners change name, topic, avatar and retention_days for all; muted, favourite and level (of which messages
    it notifies; null: as its size says) are one's own. Messages older than retention_days are blanked for ever, so that
    fewer of them are refused without `sure`; null: as long as the site keeps messages."""

    name: Name | None = None
    topic: Topic | None = None
    avatar: Id | None = None
    retention_days: Days | None = None
    sure: bool = False
    muted: bool | None = None
    favourite: bool | None = None
    level: Level | None = None


class RetentionIn(Query):
    """A page's form, whose fields arrive as text: a number of days, or as long as the site keeps messages. `sure`: as
    in ChatPatchIn."""

    retention_days: Days | None = None
    as_site: bool = False
    sure: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "RetentionIn":
        if (self.retention_days is None) != self.as_site:
            raise ValueError("retention_days or as_site: one of them has to be there")
        return self


class MembersIn(In):
    user_ids: Annotated[list[Id], Field(min_length=1, max_length=MOST_MEMBERS_AT_ONCE)]


class RoleIn(In):
    role: Role


class ReadIn(In):
    seq: Seq


class SyncIn(In):
    chats: Annotated[dict[Id, Seq], Field(max_length=2000)]


class ChatsQuery(PageQuery):
    limit: Limit = 50


class ChatQuery(Query):
    limit: Limit = 50


class LastMessageOut(Out):
    """A line for the chat list; `text` is cut. `files`: so many of the attachments are no pictures."""

    id: Id
    seq: int
    author: UserOut
    text: str
    attachments: int
    files: int
    deleted: bool
    created_at: Time


class ChatOut(Out):
    """`name` of a direct chat is the other's display name, `other` that person, `online` whether they are here, `away`
    whether they are but have not moved for a while.
    `retention_days`: after which its messages are blanked, if the site does not do it sooner."""

    id: Id
    kind: Literal["direct", "group"]
    name: str
    topic: str
    avatar_url: str | None
    other: UserOut | None
    online: bool
    away: bool
    member_count: int
    role: Role
    last_seq: int
    last_message: LastMessageOut | None
    last_at: Time
    read_seq: int
    unread: int
    mentions: int
    muted: bool
    favourite: bool
    level: Level | None
    retention_days: int | None


class ChatsOut(Out):
    chats: list[ChatOut]
    next: str | None


class MemberOut(Out):
    """`read_seq` is null where somebody else does not want it known."""

    user: UserOut
    role: Role
    read_seq: int | None
    online: bool
    away: bool


class ChatDetailOut(ChatOut):
    members: list[MemberOut]
    messages: list[MessageOut]
    has_more: bool
    as_of: int


class ReadOut(Out):
    read_seq: int
    unread: int


class SyncOut(Out):
    """`channels`: those to listen on, as GET /api/realtime names them, for a page that missed that they moved."""

    changed: list[ChatOut]
    gone: list[Id]
    channels: list[str]
    ephemerals: list[EphemeralOut]


def chats_out(chats: list[Doc], memberships: dict[ObjectId, Doc], user_id: ObjectId) -> list[ChatOut]:
    """Stored chats, raw, as the member `user_id` sees them; four reads for any number of chats."""
    if not chats:
        return []
    ids = [chat["_id"] for chat in chats]
    counts = member_counts(ids)
    others = others_in_direct([chat["_id"] for chat in chats if chat["kind"] == "direct"], user_id)
    authors = {chat["last_message"]["author"] for chat in chats if chat.get("last_message")}
    users = public_users(authors | set(others.values()))
    unread = {chat["_id"]: memberships[chat["_id"]] for chat in chats if _unread(chat, memberships[chat["_id"]])}
    mentions = count_mentions(user_id, {key: membership["read_seq"] for key, membership in unread.items()})

    def shown(chat: Doc) -> ChatOut:
        key = chat["_id"]
        return _chat_out(chat, memberships[key], counts, users, others.get(key), mentions.get(key, 0))

    return [shown(chat) for chat in chats]


def _unread(chat: Doc, membership: Doc) -> int:
    return max(0, int(chat["n"]) - int(membership["read_n"]))


def _chat_out(
    chat: Doc,
    membership: Doc,
    counts: dict[ObjectId, int],
    users: dict[ObjectId, Doc],
    other: ObjectId | None,
    mentions: int,
) -> ChatOut:
    partner = users.get(other) if other else None
    return ChatOut(
        id=str(chat["_id"]),
        kind=chat["kind"],
        name=partner["display_name"] if partner else (chat.get("name") or ""),
        topic=chat.get("topic") or "",
        avatar_url=avatar_url(partner.get("avatar") if partner else chat.get("avatar")),
        other=user_out(partner) if partner else None,
        online=bool(partner and partner.get("online")),
        away=is_away(partner),
        member_count=counts.get(chat["_id"], 0),
        role=membership["role"],
        last_seq=chat["last_seq"],
        last_message=_last_message(chat.get("last_message"), membership, users),
        last_at=chat["last_at"],
        read_seq=membership["read_seq"],
        unread=_unread(chat, membership),
        mentions=mentions,
        muted=membership.get("muted", False),
        favourite=membership.get("favourite", False),
        level=membership.get("level"),
        retention_days=chat.get("retention_days"),
    )


def _last_message(stored: Doc | None, membership: Doc, users: dict[ObjectId, Doc]) -> LastMessageOut | None:
    if not stored or not visible(stored["seq"], membership["intervals"]):
        return None
    return LastMessageOut(
        id=str(stored["id"]),
        seq=stored["seq"],
        author=user_out(users[stored["author"]]),
        text=stored["text"],
        attachments=stored["attachments"],
        files=stored.get("files") or 0,
        deleted=stored["deleted"],
        created_at=stored["at"],
    )


def members_out(memberships: Iterable[Doc], user_id: ObjectId | None = None) -> list[MemberOut]:
    """Stored memberships, raw, with their users, as `user_id` may see them."""
    rows = list(memberships)
    users = public_users([row["user"] for row in rows])
    return [
        MemberOut(
            user=user_out(users[row["user"]]),
            role=row["role"],
            read_seq=row["read_seq"] if row["user"] == user_id or tells_reading(users[row["user"]]) else None,
            online=bool(users[row["user"]].get("online")),
            away=is_away(users[row["user"]]),
        )
        for row in rows
    ]
