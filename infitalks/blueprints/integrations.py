"""Webhooks' doors: making and looking after them. Not for: `/hooks`, where other programs post (hooks.py)."""

from flask import Blueprint, current_app

from infitalks.access import get_webhook_for
from infitalks.actions import webhooks
from infitalks.blueprints.guard import api
from infitalks.models.users import User
from infitalks.schemas.webhooks import (
    NewWebhookOut,
    WebhookIn,
    WebhookOut,
    WebhookPatchIn,
    WebhooksOut,
    new_webhook_out,
    webhook_out,
)

blueprint = Blueprint("integrations", __name__)


def hook_url(secret: str) -> str:
    """The address that a sender posts to."""
    base: str = current_app.config["PUBLIC_URL"]
    return f"{base.rstrip('/')}/hooks/{secret}"


@blueprint.get("/api/chats/<chat_id>/webhooks")
@api(answers={200: WebhooksOut})
def get_webhooks(me: User, chat_id: str) -> WebhooksOut:
    return WebhooksOut(webhooks=[webhook_out(webhook) for webhook in webhooks.list_webhooks(me.id, chat_id)])


@blueprint.post("/api/chats/<chat_id>/webhooks")
@api(body=WebhookIn, limit="30/minute", answers={201: NewWebhookOut})
def post_webhook(me: User, chat_id: str, body: WebhookIn) -> tuple[NewWebhookOut, int]:
    webhook, secret = webhooks.create_incoming(me.id, chat_id, body.name)
    return new_webhook_out(webhook, hook_url(secret)), 201


@blueprint.get("/api/webhooks/<webhook_id>")
@api(answers={200: WebhookOut})
def get_webhook(me: User, webhook_id: str) -> WebhookOut:
    return webhook_out(get_webhook_for(me.id, webhook_id))


@blueprint.patch("/api/webhooks/<webhook_id>")
@api(body=WebhookPatchIn, answers={200: WebhookOut})
def patch_webhook(me: User, webhook_id: str, body: WebhookPatchIn) -> WebhookOut:
    return webhook_out(webhooks.rename_webhook(me.id, webhook_id, body.name))


@blueprint.delete("/api/webhooks/<webhook_id>")
@api(answers={204: None})
def delete_webhook(me: User, webhook_id: str) -> None:
    webhooks.delete_webhook(me.id, webhook_id)


@blueprint.post("/api/webhooks/<webhook_id>/rotate")
@api(limit="30/minute", answers={200: NewWebhookOut})
def rotate_webhook(me: User, webhook_id: str) -> NewWebhookOut:
    webhook, secret = webhooks.rotate_webhook(me.id, webhook_id)
    return new_webhook_out(webhook, hook_url(secret))
