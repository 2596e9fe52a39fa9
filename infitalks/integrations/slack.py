"""Slack's incoming format: text, attachments, blocks (blocks.py). Field names and tolerance as in Slack's SDK and
Mattermost's server; what is odd costs its own part only.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from infitalks.integrations.blocks import block_cards
from infitalks.integrations.buttons import attachment_button
from infitalks.integrations.cards import author, card, card_field, escaped
from infitalks.integrations.mrkdwn import to_markdown, unescape
from infitalks.integrations.post import PayloadRefused, Post, compose, via
from infitalks.integrations.values import is_true, items, line, moment, objs, text
from infitalks.schemas.cards import CardFieldOut, CardOut

MOST_ATTACHMENTS = 100
MARKED_UP = ("fallback", "pretext", "text", "fields")  # where mrkdwn_in does not say

Markup = Callable[[str], str]


def parse_slack(payload: Any) -> Post:
    """Raises PayloadRefused."""
    return read_slack(payload, to_markdown)


def read_slack(payload: Any, markup: Markup) -> Post:
    """The same shape with another markup: Mattermost's texts are Markdown already. Raises PayloadRefused."""
    _check(payload)
    shown_as = markup if payload.get("mrkdwn") is not False else escaped
    named = via(payload.get("username"), payload.get("icon_url"), payload.get("icon_emoji"))
    more = {"via": named, "reply_to": text(payload.get("thread_ts")) or None}
    if payload.get("blocks"):
        # As Slack does: beside blocks, `text` is only the line for a notification.
        with suppress(PayloadRefused):
            return compose("", _cards(payload, markup), **more)
    return compose(shown_as(text(payload.get("text"))), _cards(payload, markup), **more)


def _cards(payload: dict[str, Any], markup: Markup) -> Iterator[CardOut | None]:
    yield from block_cards(payload.get("blocks"))
    yield from attachment_cards(payload.get("attachments"), markup)


def _check(payload: Any) -> None:
    if not isinstance(payload, dict) or not isinstance(payload.get("text") or "", str):
        raise PayloadRefused("invalid_payload")
    if len(items(payload.get("attachments"))) > MOST_ATTACHMENTS:
        raise PayloadRefused("too_many_attachments")
    if line(payload.get("channel")).startswith("@"):
        # Meant for one person: it must not be shown to a room.
        raise PayloadRefused("user_not_found")


def attachment_cards(attachments: Any, markup: Markup = to_markdown) -> Iterator[CardOut | None]:
    for number, attachment in enumerate(objs(attachments), 1):
        yield card(text=markup(text(attachment.get("pretext"))))
        yield _attachment(attachment, markup, number)
        yield from block_cards(attachment.get("blocks"), attachment.get("color"))


def _attachment(given: dict[str, Any], markup: Markup, number: int) -> CardOut | None:
    marked = [text(name) for name in items(given.get("mrkdwn_in"))] or MARKED_UP
    as_text = markup if "text" in marked else escaped
    as_value = markup if "fields" in marked else escaped
    said = any(given.get(key) for key in ("title", "text", "fields", "pretext", "blocks", "image_url", "actions"))
    return card(
        color=given.get("color"),
        author=author(given.get("author_name"), given.get("author_link"), given.get("author_icon")),
        title=unescape(text(given.get("title"))),
        url=given.get("title_link"),
        text=as_text(text(given.get("text"))) if said else markup(text(given.get("fallback"))),
        fields=_fields(given.get("fields"), as_value),
        image_url=given.get("image_url"),
        thumb_url=given.get("thumb_url"),
        footer=escaped(unescape(text(given.get("footer")))),
        at=moment(given.get("ts")),
        buttons=(attachment_button(each, given.get("callback_id"), number) for each in objs(given.get("actions"))),
    )


def _fields(fields: Any, markup: Markup) -> Iterator[CardFieldOut]:
    for field in objs(fields):
        title, value = text(field.get("title")), text(field.get("value"))
        if title or value:
            yield card_field(unescape(title), markup(value), short=is_true(field.get("short")))
