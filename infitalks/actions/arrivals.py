"""Requests that came in through webhooks: kept as deliveries, so that one sees what was sent and how it was answered,
and received again. Not for: posting what they say (hooks.py)."""

import html
import json
import logging
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pymongo
from bson import ObjectId
from pymongo import ReturnDocument, WriteConcern
from pymongo.errors import PyMongoError
from werkzeug.datastructures import Headers

from infitalks.actions.hooks import Outcome, answer_request, receive_post
from infitalks.errors import Conflict
from infitalks.integrations.catalogue import DEFAULT, Format, format_called
from infitalks.integrations.dialects import Refusal
from infitalks.integrations.kept import Kept, keep_request, restore_request
from infitalks.integrations.received import Received
from infitalks.models.database import Doc
from infitalks.models.deliveries import Delivery, oldest_kept
from infitalks.models.webhooks import Webhook

KEPT_FOR = timedelta(days=30)
MOST_KEPT = 200  # of one webhook
TRIMMED_EACH = 20  # requests: so many more may be there for a moment, in each process
PATIENCE_SECONDS = 0.5
LONGEST_ANSWER = 500  # characters
MOST_ATTEMPTS = 20
# Not worth waiting for a majority: it is only there to be looked at, and the sender waits for the answer.
QUICK = WriteConcern(w=1, j=False)

_since_trim = Counter[ObjectId]()
logger = logging.getLogger(__name__)


def record_request(
    webhook: Webhook, deed: str, form: Format, received: Received, outcome: Outcome, *, cut: bool = False
) -> None:
    """Keep a request, with its answer. `deed`: post, edit or delete; `cut`: its body was not read. That it cannot be
    kept is nobody's trouble; and where the answer is that the database is away, that is not tried."""
    if outcome.reply.status == 503:
        return
    row = _row(webhook, deed, form, received, outcome)
    try:
        with pymongo.timeout(PATIENCE_SECONDS):
            Delivery.raw().with_options(write_concern=QUICK).insert_one({**row, "cut": row["cut"] or cut})
            _trim_sometimes(webhook.id)
    except PyMongoError as error:
        logger.warning("a request of webhook %s was not kept: %s", webhook.id, type(error).__name__)


def _row(webhook: Webhook, deed: str, form: Format, received: Received, outcome: Outcome) -> Doc:
    kept = keep_request(received)
    return {
        "_id": f"{ObjectId()}:{webhook.id}",
        "webhook": webhook.id,
        "chat": webhook.chat,
        "type": f"{deed}.{form.name}",
        "incoming": True,
        "seq": 0,
        "message": None,
        **_came_to(outcome),
        "tries": 1,
        "attempts": [_attempt(outcome)],
        "replays": [],
        **kept._asdict(),
        # A failed proof is no proof: who only knows the address must not get a second chance by our hands.
        "unsigned": bool(outcome.refusal and outcome.refusal.word == "invalid_token"),
        "created_at": outcome.at,
        "expires_at": outcome.at + KEPT_FOR,
    }


def _came_to(outcome: Outcome) -> Doc:
    message = outcome.message
    shown = {"seq": message["seq"], "message": message["_id"]} if message else {}
    return {"state": "dead" if outcome.refusal else "ok", "reason": _reason(outcome.refusal), **shown}


def _reason(refusal: Refusal | None) -> str | None:
    # To its sender a webhook that cannot post is none; who looks after it has to know better.
    if refusal and refusal.word == "no_service":
        return "Its bot is not in the chat."
    return refusal.reason if refusal else None


def _attempt(outcome: Outcome) -> Doc:
    answer = outcome.reply.body[: 4 * LONGEST_ANSWER].decode(errors="replace")[:LONGEST_ANSWER]
    known = {"at": outcome.at, "took_ms": outcome.took_ms, "status": outcome.reply.status}
    known["reason"] = _reason(outcome.refusal)
    return {**known, "answer": answer, "reply": None if outcome.refusal else _became(outcome.message, outcome.at)}


def _became(message: Doc | None, at: datetime) -> str:
    if message is None:
        return "nothing to post"
    # Stored times have no microseconds.
    fresh = message["at"] >= at.replace(microsecond=at.microsecond // 1000 * 1000)
    return "posted" if fresh else "belongs to an earlier message"


def _trim_sometimes(webhook_id: ObjectId) -> None:
    _since_trim[webhook_id] += 1
    if _since_trim[webhook_id] < TRIMMED_EACH:
        return
    _since_trim.pop(webhook_id, None)
    oldest = oldest_kept(webhook_id, MOST_KEPT)
    if oldest:
        Delivery.raw().delete_many({"webhook": webhook_id, "incoming": True, "created_at": {"$lt": oldest}})


def receive_test(webhook: Webhook) -> Doc:
    """Post a word by the way that senders' posts come. Returns the delivery."""
    said = {"text": html.escape(f"This is a test of the webhook {webhook.name}.", quote=False)}
    received = Received(json.dumps(said).encode(), Headers({"Content-Type": "application/json"}))
    row = _row(webhook, "post", DEFAULT, received, _receive(webhook, DEFAULT, received))
    Delivery.raw().insert_one(row)
    return row


def _receive(webhook: Webhook, form: Format, received: Received, own_key: str = "") -> Outcome:
    return answer_request(form, lambda: (form.dialect.took, receive_post(webhook, form, received, own_key)))


def may_receive_again(row: Doc) -> bool:
    """Whether all of it was kept, it is a post, and it was from whom it said."""
    return bool(row["type"].startswith("post.") and not row["cut"] and not row["unsigned"])


def receive_again(webhook: Webhook, row: Doc, by: ObjectId | None) -> Doc:
    """As if it came now: a repeat of what was posted under the sender's own key posts nothing anew. Returns the
    delivery as it is then. Raises Conflict where it cannot be received again."""
    if not may_receive_again(row):
        raise Conflict(_why_not(row))
    form = format_called(row["type"].partition(".")[2])
    received = restore_request(Kept(*(row[name] for name in Kept._fields)))
    # The same key for two who press at the same time.
    outcome = _receive(webhook, form, received, f"again:{row['_id']}:{row['tries']}")
    return Delivery.raw().find_one_and_update(
        {"_id": row["_id"]}, _noted(outcome, by), return_document=ReturnDocument.AFTER
    ) or {**row, **_came_to(outcome)}


def _why_not(row: Doc) -> str:
    if row["unsigned"]:
        return "This request did not prove to come from its sender, so it is not received again."
    if row["cut"]:
        return "Only the beginning of this request was kept, so it cannot be received again."
    return "This request changed a message: only posts are received again."


def _noted(outcome: Outcome, by: ObjectId | None) -> dict[str, Any]:
    replay = {"at": outcome.at, "by": by}
    return {
        "$set": _came_to(outcome),
        "$inc": {"tries": 1},
        "$push": {
            "attempts": {"$each": [_attempt(outcome)], "$slice": -MOST_ATTEMPTS},
            "replays": {"$each": [replay], "$slice": -MOST_ATTEMPTS},
        },
    }
