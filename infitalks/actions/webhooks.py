"""Making and looking after webhooks. Not for: what comes in through them (hooks.py)."""

import secrets

from bson import ObjectId

from infitalks import access
from infitalks.actions import chats
from infitalks.actions.users import create_bot, disable_user, rename_bot
from infitalks.models.users import secret_hash, user_by_id
from infitalks.models.webhooks import Webhook, webhooks_in


def create_incoming(user_id: ObjectId, chat_id: str, name: str) -> tuple[Webhook, str]:
    """A webhook with a bot of its own, which joins the chat. Returns it and its secret, which is not kept."""
    chat, membership = access.get_chat_for(user_id, chat_id)
    access.require(access.can_manage_webhooks(chat, membership), "Only owners make webhooks in a group.")
    bot, _ = create_bot(user_id, name)
    secret = secrets.token_urlsafe(24)
    webhook = Webhook(
        kind="incoming",
        chat=chat["_id"],
        name=name,
        bot=bot.id,
        secret_hash=secret_hash(secret),
        created_by=user_id,
        created_at=bot.created_at,
    )
    webhook.save(force_insert=True)
    chats.add_bot(user_id, chat, bot.id)
    return webhook, secret


def rename_webhook(user_id: ObjectId, webhook_id: str, name: str) -> Webhook:
    """Its bot's name goes with it."""
    webhook = access.get_webhook_for(user_id, webhook_id)
    webhook.update(set__name=name)
    rename_bot(webhook.bot, name)
    webhook.reload()
    return webhook


def rotate_webhook(user_id: ObjectId, webhook_id: str) -> tuple[Webhook, str]:
    """A new secret; the old address stops working at once."""
    webhook = access.get_webhook_for(user_id, webhook_id)
    secret = secrets.token_urlsafe(24)
    webhook.update(set__secret_hash=secret_hash(secret))
    return webhook, secret


def delete_webhook(user_id: ObjectId, webhook_id: str) -> None:
    """The address stops working, and its bot leaves the chat. What it posted stays."""
    webhook = access.get_webhook_for(user_id, webhook_id)
    chat, _ = access.get_chat_for(user_id, str(webhook.chat))
    # The record last: until then all of it can be done again.
    chats.remove_bot(user_id, chat, webhook.bot)
    bot = user_by_id(webhook.bot)
    if bot:
        disable_user(bot)
    webhook.delete()


def list_webhooks(user_id: ObjectId, chat_id: str) -> list[Webhook]:
    chat, membership = access.get_chat_for(user_id, chat_id)
    access.require(access.can_manage_webhooks(chat, membership), "Only owners look after a group's webhooks.")
    return webhooks_in(chat["_id"])


def set_incoming_rules(
    user_id: ObjectId, webhook_id: str, *, template: str | None, signing_secret: str | None
) -> Webhook:
    """How JSON of no known format is put into words, and the secret that posts have to be signed with; None: none."""
    webhook = access.get_webhook_for(user_id, webhook_id)
    webhook.update(set__template=template, set__signing_secret=signing_secret)
    webhook.reload()
    return webhook
