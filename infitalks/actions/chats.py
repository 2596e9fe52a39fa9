"""Making chats and changing who is in them and what they are called."""

import hashlib
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId

from infitalks import access, events
from infitalks.actions.log import Draft, append, own_client_id, require_active
from infitalks.actions.media import set_profile_picture
from infitalks.actions.memberships import apply_members
from infitalks.actions.profile_pictures import clear_profile_pictures
from infitalks.actions.retention import require_meant
from infitalks.actions.summaries import move_read_positions
from infitalks.errors import Conflict, Invalid, NotFound
from infitalks.models.chats import Membership, active_members, chat_by_id, membership_id, membership_of, memberships_of
from infitalks.models.database import Doc, object_id
from infitalks.models.log import entry_at
from infitalks.models.users import enabled_users


class _Needless(Exception):
    """What was asked for is so already."""


def create_group(creator: ObjectId, name: str, member_ids: Iterable[str]) -> ObjectId:
    """A new group whose owner is its creator. Raises Invalid naming `member_ids` where somebody is unknown."""
    others = [user for user in _known_users(member_ids, "member_ids") if user != creator]
    members = [{"user": creator, "role": "owner"}, *({"user": user, "role": "member"} for user in others)]
    chat_id = ObjectId()
    _append_created(chat_id, creator, {"chat_kind": "group", "name": name, "members": members})
    return chat_id


def open_direct(user_id: ObjectId, other: str) -> tuple[ObjectId, bool]:
    """The one direct chat of the two, and whether it is new. Brings it back where the user had put it away."""
    (partner,) = _known_users([other], "user_id")
    if partner == user_id:
        raise Invalid("A direct chat needs somebody else.", fields={"user_id": "is yourself"})
    chat_id = direct_id(user_id, partner)
    if chat_by_id(chat_id):
        apply_members(chat_id, 1)  # whoever is just making it may not have come so far
        Membership.raw().update_one({"_id": membership_id(chat_id, user_id)}, {"$set": {"hidden_n": None}})
        return chat_id, False
    members = [{"user": user, "role": "member"} for user in sorted((user_id, partner))]
    try:
        _append_created(chat_id, user_id, {"chat_kind": "direct", "name": None, "members": members})
    except _Needless:  # the other one was a moment quicker
        return chat_id, False
    return chat_id, True


def direct_id(one: ObjectId, other: ObjectId) -> ObjectId:
    pair = b"".join(sorted((one.binary, other.binary)))
    return ObjectId(hashlib.sha256(b"direct" + pair).digest()[:12])


def _append_created(chat_id: ObjectId, creator: ObjectId, body: Doc) -> None:
    def only_first(membership: Doc | None) -> None:
        if membership:
            raise _Needless

    body = {"action": "created", "history": True, **body}
    append(Draft(chat_id, "member", creator, own_client_id(), body, said=str(chat_id), allow=only_first))


def _known_users(ids: Iterable[str], field: str) -> list[ObjectId]:
    keys = list(dict.fromkeys(ObjectId(text) for text in ids))
    if len(enabled_users(keys)) < len(keys):
        raise Invalid("Somebody among these users does not exist.", fields={field: "names an unknown user"})
    return keys


def add_members(user_id: ObjectId, chat_id: str, user_ids: Iterable[str], *, cause: str | None = None) -> None:
    """Add people to a group; whoever is in it already stays as they are. `cause`: doing it again for the same cause is
    a repeat, also where somebody has left since."""
    chat, _ = access.get_chat_for(user_id, chat_id)
    _require_group(chat)
    for other in _known_users(user_ids, "user_ids"):
        client_id = f"{cause}.{other}" if cause else None
        _append_member(chat, user_id, "added", other, role="member", needless=_is_active, client_id=client_id)


def add_bot(user_id: ObjectId, chat: Doc, bot: ObjectId) -> None:
    """Let a webhook's bot in; also into a direct chat, which nobody else can join."""
    _append_member(chat, user_id, "added", bot, role="member", allow=_manages_bots(chat), needless=_is_active)


