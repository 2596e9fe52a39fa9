"""Incoming webhooks: making them, and posting what comes in as their bot."""

import hashlib
import secrets

from bson import ObjectId

from infitalks import access
from infitalks.actions import chats
from infitalks.actions.log import own_client_id
from infitalks.actions.messages import send_message
from infitalks.actions.users import create_bot, disable_user, rename_bot
from infitalks.errors import NotFound
from infitalks.integrations.slack import Post
from infitalks.models.database import Doc
from infitalks.models.users import secret_hash, user_by_id
from infitalks.models.webhooks import Webhook, webhook_by_secret, webhooks_in
from infitalks.schemas.messages import LONGEST_TEXT


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


def webhook_of_secret(secret: str) -> Webhook:
    """Raises NotFound where no webhook has this secret."""
    webhook = webhook_by_secret(secret)
    if not webhook:
        raise NotFound()
    return webhook


def receive_post(webhook: Webhook, post: Post, repeat_key: str | None) -> Doc:
    """Post as the webhook's bot. A repeat under the same `repeat_key` posts nothing anew, for ever.

    Raises NotFound where the bot was taken out of the chat.
    """
    client_id = f"hook.{hashlib.sha256(repeat_key.encode()).hexdigest()}" if repeat_key else own_client_id()
    message, _ = send_message(webhook.bot, webhook.chat, client_id, text=post.text[:LONGEST_TEXT], via=post.via)
    return message
