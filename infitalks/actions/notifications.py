"""Deciding, once for each message, whom it notifies, and saying so. Not for: the rules (deciding.py) nor for sending
live events (realtime.py)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from bson import ObjectId
from pymongo import UpdateOne

from infitalks import access, events
from infitalks.actions.deciding import Decision, Hearer, Said, decide, words_of
from infitalks.actions.threads import followers
from infitalks.failpoints import failpoint
from infitalks.models.chats import active_members, chat_by_id, chats_by_id, memberships_of
from infitalks.models.database import Doc
from infitalks.models.log import entries_by_id
from infitalks.models.notifications import Notification, notification_of, notifications_for, notifications_of
from infitalks.models.users import wishes_of
from infitalks.schemas.notifications import (
    ListedNotificationOut,
    NotificationOut,
    NotificationsOut,
    Silence,
    WhyOut,
    summaries_out,
    why_of,
)
from infitalks.schemas.users import preferences_of

# Members. Where more read, type, come and go, each of them told to all would keep messages waiting: N times N notices.
# And not every message there is for everybody.
LARGE_CHAT = 100


def decide_all(chat_id: ObjectId, run: list[Doc]) -> None:
    """Decide for the messages among these entries, and store it. What was decided stays, whatever changes since."""
    messages = [entry for entry in run if entry["kind"] == "message" and entry.get("deleted_seq") is None]
    decided = notifications_of(message["_id"] for message in messages) if messages else {}
    if waiting := [message for message in messages if message["_id"] not in decided]:
        rows = list(_decisions(chat_id, waiting))
        # Where another worker was quicker, its decision holds.
        Notification.raw().bulk_write(
            [UpdateOne({"_id": row["_id"]}, {"$setOnInsert": row}, upsert=True) for row in rows], ordered=False
        )
    failpoint("notifications.decided")


def _decisions(chat_id: ObjectId, messages: list[Doc]) -> Iterator[Doc]:
    chat, now = chat_by_id(chat_id) or {}, datetime.now(UTC)
    members = active_members(chat_id)
    wishes = wishes_of(member["user"] for member in members)
    answered = entries_by_id({message["reply_to"] for message in messages if message.get("reply_to")})
    following = {root: followers(root) for root in {message.get("thread") for message in messages} if root}
    people = [(member, _hearer(member, wishes[member["user"]])) for member in members if member["user"] in wishes]
    large = len(members) > LARGE_CHAT
    for message in messages:
        answers = answered.get(message.get("reply_to") or message["_id"])
        said = _said(message, chat, answers, following.get(message.get("thread"), set()), large=large)
        there = [hearer for member, hearer in people if access.visible(message["seq"], member["intervals"])]
        yield _row(message, [(ObjectId(hearer.user), decide(said, hearer, now)) for hearer in there], now, large=large)


def _said(message: Doc, chat: Doc, answered: Doc | None, following: set[ObjectId], *, large: bool) -> Said:
    return Said(
        author=str(message["author"]),
        seq=message["seq"],
        direct=chat.get("kind") == "direct",
        large=large,
        mentions=frozenset(map(str, message.get("mentions") or ())),
        mentions_all=bool(message.get("mentions_all")),
        answers=str(answered["author"]) if answered else None,
        followers=frozenset(map(str, following)),
        words=words_of(message.get("text") or ""),
    )


def _hearer(member: Doc, stored: Doc) -> Hearer:
    return Hearer(
        user=str(member["user"]),
        read_seq=member["read_seq"],
        muted=member.get("muted", False),
        level=member.get("level"),
        wishes=preferences_of(stored),
    )


def _row(message: Doc, decisions: list[tuple[ObjectId, Decision]], now: datetime, *, large: bool) -> Doc:
    told, silent = _by_reason(decisions, notifies=True), _by_reason(decisions, notifies=False)
    row: Doc = {"_id": message["_id"], "chat": message["chat"], "seq": message["seq"], "at": now, "told": told}
    if large and len(silent) > 1:
        most = max((each for each in silent if each["why"] != "own"), key=lambda each: len(each["users"]))
        silent.remove(most)
        row["rest"] = most["why"]
    return {**row, "silent": silent}


def _by_reason(decisions: list[tuple[ObjectId, Decision]], *, notifies: bool) -> list[Doc]:
    users = defaultdict(list)
    for user, decision in decisions:
        if decision.notifies is notifies:
            users[decision.reason].append(user)
    return [{"why": why, "users": them} for why, them in users.items()]


class Telling:
    """The `notify` events of a run of a chat's entries, made before it is read who may hear them."""

    def __init__(self, chat_id: ObjectId, run: list[Doc]) -> None:
        rows = notifications_of(entry["_id"] for entry in run if entry["kind"] == "message")
        told = [row for row in rows.values() if row["told"]]
        messages = entries_by_id(row["_id"] for row in told) if told else {}
        self._shown = summaries_out(messages.values(), chats_by_id([chat_id])) if messages else {}
        self._rows = sorted((row for row in told if row["_id"] in self._shown), key=lambda row: row["seq"])

    def events(self, members: Iterable[ObjectId]) -> Iterator[tuple[list[ObjectId], list[str]]]:
        """For each audience among these members its events, in order."""
        entitled = set(members)
        told: dict[tuple[ObjectId, ...], list[NotificationOut]] = {}
        for row in self._rows:
            for each in row["told"]:
                hearers = tuple(user for user in each["users"] if user in entitled)
                notification = NotificationOut(**dict(self._shown[row["_id"]]), reason=each["why"])
                told.setdefault(hearers, []).append(notification)
        for hearers, notifications in told.items():
            if hearers:
                yield list(hearers), events.notify_events(notifications)


def list_notifications(user_id: ObjectId, after: ObjectId | None, limit: int) -> NotificationsOut:
    """What notified the user, the newest first, less what is deleted or not theirs to see any more."""
    rows = notifications_for(user_id, after, limit)
    chats = chats_by_id({row["chat"] for row in rows})
    mine = memberships_of(user_id, chats)
    seen = [row for row in rows if row["chat"] in mine and access.visible(row["seq"], mine[row["chat"]]["intervals"])]
    shown = summaries_out(entries_by_id(row["_id"] for row in seen).values(), chats)
    listed = [
        ListedNotificationOut(**dict(shown[row["_id"]]), reason=why, read=mine[row["chat"]]["read_seq"] >= row["seq"])
        for row in seen
        if row["_id"] in shown and (why := why_of(row, user_id))
    ]
    for chat in {row["chat"] for row in seen}:
        access.require_unchanged(mine[chat])
    return NotificationsOut(notifications=listed)


def explain(user_id: ObjectId, message_id: str) -> WhyOut:
    """Why the user was, or was not, notified of a message that they may see, as it was decided then."""
    message, membership = access.get_message_for(user_id, message_id)
    row = notification_of(message["_id"])
    if not row:
        return WhyOut(notified=False, reason="own" if message["author"] == user_id else "unknown", at=None)
    if why := why_of(row, user_id):
        return WhyOut(notified=True, reason=why, at=row["at"])
    silent: Silence | None = next((each["why"] for each in row["silent"] if user_id in each["users"]), None)
    if not silent:
        rest: Silence = row.get("rest") or "unknown"
        silent = "joined_later" if membership["joined"] > row["seq"] else rest
    return WhyOut(notified=False, reason=silent, at=row["at"])