def remove_member(user_id: ObjectId, chat_id: str, other: str) -> None:
    """An owner removes somebody. The removed one gets nothing that is numbered later."""
    chat, membership = access.get_chat_for(user_id, chat_id)
    _require_group(chat)
    access.require(access.can_manage(chat, membership), "Only owners remove people.")
    target = object_id(other)
    if not _is_active(membership_of(chat["_id"], target)):
        raise NotFound()
    entry = _append_member(chat, user_id, "removed", target, allow=_require_owner, needless=_is_not_active)
    _after_change(entry)


def leave_chat(user_id: ObjectId, chat_id: str, *, cause: str | None = None) -> None:
    """Leave a group; when its last owner leaves, the longest-standing member becomes owner. `cause`: as add_members."""
    chat, _ = access.get_chat_for(user_id, chat_id)
    _require_group(chat)
    _after_change(_append_member(chat, user_id, "left", user_id, needless=_is_not_active, client_id=cause))


def leave_groups(user_id: ObjectId) -> None:
    """Leave every group, as somebody does who closes their account. Repeatable."""
    for chat_id in memberships_of(user_id):
        chat = chat_by_id(chat_id)
        if chat and chat["kind"] == "group":
            leave_chat(user_id, str(chat_id))


def remove_bot(user_id: ObjectId, chat: Doc, bot: ObjectId) -> None:
    """Take a webhook's bot out again."""
    _append_member(chat, user_id, "removed", bot, allow=_manages_bots(chat), needless=_is_not_active)


def set_role(user_id: ObjectId, chat_id: str, other: str, role: str) -> None:
    """An owner makes somebody owner or member. Raises Conflict where no owner would be left."""
    chat, membership = access.get_chat_for(user_id, chat_id)
    _require_group(chat)
    access.require(access.can_manage(chat, membership), "Only owners set roles.")
    target = membership_of(chat["_id"], object_id(other))
    if not target or not target["active"]:
        raise NotFound()
    owners = [m["user"] for m in active_members(chat["_id"]) if m["role"] == "owner"]
    if role == "member" and owners == [target["user"]]:
        raise Conflict("A group needs an owner: make somebody else owner first.")

    def is_so(now: Doc | None) -> bool:
        return not now or now["role"] == role

    _after_change(
        _append_member(chat, user_id, "role", target["user"], role=role, allow=_require_owner, needless=is_so)
    )


def keep_an_owner(entry: Doc) -> None:
    """After this member entry: where no owner is left, the longest-standing person becomes owner. Repeatable."""
    if entry["action"] not in ("left", "removed", "role"):
        return
    chat = chat_by_id(entry["chat"])
    if not chat or chat["kind"] == "direct":
        return
    members = active_members(entry["chat"])
    people = enabled_users((member["user"] for member in members), kinds=("person",))
    heirs = [member for member in members if member["user"] in people]
    if heirs and not any(member["role"] == "owner" for member in heirs):
        body = {"action": "role", "user": heirs[0]["user"], "role": "owner"}
        cause = f"heir.{entry['_id']}"  # one heir for each such entry, however often this runs
        append(Draft(entry["chat"], "member", entry["author"], cause, body, said=cause, allow=lambda _: None))


def _after_change(entry: Doc | None) -> None:
    if entry:
        keep_an_owner(entry)


def _append_member(
    chat: Doc,
    author: ObjectId,
    action: str,
    user: ObjectId,
    *,
    needless: Callable[[Doc | None], bool],
    role: str | None = None,
    allow: Callable[[Doc | None], None] = require_active,
    client_id: str | None = None,
) -> Doc | None:
    """One member entry, or None where `needless` says of the user's membership that it is so already."""

    def check(membership: Doc | None) -> None:
        allow(membership)
        if needless(membership_of(chat["_id"], user)):
            raise _Needless

    body: Doc = {"action": action, "user": user}
    if role:
        body["role"] = role
    if action == "added":
        body["history"] = chat["history"]
    said = [action, str(user), role]
    try:
        entry, _ = append(Draft(chat["_id"], "member", author, client_id or own_client_id(), body, said, check))
    except _Needless:
        return None
    return entry


