"""What comes in through a webhook: posted as its bot, once, in its chat. Not for: formats (integrations)."""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from infitalks import access
from infitalks.actions.incidents import tell_incident
from infitalks.actions.log import own_client_id
from infitalks.actions.messages import delete_message, edit_message, named_in, send_message
from infitalks.errors import Forbidden, InfiTalksError, NotFound
from infitalks.integrations.catalogue import Format
from infitalks.integrations.dialects import Refusal, Reply, refusal_of
from infitalks.integrations.discord import revise_discord
from infitalks.integrations.post import PayloadRefused, Post
from infitalks.integrations.received import Received
from infitalks.models.database import Doc
from infitalks.models.webhooks import Webhook, webhook_by_secret
from infitalks.schemas.cards import kept_card


class Outcome(NamedTuple):
    """How a request was answered: `reply` to the byte, with the `message` that shows it or why it was refused.
    `at`: when it began."""

    at: datetime
    took_ms: int
    reply: Reply
    message: Doc | None = None
    refusal: Refusal | None = None


def answer_request(form: Format, act: Callable[[], tuple[Reply, Doc | None]]) -> Outcome:
    """Let `act` answer, or say in the format's dialect why not."""
    at, began = datetime.now(UTC), time.monotonic()
    refusal = None
    try:
        reply, message = act()
    except (PayloadRefused, InfiTalksError) as error:
        refusal = refusal_of(error)
        reply, message = form.dialect.refuse(refusal), None
    return Outcome(at, round((time.monotonic() - began) * 1000), reply, message, refusal)


def webhook_of_secret(secret: str) -> Webhook:
    """Raises NotFound where no webhook has this secret."""
    webhook = webhook_by_secret(secret)
    if not webhook:
        raise NotFound()
    return webhook


def require_signed(webhook: Webhook, form: Format, received: Received) -> None:
    """Raises Forbidden where the webhook has a signing secret and the request does not prove to know it."""
    if webhook.signing_secret and not form.is_signed(received, webhook.signing_secret):
        raise Forbidden("The signature or token is missing or wrong.")


def receive_post(webhook: Webhook, form: Format, received: Received, own_key: str = "") -> Doc | None:
    """Post as the webhook's bot; None where the format has nothing to say of this. A repeat under the same key posts
    nothing anew, for ever, and the end of an incident edits the message of its beginning. `own_key` counts where the
    sender gave none.

    Raises PayloadRefused and Malformed for what cannot be taken, NotFound where the bot was taken out of the chat,
    Conflict for other content under the same key, Unavailable where it should be sent again.
    """
    post = form.post_of(received, webhook.template or "")
    if post is None:
        return None
    if post.incident:
        return tell_incident(webhook.bot, webhook.chat, post, post.incident)
    key = received.repeat_key() or post.repeat_key or own_key
    client_id = f"hook.{hashlib.sha256(key.encode()).hexdigest()}" if key else own_client_id()
    message, _ = send_message(
        webhook.bot,
        webhook.chat,
        client_id,
        text=post.text,
        cards=post.cards,
        via=post.via,
        reply_to=named_in(webhook.chat, webhook.bot, post.reply_to),
        # What was sent, not what we made of it: a repeat stays one after our formats have learnt more.
        said=["hook", form.name, received.digest()] if key else None,
    )
    return message


def get_own_message(webhook: Webhook, message_id: str) -> Doc:
    """A message that the webhook's bot has sent and nobody deleted. Raises PayloadRefused."""
    try:
        message, _ = access.get_message_for(webhook.bot, message_id)
    except NotFound:
        raise PayloadRefused("unknown_message") from None
    if message["author"] != webhook.bot or message["chat"] != webhook.chat or message.get("deleted_seq") is not None:
        raise PayloadRefused("unknown_message")
    return message


def revise_own_message(webhook: Webhook, message_id: str, form: Format, received: Received) -> None:
    """Edit it as Discord does. Raises PayloadRefused and Malformed."""
    message = get_own_message(webhook, message_id)
    cards = [kept_card(card) for card in message.get("cards") or ()]
    post: Post = revise_discord(form.read(received), cards, message["text"])
    edit_message(webhook.bot, message_id, post.text, None, cards=post.cards)


def delete_own_message(webhook: Webhook, message_id: str) -> None:
    """Raises PayloadRefused."""
    get_own_message(webhook, message_id)
    delete_message(webhook.bot, message_id)
