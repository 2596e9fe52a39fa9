"""Sending what somebody asks a bot: at once, in one try, each by itself; and who asked hears where nothing came of it.

Not for: writing it down (asks.py), nor events, which are sent until they arrive (sending.py).
"""

from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from infitalks.actions.asks import ring_for
from infitalks.actions.attempts import (
    Outcome,
    bury,
    claim,
    end,
    maker_gone,
    may_hear,
    post,
    seat,
    switch_off,
)
from infitalks.actions.ephemerals import say_to
from infitalks.actions.leases import leased
from infitalks.actions.replies import post_reply
from infitalks.failpoints import failpoint
from infitalks.integrations.commands import AnswerUnreadable
from infitalks.models.database import Doc
from infitalks.models.deliveries import ASKS, delivery_by_id, due_asks
from infitalks.models.webhooks import Webhook, webhook_by_id

PATIENCE = timedelta(seconds=30)  # after which nobody waits for an answer any more
MOST_AT_ONCE = 12  # in this process: of its 16 threads some are left for events, however many receivers hang
MOST_SWEPT = 100


def sweep() -> None:
    """Ring for asks whose bell was lost, that found no place, or that are to be sent again."""
    with leased("sweep:asks", 1.0) as token:
        if token is not None:
            for delivery_id in due_asks(MOST_SWEPT):
                ring_for(delivery_id)


def send_ask(delivery_id: str) -> None:
    """Send it and do what is answered, unless somebody has it already. Running it twice is harmless."""
    row = delivery_by_id(delivery_id)
    webhook = webhook_by_id(row["webhook"]) if row else None
    if not row or not webhook:
        if row:
            bury(row["webhook"], None)
        return
    url = _address(webhook, row)
    with seat("asks", urlsplit(url).netloc, MOST_AT_ONCE) as seated:
        ask = claim({"_id": delivery_id, **ASKS}) if seated or _is_late(row) else None
        if ask:
            _send(webhook, ask, url)


def _address(webhook: Webhook, ask: Doc) -> str:
    own = webhook.actions_url if ask["type"] == "action" else None
    return ask["url"] or own or webhook.url or ""


def _is_late(ask: Doc) -> bool:
    asked_at = max([ask["created_at"], *(replay["at"] for replay in ask["replays"])])
    return bool(datetime.now(UTC) - asked_at > PATIENCE)


def _send(webhook: Webhook, ask: Doc, url: str) -> None:
    if why := _why_not(webhook, ask, url):
        _fail(webhook, ask, why)
        return
    outcome = post(webhook, ask, url)
    if outcome.answer and outcome.succeeded:
        _take(webhook, ask, outcome)
        return
    _fail(webhook, ask, _in_words(outcome), outcome)
    if outcome.status == 410 and not ask["url"] and _only_sends(webhook):  # that of one button is not the webhook's
        switch_off(webhook, f"gone.{ask['_id']}", "its receiver says that it is gone for good (410)")


def _why_not(webhook: Webhook, ask: Doc, url: str) -> str | None:
    if not webhook.active:
        return "it is switched off"
    if gone := maker_gone(webhook, ask):
        if _only_sends(webhook):
            switch_off(webhook, f"maker.{ask['_id']}", gone)
        return gone
    if not may_hear(webhook.bot, ask):
        return "its bot is not in the chat any more"
    if not may_hear(ask["user"], ask):
        return "who asked is not in the chat any more"
    if not url:
        return "it leads nowhere any more"
    if not _is_late(ask):
        return None
    # Whoever had it may have sent it before it died.
    return "it may have been done, but its answer was lost" if ask["tries"] > 1 else "it could not be sent in time"


def _only_sends(webhook: Webhook) -> bool:
    """What comes in is not ended by a button that leads nowhere."""
    return bool(webhook.kind != "incoming")


def _take(webhook: Webhook, ask: Doc, outcome: Outcome) -> None:
    assert outcome.answer
    try:
        reply = post_reply(webhook, ask, outcome.answer)
    except AnswerUnreadable:
        _fail(webhook, ask, "its program's answer could not be read", outcome)
        return
    failpoint("webhooks.before_mark")
    end(ask, "ok", None, outcome.attempt(reply))


def _in_words(outcome: Outcome) -> str:
    if outcome.answer:
        return f"its program answered with an error ({outcome.status})"
    if " within " in (outcome.reason or ""):
        return "its program did not answer in time"
    return "its program could not be reached"


def _fail(webhook: Webhook, ask: Doc, why: str, outcome: Outcome | None = None) -> None:
    """The word first: who is killed in between says it again, under the same key."""
    what = f"`/{webhook.command}`" if ask["type"] == "command" else "That button"
    say_to(ask["user"], ask["chat"], webhook.bot, f"failed.{ask['_id']}", f"{what} did not work: {why}.")
    reason = (outcome.reason if outcome else None) or why
    end(ask, "dead", reason, outcome.attempt() if outcome else None)
