"""What a program answers to somebody who asked it, by a command or a button: at once, or later at an address for it.

Not for: answers to events (replies.py), or what an answer to a pressed button may hold beside this (presses.py).
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from infitalks.actions.ephemerals import delete_ephemeral, ephemeral_id, replace_ephemeral, say_to
from infitalks.actions.loops import origin_after
from infitalks.actions.messages import delete_message, edit_message, named_in, send_message
from infitalks.errors import Conflict, InfiTalksError, NotFound, Unavailable
from infitalks.integrations.commands import parser_of
from infitalks.integrations.post import PayloadRefused, Post
from infitalks.integrations.values import is_true
from infitalks.models.chats import membership_id, memberships_by_id
from infitalks.models.database import Doc
from infitalks.models.ephemerals import ephemeral_by_id
from infitalks.models.log import entry_by_client_id
from infitalks.models.responses import Response
from infitalks.models.users import secret_hash
from infitalks.models.webhooks import Webhook, webhook_by_id

MOST_USES = 5
OPEN_FOR = timedelta(minutes=30)
KNOWN_FOR = timedelta(days=1)  # and then it is an address that never was

_public_url = ""


class UrlOver(NotFound):
    """The address is none, or none any more: `word` is Slack's (used_url, expired_url)."""

    def __init__(self, word: str) -> None:
        super().__init__()
        self.word = word


@dataclass(frozen=True)
class Asked:
    """Who asked whom, where, and about what, so that answers reach just them. `message` or `ephemeral` is what an
    answer may replace."""

    webhook: Webhook
    chat: ObjectId
    user: ObjectId
    message: ObjectId | None = None
    ephemeral: ObjectId | None = None


def configure(public_url: str) -> None:
    """Where programs reach the chat. Never by the Host header of who asks: that can be anybody's choice."""
    global _public_url
    _public_url = public_url.rstrip("/")


def open_response(
    webhook: Webhook,
    chat_id: ObjectId,
    user_id: ObjectId,
    *,
    message: ObjectId | None = None,
    ephemeral: ObjectId | None = None,
    delivery: str | None = None,
) -> str:
    """A token to answer with, for half an hour. `delivery`: by which the webhook is asked, where what it answers to
    that is what `replace_original` will be about."""
    token, now = secrets.token_urlsafe(24), datetime.now(UTC)
    row = {"_id": secret_hash(token), "webhook": webhook.id, "chat": chat_id, "user": user_id}
    about = {"message": message, "ephemeral": ephemeral, "delivery": delivery}
    ends = {"expires_at": now + OPEN_FOR, "forgotten_at": now + KNOWN_FOR}
    Response.raw().insert_one({**row, **about, **ends, "uses": 0, "keys": []})
    return token


def response_url(token: str) -> str:
    """The address that a token is used at."""
    return f"{_public_url}/hooks/reply/{token}"


def require_answerable(asked: Asked) -> None:
    """Raise NotFound where who asked, or the bot, is not in the chat any more, or the webhook is off."""
    both = [membership_id(asked.chat, user) for user in (asked.user, asked.webhook.bot)]
    found = memberships_by_id(both)
    if not asked.webhook.active or not all(key in found and found[key]["active"] for key in both):
        raise NotFound()


def give_answer(asked: Asked, payload: Any, key: str) -> str:
    """Do what the payload (Slack's or Mattermost's, by the webhook's format) says; returns what that was. A repeat
    under the same key does nothing anew.

    Raises PayloadRefused for what cannot be taken, NotFound as require_answerable, Conflict for other content under
    the same key, Unavailable where it should be sent again.
    """
    require_answerable(asked)
    read = read_given(asked.webhook, payload)
    if read is None:
        return _delete_original(asked)
    if is_true(payload.get("replace_original")) and (asked.message or asked.ephemeral):
        return replace_original(asked, read, key)
    if payload.get("response_type") == "in_channel":
        return say_to_all(asked, read, key)
    return "said to who asked" if say_to(asked.user, asked.chat, asked.webhook.bot, key, read) else "not said"


def read_given(webhook: Webhook, payload: Any) -> Post | None:
    """What is to be said; None where it is to delete what was said. Raises PayloadRefused."""
    if isinstance(payload, dict) and is_true(payload.get("delete_original")):
        return None
    return parser_of(webhook.format)(payload)


