"""Mattermost's incoming format: Slack's shape, but its texts are Markdown. Source: its server's incoming_webhook.go."""

from typing import Any

from infitalks.integrations.post import Post
from infitalks.integrations.slack import read_slack
from infitalks.integrations.values import at, items, text


def parse_mattermost(payload: Any) -> Post:
    """`props` may carry the attachments, and a `card` of Markdown. Raises PayloadRefused."""
    if isinstance(payload, dict):
        attachments = items(payload.get("attachments")) or items(at(payload, "props", "attachments"))
        aside = text(at(payload, "props", "card"))
        payload = {**payload, "attachments": [*attachments, {"text": aside}] if aside else attachments}
    return read_slack(payload, lambda words: words)
