"""Sending what outgoing webhooks are to be told: one at a time for each of them, again and again until it arrives.

A delivery's row is its place in the queue; Redis only says that there is something to look for. Not for: what somebody
asks a bot (sending_asks.py), which is tried once.
"""

import random
import time
from datetime import UTC
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from bson import ObjectId
from pymongo import ReturnDocument

from infitalks.actions.attempts import (
    CLAIM_SECONDS,
    Outcome,
    bury,
    claim,
    end,
    kept,
    maker_gone,
    maker_sees,
    mark,
    may_hear,
    post,
    seat,
    since_now,
    switch_off,
    unchanged,
)
from infitalks.actions.deliveries import ring
from infitalks.actions.leases import leased, renew_lease
from infitalks.actions.loops import IN_A_ROW, TOO_FAST, is_end, say_stopped, spend
from infitalks.actions.replies import post_reply
from infitalks.failpoints import failpoint
from infitalks.models.database import Doc
from infitalks.models.deliveries import EVENTS, IN_ORDER, is_anything_due, webhooks_with_due
from infitalks.models.webhooks import Webhook, resting_among, webhook_by_id, webhook_to_serve

# Seconds from one try to the next, each give or take a fifth; after the last, the delivery is dead.
DELAYS = (5, 300, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 10 * 3600)
JITTER = 0.2
LONGEST_WAIT = 3600  # that a receiver's Retry-After can ask for, in seconds
TURN_SECONDS = 5.0  # then others may have the place: a receiver that is slow, but answers, must not keep it
MOST_AT_ONCE = 10  # in this process: of its 16 threads some are left for asks, which wait half a minute at most
FIRST_REST, LONGEST_REST = 5, 300  # seconds that a receiver which does not answer at all is left alone
OFF_AFTER = 5 * 24 * 3600  # seconds of nothing but failures


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
        bury(webhook_id, "the webhook is switched off" if webhook else None)
        return
    if not webhook.url:  # an incoming one's buttons were pressed: asks have a door of their own
        return
    with (
        seat("events", urlsplit(webhook.url).netloc, MOST_AT_ONCE) as seated,
        leased(lease := f"deliver:{webhook_id}", CLAIM_SECONDS) as token,
    ):
        if not seated or token is None:
            return  # the sweep comes again; and whoever holds the lease looks once more
        end = time.monotonic() + TURN_SECONDS
        while renew_lease(lease, token, CLAIM_SECONDS) and _deliver_next(webhook_id) and time.monotonic() < end:
            pass
    if webhook_to_serve(webhook_id) and is_anything_due(webhook_id):
        ring([webhook_id])


def _deliver_next(webhook_id: ObjectId) -> bool:
    """Whether there was something to be sent."""
    webhook = webhook_to_serve(webhook_id)
    delivery = claim({"webhook": webhook_id, **EVENTS}, sort=IN_ORDER, hint="open") if webhook else None
    if webhook and delivery:
        _deliver(webhook, delivery)
    return delivery is not None


def _deliver(webhook: Webhook, delivery: Doc) -> None:
    if gone := maker_gone(webhook, delivery):
        end(delivery, "dead", gone)
        switch_off(webhook, f"maker.{delivery['_id']}", gone)
    elif not maker_sees(webhook, delivery):
        end(delivery, "dead", "it is of a time that its maker has no part in")
    elif not may_hear(webhook.bot, delivery):
        end(delivery, "dead", "its bot is not in the chat any more")
    elif stopped := _stopped(webhook, delivery):
        end(delivery, "dead", stopped)
        say_stopped(webhook.bot, delivery["chat"], webhook.name, stopped, " Those who look after it can send it on.")
    else:
        _try(webhook, delivery)


def _stopped(webhook: Webhook, delivery: Doc) -> str | None:
    """Why bots are not to go on here. Asked at the first try only: a replay is somebody's will."""
    if not delivery["by_bot"] or delivery["tries"] > 1 or delivery["replays"]:
        return None
    if is_end(delivery):
        return IN_A_ROW
    return None if spend(webhook.bot, delivery["chat"]) else TOO_FAST


def _try(webhook: Webhook, delivery: Doc) -> None:
    outcome = post(webhook, delivery, webhook.url)
    if outcome.answer and outcome.succeeded:
        reply = post_reply(webhook, delivery, outcome.answer)
        failpoint("webhooks.before_mark")
        end(delivery, "ok", None, outcome.attempt(reply))
        _note_success(webhook)
    elif outcome.status == 410:
        end(delivery, "dead", "its receiver is gone for good (410)", outcome.attempt())
        switch_off(webhook, f"gone.{delivery['_id']}", "its receiver says that it is gone for good (410)")
    else:
        _try_later(webhook, delivery, outcome)


def _try_later(webhook: Webhook, delivery: Doc, outcome: Outcome) -> None:
    asked = _retry_after(outcome)
    if delivery["tries"] > len(DELAYS):
        end(delivery, "dead", outcome.reason, outcome.attempt())
    else:
        delay = DELAYS[delivery["tries"] - 1] * random.uniform(1 - JITTER, 1 + JITTER)
        mark(
            delivery, {"state": "wait", "due": since_now(max(delay, asked)), **kept(outcome.reason, outcome.attempt())}
        )
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


def _note_success(webhook: Webhook) -> None:
    failing = {"_id": webhook.id, "failing_since": {"$ne": None}}
    Webhook.raw().update_one(failing, {"$set": {"failing_since": None, "misses": 0, "rest_until": None}})


def _note_failure(webhook: Webhook, asked: float, *, unanswered: bool) -> None:
    """Leave the receiver alone for a while where it asked for that or said nothing, the longer the more often: each
    try that waits in vain takes a place from others. Switch the webhook off after days of it."""
    misses = webhook.misses + 1 if unanswered else 0
    rest = min(FIRST_REST * 2 ** min(misses - 1, 10), LONGEST_REST) if unanswered else asked
    fields = {
        "failing_since": {"$ifNull": ["$failing_since", "$$NOW"]},
        "misses": misses,
        "rest_until": since_now(rest),
    }
    changed = Webhook.raw().find_one_and_update(
        {**unchanged(webhook), "active": True},
        [{"$set": fields}, {"$set": {"spent": {"$lt": ["$failing_since", since_now(-OFF_AFTER)]}}}],
        return_document=ReturnDocument.AFTER,
    )
    if changed and changed["spent"]:
        cause = f"failing.{changed['failing_since']:%Y%m%d%H%M%S}"
        switch_off(webhook, cause, "nothing has reached its receiver for five days")
