"""A button was pressed: what its program is told, in the dialect that the button came in, and what it answers.

Sources: Slack's reference of `block_actions` and `interactive_message` payloads, Mattermost's server
integration_action.go. Not for: sending it (actions/asks.py), or doing what is answered (actions/presses.py).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qs, urlencode

from infitalks.backends.http import Answer
from infitalks.errors import Malformed
from infitalks.integrations.commands import AnswerUnreadable
from infitalks.integrations.discord import parted
from infitalks.integrations.mattermost import parse_mattermost
from infitalks.integrations.outgoing import FORM, JSON, TEAM, write_event_body, write_json
from infitalks.integrations.post import Post, compose
from infitalks.integrations.values import at, obj, text
from infitalks.schemas.cards import Button, CardOut, Press
from infitalks.schemas.ephemerals import EphemeralOut
from infitalks.schemas.messages import MessageOut
from infitalks.schemas.reading import read_lenient_json
from infitalks.schemas.users import UserOut

Told = dict[str, Any]


@dataclass(frozen=True)
class Pressed:
    """Who pressed which button of what. `cards` are those of `shown`, with what their buttons do; `chat` is the chat's
    name; `app` and `token` are the webhook's id and token."""

    button: Button
    press: Press
    user: UserOut
    at: datetime
    chat: str
    shown: MessageOut | EphemeralOut
    cards: list[CardOut]
    app: str
    token: str
    trigger_id: str
    response_url: str
    ephemeral: bool = False


def write_press(form: str | None, pressed: Pressed) -> tuple[str, bytes]:
    """Content type and bytes. A webhook of the format `events` is told in our own shape, but not at an address of
    Mattermost's, which knows its own only."""
    press = pressed.press
    if form == "events" and not press.url:
        return JSON, write_event_body("action", pressed.at, _event_data(pressed))
    if press.kind == "mattermost":
        return JSON, write_json(_mattermost(pressed))
    told = _block_action(pressed) if press.kind == "block" else _interactive_message(pressed)
    return FORM, urlencode({"payload": json.dumps(told, ensure_ascii=False)}).encode()


def _event_data(pressed: Pressed) -> Told:
    press = pressed.press
    names = press.model_dump(include={"action_id", "block_id", "name", "value", "callback_id"})
    shown = pressed.shown.model_dump(mode="json")
    return {
        "chat_id": pressed.shown.chat_id,
        "user": pressed.user.model_dump(mode="json"),
        "message": None if pressed.ephemeral else shown,
        "ephemeral": shown if pressed.ephemeral else None,
        "button": {"id": pressed.button.id, "text": pressed.button.text, **names, "context": _context(press)},
        "response_url": pressed.response_url,
        "trigger_id": pressed.trigger_id,
    }


def _context(press: Press) -> Told:
    return obj(json.loads(press.context)) if press.context else {}


def _mattermost(pressed: Pressed) -> Told:
    return {
        "user_id": pressed.user.id,
        "user_name": pressed.user.username,
        "channel_id": pressed.shown.chat_id,
        "channel_name": pressed.chat,
        "team_id": TEAM,
        "team_domain": TEAM,
        "post_id": pressed.shown.id,
        "trigger_id": pressed.trigger_id,
        "type": "button",
        "data_source": "",
        "context": _context(pressed.press),
    }


def _block_action(pressed: Pressed) -> Told:
    shown, press, user = pressed.shown, pressed.press, pressed.user
    where = {"message_ts": shown.id, "channel_id": shown.chat_id, "is_ephemeral": pressed.ephemeral}
    action = {
        "type": "button",
        "action_id": press.action_id,
        "block_id": press.block_id,
        "text": {"type": "plain_text", "text": pressed.button.text, "emoji": True},
        "value": press.value,
        "action_ts": _ts(pressed.at),
        **_style(pressed.button),
    }
    return {
        "type": "block_actions",
        "user": {"id": user.id, "username": user.username, "name": user.username, "team_id": TEAM},
        "container": {"type": "message", **where},
        "message": {**_message(shown), "text": shown.text},
        "actions": [action],
        "api_app_id": pressed.app,
        **_around(pressed),
    }


