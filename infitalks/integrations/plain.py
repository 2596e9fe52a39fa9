"""Posts without a format: plain text, and any JSON or form, put into words by a template of the webhook's owner.

A template names values, `{{path.to.0.field}}`, and does nothing else: no code, no loops, no conditions.
"""

import json
import re
from typing import Any

from infitalks.integrations.cards import card, escaped
from infitalks.integrations.post import Post, compose
from infitalks.integrations.values import cut, line, text

LONGEST_PART = 4000  # characters of one value in a template
TITLES = ("title", "subject", "name", "event")
TEXTS = ("text", "message", "content", "body", "description", "msg")

_PLACE = re.compile(r"\{\{\s*([^{}\s]{1,200})\s*\}\}")


def parse_text(payload: Any) -> Post:
    """The words themselves, as Markdown. Raises PayloadRefused."""
    return compose(text(payload))


def parse_json(payload: Any, template: str = "") -> Post:
    """By the template; without one by the fields that most senders have, or as what it is. Raises PayloadRefused."""
    if template:
        return compose(fill(template, payload))
    if not isinstance(payload, dict):
        return compose(_code(payload) if payload is not None else "")
    title, words = _first(payload, TITLES), _first(payload, TEXTS)
    if not title and not words:
        return compose(_code(payload) if payload else "")
    return compose("", [card(title=title, text=words)]) if title else compose(words)


def fill(template: str, payload: Any) -> str:
    """The template with its places filled; what is not there is empty."""
    return _PLACE.sub(lambda found: cut(_written(_look_up(payload, found[1])), LONGEST_PART), template)


def _look_up(value: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isascii() and step.isdigit() and int(step[:6]) < len(value):
            value = value[int(step[:6])]
        else:
            return None
    return value


def _written(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else text(value)


def _first(payload: dict[str, Any], names: tuple[str, ...]) -> str:
    return next((text(payload[name]) for name in names if text(payload.get(name)).strip()), "")


def _code(payload: Any) -> str:
    if isinstance(payload, str | int | float):
        return escaped(line(payload))
    written = cut(json.dumps(payload, ensure_ascii=False, indent=2), LONGEST_PART)
    return f"```json\n{written.replace('```', '` ` `')}\n```"
