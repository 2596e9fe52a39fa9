"""One try of a delivery: who has the place for it, whether it may still be sent, how it went, and what is kept of that.

Not for: what follows from it (sending.py for events, sending_asks.py for asks).
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock

from bson import ObjectId
from pymongo import ReturnDocument

from infitalks import logs, metrics, trace
from infitalks.access import visible
from infitalks.actions.replies import tell_maker
from infitalks.backends import http
from infitalks.failpoints import failpoint
from infitalks.integrations.signatures import sign, sign_as_slack
from infitalks.models.chats import membership_id, memberships_by_id
from infitalks.models.database import Doc
from infitalks.models.deliveries import DUE, EVENTS, OPEN, Delivery
from infitalks.models.users import enabled_users
from infitalks.models.webhooks import Webhook

CLAIM_SECONDS = 30.0  # longer than any try, posting of its reply included
MOST_OF_A_HOST = 4  # at once, in this process
KEPT_SECONDS = {"ok": 30 * 24 * 3600, "dead": 90 * 24 * 3600}  # how long what has come to an end is shown
MOST_ATTEMPTS = 20  # that are kept of one delivery
LONGEST_EXCERPT = 500  # characters of an answer

_seats = Counter[str]()
_seating = Lock()


@dataclass(frozen=True)
class Outcome:
    """How one try went. `answer` None: there was none, for the `reason`."""

    at: datetime
    took_ms: int
    answer: http.Answer | None = None
    reason: str | None = None

    @property
    def status(self) -> int:
        return self.answer.status if self.answer else 0

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300

    def attempt(self, reply: str | None = None) -> Doc:
        """As it is kept."""
        text = (
            self.answer.body[: 4 * LONGEST_EXCERPT].decode(errors="replace")[:LONGEST_EXCERPT] if self.answer else None
        )
        known = {"at": self.at, "status": self.status or None, "reason": self.reason, "took_ms": self.took_ms}
        return {**known, "answer": text, "reply": reply}


@contextmanager
def seat(kind: str, host: str, most: int) -> Iterator[bool]:
    """One of the few places that a host has here for what is of this kind, of `most` for all hosts together: those
    that hang cannot have them all."""
    with _seating:
        taken = {kind: _seats[kind], f"{kind}:{host}": _seats[f"{kind}:{host}"]}
        seated = taken[kind] < most and taken[f"{kind}:{host}"] < MOST_OF_A_HOST
        _seats.update(dict.fromkeys(taken, int(seated)))
    try:
        yield seated
    finally:
        with _seating:
            _seats.subtract(dict.fromkeys(taken, int(seated)))


def claim(which: Doc, sort: list[tuple[str, int]] | None = None, hint: str | None = None) -> Doc | None:
    """The due one that the query names, for CLAIM_SECONDS: whoever is killed in the middle leaves it to the next."""
    until, tries = since_now(CLAIM_SECONDS), {"$add": ["$tries", 1]}
    mine: Doc = {"state": "sending", "due": until, "claim": str(ObjectId()), "tries": tries}
    return Delivery.raw().find_one_and_update(
        {**which, **DUE}, [{"$set": mine}], sort=sort, hint=hint, return_document=ReturnDocument.AFTER
    )


def maker_gone(webhook: Webhook, delivery: Doc) -> str | None:
    """A webhook tells nothing that its maker, who chose the receiver, was shut out of."""
    if webhook.created_by not in enabled_users([webhook.created_by]):
        return "the account of its maker is closed"
    membership = _membership(webhook.created_by, delivery)
    out = membership and not membership["active"] and not _sees(membership, delivery)
    return "its maker is not in the chat any more" if out else None


def maker_sees(webhook: Webhook, delivery: Doc) -> bool:
    """Whether it is of a time that the maker has a part in, where they have one in the chat."""
    membership = _membership(webhook.created_by, delivery)
    return not membership or _sees(membership, delivery)


def _membership(user_id: ObjectId, delivery: Doc) -> Doc | None:
    key = membership_id(delivery["chat"], user_id)
    return memberships_by_id([key]).get(key)


def may_hear(user_id: ObjectId, delivery: Doc) -> bool:
    """Whether a user or bot is in the chat that it is about, and was at that time."""
    membership = _membership(user_id, delivery)
    enabled = bool(enabled_users([user_id]))
    return bool(enabled and membership and membership["active"] and _sees(membership, delivery))


def _sees(membership: Doc, delivery: Doc) -> bool:
    if delivery["seq"] == 0:  # a test, or an ask
        return bool(membership["active"])
    return visible(delivery["seq"], membership["intervals"])


def post(webhook: Webhook, delivery: Doc, url: str) -> Outcome:
    """Send it there, signed by the webhook."""
    at, began = datetime.now(UTC), time.monotonic()
    headers = _headers(webhook, delivery, at)
    failpoint("webhooks.before_send")
    answer, reason = None, None
    try:
        answer = http.post(url, delivery["body"], headers)
    except (http.AddressRefused, http.NoAnswer) as error:
        reason = str(error)
    if answer and not 200 <= answer.status < 300:
        reason = f"answered {answer.status}"
    failpoint("webhooks.after_send")
    return _noted(webhook, delivery, Outcome(at, round((time.monotonic() - began) * 1000), answer, reason))


def _noted(webhook: Webhook, delivery: Doc, outcome: Outcome) -> Outcome:
    metrics.WEBHOOK_SECONDS.labels(metrics.status_class(outcome.status)).observe(outcome.took_ms / 1000)
    known = {"webhook": str(webhook.id), "delivery": delivery["_id"], "chat": str(delivery["chat"])}
    with trace.following([delivery.get("request")]):
        logs.note("webhook called", **known, status=outcome.status, ms=outcome.took_ms, tries=delivery["tries"])
    return outcome


def _headers(webhook: Webhook, delivery: Doc, at: datetime) -> dict[str, str]:
    plain = {"Content-Type": delivery["content_type"], "Accept": "application/json", "User-Agent": "InfiTalks"}
    return {**plain, **_proofs(webhook, delivery, at)}


def _proofs(webhook: Webhook, delivery: Doc, at: datetime) -> dict[str, str]:
    """None at the address of one button of an incoming webhook, which whoever posts chooses: they could send what we
    signed on to the webhook's own."""
    seconds, body = int(at.timestamp()), delivery["body"]
    if webhook.kind == "incoming" and delivery.get("url"):
        return {}
    as_slack = sign_as_slack(seconds, body, webhook.secret) if delivery.get("user") else {}
    return {**sign(delivery["_id"], seconds, body, _secrets(webhook, at)), **as_slack}


