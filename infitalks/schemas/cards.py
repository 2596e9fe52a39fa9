"""Cards: the rich parts of a message, one shape whoever sent them. Not for: making them (integrations/cards.py).

A message that has cards is shown by them alone: its plain words are a card that has nothing but text. Its own `text`
and `html` say all of it once more, for searches, notifications and pages that know of no cards.
"""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from infitalks.models.database import Doc
from infitalks.schemas.base import ClientId, In, Out, Time


class CardAuthorOut(Out):
    name: str
    url: str | None = None
    icon_url: str | None = None


class CardFieldOut(Out):
    """`text` is Markdown, `html` the same, safe to show; `short` ones stand side by side."""

    title: str
    text: str
    html: str
    short: bool = False


class ConfirmOut(Out):
    """What is asked before a button is pressed; `ok` and `dismiss` are the answers. Plain text."""

    title: str
    text: str
    ok: str
    dismiss: str


class ButtonOut(Out):
    """With `url` a link that looks like a button; with `id` one that tells its program that it was pressed; with
    neither one that does nothing."""

    model_config = ConfigDict(extra="ignore")  # what a kept one has beside this (Button) stays behind here

    text: str
    url: str | None = None
    style: Literal["default", "primary", "danger"] = "default"
    id: str | None = None
    confirm: ConfirmOut | None = None


class CardOut(Out):
    """Shown in this order. All addresses are http or https; pictures are links, since loading one would tell its host
    who reads. `color` is #rrggbb; title, author and image_alt are plain text, text and footer Markdown, each with its
    safe HTML."""

    color: str | None = None
    author: CardAuthorOut | None = None
    title: str = ""
    url: str | None = None  # the title's
    text: str = ""
    html: str = ""
    fields: list[CardFieldOut] = []
    image_url: str | None = None
    image_alt: str = ""
    thumb_url: str | None = None
    footer: str = ""
    footer_html: str = ""
    at: Time | None = None
    buttons: list[ButtonOut] = []


class Press(BaseModel):
    """What the program that made a button called it and wants to hear of it, by its dialect (`kind`). Slack's blocks
    have action_id, block_id and value; its attachments name, value, callback_id and the attachment's number;
    Mattermost's an action_id, and a url and a context (JSON as text, {} where empty) of their own."""

    kind: Literal["block", "attachment", "mattermost"]
    action_id: str = ""
    block_id: str = ""
    name: str = ""
    value: str = ""
    callback_id: str = ""
    attachment: int = 0
    url: str | None = None
    context: str = ""


class Button(ButtonOut):
    """A button as it is kept. Whatever writes it as a CardOut's leaves `press` out: no page, other bot or event is
    told of it. `stored_card` and `kept_card` alone keep it."""

    press: Press | None = None


class PressIn(In):
    """`button`: its id."""

    button: Annotated[str, Field(min_length=1, max_length=32)]
    client_id: ClientId


def stored_card(card: CardOut) -> Doc:
    """As it is kept: without defaults, and with what its buttons do."""
    return card.model_dump(mode="json", exclude_defaults=True, serialize_as_any=True)


def kept_card(stored: Doc) -> CardOut:
    """A stored card, with what its buttons do: to be kept on, or to press one."""
    card = CardOut(**stored)
    card.buttons = [Button(**button) for button in stored.get("buttons", ())]
    return card


def card_out(stored: Doc, hears: bool | None) -> CardOut:
    """A stored card, to be shown. `hears`: whether its bot's webhook has somewhere to tell presses, without which only
    buttons with an address of their own can be pressed; None: there is no webhook that could."""
    card = CardOut(**stored)
    for button, kept in zip(card.buttons, stored.get("buttons", ()), strict=True):
        if not hears and (hears is None or not kept.get("press", {}).get("url")):
            button.id = None
    return card


def can_be_pressed(stored: Iterable[Doc] | None) -> bool:
    """Whether one of these cards has a button that tells its program."""
    return any(button.get("id") for card in stored or () for button in card.get("buttons", ()))
