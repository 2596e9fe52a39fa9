"""Making and looking after webhooks. Not for: what comes in through them (hooks.py)."""

import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId
from mongoengine.errors import DoesNotExist, NotUniqueError

from infitalks import access
from infitalks.actions import chats
from infitalks.actions.users import create_bot, disable_user, rename_bot
from infitalks.errors import Conflict, NotFound
from infitalks.integrations.signatures import SECRET_BYTES, write_secret
from infitalks.models.deliveries import Delivery
from infitalks.models.users import secret_hash, user_by_id
from infitalks.models.webhooks import Webhook, command_called, webhooks_in
from infitalks.schemas.webhooks import FIELDS, check_command, check_fields, check_outgoing

MOST_OF_A_KIND = 50  # in one chat, of those that send
OVERLAP = timedelta(hours=24)  # how long a replaced signing secret goes on signing
ADDRESSES = ("url", "actions_url")  # that it sends to
SIGNS_OF_FAILURE = ("off_reason", "failing_since", "misses", "rest_until")


def create_webhook(user_id: ObjectId, chat_id: str, kind: str, name: str, given: dict[str, Any]) -> tuple[Webhook, str]:
    """A webhook with a bot of its own, which joins the chat. Returns it and its secret: an incoming one's stands in
    its address and is not kept, others sign with it. `given`: what this kind has beside its name.

    Raises Invalid where that does not go together, Conflict for a command that the chat has already.
    """
    chat, membership = access.get_chat_for(user_id, chat_id)
    access.require(access.can_manage_webhooks(chat, membership), "Only owners make webhooks in a group.")
    check_fields(kind, given)
    fields, secret = _MAKERS[kind](chat["_id"], given)
    bot, _ = create_bot(user_id, name)
    webhook = Webhook(
        kind=kind, chat=chat["_id"], name=name, bot=bot.id, created_by=user_id, created_at=bot.created_at, **fields
    )
    try:
        webhook.save(force_insert=True)
    except NotUniqueError:  # somebody was a moment quicker
        disable_user(bot)
        raise _taken(given["command"]) from None
    chats.add_bot(user_id, chat, bot.id)
    return webhook, secret


def create_incoming(user_id: ObjectId, chat_id: str, name: str) -> tuple[Webhook, str]:
    """An incoming webhook, as create_webhook."""
    return create_webhook(user_id, chat_id, "incoming", name, {})


def _incoming_fields(chat_id: ObjectId, given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    secret = secrets.token_urlsafe(24)
    proofs = _fresh_proofs() if given.get("actions_url") else {}
    return {"secret_hash": secret_hash(secret), **given, **proofs}, secret


def _outgoing_fields(chat_id: ObjectId, given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    fields = {"events": ["message.sent"], "trigger_words": [], "trigger_when": "exact", "on_bots": False, **given}
    check_outgoing(fields)
    _require_room(chat_id, "outgoing")
    fields |= _fresh_proofs()
    return fields, fields["secret"]


def _command_fields(chat_id: ObjectId, given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    fields = {"format": "form", "usage": "", "description": "", **given}
    check_command(fields)
    _require_room(chat_id, "command")
    if command_called(chat_id, fields["command"]):
        raise _taken(fields["command"])
    fields |= _fresh_proofs()
    return fields, fields["secret"]


_MAKERS: dict[str, Callable[[ObjectId, dict[str, Any]], tuple[dict[str, Any], str]]] = {
    "incoming": _incoming_fields,
    "outgoing": _outgoing_fields,
    "command": _command_fields,
}


def _require_room(chat_id: ObjectId, kind: str) -> None:
    if sum(webhook.kind == kind for webhook in webhooks_in(chat_id)) >= MOST_OF_A_KIND:
        raise Conflict(f"A chat has {MOST_OF_A_KIND} {kind} webhooks at most.")


def _taken(command: str) -> Conflict:
    return Conflict(f"This chat has /{command} already.", fields={"command": "is taken in this chat"})


def _fresh_proofs() -> dict[str, str]:
    return {"secret": write_secret(secrets.token_bytes(SECRET_BYTES)), "token": secrets.token_urlsafe(20)}


def change_webhook(webhook: Webhook, given: dict[str, Any], by: ObjectId | None) -> bool:
    """Set these of its fields; its bot's name goes with its own. Returns whether it has a new secret by that: an
    incoming one gets its first with an actions_url. Whoever gives it another address to send to answers for it from
    then on; `by` None: the machine's admin, who answers for nothing.

    Raises Invalid where they do not go together, Conflict for a command that the chat has already, NotFound where it
    was deleted meanwhile.
    """
    check_fields(webhook.kind, given)
    _check_together(webhook, given)
    fresh = _fresh_proofs() if given.get("actions_url") and not webhook.secret else {}
    change: dict[str, Any] = {f"set__{name}": value for name, value in (given | fresh).items()}
    if given.get("active") or given.get("url"):  # a fresh start
        change |= {f"unset__{name}": True for name in SIGNS_OF_FAILURE}
    if by and any(name in given and given[name] != getattr(webhook, name) for name in ADDRESSES):
        change["set__created_by"] = by
    try:
        if change:
            webhook.update(**change)
    except NotUniqueError:
        raise _taken(given["command"]) from None
    if "name" in given:
        rename_bot(webhook.bot, given["name"])
    _reload(webhook)
    return bool(fresh)


def _reload(webhook: Webhook) -> None:
    try:
        webhook.reload()
    except DoesNotExist:  # in another tab
        raise NotFound() from None


def _check_together(webhook: Webhook, given: dict[str, Any]) -> None:
    now = {name: getattr(webhook, name) for name in FIELDS[webhook.kind]} | given
    if webhook.kind == "outgoing":
        check_outgoing(now)
    elif webhook.kind == "command":
        check_command(now)


def rotate_webhook(webhook: Webhook, by: ObjectId | None) -> str:
    """New secrets; returns the one that create_webhook would. An incoming one's old address stops working at once;
    what is sent is signed with the old secret too for a day. Whoever does it knows the secret now, and answers for
    the webhook from here on; `by` None: the machine's admin, who answers for nothing."""
    address = secrets.token_urlsafe(24) if webhook.kind == "incoming" else ""
    change: dict[str, Any] = {"secret_hash": secret_hash(address)} if address else {}
    if webhook.secret:
        change |= {"old_secret": webhook.secret, "old_secret_until": datetime.now(UTC) + OVERLAP, **_fresh_proofs()}
    if by:
        change["created_by"] = by
    webhook.update(**{f"set__{name}": value for name, value in change.items()})
    _reload(webhook)
    return address or str(webhook.secret)


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
