"""Notifications in JSON: what notified somebody, and why something did or did not."""

from collections.abc import Iterable
from typing import Annotated, Literal

from bson import ObjectId
from pydantic import Field

from infitalks.models.database import Doc
from infitalks.schemas.base import Id, Out, Query, Time
from infitalks.schemas.messages import MessageOut, messages_out
from infitalks.schemas.users import UserOut

LONGEST_TEXT = 140

Level = Literal["all", "mentions", "none"]
# These notify …
Because = Literal["direct", "mention", "mention_all", "reply", "thread", "keyword", "every_message"]
# … and these are why something did not. joined_later: not there yet when it was said. unknown: nothing is stored of
# it, as it was imported, is older than 30 days or has not been told yet.
Silence = Literal[
    "own",
    "muted",
    "level_none",
    "mentions_only",
    "large_chat",
    "already_read",
    "do_not_disturb",
    "joined_later",
    "unknown",
]
Reason = Because | Silence


class NotificationsQuery(Query):
    """`after`: the id of the newest message that one knows of."""

    after: Id | None = None
    limit: Annotated[int, Field(ge=1, le=100)] = 50


class SummaryOut(Out):
    """`text` is cut. `chat_name`: a group's; null: a direct chat, which has its author's."""

    message_id: Id
    chat_id: Id
    seq: int
    chat_name: str | None
    author: UserOut
    text: str
    attachments: int
    at: Time


class NotificationOut(SummaryOut):
    reason: Because


class ListedNotificationOut(NotificationOut):
    read: bool


class NotificationsOut(Out):
    """The newest first."""

    notifications: list[ListedNotificationOut]


class WhyOut(Out):
    """`at`: when it was decided, once for all, as the message was sent. An edit notifies nobody anew, also where it
    calls somebody whom the message did not call before."""

    notified: bool
    reason: Reason
    at: Time | None


def why_of(row: Doc, user_id: ObjectId) -> Because | None:
    """Why a stored decision notified the user; None where it did not."""
    return next((each["why"] for each in row["told"] if user_id in each["users"]), None)


def summaries_out(messages: Iterable[Doc], chats: dict[ObjectId, Doc]) -> dict[ObjectId, SummaryOut]:
    """Of stored messages, raw, by id; less those that are deleted. `chats`: theirs."""
    docs = list(messages)
    shown = zip(docs, messages_out(docs), strict=True)
    return {doc["_id"]: _summary_out(said, chats[doc["chat"]]) for doc, said in shown if not said.deleted}


def _summary_out(said: MessageOut, chat: Doc) -> SummaryOut:
    return SummaryOut(
        message_id=said.id,
        chat_id=said.chat_id,
        seq=said.seq,
        chat_name=chat.get("name") if chat["kind"] == "group" else None,
        author=said.author,
        text=said.text[:LONGEST_TEXT],
        attachments=len(said.attachments),
        at=said.created_at,
    )