def say_to_all(asked: Asked, post: Post, key: str) -> str:
    """A message of the bot's, which came of a person's deed."""
    send_message(
        asked.webhook.bot,
        asked.chat,
        key,
        text=post.text,
        cards=post.cards,
        via=post.via,
        reply_to=named_in(asked.chat, asked.webhook.bot, post.reply_to),
        origin=origin_after({}, asked.webhook.bot),
    )
    return "posted"


def why_not(not_done: str, what: str, error: InfiTalksError) -> str:
    """What became of an answer that could not be done. Raises an Unavailable as it came: that has to be repeated."""
    if isinstance(error, Unavailable):
        raise error
    return f"{not_done}: {what} was answered before" if isinstance(error, Conflict) else f"{not_done}: {error.message}"


def replace_original(asked: Asked, post: Post, key: str) -> str:
    """Edit what the answer is about. Raises PayloadRefused where it is not there any more."""
    try:
        if asked.message:
            edit_message(asked.webhook.bot, str(asked.message), post.text, key, cards=post.cards)
        elif not asked.ephemeral or not replace_ephemeral(asked.ephemeral, asked.webhook.bot, post):
            raise NotFound()
    except NotFound:
        raise PayloadRefused("unknown_message") from None
    return "replaced"


def _delete_original(asked: Asked) -> str:
    if asked.message:
        delete_message(asked.webhook.bot, str(asked.message))
    elif asked.ephemeral:
        delete_ephemeral(asked.ephemeral, asked.webhook.bot)
    else:
        raise PayloadRefused("unknown_message")
    return "deleted"


def use_response(token: str, payload: Any, repeat_key: str | None) -> None:
    """Answer at the address. `repeat_key`: the sender's own mark of a repeat, which is no further use.

    Raises UrlOver where nothing is taken here (any more), and as give_answer. What cannot be taken is no use.
    """
    row = _response(token)
    webhook = webhook_by_id(row["webhook"])
    if not webhook:
        raise UrlOver("expired_url")
    asked = Asked(webhook, row["chat"], row["user"], *_original(row, webhook.bot))
    try:
        require_answerable(asked)
    except NotFound:
        raise UrlOver("expired_url") from None
    read_given(webhook, payload)
    named = secret_hash(repeat_key) if repeat_key else str(ObjectId())
    key = f"respond.{row['_id'][:24]}.{named}"
    counted = _count_use(row, key)
    try:
        give_answer(asked, payload, key)
    except (PayloadRefused, InfiTalksError) as refused:
        if counted and not isinstance(refused, Unavailable):
            Response.raw().update_one({"_id": row["_id"]}, {"$inc": {"uses": -1}, "$pull": {"keys": key}})
        raise


def _response(token: str) -> Doc:
    row = Response.raw().find_one({"_id": secret_hash(token), "$expr": {"$gt": ["$expires_at", "$$NOW"]}})
    if not row:
        raise UrlOver("expired_url")
    return row


def _count_use(row: Doc, key: str) -> bool:
    """One of its uses; False for a repeat. Raises UrlOver where all are used up."""
    free = {"_id": row["_id"], "uses": {"$lt": MOST_USES}, "keys": {"$ne": key}}
    if Response.raw().update_one(free, {"$inc": {"uses": 1}, "$push": {"keys": key}}).modified_count:
        return True
    if not Response.raw().find_one({"_id": row["_id"], "keys": key}):
        raise UrlOver("used_url")
    return False


def _original(row: Doc, bot: ObjectId) -> tuple[ObjectId | None, ObjectId | None]:
    """The message or the word to one that can be replaced: whose button it was; else what was answered first."""
    if row["message"] or row["ephemeral"]:
        return row["message"], row["ephemeral"]
    for key in [answer_key(row["delivery"] or ""), *row["keys"][:1]]:
        if message := entry_by_client_id(row["chat"], bot, key):
            return message["_id"], None
        if word := ephemeral_by_id(ephemeral_id(row["user"], row["chat"], key)):
            return None, word["_id"]
    return None, None


def answer_key(delivery_id: str) -> str:
    """The key of what is answered at once to a delivery."""
    return f"reply.{delivery_id}"
