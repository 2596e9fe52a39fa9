"""Webhooks' doors: making and looking after them. Not for: `/hooks`, where other programs post (hooks.py)."""

from flask import Blueprint, current_app

from infitalks.access import get_webhook_for
from infitalks.actions import deliveries, webhooks
from infitalks.blueprints.guard import api
from infitalks.models.users import User
from infitalks.models.webhooks import Webhook
from infitalks.schemas.deliveries import (
    DeliveriesOut,
    DeliveriesQuery,
    DeliveryOut,
    RedeliveredOut,
    delivery_out,
)
from infitalks.schemas.webhooks import (
    NewWebhookOut,
    WebhookIn,
    WebhookOut,
    WebhookPatchIn,
    WebhooksOut,
    changed_webhook_out,
    new_outgoing_out,
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
    webhook, secret = webhooks.create_webhook(me.id, chat_id, body.kind, body.name, body.given())
    return _shown_once(webhook, secret), 201


def _shown_once(webhook: Webhook, secret: str) -> NewWebhookOut:
    return new_webhook_out(webhook, hook_url(secret)) if webhook.kind == "incoming" else new_outgoing_out(webhook)


@blueprint.get("/api/webhooks/<webhook_id>")
@api(answers={200: WebhookOut})
def get_webhook(me: User, webhook_id: str) -> WebhookOut:
    return webhook_out(get_webhook_for(me.id, webhook_id))


@blueprint.patch("/api/webhooks/<webhook_id>")
@api(body=WebhookPatchIn, answers={200: NewWebhookOut})
def patch_webhook(me: User, webhook_id: str, body: WebhookPatchIn) -> NewWebhookOut:
    webhook = get_webhook_for(me.id, webhook_id)
    return changed_webhook_out(webhook, fresh=webhooks.change_webhook(webhook, body.given(), me.id))


@blueprint.delete("/api/webhooks/<webhook_id>")
@api(answers={204: None})
def delete_webhook(me: User, webhook_id: str) -> None:
    webhooks.delete_webhook(me.id, webhook_id)


@blueprint.post("/api/webhooks/<webhook_id>/rotate")
@api(limit="30/minute", answers={200: NewWebhookOut})
def rotate_webhook(me: User, webhook_id: str) -> NewWebhookOut:
    webhook = get_webhook_for(me.id, webhook_id)
    return _shown_once(webhook, webhooks.rotate_webhook(webhook, me.id))


@blueprint.post("/api/webhooks/<webhook_id>/test")
@api(limit="30/minute", answers={201: DeliveryOut})
def test_webhook(me: User, webhook_id: str) -> tuple[DeliveryOut, int]:
    return delivery_out(deliveries.send_test(get_webhook_for(me.id, webhook_id))), 201


@blueprint.get("/api/webhooks/<webhook_id>/deliveries")
@api(query=DeliveriesQuery, answers={200: DeliveriesOut})
def get_deliveries(me: User, webhook_id: str, query: DeliveriesQuery) -> DeliveriesOut:
    states = [query.state] if query.state else []
    webhook = get_webhook_for(me.id, webhook_id)
    found, more = deliveries.list_deliveries(webhook, me.id, states, query.before, query.limit)
    return DeliveriesOut(deliveries=[delivery_out(row) for row in found], has_more=more)


@blueprint.post("/api/webhooks/<webhook_id>/deliveries/redeliver")
@api(limit="30/minute", answers={200: RedeliveredOut})
def redeliver_failed(me: User, webhook_id: str) -> RedeliveredOut:
    return RedeliveredOut(redelivered=deliveries.redeliver_failed(get_webhook_for(me.id, webhook_id), me.id))


@blueprint.post("/api/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver")
@api(limit="60/minute", answers={200: DeliveryOut})
def redeliver(me: User, webhook_id: str, delivery_id: str) -> DeliveryOut:
    return delivery_out(deliveries.redeliver(get_webhook_for(me.id, webhook_id), me.id, delivery_id))
