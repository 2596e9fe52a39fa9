"""Webhooks in JSON. The address is shown once, when it is made."""

from typing import Any, Literal

from infitalks.models.webhooks import Webhook
from infitalks.schemas.base import Id, In, Name, Out, Time


class WebhookIn(In):
    kind: Literal["incoming"]
    name: Name


class WebhookPatchIn(In):
    name: Name


class WebhookOut(Out):
    id: Id
    kind: Literal["incoming"]
    chat_id: Id
    name: str
    bot_id: Id
    created_at: Time


class NewWebhookOut(WebhookOut):
    url: str


class WebhooksOut(Out):
    webhooks: list[WebhookOut]


def webhook_out(webhook: Webhook) -> WebhookOut:
    return WebhookOut(**_fields(webhook))


def new_webhook_out(webhook: Webhook, url: str) -> NewWebhookOut:
    return NewWebhookOut(**_fields(webhook), url=url)


def _fields(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": str(webhook.id),
        "kind": webhook.kind,
        "chat_id": str(webhook.chat),
        "name": webhook.name,
        "bot_id": str(webhook.bot),
        "created_at": webhook.created_at,
    }
