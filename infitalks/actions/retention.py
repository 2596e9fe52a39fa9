"""Retention: messages that are older than the site keeps them are deleted, as their authors would delete them.

Each is blanked by an entry of its chat's log, so that open pages and webhooks learn it; no entry is ever removed.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import MinKey

from infitalks import events
from infitalks.actions import log
from infitalks.actions.log import Draft, append
from infitalks.actions.turns import AT_ONCE, Turn
from infitalks.models.database import Doc
from infitalks.models.deliveries import Delivery
from infitalks.models.log import Entry
from infitalks.models.site import site
from infitalks.models.webhooks import Webhook

THREADS = 8


def older_than(days: int) -> Doc:
    """A query: messages that stand and are older than so many days. By the index `by_age`."""
    return {"kind": "message", "deleted_seq": None, "at": {"$lt": datetime.now(UTC) - timedelta(days=days)}}


def count_older_than(days: int) -> int:
    return int(Entry.raw().count_documents(older_than(days), hint="by_age"))


def keep_retention(turn: Turn) -> Iterator[Any]:
    days = site().retention_days
    turn.count(messages=0, blanked=0, deliveries=0)
    if not days:
        turn.say("Retention is off: messages are kept for ever.")
        return
    if turn.after is None:
        turn.total = count_older_than(days)
        turn.count(messages=turn.total)
    if not turn.dry_run:
        yield from _blank_messages(turn, days)
        yield from _forget_deliveries(turn, days)


def _blank_messages(turn: Turn, days: int) -> Iterator[Any]:
    shown = {"chat": 1, "author": 1, "attachments": 1}
    with ThreadPoolExecutor(THREADS, "retention") as threads:  # they share the waits for the journal
        while found := list(Entry.raw().find(older_than(days), shown).sort("at").limit(AT_ONCE).hint("by_age")):
            for _ in threads.map(_blank, found):
                turn.count(blanked=1)
            turn.seen += len(found)
            yield "messages"


def _blank(message: Doc) -> None:
    cause = f"retention.{message['_id']}"
    body = {"target": message["_id"]}
    draft = Draft(message["chat"], "delete", message["author"], cause, body, said=cause, allow=lambda _: None)
    entry, new = append(draft)
    if not new:  # whoever appended it may have died before it was applied
        log.apply(entry)
    for media in message.get("attachments") or ():
        events.media_dropped(media)


def _forget_deliveries(turn: Turn, days: int) -> Iterator[Any]:
    """What webhooks were told of such messages says the same words. What is still to be sent stays."""
    ended = {"created_at": {"$lt": datetime.now(UTC) - timedelta(days=days)}, "due": {"$exists": False}}
    after: Any = turn.after["webhook"] if isinstance(turn.after, dict) else MinKey()  # on from the last turn's
    while webhook := Webhook.raw().find_one({"_id": {"$gt": after}}, {"_id": 1}, sort=[("_id", 1)]):
        after = webhook["_id"]
        turn.count(deliveries=Delivery.raw().delete_many({"webhook": after, **ended}).deleted_count)
        yield {"webhook": after}
