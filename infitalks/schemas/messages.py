"""Messages and log entries in JSON. What an entry shows is joined here, in three reads for any number of entries."""

import re
import unicodedata
from collections.abc import Iterable
from typing import Annotated, Literal

from bson import ObjectId
from pydantic import AfterValidator, Field, model_validator

from infitalks.access import seen_filter
from infitalks.models.database import Doc
from infitalks.models.log import ABOUT_MESSAGES, entries_by_id, top_of, waiting_about
from infitalks.models.media import media_by_ids
from infitalks.models.threads import count_replies
from infitalks.models.users import public_users
from infitalks.models.webhooks import bots_hearing
from infitalks.schemas.base import ClientId, Id, In, Limit, Out, Query, Seq, Time
from infitalks.schemas.cards import CardOut, can_be_pressed, card_out
from infitalks.schemas.folding import fold
from infitalks.schemas.media import AttachmentOut, attachment_out
from infitalks.schemas.users import UserOut, user_out

LONGEST_TEXT = 16_000  # characters; the outer limit is the event size, beyond which pages fetch
MOST_ATTACHMENTS = 10
MOST_FACES = 3  # beside a thread's count


_KEYCAP = re.compile("[#*0-9]\ufe0f?\u20e3")


def _check_emoji(emoji: str) -> str:
    # It becomes a key of a stored document, so "." and "$" are out, and so are letters, blanks and what is unseen.
    if not _KEYCAP.fullmatch(emoji) and any(_is_text(char) for char in emoji):
        raise ValueError("must be one emoji")
    return emoji


def _is_text(char: str) -> bool:
    if char in "\u200d\u2139" or "\U000e0020" <= char <= "\U000e007f":  # the joiner, ℹ, the tags of flags
        return False
    category = unicodedata.category(char)
    return char.isascii() or char == "\ufffd" or category[0] in "LZ" or category in ("Cc", "Cf", "Co", "Cs")


Text = Annotated[str, Field(max_length=LONGEST_TEXT)]
Ids = Annotated[str, Field(pattern=r"^[0-9a-f]{24}(,[0-9a-f]{24}){0,99}$")]
Emoji = Annotated[str, Field(min_length=1, max_length=16), AfterValidator(_check_emoji)]


class MessageIn(In):
    chat_id: Id
    client_id: ClientId
    text: Text = ""
    attachments: Annotated[list[Id], Field(max_length=MOST_ATTACHMENTS)] = []
    reply_to: Id | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "MessageIn":
        if not self.text.strip() and not self.attachments:
            raise ValueError("text or attachments: one of them has to be there")
        if len(set(self.attachments)) != len(self.attachments):
            raise ValueError("attachments: the same picture twice")
        return self


class EditIn(In):
    text: Annotated[Text, Field(min_length=1)]
    client_id: ClientId | None = None


class ReactionPath(In):
    """The emoji in a reaction's path."""

    emoji: Emoji


class LogQuery(Query):
    before: Seq | None = None
    after: Seq | None = None
    limit: Limit = 50

    @model_validator(mode="after")
    def _one_way(self) -> "LogQuery":
        if self.before is not None and self.after is not None:
            raise ValueError("before and after exclude each other")
        return self


class MessagesQuery(LogQuery):
    """`ids`: these of the chat's messages, in place of a page of it; up to 100, with commas between them."""

    chat: Id
    ids: Ids | None = None

    @model_validator(mode="after")
    def _ids_or_a_page(self) -> "MessagesQuery":
        if self.ids is not None and not {"before", "after", "limit"}.isdisjoint(self.model_fields_set):
            raise ValueError("ids excludes before, after and limit")
        return self


class ViaOut(Out):
    """The name that a bot's sender gave; never the author."""

    name: str | None = None
    icon_url: str | None = None
    icon_emoji: str | None = None


class ReactionOut(Out):
    emoji: str
    users: list[Id]


class PinOut(Out):
    """Who pinned it last, and when."""

    by: UserOut
    at: Time


class RepliesOut(Out):
    """What followed on a thread's first message, as entry `as_of` of the chat left it; `users`: the first three."""

    count: int
    last_at: Time
    users: list[UserOut]
    as_of: int


