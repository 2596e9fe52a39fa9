"""Slack's Block Kit as cards. Kinds that we do not show are told as their texts; an unknown kind fails nothing.

Blocks follow one another in the order of a card's parts, or start the next card. Limits: Slack's SDK.
"""

from collections.abc import Iterator
from typing import Any

from infitalks.integrations.buttons import block_button
from infitalks.integrations.cards import LONGEST_CARD_TEXT, MOST_FIELDS, card, card_field, escaped
from infitalks.integrations.mrkdwn import to_markdown
from infitalks.integrations.values import items, line, obj, objs, text
from infitalks.schemas.cards import ButtonOut, CardOut

MOST_BLOCKS = 50
MOST_TEXTS = 200  # of one block that is told as its texts
DEEPEST = 20

# The parts of a card from top to bottom, as `_merged` puts blocks together.
PARTS = ("title", "text", "fields", "image_url", "footer", "buttons")


def block_cards(blocks: Any, color: Any = None) -> Iterator[CardOut]:
    """As few cards as keep the order of what was sent."""
    open_card: CardOut | None = None
    for block in objs(blocks)[:MOST_BLOCKS]:
        made = None if block.get("type") == "divider" else _block(block, color)
        if open_card and made and _fits_below(open_card, made):
            open_card = _merged(open_card, made)
            continue
        if open_card:
            yield open_card
        open_card = made
    if open_card:
        yield open_card


def _fits_below(upper: CardOut, lower: CardOut) -> bool:
    if lower.thumb_url and (upper.thumb_url or upper.text):
        return False  # it would stand beside other words
    if lower.image_url and upper.image_alt:
        return False  # a card describes one picture
    above = max(rank for rank, part in enumerate(PARTS) if getattr(upper, part) or rank == 0)
    below = min((rank for rank, part in enumerate(PARTS) if getattr(lower, part)), default=0)
    if above == below and PARTS[below] == "text":
        return len(upper.text) + len(lower.text) < LONGEST_CARD_TEXT
    return above < below or PARTS[above] == PARTS[below] == "fields"


def _merged(upper: CardOut, lower: CardOut) -> CardOut:
    below = {name: value for name, value in lower if value}
    if upper.text and lower.text:
        # Each is safe by itself, so both are.
        below |= {"text": f"{upper.text}\n\n{lower.text}", "html": f"{upper.html}\n{lower.html}"}
    if upper.fields and lower.fields:
        below |= {"fields": [*upper.fields, *lower.fields][:MOST_FIELDS]}
    return upper.model_copy(update=below)


def _block(block: dict[str, Any], color: Any) -> CardOut | None:
    match block.get("type"):
        case "header":
            return card(color=color, title=_plain(block.get("text")))
        case "section":
            return _section(block, color)
        case "context":
            elements = objs(block.get("elements"))
            said = [_alt(each) if each.get("type") == "image" else rich(each) for each in elements]
            return card(color=color, footer=" ".join(filter(None, said)))
        case "image":
            alt = block.get("alt_text") or _plain(block.get("title"))
            return card(color=color, title=_plain(block.get("title")), image_url=_image(block), image_alt=alt)
        case "actions":
            return card(color=color, buttons=_buttons(block.get("elements"), block))
        case "markdown":
            return card(color=color, text=text(block.get("text")))
        case "table":
            return card(color=color, text="\n".join(map(_row, items(block.get("rows")))))
        case _:
            return card(color=color, text="\n".join(_texts(block)))


def _section(block: dict[str, Any], color: Any) -> CardOut | None:
    accessory = obj(block.get("accessory"))
    pictured = accessory.get("type") == "image"
    return card(
        color=color,
        text=rich(block.get("text")),
        fields=(card_field("", words, short=True) for words in map(rich, items(block.get("fields"))) if words),
        thumb_url=_image(accessory) if pictured else None,
        image_alt=accessory.get("alt_text") if pictured else "",
        buttons=_buttons([accessory], block),
    )


def rich(element: Any) -> str:
    """A text object's words as Markdown, whatever its kind."""
    if isinstance(element, str):
        return to_markdown(element)
    words = text(obj(element).get("text"))
    return escaped(words) if obj(element).get("type") == "plain_text" else to_markdown(words)


def _plain(element: Any) -> str:
    return line(obj(element).get("text") or element)


def _alt(image: dict[str, Any]) -> str:
    return escaped(image.get("alt_text"))


def _image(block: dict[str, Any]) -> Any:
    return block.get("image_url") or obj(block.get("slack_file")).get("url")


def _buttons(elements: Any, block: dict[str, Any]) -> Iterator[ButtonOut | None]:
    for element in objs(elements):
        if element.get("type") == "button":
            yield block_button(element, block)


def _row(cells: Any) -> str:
    return " | ".join(" ".join(_texts(cell)) for cell in items(cells))


def _texts(block: Any) -> list[str]:
    """Every text within, in order: rich text, tables, and kinds of tomorrow."""
    found: list[str] = []
    _gather(block, found, 0)
    return found


def _gather(value: Any, found: list[str], depth: int) -> None:
    if depth > DEEPEST or len(found) >= MOST_TEXTS:
        return
    if isinstance(value, list):
        for each in value:
            _gather(each, found, depth + 1)
    elif isinstance(value, dict):
        words = value.get("text")
        if isinstance(words, str) and words:
            found.append(to_markdown(words))
        for key in ("text", "elements", "fields", "rows", "title", "alt_text"):
            _gather(value.get(key), found, depth + 1)