def _interactive_message(pressed: Pressed) -> Told:
    shown, press = pressed.shown, pressed.press
    words, cards = parted(pressed.cards, shown.text)
    attachments = [_attachment(each, number) for number, each in enumerate(cards, 1)]
    return {
        "type": "interactive_message",
        "actions": [{"name": press.name, "type": "button", "value": press.value}],
        "callback_id": press.callback_id,
        "user": {"id": pressed.user.id, "name": pressed.user.username},
        "action_ts": _ts(pressed.at),
        "message_ts": shown.id,
        "attachment_id": str(press.attachment),
        "is_app_unfurl": False,
        "original_message": {**_message(shown), "text": words, "attachments": attachments},
        **_around(pressed),
    }


def _around(pressed: Pressed) -> Told:
    return {
        "team": {"id": TEAM, "domain": TEAM},
        "channel": {"id": pressed.shown.chat_id, "name": pressed.chat},
        "token": pressed.token,
        "trigger_id": pressed.trigger_id,
        "response_url": pressed.response_url,
    }


def _message(shown: MessageOut | EphemeralOut) -> Told:
    """Slack's `ts` is how a message is called; here that is its id, which thread_ts takes, too."""
    return {"type": "message", "subtype": "bot_message", "ts": shown.id, "user": shown.author.id}


def _ts(moment: datetime) -> str:
    return f"{moment.timestamp():.6f}"


def _style(button: Button) -> Told:
    return {} if button.style == "default" else {"style": button.style}


def _attachment(card: CardOut, number: int) -> Told:
    """A card as an attachment that makes the same card again: programs send the original back with a change."""
    buttons = [each for each in card.buttons if isinstance(each, Button)]
    given = {
        "color": card.color,
        "title": card.title,
        "title_link": card.url,
        "text": card.text,
        "fields": [{"title": each.title, "value": each.text, "short": each.short} for each in card.fields],
        "image_url": card.image_url,
        "thumb_url": card.thumb_url,
        "footer": card.footer,
        "callback_id": next((each.press.callback_id for each in buttons if each.press), ""),
        "actions": [_action(each, place) for place, each in enumerate(buttons, 1)],
    }
    return {"id": number, **{key: value for key, value in given.items() if value}}


def _action(button: Button, place: int) -> Told:
    called = {"name": button.press.name, "value": button.press.value} if button.press else {}
    link = {"url": button.url} if button.url else {}
    return {"id": str(place), "type": "button", "text": button.text, **called, **link, **_style(button)}


# Answers


@dataclass(frozen=True)
class Effect:
    """What an answer asks for: the message with the button becomes `post`, or who pressed is told it alone."""

    do: Literal["replace", "tell"]
    post: Post


def asked_as(content_type: str, body: bytes) -> str:
    """The type that write_press put into a body: `block_actions`, `interactive_message`, `button` or `action`."""
    said = parse_qs(body.decode())["payload"][0] if content_type == FORM else body
    return text(json.loads(said)["type"])


def read_object(answer: Answer) -> Told | None:
    """The JSON object that was answered, whatever it was called; None for nothing, and for words: programs say "ok".

    Raises AnswerUnreadable for JSON that is none, half an answer, and pages, which error handlers like to send.
    """
    try:
        said = answer.body.decode().lstrip()
        if not answer.whole or said.startswith("<"):
            raise AnswerUnreadable
        if not said.startswith("{"):
            return None
        return obj(read_lenient_json(said))
    except (ValueError, Malformed):
        raise AnswerUnreadable from None


def is_mattermosts(payload: Told) -> bool:
    """Whether an answer is in Mattermost's form, which has no field that Slack's has."""
    return bool(payload.keys() & {"update", "ephemeral_text", "error"})


def read_mattermosts(payload: Told, cards: list[CardOut], words: str) -> Iterator[Effect]:
    """What such an answer asks for, about a message with these cards or plain words. Raises PayloadRefused."""
    if said := text(at(payload, "error", "message")) or text(payload.get("ephemeral_text")):
        yield Effect("tell", compose(said))
    update = obj(payload.get("update"))
    if update.get("props") is not None:
        yield Effect("replace", parse_mattermost({"text": text(update.get("message")), "props": update["props"]}))
    elif update:  # there an update without props leaves them as they are, buttons and all
        yield Effect("replace", compose(text(update.get("message")), parted(cards, words)[1]))


def as_asked(payload: Told, asked: str) -> Told:
    """An answer of Slack's form, saying what it means: to the older kind of question it is the message's new content,
    unless it says otherwise."""
    if asked != "interactive_message" or payload.get("response_type") == "ephemeral":
        return payload
    return {"replace_original": True, **payload}
