"""Discord's webhook format: content and embeds in, its message object out. Source: Discord's API documentation.

What is over one of its limits is cut, where Discord would refuse the whole.
"""

import re
from collections.abc import Iterator
from typing import Any

from infitalks.integrations.cards import author, card, card_field, escaped
from infitalks.integrations.post import PayloadRefused, Post, compose, via
from infitalks.integrations.values import line, moment, obj, objs, text
from infitalks.schemas.cards import CardOut
from infitalks.schemas.messages import MessageOut

MOST_EMBEDS = 10
_MARK = re.compile(r"<(?:(@)[!&]?(\d+)|(#)(\d+)|a?(:\w+:)\d+|t:(-?\d{1,11})(?::\w)?)>")


def parse_discord(payload: Any) -> Post:
    """Raises PayloadRefused."""
    if not isinstance(payload, dict) or not isinstance(payload.get("content") or "", str):
        raise PayloadRefused("invalid_payload")
    nonce = line(payload.get("nonce")) if payload.get("enforce_nonce") is True else ""
    return compose(
        markup(payload.get("content")),
        [*embed_cards(payload.get("embeds")), *_files(payload.get("attachments"))],
        via=via(payload.get("username"), payload.get("avatar_url")),
        repeat_key=f"nonce:{nonce}" if nonce else None,
    )


def revise_discord(payload: Any, cards: list[CardOut], words: str) -> Post:
    """An edit: what it does not name stays as the message (its `cards`, or plain `words`) has it.

    Raises PayloadRefused.
    """
    if not isinstance(payload, dict) or not isinstance(payload.get("content") or "", str):
        raise PayloadRefused("invalid_payload")
    kept_words, kept = parted(cards, words)
    content = markup(payload["content"]) if "content" in payload else kept_words
    return compose(content, embed_cards(payload["embeds"]) if "embeds" in payload else kept)


def parted(cards: list[CardOut], words: str) -> tuple[str, list[CardOut]]:
    """A stored message's content and embeds."""
    if not cards:
        return words, []
    first, rest = cards[0], cards[1:]
    framed = first.model_dump(exclude={"text", "html"}, exclude_defaults=True)
    return ("", cards) if framed else (first.text, rest)


def embed_cards(embeds: Any) -> Iterator[CardOut | None]:
    for embed in objs(embeds)[:MOST_EMBEDS]:
        by, below = obj(embed.get("author")), obj(embed.get("footer"))
        fields = [field for field in objs(embed.get("fields")) if field.get("name") or field.get("value")]
        yield card(
            color=embed.get("color"),
            author=author(by.get("name"), by.get("url"), by.get("icon_url")),
            title=embed.get("title"),
            url=embed.get("url"),
            text=markup(embed.get("description")),
            fields=(
                card_field(field.get("name"), markup(field.get("value")), short=field.get("inline") is True)
                for field in fields
            ),
            image_url=obj(embed.get("image")).get("url"),
            thumb_url=obj(embed.get("thumbnail")).get("url"),
            footer=escaped(below.get("text")),
            at=moment(embed.get("timestamp")),
        )


def _files(attachments: Any) -> Iterator[CardOut | None]:
    # Not taken, but not silently either.
    names = [line(file.get("filename")) for file in objs(attachments)[:MOST_EMBEDS] if file.get("filename")]
    yield card(footer=escaped("Files that were not taken: " + ", ".join(names))) if names else None


def markup(value: Any) -> str:
    """Discord's text as Markdown: its marks for people, channels, emoji and times are told in words."""
    return _MARK.sub(_mark, text(value))


def _mark(found: re.Match[str]) -> str:
    at, user, hash_mark, channel, emoji, seconds = found.groups()
    if seconds:
        when = moment(int(seconds))
        return when.strftime("%Y-%m-%d %H:%M UTC") if when else found[0]
    return emoji or f"{at or hash_mark}{user or channel}"


def discord_message(message: MessageOut, webhook_id: str) -> dict[str, Any]:
    """The message object that Discord's clients read."""
    content, cards = parted(message.cards, message.text)
    times = message.model_dump(mode="json", include={"created_at", "edited_at"})
    return {
        "id": message.id,
        "type": 0,
        "content": content,
        "channel_id": message.chat_id,
        "author": {
            "id": message.author.id,
            "username": message.via.name if message.via and message.via.name else message.author.display_name,
            "avatar": None,
            "discriminator": "0000",
            "bot": True,
        },
        "attachments": [],
        "embeds": [_embed(each) for each in cards],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        "timestamp": times["created_at"],
        "edited_timestamp": times["edited_at"],
        "flags": 0,
        "components": [],
        "webhook_id": webhook_id,
    }


def _embed(card: CardOut) -> dict[str, Any]:
    embed = {
        "type": "rich",
        "title": card.title,
        "url": card.url,
        "description": card.text,
        "color": int(card.color[1:], 16) if card.color else None,
        "timestamp": card.model_dump(mode="json")["at"],
        "author": card.author.model_dump(exclude_none=True) if card.author else None,
        "fields": [{"name": each.title, "value": each.text, "inline": each.short} for each in card.fields],
        "image": {"url": card.image_url} if card.image_url else None,
        "thumbnail": {"url": card.thumb_url} if card.thumb_url else None,
        "footer": {"text": card.footer} if card.footer else None,
    }
    return {key: value for key, value in embed.items() if value}
