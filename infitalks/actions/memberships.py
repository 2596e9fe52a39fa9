"""Memberships, made from the log's member entries, in their order. Not for: adding or removing people (chats)."""

from bson import ObjectId
from pymongo.errors import DuplicateKeyError

from infitalks.failpoints import failpoint
from infitalks.models.chats import Chat, Membership, chat_by_id, membership_id
from infitalks.models.database import Doc
from infitalks.models.log import member_entries


def apply_members(chat_id: ObjectId, through: int) -> None:
    """Apply the member entries up to at least `through` (a seq) that the memberships do not show yet."""
    chat = chat_by_id(chat_id)
    applied = chat["applied_m"] if chat else 0
    if applied >= through:
        return
    for entry in member_entries(chat_id, applied):
        if entry["action"] == "created":
            _make_chat(entry)
        for change in changes_of(entry):
            _apply_change(entry, change)
        failpoint("members.before_applied")
        # Only now: whoever finds applied_m >= m may trust the memberships.
        Chat.raw().update_one(
            {"_id": chat_id, "applied_m": {"$lt": entry["seq"]}}, {"$set": {"applied_m": entry["seq"]}}
        )


def changes_of(entry: Doc) -> list[Doc]:
    """One {user, action, role} for each user that the member entry is about."""
    if entry["action"] == "created":
        return [{"action": "added", **first} for first in entry["members"]]
    return [{"action": entry["action"], "user": entry["user"], "role": entry.get("role")}]


def next_membership(before: Doc | None, entry: Doc, change: Doc) -> Doc:
    """The membership's fields after the entry: a pure function, so that applying anew comes to the same."""
    seq = entry["seq"]
    old = before or {
        "intervals": [],
        "role": "member",
        "active": False,
        "joined": seq,
        "read_seq": 0,
        "read_n": 0,
    }
    after = {key: old[key] for key in ("intervals", "role", "active", "joined", "read_seq", "read_n")}
    if change["action"] == "added" and not old["active"]:
        first = 1 if entry["history"] else seq
        kept = [] if first == 1 else old["intervals"]
        after.update(intervals=[*kept, [first, None]], role=change["role"], active=True, joined=seq)
        after.update(read_seq=seq, read_n=entry["n"])  # what came before one joined is not unread
    elif change["action"] in ("removed", "left") and old["active"]:
        after.update(intervals=[*old["intervals"][:-1], [old["intervals"][-1][0], seq]], active=False)
    elif change["action"] == "role" and old["active"]:
        after.update(role=change["role"])
    return after


def _make_chat(entry: Doc) -> None:
    chat = {
        "kind": entry["chat_kind"],
        "name": entry.get("name"),
        "avatar": None,
        "history": True,
        "changed": {},
        "last_seq": 0,
        "n": 0,
        "last_message": None,
        "last_at": entry["at"],
        "applied_m": 0,
        "created_at": entry["at"],
    }
    Chat.raw().update_one({"_id": entry["chat"]}, {"$setOnInsert": chat}, upsert=True)


def _apply_change(entry: Doc, change: Doc) -> None:
    key = membership_id(entry["chat"], change["user"])
    before = Membership.raw().find_one({"_id": key})
    if before and before["applied"] >= entry["seq"]:
        return
    after = {**next_membership(before, entry, change), "applied": entry["seq"]}
    if before:
        # Only what the entry changes: the read position may have moved since it was read here.
        after = {field: value for field, value in after.items() if before.get(field) != value}
        # Conditional on what was read: somebody else who applies the same entries may have been quicker.
        Membership.raw().update_one({"_id": key, "applied": before["applied"]}, {"$set": after})
        return
    try:
        fresh = {"_id": key, "chat": entry["chat"], "user": change["user"], "muted": False, **after}
        Membership.raw().insert_one(fresh)
    except DuplicateKeyError:
        pass  # the quicker one inserted it
