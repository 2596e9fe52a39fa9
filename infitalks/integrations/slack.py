"""Slack's incoming format: what `text`, attachments and blocks say, as Markdown. Mattermost's is the same.

Not for: cards; rich parts are told as text. Field names and tolerance as in Slack's SDK and Mattermost's server.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

MOST_ATTACHMENTS = 100
LONGEST_VIA = 80  # characters of a name that a sender gives itself


class PayloadRefused(Exception):
    """Slack's own word for what is wrong, as its senders know it: `invalid_payload`, `no_text` and so on."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Post:
    """A message that a webhook asks for. `via` is the name the sender gave, never the author."""

    text: str
    via: dict[str, str] | None


def parse_slack(payload: Any) -> Post:
    """Raises PayloadRefused."""
    if not isinstance(payload, dict):
        raise PayloadRefused("invalid_payload")
    text = payload.get("text")
    if text is not None and not isinstance(text, str):
        raise PayloadRefused("invalid_payload")
    if len(_list(payload.get("attachments"))) > MOST_ATTACHMENTS:
        raise PayloadRefused("too_many_attachments")
    rich = [*_blocks(payload.get("blocks")), *_attachments(payload.get("attachments"))]
    # As Slack does: beside blocks, `text` is only the line for a notification.
    first = [] if payload.get("blocks") and rich else [to_markdown(text or "")]
    parts = [part for part in (*first, *rich) if part.strip()]
    if not parts:
        raise PayloadRefused("no_text")
    return Post("\n\n".join(parts), _via(payload))


def _via(payload: dict[str, Any]) -> dict[str, str] | None:
    fields = {"name": "username", "icon_url": "icon_url", "icon_emoji": "icon_emoji"}
    given = {ours: payload[theirs] for ours, theirs in fields.items() if isinstance(payload.get(theirs), str)}
    named = {key: value.strip()[:LONGEST_VIA] for key, value in given.items() if value.strip()}
    return named if "name" in named else None


_LINK = re.compile(r"<([^<>\n]+)>")
_BOLD = re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])")
_STRIKE = re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])")
_AMPERSAND = re.compile(r"&amp;(?!#?\w+;)")
_CODE = re.compile(r"(```.*?```|`[^`\n]+`)", re.DOTALL)


def to_markdown(mrkdwn: str) -> str:
    """Slack's mrkdwn as Markdown; code stays as it is, but for the three entities that Slack escapes."""
    parts = _CODE.split(mrkdwn)
    return "".join(_unescape(part) if index % 2 else _convert(part) for index, part in enumerate(parts))


def _convert(text: str) -> str:
    marked = _STRIKE.sub(r"~~\1~~", _BOLD.sub(r"**\1**", text))
    linked = _LINK.sub(lambda match: _reference(match[1]), marked)
    # Markdown reads entities itself: what would become one has to stay escaped.
    return _AMPERSAND.sub("&", linked.replace("&lt;", "<").replace("&gt;", ">"))


def _reference(inside: str) -> str:
    target, _, label = inside.partition("|")
    if target.startswith("!"):
        return label or "@" + target[1:].partition("^")[0]
    if target.startswith(("@", "#")):
        return target[0] + (label or target[1:])
    if target.startswith(("http://", "https://", "mailto:")):
        return f"[{label}](<{target}>)" if label else f"<{target}>"
    return f"<{inside}>"


def _unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _attachments(attachments: Any) -> Iterator[str]:
    for attachment in _list(attachments):
        if isinstance(attachment, dict):
            yield "\n".join(line for line in _attachment_lines(attachment) if line)
            yield from _blocks(attachment.get("blocks"))


def _attachment_lines(attachment: dict[str, Any]) -> Iterator[str]:
    title, link = _string(attachment.get("title")), _string(attachment.get("title_link"))
    text = _string(attachment.get("text"))
    yield to_markdown(_string(attachment.get("pretext")))
    yield f"**[{title}](<{link}>)**" if title and link else f"**{title}**" if title else ""
    yield to_markdown(text)
    for field in _list(attachment.get("fields")):
        if isinstance(field, dict):
            yield f"**{_string(field.get('title'))}:** {to_markdown(_string(field.get('value')))}"
    if not (title or text or attachment.get("fields") or attachment.get("pretext") or attachment.get("blocks")):
        yield to_markdown(_string(attachment.get("fallback")))


def _blocks(blocks: Any) -> Iterator[str]:
    for block in _list(blocks):
        if isinstance(block, dict):
            yield _block(block)


def _block(block: dict[str, Any]) -> str:
    kind = block.get("type")
    if kind == "divider":
        return "---"
    if kind == "header":
        return f"**{_text_of(block.get('text'))}**"
    if kind == "image":
        return f"[{_string(block.get('alt_text')) or 'picture'}](<{_string(block.get('image_url'))}>)"
    parts = [block.get("text"), *_list(block.get("fields")), *_list(block.get("elements"))]
    return "\n".join(text for text in map(_text_of, parts) if text)


def _text_of(element: Any) -> str:
    """The text of a text object, whatever its kind; nothing where there is none."""
    if isinstance(element, str):
        return to_markdown(element)
    if not isinstance(element, dict):
        return ""
    text = element.get("text")
    return _text_of(text) if isinstance(text, dict) else to_markdown(_string(text))


def _string(value: Any) -> str:
    """Senders put numbers and nulls where text belongs."""
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
