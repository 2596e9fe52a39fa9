"""Maintenance tasks that only look: whether every log is whole, who is inactive, what takes how much room, and how
much was said on each day.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId

from infitalks.actions.repair import wrong_members
from infitalks.actions.turns import Turn
from infitalks.models.chats import chat_by_id
from infitalks.models.database import Doc, database
from infitalks.models.log import Entry, top_of
from infitalks.models.media import Media
from infitalks.models.sessions import Session
from infitalks.models.site import Day, site, stored_days
from infitalks.models.users import User

ENTRIES_AT_ONCE = 1000
DAYS_COUNTED = 30
NUMBERS = {"seq": 1, "n": 1, "m": 1, "kind": 1, "target": 1, "reply_to": 1, "deleted_seq": 1, "action": 1}
BEGINNING: Doc = {"seq": 0, "n": 0, "m": 0}


def check_log(turn: Turn) -> Iterator[Any]:
    """Gaps, repeats, counts that do not go on, entries about messages that are not there, and memberships that the
    log does not make."""
    turn.total = turn.total or Entry.raw().estimated_document_count()
    turn.count(chats=0, entries=0, faults=0)
    place = turn.after or {}
    turn.after = place.get("before")  # the last chat that was read to its end
    for chat_id in turn.chats():
        last = place if place.get("chat") == chat_id else BEGINNING
        turn.seen -= 1  # here entries are counted
        while found := _entries(chat_id, last["seq"]):
            turn.seen += len(found)
            turn.count(entries=len(found))
            _note(turn, chat_id, _faults(chat_id, last, found))
            last = found[-1]
            yield {"before": turn.after, "chat": chat_id, **{name: last[name] for name in BEGINNING}}
        turn.count(chats=1)
        _note(turn, chat_id, _wrong_memberships(chat_id))
        yield {"before": chat_id}


def _entries(chat_id: ObjectId, after: int) -> list[Doc]:
    query = {"chat": chat_id, "seq": {"$gt": after}}
    return list(Entry.raw().find(query, NUMBERS).sort("seq", 1).limit(ENTRIES_AT_ONCE))


def _note(turn: Turn, chat_id: ObjectId, faults: Iterable[str]) -> None:
    for fault in faults:
        turn.count(faults=1)
        turn.say(f"Chat {chat_id}: {fault}.")


def _faults(chat_id: ObjectId, last: Doc, found: list[Doc]) -> Iterator[str]:
    for entry in found:
        yield from _misnumbered(last, entry)
        last = entry
    # What was deleted keeps no reply_to; a target stays for ever.
    named = {entry["_id"]: entry.get("target") or entry.get("reply_to") for entry in found}
    there = Entry.raw().find(
        {"_id": {"$in": [t for t in named.values() if t]}, "chat": chat_id, "kind": "message"}, {"_id": 1}
    )
    known = {row["_id"] for row in there}
    for entry in found:
        if (target := named[entry["_id"]]) and target not in known:
            yield f"entry {entry['seq']} ({entry['kind']}) names a message that is not there"


def _misnumbered(before: Doc, entry: Doc) -> Iterator[str]:
    if entry["seq"] != before["seq"] + 1:
        gap = entry["seq"] > before["seq"] + 1
        yield f"there is {'no' if gap else 'more than one'} entry {before['seq'] + 1 if gap else entry['seq']}"
    if entry["n"] != before["n"] + (entry["kind"] == "message"):
        yield f"entry {entry['seq']} does not go on counting messages"
    if entry["m"] != (entry["seq"] if entry["kind"] == "member" else before["m"]):
        yield f"entry {entry['seq']} does not name the last change of members"


def _wrong_memberships(chat_id: ObjectId) -> Iterator[str]:
    chat = chat_by_id(chat_id)
    if not chat:
        yield "it has a log, and no record"
    elif chat["applied_m"] < top_of(chat_id).m:
        return  # they are just being applied
    for user, stored, expected in wrong_members(chat_id):
        how = "is missing" if not stored else "is not what the log says" if expected else "is nowhere in the log"
        yield f"the membership of {user} {how}"


def list_inactive(turn: Turn) -> Iterator[Any]:
    """People who have not written for so many days as the site says, and are signed in nowhere."""
    since = datetime.now(UTC) - timedelta(days=site().inactive_days)
    turn.count(people=0, inactive=0)
    wrote = authors_since(since)
    people = {"kind": "person", "disabled_at": None}
    for found in turn.batches(User.raw(), people, {"username": 1, "created_at": 1}):
        ids = [user["_id"] for user in found]
        signed_in = set(Session.raw().distinct("user", {"user": {"$in": ids}, "seen_at": {"$gte": since}}))
        turn.count(people=len(found))
        for user in found:
            if user["_id"] not in wrote and user["_id"] not in signed_in and user["created_at"] < since:
                turn.count(inactive=1)
                turn.say(f"{user['username']}, here since {user['created_at']:%-d %b %Y}")
        yield ids[-1]


def authors_since(since: datetime) -> set[ObjectId]:
    """Who has written what still stands, by the index `by_age` alone."""
    written = {"$match": {"kind": "message", "deleted_seq": None, "at": {"$gte": since}}}
    found = Entry.raw().aggregate([written, {"$group": {"_id": "$author"}}], hint="by_age", allowDiskUse=True)
    return {row["_id"] for row in found}


def weigh(turn: Turn) -> Iterator[Any]:
    turn.count(documents=0, data_bytes=0, disk_bytes=0, index_bytes=0)
    for name in sorted(name for name in database().list_collection_names() if not name.startswith("system.")):
        stats = next(database()[name].aggregate([{"$collStats": {"storageStats": {}}}]))["storageStats"]
        data, disk, index = stats["size"], stats["storageSize"], stats["totalIndexSize"]
        turn.count(documents=stats["count"], data_bytes=data, disk_bytes=disk, index_bytes=index)
        turn.say(f"{name}: {stats['count']:,} documents, {in_words(disk)} on disk, {in_words(index)} of indexes")
    turn.count(pictures=0, picture_bytes=0, files=0, file_bytes=0)
    by = {"kind": {"$ifNull": ["$kind", "picture"]}, "state": "$state"}
    for row in Media.raw().aggregate([{"$group": {"_id": by, "count": {"$sum": 1}, "bytes": {"$sum": "$bytes"}}}]):
        kind, state, size = row["_id"]["kind"], row["_id"]["state"], row["bytes"]
        turn.count(**{f"{kind}s": row["count"], f"{kind}_bytes": size})
        turn.say(f"{kind}s, {state}: {row['count']:,} with {in_words(size)}")
    yield "all"


def in_words(size: float) -> str:
    """Bytes, as one reads them."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} TB"


