"""What a webhook's bot says because of what its receiver answered, by what that was told: an event, a command or a
button that was pressed; and a word to its maker that it was switched off. All of it once, however often it is tried.
"""

import json
from contextlib import suppress
from typing import Any

from infitalks.actions.chats import open_direct
from infitalks.actions.ephemerals import say_to
from infitalks.actions.loops import origin_after
from infitalks.actions.messages import send_message
from infitalks.actions.presses import take_answer
from infitalks.actions.responses import Asked, answer_key, give_answer, why_not
from infitalks.backends.http import Answer
from infitalks.errors import InfiTalksError
from infitalks.integrations.commands import AnswerUnreadable, answers_in, parser_of, read_answer
from infitalks.integrations.post import PayloadRefused, Post
from infitalks.models.database import Doc
from infitalks.models.log import entry_by_id
from infitalks.models.users import enabled_users
from infitalks.models.webhooks import Webhook
from infitalks.schemas.reading import check_depth, check_text
from infitalks.schemas.webhooks import OF_MESSAGES


def post_reply(webhook: Webhook, delivery: Doc, answer: Answer) -> str | None:
    """Do what the receiver answered. Returns what became of it, None where it said nothing.

    A repeat of the delivery says nothing anew, whatever it is answered with. Raises AnswerUnreadable where somebody
    waits for an answer that makes no sense, Unavailable and the driver's errors: then it has to be repeated.
    """
    if delivery["type"] == "command":
        return _answer_command(webhook, delivery, answer)
    if delivery["type"] == "action":
        return take_answer(webhook, delivery, answer)
    payload = _payload(answer) if delivery["type"] in OF_MESSAGES else None
    return _reply(webhook, delivery, payload) if payload is not None else None


def _answer_command(webhook: Webhook, delivery: Doc, answer: Answer) -> str | None:
    payload = read_answer(answer)
    asked = Asked(webhook, delivery["chat"], delivery["user"])
    notes = []
    for number, each in enumerate(answers_in(payload) if payload else ()):
        key = answer_key(delivery["_id"])
        notes.append(_give(asked, each, f"{key}.{number}" if number else key))
    return ", ".join(filter(None, notes)) or None


def _give(asked: Asked, payload: dict[str, Any], key: str) -> str | None:
    try:
        return give_answer(asked, payload, key)
    except PayloadRefused as refused:
        if refused.code == "no_text":
            return None
        raise AnswerUnreadable from None
    except InfiTalksError as error:
        return why_not("not said", "this", error)


def _reply(webhook: Webhook, delivery: Doc, payload: dict[str, Any]) -> str | None:
    try:
        post = parser_of(webhook.format)(payload)
        if payload.get("response_type") == "ephemeral":
            return _say_to_author(webhook, delivery, post)
        _send(webhook, delivery, post, payload.get("response_type") == "comment")
    except PayloadRefused as refused:
        return None if refused.code == "no_text" else f"not posted: {refused.code}"
    except InfiTalksError as error:
        return why_not("not posted", "this delivery", error)
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


def _say_to_author(webhook: Webhook, delivery: Doc, post: Post) -> str:
    message = entry_by_id(delivery["message"])
    author = message["author"] if message else None
    if not author or not enabled_users([author], kinds=("person",)):
        return "not posted: only people are told something alone"
    said = say_to(author, delivery["chat"], webhook.bot, answer_key(delivery["_id"]), post)
    return "said to the author alone" if said else "not posted: the author is not in the chat any more"


def _send(webhook: Webhook, delivery: Doc, post: Post, in_thread: bool) -> None:
    send_message(
        webhook.bot,
        delivery["chat"],
        answer_key(delivery["_id"]),
        text=post.text,
        cards=post.cards,
        via=post.via,
        reply_to=str(delivery["message"]) if in_thread else None,
        origin=origin_after(delivery["origin"], webhook.bot),
    )


def tell_maker(webhook: Webhook, cause: str, reason: str) -> None:
    """Write to the webhook's maker that it was switched off; `cause` names this time."""
    text = f"The webhook **{webhook.name}** was switched off: {reason}. What it was not told waits in its failed list."
    with suppress(InfiTalksError):  # a maker who is gone hears nothing
        chat_id, _ = open_direct(webhook.bot, str(webhook.created_by))
        send_message(webhook.bot, chat_id, f"off.{webhook.id}.{cause}", text=text, said="off")
