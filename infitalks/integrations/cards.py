"""Making cards from what other programs say: bounded, rendered, safe; and saying one as plain Markdown.

Oversized parts are cut and end in an ellipsis; nothing is refused. Not for: what a format means (its own file).
"""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from infitalks.integrations.markdown import render_markdown
from infitalks.integrations.values import cut, line, link, text
from infitalks.schemas.cards import ButtonOut, CardAuthorOut, CardFieldOut, CardOut

# Characters and counts: the largest that Slack and Discord document, or what a page can show well.
LONGEST_TITLE, LONGEST_NAME, LONGEST_FOOTER, LONGEST_BUTTON, LONGEST_ALT = 300, 120, 300, 80, 300
LONGEST_CARD_TEXT, LONGEST_VALUE, LONGEST_FIELDS = 6000, 2000, 6000
MOST_FIELDS, MOST_BUTTONS = 25, 25

COLORS = {"good": "#2eb886", "warning": "#daa038", "danger": "#a30200", "quiet": "#8a8f98", "accent": "#3b6fd4"}


def card(
    *,
    color: Any = None,
    author: CardAuthorOut | None = None,
    title: Any = "",
    url: Any = None,
    text: str = "",
    fields: Iterable[CardFieldOut] = (),
    image_url: Any = None,
    image_alt: Any = "",
    thumb_url: Any = None,
    footer: str = "",
    at: datetime | None = None,
    buttons: Iterable[ButtonOut | None] = (),
) -> CardOut | None:
    """A card; `text` and `footer` are Markdown. None where nothing would be seen."""
    body, below = cut(text.strip(), LONGEST_CARD_TEXT), cut(footer.strip(), LONGEST_FOOTER)
    made = CardOut(
        color=read_color(color),
        author=author,
        title=cut(line(title), LONGEST_TITLE),
        url=link(url),
        text=body,
        html=render_markdown(body) if body else "",
        fields=list(_within(fields)),
        image_url=link(image_url),
        image_alt=cut(line(image_alt), LONGEST_ALT),
        thumb_url=link(thumb_url),
        footer=below,
        footer_html=render_markdown(below) if below else "",
        at=at,
        buttons=list(islice((button for button in buttons if button), MOST_BUTTONS)),
    )
    return made if _says_something(made) else None


def _within(fields: Iterable[CardFieldOut]) -> Iterator[CardFieldOut]:
    # One by one: the rest are not even rendered.
    room = LONGEST_FIELDS
    for each in islice(fields, MOST_FIELDS):
        room -= len(each.title) + len(each.text)
        if room < 0:
            yield CardFieldOut(title="", text="…", html="<p>…</p>")
            return
        yield each


def _says_something(card: CardOut) -> bool:
    seen = (card.author, card.title, card.text, card.fields, card.image_url, card.thumb_url, card.footer, card.buttons)
    return any(seen)


def plain(words: str) -> CardOut | None:
    """Words without a frame."""
    return card(text=words)


def author(name: Any, url: Any = None, icon_url: Any = None) -> CardAuthorOut | None:
    called = cut(line(name), LONGEST_NAME)
    return CardAuthorOut(name=called, url=link(url), icon_url=link(icon_url)) if called else None


def card_field(title: Any, value: str, *, short: bool = False) -> CardFieldOut:
    """A named value; `value` is Markdown."""
    said = cut(value.strip(), LONGEST_VALUE)
    html = render_markdown(said) if said else ""
    return CardFieldOut(title=cut(line(title), LONGEST_NAME), text=said, html=html, short=short)


def button(label: Any, url: Any, style: Any = None) -> ButtonOut | None:
    """A link; None without an address to open. Those that tell a program: buttons.py."""
    address = link(url)
    label = cut(line(label) or "Open", LONGEST_BUTTON)
    return ButtonOut(text=label, url=address, style=style_of(style)) if address else None


def style_of(given: Any) -> Literal["default", "primary", "danger"]:
    """Slack's two, and Mattermost's names for the like."""
    word = line(given)
    return "primary" if word in ("primary", "good", "success") else "danger" if word == "danger" else "default"


def read_color(value: Any) -> str | None:
    """#rrggbb of Slack's names, of hex digits, or of Discord's whole number; None for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**24:
        return f"#{value:06x}"
    word = text(value).strip().lower()
    if word in COLORS:
        return COLORS[word]
    found = re.fullmatch(r"#?([0-9a-f]{6}|[0-9a-f]{3})", word)
    if not found:
        return None
    digits = found[1]
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def fallback(card: CardOut) -> str:
    """All that the card says, as Markdown."""
    lines = [
        labelled(card.author.name, card.author.url) if card.author else "",
        f"**{labelled(card.title, card.url)}**" if card.title else "",
        card.text,
        *(f"**{each.title}:** {each.text}" if each.title else each.text for each in card.fields),
        *(f"[{card.image_alt or 'picture'}](<{url}>)" for url in (card.image_url, card.thumb_url) if url),
        card.footer,
        " · ".join(labelled(each.text, each.url) for each in card.buttons),
    ]
    return "\n".join(part for part in lines if part)


def labelled(label: str, url: str | None) -> str:
    """A Markdown link, or the label alone. Brackets that do not match would end the link too early."""
    if not url:
        return label
    if label.count("[") != label.count("]") or "](" in label:
        label = label.replace("[", "\\[").replace("]", "\\]")
    return f"[{label}](<{url}>)"


_SPECIAL = re.compile(r"([\\`*_~\[\]<>])")


def escaped(words: Any) -> str:
    """Plain text as Markdown that shows just it."""
    return _SPECIAL.sub(r"\\\1", text(words))


def unrendered(cards: Iterable[CardOut]) -> list[dict[str, Any]]:
    """What the cards say, without how it is rendered: for the content hash, which outlives any renderer."""
    without = {"html": True, "footer_html": True, "fields": {"__all__": {"html": True}}}
    return [card.model_dump(mode="json", exclude=without, exclude_defaults=True) for card in cards]  # type: ignore[arg-type]
