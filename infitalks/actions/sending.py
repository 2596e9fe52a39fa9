"""Sending what outgoing webhooks are to be told: one at a time for each of them, again and again until it arrives.

A delivery's row is its place in the queue; Redis only says that there is something to look for.
"""

import random
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock
from urllib.parse import urlsplit

from bson import ObjectId
from pymongo import ReturnDocument

from infitalks.access import visible
from infitalks.actions.deliveries import ring
from infitalks.actions.leases import leased, renew_lease
from infitalks.actions.replies import MOST_HOPS, post_reply, say_stopped, tell_maker
from infitalks.backends import http
from infitalks.failpoints import failpoint
from infitalks.integrations.signatures import sign
from infitalks.models.chats import membership_id, memberships_by_id
from infitalks.models.database import Doc
from infitalks.models.deliveries import DUE, IN_ORDER, OPEN, Budget, Delivery, is_anything_due, webhooks_with_due
from infitalks.models.log import AT_ONCE
from infitalks.models.users import enabled_users
from infitalks.models.webhooks import Webhook, resting_among, webhook_by_id, webhook_to_serve

# Seconds from one try to the next, each give or take a fifth; after the last, the delivery is dead.
DELAYS = (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
JITTER = 0.2
LONGEST_WAIT = 3600  # that a receiver's Retry-After can ask for, in seconds
CLAIM_SECONDS = 30.0  # longer than any try, posting of its reply included
TURN_SECONDS = 5.0  # then others may have the place: a receiver that is slow, but answers, must not keep it
MOST_OF_A_HOST = 4  # at once, in this process
FIRST_REST, LONGEST_REST = 5, 300  # seconds that a receiver which does not answer at all is left alone
OFF_AFTER = 5 * 24 * 3600  # seconds of nothing but failures
KEPT_SECONDS = {"ok": 30 * 24 * 3600, "dead": 90 * 24 * 3600}  # how long what has come to an end is shown
MOST_ATTEMPTS = 20  # that are kept of one delivery
LONGEST_EXCERPT = 500  # characters of an answer
NOTICE_SECONDS = 3600
BURST, EACH_SECONDS = 20, 6  # what bots may tell one bot in one chat: so much at once, and one more every 6 s

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

    def attempt(self, reply: str | None = None) -> Doc:
        """As it is kept."""
        text = (
            self.answer.body[: 4 * LONGEST_EXCERPT].decode(errors="replace")[:LONGEST_EXCERPT] if self.answer else None
        )
        known = {"at": self.at, "status": self.status or None, "reason": self.reason, "took_ms": self.took_ms}
        return {**known, "answer": text, "reply": reply}


def sweep() -> None:
    """Ring for every webhook that is to be told something now and whose receiver is not left alone."""
    with leased("sweep:webhooks", 1.0) as token:
        if token is not None:
            due = set(webhooks_with_due())
            ring(due - resting_among(due))


def deliver_waiting(webhook_id: ObjectId) -> None:
    """Send what is due to this webhook's receiver, in order. Running it twice is harmless."""
    webhook = webhook_by_id(webhook_id)
    if not webhook or not webhook.active:
        _bury(webhook_id, "the webhook is switched off" if webhook else None)
        return
    with (
        _seat(urlsplit(webhook.url).netloc) as seated,
        leased(lease := f"deliver:{webhook_id}", CLAIM_SECONDS) as token,
    ):
        if not seated or token is None:
            return  # the sweep comes again; and whoever holds the lease looks once more
        end = time.monotonic() + TURN_SECONDS
        while renew_lease(lease, token, CLAIM_SECONDS) and _deliver_next(webhook_id) and time.monotonic() < end:
            pass
    if webhook_to_serve(webhook_id) and is_anything_due(webhook_id):
        ring([webhook_id])


@contextmanager
def _seat(host: str) -> Iterator[bool]:
    """One of the few places that a host has here, so that one which hangs cannot have them all."""
    with _seating:
        seated = _seats[host] < MOST_OF_A_HOST
        _seats[host] += seated
    try:
        yield seated
    finally:
        with _seating:
            _seats[host] -= seated


def _deliver_next(webhook_id: ObjectId) -> bool:
    """Whether there was something to be sent."""
    webhook = webhook_to_serve(webhook_id)
    delivery = _claim(webhook_id) if webhook else None
    if webhook and delivery:
        _deliver(webhook, delivery)
    return delivery is not None


def _claim(webhook_id: ObjectId) -> Doc | None:
    """The next one, for CLAIM_SECONDS: whoever is killed in the middle leaves it to the next."""
    mine: list[Doc] = [
        {
            "$set": {
                "state": "sending",
                "due": _in(CLAIM_SECONDS),
                "claim": str(ObjectId()),
                "tries": {"$add": ["$tries", 1]},
            }
        }
    ]
    return Delivery.raw().find_one_and_update(
        {"webhook": webhook_id, **DUE}, mine, sort=IN_ORDER, hint="open", return_document=ReturnDocument.AFTER
    )


def _deliver(webhook: Webhook, delivery: Doc) -> None:
    if gone := _maker_gone(webhook, delivery):
        _end(delivery, "dead", gone)
        _switch_off(webhook, f"maker.{delivery['_id']}", gone)
    elif not _bot_hears(webhook, delivery):
        _end(delivery, "dead", "its bot is not in the chat any more")
    elif stopped := _stopped(webhook, delivery):
        _end(delivery, "dead", stopped)
        say_stopped(webhook, delivery["chat"], _noticed_at(webhook.bot, delivery["chat"]), stopped)
    else:
        _try(webhook, delivery)


def _maker_gone(webhook: Webhook, delivery: Doc) -> str | None:
    """A webhook tells nothing that its maker, who chose the receiver, was shut out of."""
    if webhook.created_by not in enabled_users([webhook.created_by]):
        return "the account of its maker is closed"
    key = membership_id(delivery["chat"], webhook.created_by)
    membership = memberships_by_id([key]).get(key)
    if membership and not _sees(membership, delivery):
        return "its maker is not in the chat any more"
    return None


def _bot_hears(webhook: Webhook, delivery: Doc) -> bool:
    key = membership_id(delivery["chat"], webhook.bot)
    membership = memberships_by_id([key]).get(key)
    enabled = bool(enabled_users([webhook.bot]))
    return bool(enabled and membership and membership["active"] and _sees(membership, delivery))


def _sees(membership: Doc, delivery: Doc) -> bool:
    if delivery["seq"] == 0:  # a test
        return bool(membership["active"])
    return visible(delivery["seq"], membership["intervals"])


def _stopped(webhook: Webhook, delivery: Doc) -> str | None:
    """Why bots are not to go on here. Asked at the first try only: a replay is somebody's will."""
    if not delivery["by_bot"] or delivery["tries"] > 1 or delivery["replays"]:
        return None
    if delivery["origin"].get("hops", 0) >= MOST_HOPS:
        return f"bots have answered one another {MOST_HOPS} times in a row"
    if not _spend(webhook.bot, delivery["chat"]):
        return f"bots write faster here than once in {EACH_SECONDS} seconds"
    return None


def _spend(bot: ObjectId, chat: ObjectId) -> bool:
    """One of what the bot may be told of other bots in this chat."""
    grown = {"$divide": [{"$subtract": ["$$NOW", {"$ifNull": ["$at", "$$NOW"]}]}, EACH_SECONDS * 1000]}
    level = {"$min": [BURST, {"$add": [{"$ifNull": ["$level", BURST]}, grown]}]}
    spent = {"$subtract": ["$level", {"$cond": ["$granted", 1, 0]}]}
    budget = Budget.raw().find_one_and_update(
        {"_id": f"{bot}:{chat}"},
        [
            {"$set": {"level": level, "at": "$$NOW"}},
            {"$set": {"granted": {"$gte": ["$level", 1]}}},
            {"$set": {"level": spent}},
        ],
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    return bool(budget and budget["granted"])


def _noticed_at(bot: ObjectId, chat: ObjectId) -> datetime:
    """When the chat's present notice of a stop was due: within NOTICE_SECONDS there is but one."""
    old = {"$lt": [{"$ifNull": ["$noticed_at", AT_ONCE]}, _in(-NOTICE_SECONDS)]}
    budget = Budget.raw().find_one_and_update(
        {"_id": f"{bot}:{chat}"},
        [{"$set": {"noticed_at": {"$cond": [old, "$$NOW", "$noticed_at"]}}}],
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    noticed_at: datetime = budget["noticed_at"] if budget else AT_ONCE
    return noticed_at


def _try(webhook: Webhook, delivery: Doc) -> None:
    outcome = _post(webhook, delivery)
    if outcome.answer and 200 <= outcome.status < 300:
        reply = post_reply(webhook, delivery, outcome.answer)
        failpoint("webhooks.before_mark")
        _end(delivery, "ok", None, outcome.attempt(reply))
        _note_success(webhook)
    elif outcome.status == 410:
        _end(delivery, "dead", "its receiver is gone for good (410)", outcome.attempt())
        _switch_off(webhook, f"gone.{delivery['_id']}", "its receiver says that it is gone for good (410)")
    else:
        _try_later(webhook, delivery, outcome)


def _post(webhook: Webhook, delivery: Doc) -> Outcome:
    at, began = datetime.now(UTC), time.monotonic()
    headers = {
        "Content-Type": delivery["content_type"],
        "Accept": "application/json",
        "User-Agent": "InfiTalks",
        **sign(delivery["_id"], int(at.timestamp()), delivery["body"], _secrets(webhook, at)),
    }
    failpoint("webhooks.before_send")
    answer, reason = None, None
    try:
        answer = http.post(webhook.url, delivery["body"], headers)
    except (http.AddressRefused, http.NoAnswer) as error:
        reason = str(error)
    if answer and not 200 <= answer.status < 300:
        reason = f"answered {answer.status}"
    failpoint("webhooks.after_send")
    return Outcome(at, round((time.monotonic() - began) * 1000), answer, reason)


def _secrets(webhook: Webhook, now: datetime) -> list[str]:
    """Both of them while one replaces the other."""
    replaced = webhook.old_secret and webhook.old_secret_until and webhook.old_secret_until > now
    return [webhook.secret, webhook.old_secret] if replaced else [webhook.secret]


def _try_later(webhook: Webhook, delivery: Doc, outcome: Outcome) -> None:
    asked = _retry_after(outcome)
    if delivery["tries"] > len(DELAYS):
        _end(delivery, "dead", outcome.reason, outcome.attempt())
    else:
        delay = DELAYS[delivery["tries"] - 1] * random.uniform(1 - JITTER, 1 + JITTER)
        _mark(delivery, {"state": "wait", "due": _in(max(delay, asked)), **_kept(outcome.reason, outcome.attempt())})
    _note_failure(webhook, asked, unanswered=outcome.answer is None)


def _retry_after(outcome: Outcome) -> float:
    """The seconds that a receiver which has too much asks for, 0 where it does not; an hour at most."""
    text = outcome.answer.headers.get("retry-after", "") if outcome.answer else ""
    if outcome.status not in (429, 503) or not text:
        return 0
    if text.isascii() and text.isdecimal():
        return min(int(text[:9]), LONGEST_WAIT)
    try:
        asked = (parsedate_to_datetime(text).astimezone(UTC) - outcome.at).total_seconds()
    except (ValueError, OverflowError):
        return 0
    return min(max(asked, 0), LONGEST_WAIT)


def _end(delivery: Doc, state: str, reason: str | None, attempt: Doc | None = None) -> None:
    """It is sent no more: it arrived, or is dead for the reason."""
    _mark(delivery, {**_ended(state), **_kept(reason, attempt)})


def _ended(state: str) -> Doc:
    return {"state": state, "due": "$$REMOVE", "expires_at": _in(KEPT_SECONDS[state])}


def _kept(reason: str | None, attempt: Doc | None) -> Doc:
    # Literal: in what a receiver says, a dollar sign would be read as the name of a field.
    attempts = {"$concatArrays": ["$attempts", [{"$literal": attempt}] if attempt else []]}
    return {"reason": {"$literal": reason}, "attempts": {"$slice": [attempts, -MOST_ATTEMPTS]}}


def _mark(delivery: Doc, fields: Doc) -> None:
    """Only as long as the claim is ours: whoever comes late changes nothing."""
    mine = {"_id": delivery["_id"], "claim": delivery["claim"]}
    Delivery.raw().update_one(mine, [{"$set": {**fields, "claim": "$$REMOVE"}}])


def _note_success(webhook: Webhook) -> None:
    failing = {"_id": webhook.id, "failing_since": {"$ne": None}}
    Webhook.raw().update_one(failing, {"$set": {"failing_since": None, "misses": 0, "rest_until": None}})


def _note_failure(webhook: Webhook, asked: float, *, unanswered: bool) -> None:
    """Leave the receiver alone for a while where it asked for that or said nothing, the longer the more often: each
    try that waits in vain takes a place from others. Switch the webhook off after days of it."""
    misses = webhook.misses + 1 if unanswered else 0
    rest = min(FIRST_REST * 2 ** min(misses - 1, 10), LONGEST_REST) if unanswered else asked
    fields = {"failing_since": {"$ifNull": ["$failing_since", "$$NOW"]}, "misses": misses, "rest_until": _in(rest)}
    changed = Webhook.raw().find_one_and_update(
        {"_id": webhook.id, "active": True},
        [{"$set": fields}, {"$set": {"spent": {"$lt": ["$failing_since", _in(-OFF_AFTER)]}}}],
        return_document=ReturnDocument.AFTER,
    )
    if changed and changed["spent"]:
        cause = f"failing.{changed['failing_since']:%Y%m%d%H%M%S}"
        _switch_off(webhook, cause, "nothing has reached its receiver for five days")


def _switch_off(webhook: Webhook, cause: str, reason: str) -> None:
    # The word first: who is killed in between does it again, and it is said once all the same.
    tell_maker(webhook, cause, reason)
    Webhook.raw().update_one({"_id": webhook.id}, {"$set": {"active": False, "off_reason": reason}})
    _bury(webhook.id, f"the webhook was switched off: {reason}")


def _bury(webhook_id: ObjectId, reason: str | None) -> None:
    """What waits for a webhook that is off goes to its failed list; of one that is deleted nothing stays."""
    if reason is None:
        Delivery.raw().delete_many({"webhook": webhook_id})
        return
    idle = {"$or": [{"state": {"$ne": "sending"}}, {"$expr": {"$lte": ["$due", "$$NOW"]}}]}
    dead = {**_ended("dead"), "claim": "$$REMOVE", "reason": {"$literal": reason}}
    Delivery.raw().update_many({"webhook": webhook_id, **OPEN, **idle}, [{"$set": dead}])


def _in(seconds: float) -> Doc:
    return {"$add": ["$$NOW", round(seconds * 1000)]}
