"""Chats' doors for programs and the page's script: the list, members, the log, read positions."""

from bson import ObjectId
from flask import Blueprint

from infitalks import access
from infitalks.actions import chats
from infitalks.blueprints.commands import said_to
from infitalks.blueprints.guard import api
from infitalks.errors import Invalid
from infitalks.models.chats import (
    active_members,
    chat_by_id,
    chats_beyond,
    memberships_of,
    newest_chats,
    without_put_away,
)
from infitalks.models.database import Doc
from infitalks.models.log import entries_after, entries_before, only_messages
from infitalks.models.users import User, channel_name
from infitalks.schemas.chats import (
    ChatDetailOut,
    ChatIn,
    ChatOut,
    ChatPatchIn,
    ChatQuery,
    ChatsOut,
    ChatsQuery,
    MembersIn,
    ReadIn,
    ReadOut,
    RoleIn,
    SyncIn,
    SyncOut,
    chats_out,
    members_out,
)
from infitalks.schemas.messages import LogOut, LogQuery, entries_out, messages_out
from infitalks.schemas.paging import cut, read_cursor

blueprint = Blueprint("chats", __name__)


def _one(me: User, chat_id: ObjectId) -> ChatOut:
    chat, membership = access.get_chat_for(me.id, str(chat_id))
    answer = chats_out([chat], {chat["_id"]: membership}, me.id)[0]
    access.require_unchanged(membership)
    return answer


def list_chats(user_id: ObjectId, cursor: str | None, limit: int) -> ChatsOut:
    mine = memberships_of(user_id)
    shown, following = cut(newest_chats(mine, read_cursor(cursor), limit + 1), limit, "last_at", "_id")
    return ChatsOut(chats=_shown(shown, mine, user_id), next=following)


def _shown(found: list[Doc], mine: dict[ObjectId, Doc], user_id: ObjectId) -> list[ChatOut]:
    """Less those that the user was removed from while they were read: they may show what came later."""
    shown = chats_out(found, mine, user_id)
    now = memberships_of(user_id, [chat["_id"] for chat in found]) if found else {}
    unchanged = {str(key) for key, membership in now.items() if membership["intervals"] == mine[key]["intervals"]}
    return [chat for chat in shown if chat.id in unchanged]


def read_log(chat: Doc, membership: Doc, query: LogQuery) -> LogOut:
    """A page of the log; without `before` and `after` the newest one.

    The end is read first: what is appended meanwhile is then not taken for seen.
    """
    seen = access.seen_filter(membership["intervals"])
    last = chat["last_seq"]
    if query.after is not None:
        found = entries_after(chat["_id"], seen, query.after, query.limit + 1)
        more = len(found) > query.limit
        found = found[: query.limit]
        through = found[-1]["seq"] if more else max([query.after, last, *(e["seq"] for e in found)])
    else:
        found = entries_before(chat["_id"], seen, query.before, query.limit + 1)
        more = len(found) > query.limit
        found = found[1:] if more else found
        through = found[0]["seq"] if more else 1
    tail = max([last, *(e["seq"] for e in found)])
    page = LogOut(entries=entries_out(found, membership), through=through, has_more=more, last_seq=tail)
    access.require_unchanged(membership)
    return page


def detail(me: User, chat_id: str, limit: int) -> ChatDetailOut:
    chat, membership = access.get_chat_for(me.id, chat_id)
    shown = chats_out([chat], {chat["_id"]: membership}, me.id)[0]
    seen = only_messages(access.seen_filter(membership["intervals"]))
    found = entries_before(chat["_id"], seen, None, limit + 1)
    answer = ChatDetailOut(
        **dict(shown),
        members=members_out(active_members(chat["_id"]), me.id),
        messages=messages_out(found[-limit:], membership),
        has_more=len(found) > limit,
        as_of=chat["last_seq"],
    )
    access.require_unchanged(membership)
    return answer


@blueprint.get("/api/chats")
@api(query=ChatsQuery, answers={200: ChatsOut})
def get_chats(me: User, query: ChatsQuery) -> ChatsOut:
    return list_chats(me.id, query.cursor, query.limit)


