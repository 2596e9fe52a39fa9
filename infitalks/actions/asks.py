"""What somebody asks a bot, by a command or a button, is written down here, to be sent at once, and once.

Not for: sending it and taking the answer (sending_asks.py), or events, which are sent until they arrive.
"""

import hashlib
from datetime import UTC, datetime
from typing import Literal

from bson import ObjectId

from infitalks.actions.deliveries import FRESH
from infitalks.backends import queue
from infitalks.models.database import Doc
from infitalks.models.deliveries import Delivery
from infitalks.models.webhooks import Webhook

Kind = Literal["command", "action"]


def ask_id(webhook: Webhook, user_id: ObjectId, chat_id: ObjectId, kind: Kind, key: str) -> str:
    """The delivery's id; its first 24 characters name the asking."""
    asking = hashlib.sha256(f"{kind}:{user_id}:{chat_id}:{key}".encode()).hexdigest()[:24]
    return f"{asking}:{webhook.id}"


def ask(
    webhook: Webhook,
    user_id: ObjectId,
    chat_id: ObjectId,
    kind: Kind,
    key: str,
    content_type: str,
    body: bytes,
    *,
    url: str | None = None,
    message: ObjectId | None = None,
    ephemeral: ObjectId | None = None,
    digest: str | None = None,
) -> bool:
    """Let the webhook's program be asked, within seconds and once. Returns whether that is new: a repeat under the
    user's key asks nothing. `url`: where to, if not the webhook's own; `message`, `ephemeral`: whose button it was.
    `digest`: of what a repeat has to say the same of, which the caller compares.

    Who may ask what is checked by the caller, and again when it is sent.
    """
    row: Doc = {
        "_id": ask_id(webhook, user_id, chat_id, kind, key),
        "webhook": webhook.id,
        "chat": chat_id,
        "seq": 0,
        "type": kind,
        "user": user_id,
        "url": url,
        "message": message,
        "ephemeral": ephemeral,
        "digest": digest,
        "by_bot": False,
        "origin": {},
        "attempts": [],
        "replays": [],
        "content_type": content_type,
        "body": body,
        "created_at": datetime.now(UTC),
        **FRESH,
    }
    written = Delivery.raw().update_one({"_id": row["_id"]}, {"$setOnInsert": row}, upsert=True)
    ring_for(row["_id"])
    return written.upserted_id is not None


def ring_for(delivery_id: str) -> None:
    """Each is a task of its own, so that none waits for another whose receiver hangs."""
    queue.ring_once("webhooks.ask", delivery_id)
