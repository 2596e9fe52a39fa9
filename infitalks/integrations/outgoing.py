"""What outgoing webhooks say: Mattermost's and Slack's bodies, or our events; and which events a webhook wants.

Sources: mattermost/server model/outgoing_webhook.go (fields, milliseconds in JSON, seconds in forms) and Slack's
legacy outgoing webhooks. Not for: sending (actions/deliveries.py) or signing (signatures.py).
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from infitalks.models.database import Doc
from infitalks.schemas.base import write_time
from infitalks.schemas.messages import EntryOut, MessageOut

TEAM = "infitalks"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Told:
    """One event for one webhook. `word` is what triggered it; `chat` is the chat's name."""

    type: str
    entry: EntryOut
    chat: str
    token: str
    word: str


def event_type(entry: Doc) -> str | None:
    """The type of a stored entry; None where outgoing webhooks are not told of it."""
    kind = entry["kind"]
    if kind == "reaction":
        return "reaction.added" if entry["on"] else "reaction.removed"
    if kind == "member":
        return None if entry["action"] == "created" else f"member.{entry['action']}"
    return {
        "message": "message.sent",
        "edit": "message.edited",
        "delete": "message.deleted",
        "media": "media.finished",
        "chat": "chat.changed",
    }.get(kind)


def trigger_in(text: str, words: Iterable[str], when: str, names: Iterable[str]) -> str | None:
    """What in the text triggers the webhook: its first word, being one of `words` (`exact`) or beginning with one
    (`prefix`), or a mention of one of the bot's `names` anywhere (`mention`). None: nothing does."""
    if when == "mention":
        found = (name for name in names if re.search(rf"(?<!\w)@{re.escape(name)}(?![\w-])", text, re.IGNORECASE))
        return next((f"@{name}" for name in found), None)
    first = next(iter(text.split(maxsplit=1)), "")
    if when == "prefix":
        return next((word for word in words if first.startswith(word)), None)
    return next((word for word in words if first == word), None)


def write_body(form: str, told: Told) -> tuple[str, bytes]:
    """Content type and bytes of one delivery."""
    message = told.entry.message
    if form == "events" or message is None:
        return JSON, write_event_body(told.type, told.entry.at, told.entry.model_dump(mode="json"))
    if form == "json":
        return JSON, write_json(_fields(told, message, round(message.created_at.timestamp() * 1000)))
    return FORM, urlencode(_fields(told, message, int(message.created_at.timestamp()))).encode()


def write_event_body(kind: str, at: datetime, data: dict[str, Any]) -> bytes:
    """Our own shape, as Standard Webhooks suggests one; `data` of an entry is as live events have it."""
    return write_json({"type": kind, "timestamp": write_time(at), "data": data})


def channel_name(chat: Doc) -> str:
    """What Slack calls a chat."""
    return chat.get("name") or "directmessage"


def _fields(told: Told, message: MessageOut, timestamp: int) -> dict[str, Any]:
    return {
        "token": told.token,
        "team_id": TEAM,
        "team_domain": TEAM,
        "channel_id": message.chat_id,
        "channel_name": told.chat,
        "timestamp": timestamp,
        "user_id": message.author.id,
        "user_name": message.author.username,
        "post_id": message.id,
        "text": message.text,
        "trigger_word": told.word,
        "file_ids": ",".join(attachment.id for attachment in message.attachments),
    }


def write_json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
