"""Bots that answer one another come to an end: every post of theirs carries how many led to it, and whoever would be
told of one too many is not; the chat hears why. Not for: what people say to bots.
"""

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from bson import ObjectId
from pymongo import ReturnDocument, UpdateOne

from infitalks import access
from infitalks.actions.messages import send_message
from infitalks.errors import InfiTalksError, NotFound, RateLimited
from infitalks.models.database import Doc
from infitalks.models.deliveries import Budget
from infitalks.models.log import AT_ONCE, entry_by_client_id

MOST_HOPS = 3  # posts of bots that each came of the one before
BURST, EACH_SECONDS = (
    20,
    6,
)  # posts of bots that came of bots', for one bot in one chat: at once, and one more every 6 s
NOTICE_SECONDS = 3600
HEARD_SECONDS = 60  # what a bot says so soon after it heard something counts as its answer to that
IN_A_ROW = f"bots have answered one another {MOST_HOPS} times in a row"
TOO_FAST = f"bots write faster here than once in {EACH_SECONDS} seconds"


def origin_after(cause: Doc, bot: ObjectId) -> Doc:
    """Of what `bot` says because of something with the origin `cause` ({hops, bots}, or {} for a person's)."""
    return {"hops": cause.get("hops", 0) + 1, "bots": [*cause.get("bots", ()), bot]}


def origin_of_post(bot: ObjectId, chat: ObjectId, client_id: str, reply_to: str | None) -> Doc | None:
    """Of what a bot says by itself: it came of the message that it answers, or else of what it has just heard.

    Raises RateLimited where it answers bots too fast. A repeat costs nothing.
    """
    cause = _answered(bot, chat, reply_to) if reply_to else _just_heard(bot, chat)
    if cause is None:
        return None
    if cause.get("hops", 0) and not entry_by_client_id(chat, bot, client_id) and not spend(bot, chat):
        raise RateLimited(f"Not now: {TOO_FAST}.", retry_after=EACH_SECONDS)
    return origin_after(cause, bot)


def _answered(bot: ObjectId, chat: ObjectId, message_id: str) -> Doc | None:
    with suppress(NotFound):  # send_message says what is wrong with it
        message, _ = access.get_message_for(bot, message_id)
        return (message.get("origin") or {}) if message["chat"] == chat else None
    return None


def _just_heard(bot: ObjectId, chat: ObjectId) -> Doc | None:
    soon = {"$gt": ["$heard_at", {"$subtract": ["$$NOW", HEARD_SECONDS * 1000]}]}
    found = Budget.raw().find_one({"_id": f"{bot}:{chat}", "$expr": soon}, {"heard": 1})
    return found["heard"] if found else None


def is_end(message: Doc) -> bool:
    """Whether no bot is to be told of this message of a bot's."""
    origin = message.get("origin") or {}
    return bool(origin.get("notice")) or origin.get("hops", 0) >= MOST_HOPS


def note_heard(bot: ObjectId, messages: Iterable[Doc]) -> None:
    """Remember what the bot was told just now, so that what it says next is counted on from there. Of several, that
    which has come the furthest counts: an answer does not say which of them it is for."""
    furthest: dict[ObjectId, Doc] = {}
    for message in messages:
        origin = message.get("origin") or {}
        if origin.get("hops", 0) >= furthest.get(message["chat"], {}).get("hops", 0):
            furthest[message["chat"]] = origin
    if furthest:
        Budget.raw().bulk_write([_hearing(bot, chat, origin) for chat, origin in furthest.items()], ordered=False)


def _hearing(bot: ObjectId, chat: ObjectId, origin: Doc) -> UpdateOne:
    heard = {"$set": {"heard": {"$literal": origin}, "heard_at": "$$NOW"}}
    return UpdateOne({"_id": f"{bot}:{chat}"}, [heard], upsert=True)


def spend(bot: ObjectId, chat: ObjectId) -> bool:
    """One of what the bot may hear of other bots, or answer them, in this chat; False where nothing is left."""
    grown = {"$divide": [{"$subtract": ["$$NOW", {"$ifNull": ["$at", "$$NOW"]}]}, EACH_SECONDS * 1000]}
    level = {"$min": [BURST, {"$add": [{"$ifNull": ["$level", BURST]}, grown]}]}
    spent = {"$subtract": ["$level", {"$cond": ["$granted", 1, 0]}]}
    budget = _change(
        bot,
        chat,
        {"level": level, "at": "$$NOW"},
        {"granted": {"$gte": ["$level", 1]}},
        {"level": spent},
    )
    return bool(budget["granted"])


def _change(bot: ObjectId, chat: ObjectId, *steps: Doc) -> Doc:
    budget = Budget.raw().find_one_and_update(
        {"_id": f"{bot}:{chat}"},
        [{"$set": step} for step in steps],
        upsert=True,
        return_document=ReturnDocument.AFTER,
    )
    assert budget is not None  # upserted
    return budget


def say_stopped(bot: ObjectId, chat: ObjectId, name: str, why: str, then: str = "") -> None:
    """Tell the chat, as the bot that was not told, once within NOTICE_SECONDS. No bot is told of it."""
    client_id = f"stopped.{_noticed_at(bot, chat):%Y%m%d%H%M%S%f}"
    text = f"**{name}** was not told of this: {why}.{then}"
    with suppress(InfiTalksError):  # a bot that was taken out says nothing
        send_message(bot, chat, client_id, text=text, origin={"hops": MOST_HOPS, "notice": True}, said="stopped")


def _noticed_at(bot: ObjectId, chat: ObjectId) -> datetime:
    """When the chat's present notice was due: of processes that come together, one says it."""
    old = {"$lt": [{"$ifNull": ["$noticed_at", AT_ONCE]}, {"$subtract": ["$$NOW", NOTICE_SECONDS * 1000]}]}
    budget = _change(bot, chat, {"noticed_at": {"$cond": [old, "$$NOW", "$noticed_at"]}})
    noticed_at: datetime = budget["noticed_at"]
    return noticed_at