class MessageOut(Out):
    """`thread`: of a reply the id of the first message of its thread. `replies`: of such a first one, in answers to
    whoever may see them; live events, which are the same for all, leave it out (null)."""

    id: Id
    chat_id: Id
    seq: int
    author: UserOut
    via: ViaOut | None
    text: str
    html: str
    mentions: list[Id] = []
    mentions_all: bool = False
    cards: list[CardOut]
    attachments: list[AttachmentOut]
    reply_to: Id | None
    thread: Id | None = None
    replies: RepliesOut | None = None
    reactions: list[ReactionOut]
    pinned: PinOut | None = None
    edited_at: Time | None
    deleted: bool
    created_at: Time
    client_id: str


class EntryOut(Out):
    """`message` with kinds about messages, the next three with kind member, `changes` with kind chat."""

    chat_id: Id
    seq: int
    n: int
    kind: Literal["message", "edit", "delete", "reaction", "pin", "media", "member", "chat"]
    at: Time
    author: UserOut
    message: MessageOut | None = None
    action: Literal["created", "added", "removed", "left", "role"] | None = None
    user: UserOut | None = None
    role: Literal["owner", "member"] | None = None
    changes: dict[str, str | int | None] | None = None


class LogOut(Out):
    entries: list[EntryOut]
    through: int
    has_more: bool
    last_seq: int


class MessagesOut(Out):
    messages: list[MessageOut]
    has_more: bool
    as_of: int


class PinsOut(Out):
    """At most 100, those pinned last first; each says so in `pinned`."""

    messages: list[MessageOut]


class Shown:
    """Joins what entries refer to: the messages as they now are, users and pictures."""

    def __init__(self, docs: Iterable[Doc], viewer: Doc | None = None) -> None:
        self.docs = list(docs)
        self.messages = self._messages()
        self.through, self.replies = self._replies(viewer) if viewer else (0, {})
        self.media = _media_of(self.messages.values())
        self.users = {key: user_out(doc) for key, doc in public_users(self._user_ids()).items()}
        self.hearing = self._bots_hearing()

    def _messages(self) -> dict[ObjectId, Doc]:
        found = {doc["_id"]: doc for doc in self.docs if doc["kind"] == "message"}
        named = {doc["target"] for doc in self.docs if doc["kind"] in ABOUT_MESSAGES} - found.keys()
        if named:
            found.update(entries_by_id(named))
        # What a writer appended but died before applying is shown all the same.
        for entry in waiting_about(list(found)) if found else ():
            found[entry["target"]] = fold(found[entry["target"]], entry)
        return found

    def _replies(self, viewer: Doc) -> tuple[int, dict[ObjectId, list[Doc]]]:
        """What the member sees of the threads that these messages began, by root, in the order of their authors."""
        through = top_of(viewer["chat"]).seq
        roots = [key for key, doc in self.messages.items() if not doc.get("thread") and doc["chat"] == viewer["chat"]]
        found: dict[ObjectId, list[Doc]] = {}
        if roots:
            rows = count_replies(viewer["chat"], roots, seen_filter(viewer["intervals"]), through)
            for row in sorted(rows, key=lambda row: row["first"]):
                found.setdefault(row["root"], []).append(row)
        return through, found

    def _replies_out(self, root: ObjectId) -> RepliesOut | None:
        rows = self.replies.get(root)
        if not rows:
            return None
        return RepliesOut(
            count=sum(row["count"] for row in rows),
            last_at=max(row["last_at"] for row in rows),
            users=[self.users[row["author"]] for row in rows[:MOST_FACES]],
            as_of=self.through,
        )

    def _user_ids(self) -> set[ObjectId]:
        ids = {row["author"] for rows in self.replies.values() for row in rows[:MOST_FACES]}
        ids |= {doc["author"] for doc in (*self.docs, *self.messages.values())}
        ids |= {doc["pin"]["by"] for doc in self.messages.values() if _is_pinned(doc)}
        return ids | {doc["user"] for doc in self.docs if doc.get("user")}

    def _bots_hearing(self) -> dict[ObjectId, bool]:
        """Of the authors of buttons, which are rare: mostly nothing is read for this."""
        asking = {doc["author"] for doc in self.messages.values() if can_be_pressed(doc.get("cards"))}
        return bots_hearing(asking) if asking else {}

    def message(self, message_id: ObjectId) -> MessageOut:
        doc = self.messages[message_id]
        out = _message_out(doc, self.users[doc["author"]], self.media, self.hearing.get(doc["author"]))
        out.replies = self._replies_out(message_id)
        if _is_pinned(doc):
            out.pinned = PinOut(by=self.users[doc["pin"]["by"]], at=doc["pin"]["at"])
        return out

    def entry(self, doc: Doc) -> EntryOut:
        out = EntryOut(
            chat_id=str(doc["chat"]),
            seq=doc["seq"],
            n=doc["n"],
            kind=doc["kind"],
            at=doc["at"],
            author=self.users[doc["author"]],
        )
        if doc["kind"] == "message":
            out.message = self.message(doc["_id"])
        elif doc["kind"] in ABOUT_MESSAGES:
            out.message = self.message(doc["target"])
        elif doc["kind"] == "member":
            out.action, out.role = doc["action"], doc.get("role")
            out.user = self.users[doc["user"]] if doc.get("user") else None
        else:
            out.changes = doc["changes"]
        return out


