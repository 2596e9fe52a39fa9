"""Cards: the rich parts of a message, one shape whoever sent them. Not for: making them (integrations/cards.py).

A message that has cards is shown by them alone: its plain words are a card that has nothing but text. Its own `text`
and `html` say all of it once more, for searches, notifications and pages that know of no cards.
"""

from typing import Literal

from infitalks.schemas.base import Out, Time


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


class ButtonOut(Out):
    """A link that looks like a button."""

    text: str
    url: str
    style: Literal["default", "primary", "danger"] = "default"


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
