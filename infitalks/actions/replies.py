"""What an outgoing webhook's bot says: a receiver's answer, a word in the chat that a loop was stopped, and a word to
its maker that it was switched off. All of it once, however often it is tried."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any

from bson import ObjectId

from infitalks.actions.chats import open_direct
from infitalks.actions.messages import send_message
from infitalks.backends.http import Answer
from infitalks.errors import Conflict, InfiTalksError, Unavailable
from infitalks.integrations.mattermost import parse_mattermost
from infitalks.integrations.post import PayloadRefused, Post
from infitalks.integrations.slack import parse_slack
from infitalks.models.database import Doc
from infitalks.models.webhooks import Webhook
from infitalks.schemas.reading import check_depth, check_text
from infitalks.schemas.webhooks import OF_MESSAGES

MOST_HOPS = 3  # posts of bots that each came of the one before


def post_reply(webhook: Webhook, delivery: Doc, answer: Answer) -> str | None:
    """Post what the receiver answered, as the webhook's bot. Returns what became of it, None where it said nothing.

    A repeat of the delivery posts nothing anew, whatever it is answered with. Raises Unavailable and the driver's
    errors: then the delivery has to be repeated.
    """
    payload = _payload(answer) if delivery["type"] in OF_MESSAGES else None
    if payload is None:
        return None
    if payload.get("response_type") == "ephemeral":
        return "not posted: answers to one person alone are not taken here"
    try:
        post = _parser(webhook)(payload)
        _send(webhook, delivery, post, payload.get("response_type") == "comment")
    except PayloadRefused as refused:
        return None if refused.code == "no_text" else f"not posted: {refused.code}"
    except Conflict:
        return "not posted: this delivery was answered before"
    except Unavailable:
        raise
    except InfiTalksError as error:
        return f"not posted: {error.message}"
    return "posted"


def _payload(answer: Answer) -> dict[str, Any] | None:
    try:
        text = answer.body.decode() if answer.whole else ""
        check_depth(text)
        payload = json.loads(text)
        check_text(payload)
    except (ValueError, RecursionError, InfiTalksError):
        return None
    return payload if isinstance(payload, dict) else None


def _parser(webhook: Webhook) -> Callable[[Any], Post]:
    return parse_mattermost if webhook.format == "events" else parse_slack


def _send(webhook: Webhook, delivery: Doc, post: Post, in_thread: bool) -> None:
    origin = delivery["origin"]
    send_message(
        webhook.bot,
        delivery["chat"],
        f"reply.{delivery['_id']}",
        text=post.text,
        cards=post.cards,
        via=post.via,
        reply_to=str(delivery["message"]) if in_thread else None,
        origin={"hops": origin.get("hops", 0) + 1, "bots": [*origin.get("bots", ()), webhook.bot]},
    )


def say_stopped(webhook: Webhook, chat_id: ObjectId, at: datetime, why: str) -> None:
    """Tell the chat that its bots were stopped, once for each webhook and `at`. Nobody's webhook is told of it."""
    text = f"**{webhook.name}** was not told of this: {why}. Those who look after it can send it on."
    client_id, notice = f"stopped.{webhook.id}.{at:%Y%m%d%H%M%S%f}", {"hops": MOST_HOPS, "notice": True}
    with suppress(InfiTalksError):  # a bot that was taken out says nothing
        send_message(webhook.bot, chat_id, client_id, text=text, origin=notice, said="stopped")


def tell_maker(webhook: Webhook, cause: str, reason: str) -> None:
    """Write to the webhook's maker that it was switched off; `cause` names this time."""
    text = f"The webhook **{webhook.name}** was switched off: {reason}. What it was not told waits in its failed list."
    with suppress(InfiTalksError):  # a maker who is gone hears nothing
        chat_id, _ = open_direct(webhook.bot, str(webhook.created_by))
        send_message(webhook.bot, chat_id, f"off.{webhook.id}.{cause}", text=text, said="off")
