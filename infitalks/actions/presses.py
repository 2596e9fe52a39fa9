"""Buttons are pressed: the program that made one is asked once, and what it answers is done once. Not for: what stands
in either (integrations/actions.py), nor sending (sending.py)."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from bson import ObjectId

from infitalks import access
from infitalks.actions.asks import ask, ask_id
from infitalks.actions.ephemerals import get_ephemeral_for, say_to
from infitalks.actions.responses import (
    Asked,
    answer_key,
    give_answer,
    open_response,
    replace_original,
    require_answerable,
    response_url,
    why_not,
)
from infitalks.backends.http import Answer
from infitalks.errors import Conflict, InfiTalksError, NotFound
from infitalks.integrations.actions import (
    Effect,
    Pressed,
    as_asked,
    asked_as,
    is_mattermosts,
    read_mattermosts,
    read_object,
    write_press,
)
from infitalks.integrations.commands import AnswerUnreadable
from infitalks.integrations.outgoing import channel_name
from infitalks.integrations.post import PayloadRefused
from infitalks.models.chats import chat_by_id
from infitalks.models.database import Doc
from infitalks.models.deliveries import delivery_by_id
from infitalks.models.ephemerals import ephemeral_by_id
from infitalks.models.log import entry_by_id
from infitalks.models.users import User
from infitalks.models.webhooks import Webhook, webhook_of_bot
from infitalks.schemas.cards import Button, CardOut, Press, kept_card
from infitalks.schemas.ephemerals import EphemeralOut, ephemerals_out
from infitalks.schemas.messages import MessageOut, Shown
from infitalks.schemas.users import user_out


class Original(NamedTuple):
    """What has the buttons: a message as it now is, or words to one person. One of `message` and `ephemeral` is its
    id."""

    stored: Doc
    shown: MessageOut | EphemeralOut
    message: ObjectId | None = None
    ephemeral: ObjectId | None = None

    def cards(self) -> list[CardOut]:
        return [kept_card(card) for card in self.stored.get("cards") or ()]


def press_button(user: User, message_id: str, button: str, client_id: str) -> None:
    """Ask the program of the message's bot what to do, since the user pressed this button. A repeat under the same
    client_id asks nothing anew, also after an answer has taken the button away.

    Raises NotFound where the user sees no such message, Conflict where it has no such button (now) or nobody hears it.
    """
    message, _ = access.get_message_for(user.id, message_id)
    original = _message(message)
    if original.stored.get("deleted_seq") is not None:
        raise NotFound()
    _press(user, original, button, client_id)


def press_ephemeral_button(user: User, ephemeral_id: str, button: str, client_id: str) -> None:
    """The same for words to this user alone."""
    _press(user, _ephemeral(get_ephemeral_for(user.id, ephemeral_id)), button, client_id)


def _message(message: Doc) -> Original:
    shown = Shown([message])
    key = message["_id"]
    return Original(shown.messages[key], shown.message(key), message=key)


def _ephemeral(row: Doc) -> Original:
    return Original(row, ephemerals_out([row])[0], ephemeral=row["_id"])


def _press(user: User, original: Original, button_id: str, client_id: str) -> None:
    access.require_person(user)  # bots that press one another's buttons would never come to an end
    stored = original.stored
    webhook = webhook_of_bot(stored["author"])
    if not webhook or not webhook.active:
        raise _leads_nowhere()
    key = f"{stored['_id']}.{button_id}.{client_id}"
    if delivery_by_id(ask_id(webhook, user.id, stored["chat"], "action", key)):
        return
    button, press = _find(original.cards(), button_id)
    if not (press.url or webhook.actions_url or webhook.url):
        raise _leads_nowhere()
    written = write_press(webhook.format, _pressed(user, original, webhook, button, press))
    ask(
        webhook,
        user.id,
        stored["chat"],
        "action",
        key,
        *written,
        url=press.url,
        message=original.message,
        ephemeral=original.ephemeral,
    )


def _find(cards: list[CardOut], button_id: str) -> tuple[Button, Press]:
    for button in (button for card in cards for button in card.buttons):
        if isinstance(button, Button) and button.press and button.id == button_id:
            return button, button.press
    raise Conflict("This button is not there any more.")


def _leads_nowhere() -> Conflict:
    return Conflict("This button leads nowhere.")


def _pressed(user: User, original: Original, webhook: Webhook, button: Button, press: Press) -> Pressed:
    chat_id = original.stored["chat"]
    chat = chat_by_id(chat_id) or {}
    token = open_response(webhook, chat_id, user.id, message=original.message, ephemeral=original.ephemeral)
    return Pressed(
        button,
        press,
        user_out(user.to_mongo()),
        datetime.now(UTC),
        chat=channel_name(chat),
        shown=original.shown,
        cards=original.cards(),
        app=str(webhook.id),
        token=webhook.token or "",
        trigger_id=str(ObjectId()),
        response_url=response_url(token),
        ephemeral=original.ephemeral is not None,
    )


def take_answer(webhook: Webhook, delivery: Doc, answer: Answer) -> str | None:
    """Do what the program answered to a press. Returns what became of it, None where it asked for nothing.

    A repeat of the delivery does nothing anew, whatever it is answered with. Raises AnswerUnreadable for what makes no
    sense, Unavailable and the driver's errors: then the delivery has to be repeated.
    """
    payload = read_object(answer)
    if payload is None:
        return None
    try:
        return _do(webhook, delivery, payload)
    except PayloadRefused as refused:
        if refused.code == "no_text":
            return None
        if refused.code == "unknown_message":
            return "not done: what the button belonged to is gone"
        raise AnswerUnreadable from None
    except InfiTalksError as error:
        return why_not("not done", "this press", error)


def _do(webhook: Webhook, delivery: Doc, payload: dict[str, Any]) -> str | None:
    asked = Asked(webhook, delivery["chat"], delivery["user"], delivery.get("message"), delivery.get("ephemeral"))
    key = answer_key(delivery["_id"])
    if not is_mattermosts(payload):
        return give_answer(asked, as_asked(payload, asked_as(delivery["content_type"], delivery["body"])), key)
    require_answerable(asked)
    stored = _original(asked)
    cards = [kept_card(card) for card in stored.get("cards") or ()]
    return ", ".join([_effect(asked, each, key) for each in read_mattermosts(payload, cards, stored.get("text") or "")])


def _original(asked: Asked) -> Doc:
    message = entry_by_id(asked.message) if asked.message else None
    return (ephemeral_by_id(asked.ephemeral) if asked.ephemeral else message) or {}


def _effect(asked: Asked, effect: Effect, key: str) -> str:
    if effect.do == "replace":
        return replace_original(asked, effect.post, key)
    return "said to who asked" if say_to(asked.user, asked.chat, asked.webhook.bot, key, effect.post) else "not said"
