"""Making and looking after webhooks. Not for: what comes in through them (hooks.py)."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from infitalks import access
from infitalks.actions import chats
from infitalks.actions.users import create_bot, disable_user, rename_bot
from infitalks.errors import Conflict
from infitalks.integrations.signatures import SECRET_BYTES, write_secret
from infitalks.models.deliveries import Delivery
from infitalks.models.users import secret_hash, user_by_id
from infitalks.models.webhooks import Webhook, webhooks_in
from infitalks.schemas.webhooks import check_incoming, check_outgoing

MOST_OUTGOING = 50  # of one chat
OVERLAP = timedelta(hours=24)  # how long a replaced signing secret goes on signing
SIGNS_OF_FAILURE = ("off_reason", "failing_since", "misses", "rest_until")


def create_webhook(user_id: ObjectId, chat_id: str, kind: str, name: str, given: dict[str, Any]) -> tuple[Webhook, str]:
    """A webhook with a bot of its own, which joins the chat. Returns it and its secret: an incoming one's stands in
    its address and is not kept, an outgoing one signs with it. `given` are the fields of outgoing ones."""
    chat, membership = access.get_chat_for(user_id, chat_id)
    access.require(access.can_manage_webhooks(chat, membership), "Only owners make webhooks in a group.")
    fields, secret = _outgoing_fields(chat["_id"], given) if kind == "outgoing" else _incoming_fields(given)
    bot, _ = create_bot(user_id, name)
    webhook = Webhook(
        kind=kind, chat=chat["_id"], name=name, bot=bot.id, created_by=user_id, created_at=bot.created_at, **fields
    )
    webhook.save(force_insert=True)
    chats.add_bot(user_id, chat, bot.id)
    return webhook, secret


def create_incoming(user_id: ObjectId, chat_id: str, name: str) -> tuple[Webhook, str]:
    """An incoming webhook, as create_webhook."""
    return create_webhook(user_id, chat_id, "incoming", name, {})


def _incoming_fields(given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    check_incoming(given)
    secret = secrets.token_urlsafe(24)
    return {"secret_hash": secret_hash(secret)}, secret


def _outgoing_fields(chat_id: ObjectId, given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    fields = {"events": ["message.sent"], "trigger_words": [], "trigger_when": "exact", "on_bots": False, **given}
    check_outgoing(fields)
    if sum(webhook.kind == "outgoing" for webhook in webhooks_in(chat_id)) >= MOST_OUTGOING:
        raise Conflict(f"A chat has {MOST_OUTGOING} outgoing webhooks at most.")
    fields |= _fresh_proofs()
    return fields, fields["secret"]


def _fresh_proofs() -> dict[str, str]:
    return {"secret": write_secret(secrets.token_bytes(SECRET_BYTES)), "token": secrets.token_urlsafe(20)}


def change_webhook(user_id: ObjectId, webhook_id: str, given: dict[str, Any]) -> Webhook:
    """Set these of its fields; its bot's name goes with its own. Raises Invalid where they do not go together."""
    webhook = access.get_webhook_for(user_id, webhook_id)
    if webhook.kind == "incoming":
        check_incoming(given)
    else:
        kept = ("url", "format", "events", "trigger_words", "trigger_when")
        check_outgoing({**{name: getattr(webhook, name) for name in kept}, **given})
    change: dict[str, Any] = {f"set__{name}": value for name, value in given.items()}
    if given.get("active") or given.get("url"):  # a fresh start
        change |= {f"unset__{name}": True for name in SIGNS_OF_FAILURE}
    if change:
        webhook.update(**change)
    if "name" in given:
        rename_bot(webhook.bot, given["name"])
    webhook.reload()
    return webhook


def rotate_webhook(user_id: ObjectId, webhook_id: str) -> tuple[Webhook, str]:
    """A new secret. An incoming one's old address stops working at once; an outgoing one signs with the old secret
    too for a day. Whoever does it knows the secret now, and answers for the webhook from here on."""
    webhook = access.get_webhook_for(user_id, webhook_id)
    if webhook.kind == "incoming":
        secret = secrets.token_urlsafe(24)
        webhook.update(set__secret_hash=secret_hash(secret), set__created_by=user_id)
        return webhook, secret
    fresh = _fresh_proofs()
    old = {"set__old_secret": webhook.secret, "set__old_secret_until": datetime.now(UTC) + OVERLAP}
    webhook.update(set__secret=fresh["secret"], set__token=fresh["token"], set__created_by=user_id, **old)
    webhook.reload()
    return webhook, fresh["secret"]


def delete_webhook(user_id: ObjectId, webhook_id: str) -> None:
    """The address stops working, nothing is sent any more, its bot leaves the chat. What it posted stays."""
    webhook = access.get_webhook_for(user_id, webhook_id)
    chat, _ = access.get_chat_for(user_id, str(webhook.chat))
    # The record last: until then all of it can be done again.
    chats.remove_bot(user_id, chat, webhook.bot)
    bot = user_by_id(webhook.bot)
    if bot:
        disable_user(bot)
    webhook.delete()
    Delivery.raw().delete_many({"webhook": webhook.id})


def list_webhooks(user_id: ObjectId, chat_id: str) -> list[Webhook]:
    chat, membership = access.get_chat_for(user_id, chat_id)
    access.require(access.can_manage_webhooks(chat, membership), "Only owners look after a group's webhooks.")
    return webhooks_in(chat["_id"])
