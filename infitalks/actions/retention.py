"""Retention: messages that are older than the site, or their chat, keeps them are deleted, as their authors would.

Each is blanked by an entry of its chat's log, so that open pages and webhooks learn it; no entry is ever removed.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import MinKey, ObjectId

from infitalks import events
from infitalks.actions import log
from infitalks.actions.log import Draft, append, own_client_id
from infitalks.actions.turns import AT_ONCE, Turn
from infitalks.errors import Invalid
from infitalks.models.chats import chat_by_id, chat_with_retention
from infitalks.models.database import Doc
from infitalks.models.deliveries import Delivery
from infitalks.models.log import Entry
from infitalks.models.site import site
from infitalks.models.webhooks import Webhook

THREADS = 8


def kept_days(chat: Doc | None) -> int | None:
    """How many days the chat's messages are kept: as the site or the chat says, whichever is less. None: for ever."""
    return min(filter(None, (site().retention_days, (chat or {}).get("retention_days"))), default=None)


def require_meant(chat: Doc | None, days: int | None, *, sure: bool) -> None:
    """Raises Invalid, with what is lost, where messages (of all chats, without a chat) are kept for less long than
    before by it, and nobody said that this is meant."""
    before = kept_days(chat)
    if sure or days is None or (before is not None and days >= before):
        return
    lost = count_older_than(days, chat["_id"] if chat else None)
    why = f"{lost:,} messages are older than that by now, and will be blanked for ever"
    raise Invalid("Say that this is meant.", fields={"sure": why})


def keep_chat_for(chat: Doc, admin: ObjectId, days: int | None) -> None:
    """By an admin, who need not be in the chat. Owners: chats.change_chat."""
    if days == chat.get("retention_days"):
        return
    changes = {"retention_days": days}
    body = {"changes": changes}
    append(Draft(chat["_id"], "chat", admin, own_client_id(), body, said=changes, allow=lambda _: None))


def older_than(days: int, chat_id: ObjectId | None) -> Doc:
    """A query: messages (of the chat) that stand and are older than so many days. By an index: see `_by`."""
    stands: Doc = {"kind": "message", "deleted_seq": None, "at": {"$lt": datetime.now(UTC) - timedelta(days=days)}}
    return {**stands, "chat": chat_id} if chat_id else stands


def _by(chat_id: ObjectId | None) -> str:
    return "by_age_in_chat" if chat_id else "by_age"


def count_older_than(days: int, chat_id: ObjectId | None) -> int:
    return int(Entry.raw().count_documents(older_than(days, chat_id), hint=_by(chat_id)))


def keep_retention(turn: Turn) -> Iterator[Any]:
    """First the site's messages, then those of chats that keep theirs for less long, then what webhooks were told."""
    turn.count(messages=0, blanked=0, deliveries=0)
    of_site = site().retention_days
    if not of_site and not chat_with_retention(MinKey()):
        turn.say("Retention is off: messages are kept for ever.")
        return
    after = turn.after if isinstance(turn.after, dict) else {}
    if turn.after is None:
        turn.total = _count(of_site)
        turn.count(messages=turn.total)
    if turn.dry_run:
        return
    if of_site and not after.keys() & {"chat", "webhook"}:
        yield from _blank_messages(turn, None, of_site, {"site": of_site})
    if "webhook" not in after:
        for chat in _stricter_chats(of_site, after.get("chat", MinKey())):
            yield from _blank_messages(turn, chat["_id"], chat["retention_days"], {"chat": chat["_id"]})
    yield from _forget_deliveries(turn, after.get("webhook", MinKey()))


def _stricter_chats(of_site: int | None, first: Any) -> Iterator[Doc]:
    """Those that keep messages for less long than the site, from the id `first` on."""
    chat = chat_with_retention(first)
    while chat:
        if not of_site or chat["retention_days"] < of_site:
            yield chat
        chat = chat_with_retention(chat["_id"], behind=True)


def _count(of_site: int | None) -> int:
    """What there is to be blanked; what the site's number covers is not counted by chat again."""
    total = count_older_than(of_site, None) if of_site else 0
    for chat in _stricter_chats(of_site, MinKey()):
        total += count_older_than(chat["retention_days"], chat["_id"])
        total -= count_older_than(of_site, chat["_id"]) if of_site else 0
    return total


def _blank_messages(turn: Turn, chat_id: ObjectId | None, days: int, place: Doc) -> Iterator[Any]:
    shown = {"chat": 1, "author": 1, "attachments": 1}
    by = _by(chat_id)
    with ThreadPoolExecutor(THREADS, "retention") as threads:  # they share the waits for the journal
        while found := list(Entry.raw().find(older_than(days, chat_id), shown).sort("at").limit(AT_ONCE).hint(by)):
            for _ in threads.map(_blank, found):
                turn.count(blanked=1)
            turn.seen += len(found)
            yield place


def _blank(message: Doc) -> None:
    cause = f"retention.{message['_id']}"
    body = {"target": message["_id"]}
    draft = Draft(message["chat"], "delete", message["author"], cause, body, said=cause, allow=lambda _: None)
    entry, new = append(draft)
    if not new:  # whoever appended it may have died before it was applied
        log.apply(entry)
    for media in message.get("attachments") or ():
        events.media_dropped(media)


def _forget_deliveries(turn: Turn, after: Any) -> Iterator[Any]:
    """What webhooks were told of such messages says the same words. What is still to be sent stays."""
    shown = {"chat": 1}
    while webhook := Webhook.raw().find_one({"_id": {"$gt": after}}, shown, sort=[("_id", 1)]):
        after = webhook["_id"]
        if days := kept_days(chat_by_id(webhook["chat"])):
            ended = {"created_at": {"$lt": datetime.now(UTC) - timedelta(days=days)}, "due": {"$exists": False}}
            turn.count(deliveries=Delivery.raw().delete_many({"webhook": after, **ended}).deleted_count)
        yield {"webhook": after}