@blueprint.post("/api/chats")
@api(body=ChatIn, limit="30/minute", answers={200: ChatOut, 201: ChatOut})
def post_chat(me: User, body: ChatIn) -> tuple[ChatOut, int]:
    if body.kind == "direct":
        chat_id, new = chats.open_direct(me.id, body.user_id or "")
        return _one(me, chat_id), 201 if new else 200
    return _one(me, chats.create_group(me.id, body.name or "", body.member_ids)), 201


@blueprint.get("/api/chats/<chat_id>")
@api(query=ChatQuery, answers={200: ChatDetailOut})
def get_chat(me: User, chat_id: str, query: ChatQuery) -> ChatDetailOut:
    return detail(me, chat_id, query.limit)


@blueprint.patch("/api/chats/<chat_id>")
@api(body=ChatPatchIn, answers={200: ChatOut})
def patch_chat(me: User, chat_id: str, body: ChatPatchIn) -> ChatOut:
    given = body.model_dump(include={"name", "topic", "avatar", "retention_days"} & body.model_fields_set)
    if "name" in given and given["name"] is None:
        raise Invalid("A group has a name.", fields={"name": "must not be null"})
    if "topic" in given and given["topic"] is None:
        raise Invalid("A topic is taken away by an empty one.", fields={"topic": "must not be null"})
    own = body.model_dump(include={"level"} & body.model_fields_set)
    chats.change_chat(
        me.id, chat_id, changes=given, muted=body.muted, favourite=body.favourite, own=own, sure=body.sure
    )
    return _one(me, ObjectId(chat_id))


@blueprint.delete("/api/chats/<chat_id>")
@api(answers={204: None})
def delete_chat(me: User, chat_id: str) -> None:
    chats.delete_chat(me.id, chat_id)


@blueprint.post("/api/chats/<chat_id>/members")
@api(body=MembersIn, answers={200: ChatDetailOut})
def post_members(me: User, chat_id: str, body: MembersIn) -> ChatDetailOut:
    chats.add_members(me.id, chat_id, body.user_ids)
    return detail(me, chat_id, 50)


@blueprint.patch("/api/chats/<chat_id>/members/<user_id>")
@api(body=RoleIn, answers={200: ChatDetailOut})
def patch_member(me: User, chat_id: str, user_id: str, body: RoleIn) -> ChatDetailOut:
    chats.set_role(me.id, chat_id, str(me.id) if user_id == "me" else user_id, body.role)
    return detail(me, chat_id, 50)


@blueprint.delete("/api/chats/<chat_id>/members/<user_id>")
@api(answers={204: None})
def delete_member(me: User, chat_id: str, user_id: str) -> None:
    if user_id in ("me", str(me.id)):
        chats.leave_chat(me.id, chat_id)
    else:
        chats.remove_member(me.id, chat_id, user_id)


@blueprint.post("/api/chats/<chat_id>/read")
@api(body=ReadIn, answers={200: ReadOut})
def post_read(me: User, chat_id: str, body: ReadIn) -> ReadOut:
    membership = chats.read_to(me.id, chat_id, body.seq)
    chat = chat_by_id(membership["chat"])
    unread = max(0, chat["n"] - membership["read_n"]) if chat else 0
    access.require_unchanged(membership)
    return ReadOut(read_seq=membership["read_seq"], unread=unread)


@blueprint.post("/api/chats/<chat_id>/typing")
@api(limit="60/minute", answers={204: None})
def post_typing(me: User, chat_id: str) -> None:
    chats.note_typing(me.id, chat_id)


@blueprint.get("/api/chats/<chat_id>/log")
@api(query=LogQuery, answers={200: LogOut})
def get_log(me: User, chat_id: str, query: LogQuery) -> LogOut:
    chat, membership = access.get_chat_for(me.id, chat_id)
    return read_log(chat, membership, query)


@blueprint.post("/api/sync")
@api(body=SyncIn, limit="120/minute", answers={200: SyncOut})
def post_sync(me: User, body: SyncIn) -> SyncOut:
    mine = without_put_away(memberships_of(me.id))
    known = {ObjectId(chat_id): seq for chat_id, seq in body.chats.items()}
    behind = chats_beyond(mine, known)
    gone = [str(chat_id) for chat_id in known if chat_id not in mine]
    return SyncOut(
        changed=_shown(behind, mine, me.id),
        gone=gone,
        channels=[channel_name(me.id, me.epoch)],
        ephemerals=said_to(me.id),
    )
