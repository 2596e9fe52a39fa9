"""Buttons that tell their program when they are pressed: what Slack and Mattermost say of one, read loosely.

What is too large to be kept makes a button that does nothing. Not for: what is told (actions.py), nor links (cards.py).
"""

import json
from itertools import count
from typing import Any
from zlib import crc32

from infitalks.integrations.cards import LONGEST_BUTTON, button, style_of
from infitalks.integrations.values import cut, is_true, line, link, obj, text
from infitalks.schemas.cards import Button, ButtonOut, CardOut, ConfirmOut, Press

# Characters: of names (Slack's ids of blocks and actions) and values, as in its SDK; bytes of a context as JSON.
LONGEST_ID, LONGEST_VALUE, LARGEST_CONTEXT = 255, 2000, 4096
LONGEST_CONFIRM_TITLE, LONGEST_CONFIRM_TEXT, LONGEST_CONFIRM_WORD = 100, 300, 30
MOST_OF_A_MESSAGE = 50


def block_button(element: dict[str, Any], block: dict[str, Any]) -> ButtonOut | None:
    """An element of a block. With an address it is a link: whoever follows it is not reported."""
    label = obj(element.get("text")).get("text") or element.get("text")
    if element.get("url"):
        return button(label, element.get("url"), element.get("style"))
    press = Press(
        kind="block",
        action_id=text(element.get("action_id")),
        block_id=text(block.get("block_id")),
        value=text(element.get("value")),
    )
    return _button(label, element, press)


def attachment_button(action: dict[str, Any], callback_id: Any, number: int) -> ButtonOut | None:
    """One of the `actions` of an attachment, the `number`th: Slack's older kind, or Mattermost's, which has an
    integration. None for menus."""
    label = action.get("text") or action.get("name")
    label = obj(label).get("text") or label
    if action.get("url"):
        return button(label, action.get("url"), action.get("style"))
    if (line(action.get("type")) or "button") != "button":
        return None
    if "integration" in action:
        return _button(label, action, _mattermost(action))
    press = Press(
        kind="attachment",
        name=text(action.get("name")),
        value=text(action.get("value")),
        callback_id=text(callback_id),
        attachment=number,
    )
    return _button(label, action, press)


def _mattermost(action: dict[str, Any]) -> Press | None:
    integration = obj(action.get("integration"))
    try:
        context = json.dumps(obj(integration.get("context")), ensure_ascii=False, allow_nan=False)
        fits = len(context.encode()) <= LARGEST_CONTEXT
    except (ValueError, RecursionError):  # NaN, a number of thousands of digits, half a letter, nesting without end
        return None
    if not fits or is_true(action.get("disabled")):
        return None
    url = link(integration.get("url"))
    return Press(kind="mattermost", action_id=text(action.get("id")), url=url, context=context)


def _button(label: Any, given: dict[str, Any], press: Press | None) -> Button:
    return Button(
        text=cut(line(label) or "Press", LONGEST_BUTTON),
        style=style_of(given.get("style")),
        confirm=_confirm(given.get("confirm")),
        press=press if press and _fits(press) else None,
    )


def _fits(press: Press) -> bool:
    names = (press.action_id, press.block_id, press.name, press.callback_id)
    return len(press.value) <= LONGEST_VALUE and all(len(name) <= LONGEST_ID for name in names)


def _confirm(given: Any) -> ConfirmOut | None:
    """Whoever wants something to be asked gets it, however oddly it was said."""
    if not isinstance(given, dict | str) and given is not True:
        return None
    asked = obj(given)
    return ConfirmOut(
        title=cut(_words(asked.get("title")) or "Are you sure?", LONGEST_CONFIRM_TITLE),
        text=cut(_words(asked.get("text")) or line(given if isinstance(given, str) else ""), LONGEST_CONFIRM_TEXT),
        ok=cut(_words(asked.get("confirm")) or _words(asked.get("ok_text")) or "Yes", LONGEST_CONFIRM_WORD),
        dismiss=cut(_words(asked.get("deny")) or _words(asked.get("dismiss_text")) or "No", LONGEST_CONFIRM_WORD),
    )


def _words(element: Any) -> str:
    return line(obj(element).get("text") or element)


def named(cards: list[CardOut]) -> list[CardOut]:
    """The cards, with an id for each button that can be pressed: its place among them, and a mark of what its program
    calls it, so that a press which comes just after an edit is never taken for one of another button."""
    places, room = count(), MOST_OF_A_MESSAGE
    for card in cards:
        card.buttons = [_named(each, places) for each in card.buttons[:room]]
        room -= len(card.buttons)
    return cards


def _named(given: ButtonOut, places: "count[int]") -> ButtonOut:
    press = given.press if isinstance(given, Button) else None
    if not press:
        return given.model_copy(update={"id": None})
    called = json.dumps([press.kind, press.action_id, press.block_id, press.name, press.callback_id, press.url])
    # Twelve bits: what it is called is nobody else's business.
    return given.model_copy(update={"id": f"b{next(places)}{crc32(called.encode()) & 0xFFF:03x}"})