def _secrets(webhook: Webhook, now: datetime) -> list[str]:
    """Both of them while one replaces the other."""
    replaced = webhook.old_secret and webhook.old_secret_until and webhook.old_secret_until > now
    return [webhook.secret, webhook.old_secret] if replaced else [webhook.secret]


def end(delivery: Doc, state: str, reason: str | None, attempt: Doc | None = None) -> None:
    """It is sent no more: it arrived, or is dead for the reason."""
    mark(delivery, {**_ended(state), **kept(reason, attempt)})


def _ended(state: str) -> Doc:
    return {"state": state, "due": "$$REMOVE", "expires_at": since_now(KEPT_SECONDS[state])}


def kept(reason: str | None, attempt: Doc | None) -> Doc:
    """The fields that tell of a try."""
    # Literal: in what a receiver says, a dollar sign would be read as the name of a field.
    attempts = {"$concatArrays": ["$attempts", [{"$literal": attempt}] if attempt else []]}
    return {"reason": {"$literal": reason}, "attempts": {"$slice": [attempts, -MOST_ATTEMPTS]}}


def mark(delivery: Doc, fields: Doc) -> None:
    """Only as long as the claim is ours: whoever comes late changes nothing."""
    mine = {"_id": delivery["_id"], "claim": delivery["claim"]}
    Delivery.raw().update_one(mine, [{"$set": {**fields, "claim": "$$REMOVE"}}])


def switch_off(webhook: Webhook, cause: str, reason: str) -> None:
    """Nothing is sent any more until somebody switches it on; its maker hears why, once for each `cause`."""
    if not Webhook.raw().find_one(unchanged(webhook), {"_id": 1}):
        return  # somebody mended it while it was tried
    # The word first: who is killed in between does it again, and it is said once all the same.
    tell_maker(webhook, cause, reason)
    off = {"$set": {"active": False, "off_reason": reason}}
    if Webhook.raw().update_one(unchanged(webhook), off).matched_count:
        bury(webhook.id, f"the webhook was switched off: {reason}")


def unchanged(webhook: Webhook) -> Doc:
    """Finds the webhook as long as it leads where it did, for the same maker."""
    same = ("url", "actions_url", "created_by")
    return {"_id": webhook.id, **{name: getattr(webhook, name) for name in same}}


def bury(webhook_id: ObjectId, reason: str | None) -> None:
    """Events that wait for a webhook that is off go to its failed list; of one that is deleted nothing stays."""
    if reason is None:
        Delivery.raw().delete_many({"webhook": webhook_id})
        return
    idle = {"$or": [{"state": {"$ne": "sending"}}, {"$expr": {"$lte": ["$due", "$$NOW"]}}]}
    dead = {**_ended("dead"), "claim": "$$REMOVE", "reason": {"$literal": reason}}
    Delivery.raw().update_many({"webhook": webhook_id, **OPEN, **EVENTS, **idle}, [{"$set": dead}])


def since_now(seconds: float) -> Doc:
    """The moment so many seconds from now, by the database's clock."""
    return {"$add": ["$$NOW", round(seconds * 1000)]}
