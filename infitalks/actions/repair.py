"""What is derived from the log, compared with it and mended: memberships, a chat's name and the like, its own copy of
its top, its last message. The log itself is never changed. Messages: repair_messages.py.
"""

from collections.abc import Iterator
from typing import Any

from bson import ObjectId

from infitalks.actions import summaries
from infitalks.actions.memberships import apply_members, changes_of, next_membership
from infitalks.actions.turns import Turn
from infitalks.models.chats import Chat, Membership, chat_by_id, membership_id, memberships_in
from infitalks.models.database import Doc
from infitalks.models.log import Top, chat_entries, entry_at, last_message_in, member_entries, top_of

DERIVED = ("intervals", "role", "active", "joined", "applied")
NOBODYS: Doc = {"intervals": [], "active": False}


def repair_derived(turn: Turn) -> Iterator[Any]:
    turn.total = turn.total or Chat.raw().estimated_document_count()
    turn.count(chats=0, wrong=0, mended=0)
    for chat_id in turn.chats():
        turn.count(chats=1)
        if wrong := wrong_in(chat_id):
            turn.count(wrong=1)
            turn.say(f"Chat {chat_id}: {', '.join(wrong)}.")
            if not turn.dry_run:
                _mend(chat_id)
                turn.count(mended=1)
        yield chat_id


def wrong_in(chat_id: ObjectId) -> list[str]:
    """What of the chat does not show what its log says, in words. What is just being applied may be among it."""
    chat = chat_by_id(chat_id)
    wrong = [f"the membership of {user}" for user, _, _ in wrong_members(chat_id)]
    if not chat:
        return [*wrong, "the chat's own record is missing"]
    top, last = top_of(chat_id), last_message_in(chat_id)
    expected = {"last_seq": top.seq, "n": top.n, "applied_m": top.m}
    wrong += [
        f"{field} is {chat.get(field)} and not {value}" for field, value in expected.items() if _off(chat, field, value)
    ]
    if not _is_shown(chat, last):
        wrong.append("the last message")
    return wrong + [f"the {field}" for field, value in _told_of(chat_id).items() if chat.get(field) != value]


def _told_of(chat_id: ObjectId) -> Doc:
    """What its entries say of the chat itself: each field by the last entry that changes it."""
    entries = chat_entries(chat_id)
    said = {field: value for entry in entries for field, value in entry["changes"].items()}
    changed = {field: entry["seq"] for entry in entries for field in entry["changes"]}
    return {**said, "changed": changed} if said else {}


def _off(chat: Doc, field: str, value: int) -> bool:
    return bool(chat.get(field) != value)


def _is_shown(chat: Doc, last: Doc | None) -> bool:
    """Whether the chat list says of the last message what it is now."""
    shown = chat.get("last_message")
    if not shown or not last:
        return not shown and not last
    same = {"id": last["_id"], "seq": last["seq"], "deleted": last.get("deleted_seq") is not None}
    text = (last.get("text") or "")[: summaries.SNIPPET]
    return all(shown.get(field) == value for field, value in same.items()) and shown.get("text") == text


def members_by_log(chat_id: ObjectId) -> dict[ObjectId, Doc]:
    """Each user's membership as all of the chat's member entries, one after the other, make it."""
    members: dict[ObjectId, Doc] = {}
    for entry in member_entries(chat_id, 0):
        for change in changes_of(entry):
            before = members.get(change["user"])
            members[change["user"]] = {**next_membership(before, entry, change), "applied": entry["seq"]}
    return members


def wrong_members(chat_id: ObjectId) -> list[tuple[ObjectId, Doc | None, Doc | None]]:
    """(user, the membership as stored, as it should be), where they differ."""
    stored = {row["user"]: row for row in memberships_in(chat_id)}  # first: what is applied meanwhile is then newer
    expected = members_by_log(chat_id)
    pairs = [(user, stored.get(user), expected.get(user)) for user in stored.keys() | expected.keys()]
    return [(user, is_so, should) for user, is_so, should in pairs if not _agree(is_so, should)]


def _agree(stored: Doc | None, expected: Doc | None) -> bool:
    if stored and not expected:
        return all(stored.get(field) == value for field, value in NOBODYS.items())
    return bool(stored and expected and all(stored.get(field) == expected[field] for field in DERIVED))


def _mend(chat_id: ObjectId) -> None:
    top = top_of(chat_id)  # one and the same: no later member entry must count as applied that is not
    apply_members(chat_id, top.m)  # also makes the chat's record, where that is missing
    for user, stored, expected in wrong_members(chat_id):
        _mend_member(chat_id, user, stored, expected)
    if chat := chat_by_id(chat_id):
        _mend_chat(chat, top)


def _mend_member(chat_id: ObjectId, user: ObjectId, stored: Doc | None, expected: Doc | None) -> None:
    if not stored:
        key = membership_id(chat_id, user)
        fresh = {"chat": chat_id, "user": user, "muted": False, **(expected or NOBODYS)}
        Membership.raw().update_one({"_id": key}, {"$setOnInsert": fresh}, upsert=True)
        return
    # Conditional on what was read: a member entry may have been applied since, and then it is right by now.
    derived = {field: expected[field] for field in DERIVED} if expected else NOBODYS
    Membership.raw().update_one({"_id": stored["_id"], "applied": stored.get("applied")}, {"$set": derived})


def _mend_chat(chat: Doc, top: Top) -> None:
    read = {"_id": chat["_id"], "applied_m": chat.get("applied_m"), "last_seq": chat.get("last_seq")}
    last = last_message_in(chat["_id"])
    mended: Doc = {"last_seq": top.seq, "n": top.n, "applied_m": top.m, "last_message": None}
    mended["last_at"] = last["at"] if last else chat.get("created_at")
    Chat.raw().update_one(read, {"$set": {**mended, **_told_of(chat["_id"])}})
    # Forward again, as the writer moves it: what was appended meanwhile, and moved it in vain, is then shown, too.
    newest = entry_at(chat["_id"], top_of(chat["_id"]).seq)
    summaries.move_tops([entry for entry in (last_message_in(chat["_id"]), newest) if entry])
    # An edit or a deletion that was applied meanwhile found no last message to change.
    summaries.rebuild_last_message(chat["_id"])