def count_days(turn: Turn) -> Iterator[Any]:
    """Each day that is over is counted once, for the plots on the admin's page."""
    turn.count(days=0)
    for day in uncounted_days():
        row = count_day(day)
        turn.count(days=1)
        if not turn.dry_run:
            keep_day(row)
        yield row["_id"]


def last_days(number: int) -> list[datetime]:
    """The beginnings of so many days, by UTC; today's is the last one."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return [today - timedelta(days=back) for back in range(number)][::-1]


def uncounted_days() -> list[datetime]:
    over = last_days(DAYS_COUNTED + 1)[:-1]
    known = stored_days(f"{day:%Y-%m-%d}" for day in over)
    return [day for day in over if f"{day:%Y-%m-%d}" not in known]


def count_day(day: datetime, most_ms: int | None = None) -> Doc:
    """{_id, messages, people} of this day, by the index `by_age` alone. Raises ExecutionTimeout after `most_ms`."""
    within = {"kind": "message", "deleted_seq": None, "at": {"$gte": day, "$lt": day + timedelta(days=1)}}
    by_author: Doc = {"$group": {"_id": "$author", "messages": {"$sum": 1}}}
    all_of_them: Doc = {"$group": {"_id": None, "messages": {"$sum": "$messages"}, "people": {"$sum": 1}}}
    limit: dict[str, Any] = {"maxTimeMS": most_ms} if most_ms else {}
    found = list(Entry.raw().aggregate([{"$match": within}, by_author, all_of_them], hint="by_age", **limit))
    counted = found[0] if found else {"messages": 0, "people": 0}
    return {"_id": f"{day:%Y-%m-%d}", "messages": counted["messages"], "people": counted["people"]}


def keep_day(row: Doc) -> None:
    """What was counted first stays: later, messages of that day may have been deleted."""
    Day.raw().update_one({"_id": row["_id"]}, {"$setOnInsert": row}, upsert=True)