def _is_pinned(message: Doc) -> bool:
    return bool((message.get("pin") or {}).get("on"))


def _media_of(messages: Iterable[Doc]) -> dict[ObjectId, Doc]:
    attached = {media for doc in messages for media in doc.get("attachments", ())}
    return media_by_ids(attached) if attached else {}


def _message_out(doc: Doc, author: UserOut, media: dict[ObjectId, Doc], hears: bool | None = None) -> MessageOut:
    return MessageOut(
        id=str(doc["_id"]),
        chat_id=str(doc["chat"]),
        seq=doc["seq"],
        author=author,
        via=ViaOut(**doc["via"]) if doc.get("via") else None,
        text=doc.get("text") or "",
        html=doc.get("html") or "",
        mentions=[str(key) for key in doc.get("mentions") or ()],
        mentions_all=bool(doc.get("mentions_all")),
        cards=[card_out(card, hears) for card in doc.get("cards") or ()],
        attachments=[attachment_out(media[key]) for key in doc.get("attachments", ()) if key in media],
        reply_to=str(doc["reply_to"]) if doc.get("reply_to") else None,
        thread=str(doc["thread"]) if doc.get("thread") else None,
        reactions=_reactions(doc.get("reactions") or {}),
        edited_at=doc.get("edited_at"),
        deleted=doc.get("deleted_seq") is not None,
        created_at=doc["at"],
        client_id=doc["client_id"],
    )


def sent_out(message: Doc, author: Doc) -> MessageOut:
    """A message that its author has sent just now, about which nothing else can have happened yet."""
    return _message_out(message, user_out(author), _media_of([message]))


def entries_out(docs: Iterable[Doc], viewer: Doc | None = None) -> list[EntryOut]:
    """Stored entries, raw, as JSON shapes. With replies where `viewer`, a membership of their chat, is told of them."""
    shown = Shown(docs, viewer)
    return [shown.entry(doc) for doc in shown.docs]


def messages_out(docs: Iterable[Doc], viewer: Doc | None = None) -> list[MessageOut]:
    """Stored messages, raw, as JSON shapes, as they now are. `viewer`: as in entries_out."""
    shown = Shown(docs, viewer)
    return [shown.message(doc["_id"]) for doc in shown.docs]


def messages_by_id(docs: Iterable[Doc], viewers: dict[ObjectId, Doc]) -> dict[ObjectId, MessageOut]:
    """Messages of several chats, each told to who has this membership of its chat."""
    by_chat: dict[ObjectId, list[Doc]] = {}
    for doc in docs:
        by_chat.setdefault(doc["chat"], []).append(doc)
    shown = [message for chat, some in by_chat.items() for message in messages_out(some, viewers[chat])]
    return {ObjectId(message.id): message for message in shown}


def _reactions(stored: dict[str, dict[str, Doc]]) -> list[ReactionOut]:
    users: dict[str, list[tuple[int, str]]] = {}
    for user, emojis in stored.items():
        for emoji, mark in emojis.items():
            if mark["on"]:
                users.setdefault(emoji, []).append((mark["k"], user))
    ordered = sorted(users.items(), key=lambda item: min(item[1]))
    return [ReactionOut(emoji=emoji, users=[user for _, user in sorted(marks)]) for emoji, marks in ordered]