def _is_active(membership: Doc | None) -> bool:
    return bool(membership and membership["active"])


def _is_not_active(membership: Doc | None) -> bool:
    return not _is_active(membership)


def _manages_bots(chat: Doc) -> Callable[[Doc | None], None]:
    return _require_owner if chat["kind"] == "group" else require_active


def _require_owner(membership: Doc | None) -> None:
    require_active(membership)
    access.require(bool(membership and membership["role"] == "owner"), "Only owners may do this.")


def _require_group(chat: Doc) -> None:
    if chat["kind"] != "group":
        raise Conflict("A direct chat stays between its two people.")


def change_chat(
    user_id: ObjectId,
    chat_id: str,
    *,
    changes: dict[str, Any],
    muted: bool | None,
    favourite: bool | None = None,
    own: Doc | None = None,
    cause: str | None = None,
    sure: bool = False,
) -> None:
    """`changes` (name, topic, avatar, retention_days) are the owners' and for all; `muted`,
    `favourite` and `level` in `own` are one's own. `cause`: as add_members.
    Raises Invalid where messages would be lost by it and the caller is not `sure`."""
    chat, membership = access.get_chat_for(user_id, chat_id)
    if changes:
        _require_group(chat)
        access.require(access.can_manage(chat, membership), "Only owners change a group.")
        require_meant(chat, changes.get("retention_days"), sure=sure)
        if changes.get("avatar", "") is None:
            clear_profile_pictures(f"chat:{chat['_id']}", datetime.now(UTC))
        if changes.get("avatar"):  # its entry comes when the picture is ready
            set_profile_picture(user_id, changes["avatar"] or "", f"chat:{chat['_id']}")
        now = {field: value for field, value in changes.items() if field != "avatar" or value is None}
        if now.get("retention_days", -1) == chat.get("retention_days"):
            del now["retention_days"]
        if now:
            client_id = cause or own_client_id()
            append(Draft(chat["_id"], "chat", user_id, client_id, {"changes": now}, now, _require_owner))
    given = {name: value for name, value in (("muted", muted), ("favourite", favourite)) if value is not None}
    if own := {**given, **(own or {})}:
        Membership.raw().update_one({"_id": membership["_id"]}, {"$set": own})
        events.own_chat_changed(chat["_id"], user_id)


def delete_chat(user_id: ObjectId, chat_id: str) -> None:
    """A direct chat is put away until somebody writes; a group is closed by an owner: everybody is removed."""
    chat, membership = access.get_chat_for(user_id, chat_id)
    if chat["kind"] == "direct":
        Membership.raw().update_one({"_id": membership["_id"]}, {"$set": {"hidden_n": chat["n"]}})
        events.self_changed(user_id)
        return
    access.require(access.can_manage(chat, membership), "Only owners close a group.")
    for member in active_members(chat["_id"]):
        if member["user"] != user_id:
            _append_member(chat, user_id, "removed", member["user"], allow=_require_owner, needless=_is_not_active)
    _append_member(chat, user_id, "left", user_id, needless=_is_not_active)


def read_to(user_id: ObjectId, chat_id: str, seq: int) -> Doc:
    """Move one's read position forward to `seq`, or to the end where that is nearer. Returns the membership."""
    chat, membership = access.get_chat_for(user_id, chat_id)
    entry = entry_at(chat["_id"], min(seq, chat["last_seq"]))
    if entry and entry["seq"] > membership["read_seq"]:
        move_read_positions([(user_id, entry)])
        events.read_moved(chat["_id"], user_id)
    return membership_of(chat["_id"], user_id) or membership


def note_typing(user_id: ObjectId, chat_id: str) -> None:
    chat, _ = access.get_chat_for(user_id, chat_id)
    events.typed(chat["_id"], user_id)
