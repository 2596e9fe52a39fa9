"""Chats' doors: the chat page, the list, members, the log, read positions, and a chat's settings pages."""

from typing import Any

from bson import ObjectId
from flask import Blueprint, current_app, redirect, render_template, request, url_for

from infitalks import access
from infitalks.actions import chats, webhooks
from infitalks.blueprints.guard import api, csrf_token, page, read_form
from infitalks.blueprints.realtime import realtime_out
from infitalks.errors import InfiTalksError, Invalid, NotFound
from infitalks.models.chats import (
    active_members,
    chat_by_id,
    membership_of,
    memberships_of,
    newest_chats,
)
from infitalks.models.database import Doc
from infitalks.models.log import entries_after, entries_before, only_messages
from infitalks.models.users import User, public_users, users_by_username
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
    read_cursor,
    write_cursor,
)
from infitalks.schemas.messages import LogOut, LogQuery, entries_out, messages_out
from infitalks.schemas.users import self_out, user_out
from infitalks.schemas.webhooks import WebhookIn

blueprint = Blueprint("chats", __name__)


def _one(me: User, chat_id: ObjectId) -> ChatOut:
    chat, membership = access.get_chat_for(me.id, str(chat_id))
    return chats_out([chat], {chat["_id"]: membership}, me.id)[0]


def list_chats(user_id: ObjectId, cursor: str | None, limit: int) -> ChatsOut:
    mine = memberships_of(user_id)
    found = newest_chats(mine, read_cursor(cursor) if cursor else None, limit + 1)
    following = write_cursor(found[limit - 1]) if len(found) > limit else None
    return ChatsOut(chats=chats_out(found[:limit], mine, user_id), next=following)


def read_log(chat: Doc, membership: Doc, query: LogQuery) -> LogOut:
    """A page of the log; without `before` and `after` the newest one.

    The end is read first: what is appended meanwhile is then not taken for seen.
    """
    seen = access.seen_filter(membership["intervals"])
    fresh = chat_by_id(chat["_id"]) or chat
    last = fresh["last_seq"]
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
    return LogOut(entries=entries_out(found), through=through, has_more=more, last_seq=tail)


def detail(me: User, chat_id: str, limit: int) -> ChatDetailOut:
    chat, membership = access.get_chat_for(me.id, chat_id)
    shown = chats_out([chat], {chat["_id"]: membership}, me.id)[0]
    seen = only_messages(access.seen_filter(membership["intervals"]))
    found = entries_before(chat["_id"], seen, None, limit + 1)
    return ChatDetailOut(
        **dict(shown),
        members=members_out(active_members(chat["_id"])),
        messages=messages_out(found[-limit:]),
        has_more=len(found) > limit,
        as_of=chat["last_seq"],
    )


# JSON


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
    given = body.model_dump(include={"name", "avatar"} & body.model_fields_set)
    if "name" in given and given["name"] is None:
        raise Invalid("A group has a name.", fields={"name": "must not be null"})
    chats.change_chat(me.id, chat_id, changes=given, muted=body.muted)
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
    mine = memberships_of(me.id)
    known = {ObjectId(chat_id): seq for chat_id, seq in body.chats.items()}
    behind = {
        chat["_id"]: chat
        for chat in newest_chats(mine, None, 2000)
        if chat["_id"] not in known or known[chat["_id"]] < chat["last_seq"]
    }
    gone = [str(chat_id) for chat_id in known if chat_id not in mine]
    return SyncOut(changed=chats_out(list(behind.values()), mine, me.id), gone=gone)


# Pages


@blueprint.get("/")
@page(auth="anyone")
def index() -> Any:
    from infitalks.blueprints.guard import caller

    who = caller()
    if not who:
        return redirect(url_for("auth.login_page"))
    newest = newest_chats(memberships_of(who.user.id), None, 1)
    return redirect(f"/c/{newest[0]['_id']}") if newest else _chat_page(who.user, None, None)


@blueprint.get("/c/<chat_id>")
@page()
def chat_page(me: User, chat_id: str) -> str:
    return _chat_page(me, chat_id, None)


@blueprint.get("/c/<chat_id>/<int:seq>")
@page()
def chat_page_at(me: User, chat_id: str, seq: int) -> str:
    return _chat_page(me, chat_id, seq)


def _chat_page(me: User, chat_id: str | None, seq: int | None) -> str:
    listed = list_chats(me.id, None, 50)
    opened, log = None, None
    if chat_id:
        opened = detail(me, chat_id, 50)
        chat, membership = access.get_chat_for(me.id, chat_id)
        log = read_log(chat, membership, LogQuery(before=min(seq + 25, 2**53)) if seq else LogQuery())
    boot = {
        "user": self_out(me).model_dump(mode="json"),
        "csrf_token": csrf_token(),
        "version": current_app.config["VERSION"],
        "is_admin": bool(me.is_admin),
        "realtime": realtime_out(me).model_dump(mode="json"),
        "chats": listed.model_dump(mode="json"),
        "chat": opened.model_dump(mode="json") if opened else None,
        "log": log.model_dump(mode="json") if log else None,
    }
    return render_template(
        "chat.html",
        boot=boot,
        chats=boot["chats"]["chats"],
        chat=boot["chat"],
        entries=log.model_dump()["entries"] if log else [],
    )


@blueprint.get("/chats/new")
@page()
def new_chat_page(me: User) -> str:
    return render_template("new_chat.html", errors={}, values={})


@blueprint.post("/chats")
@page()
def new_chat_form(me: User) -> Any:
    try:
        return redirect(f"/c/{_chat_of_form(me)}")
    except InfiTalksError as error:
        html = render_template("new_chat.html", errors=_errors(error), values=request.form)
        return html, error.status


def _chat_of_form(me: User) -> ObjectId:
    ids = [str(user.id) for user in _named_users(request.form.get("usernames", ""))]
    if request.form.get("kind") == "direct":
        if len(ids) != 1:
            raise Invalid("A direct chat needs one username.", fields={"usernames": "name one person"})
        return chats.open_direct(me.id, ids[0])[0]
    asked = ChatIn.model_validate({"kind": "group", "name": request.form.get("name") or " ", "member_ids": ids})
    return chats.create_group(me.id, asked.name or "", asked.member_ids)


def _named_users(text: str) -> list[User]:
    names = [name.strip().lstrip("@").lower() for name in text.split(",") if name.strip()]
    found = users_by_username(names)
    unknown = set(names) - {user.username for user in found}
    if unknown:
        raise Invalid("Somebody is unknown.", fields={"usernames": f"nobody is called {', '.join(sorted(unknown))}"})
    return found


def _errors(error: InfiTalksError) -> dict[str, str]:
    return error.fields or {"": error.message}


@blueprint.get("/c/<chat_id>/settings")
@page()
def settings_page(me: User, chat_id: str) -> Any:
    return _settings(me, chat_id)


def _settings(me: User, chat_id: str, error: InfiTalksError | None = None, new: Any = None) -> Any:
    chat, membership = access.get_chat_for(me.id, chat_id)
    looks_after = access.can_manage_webhooks(chat, membership)
    listed = webhooks.list_webhooks(me.id, chat_id) if looks_after else []
    users = {
        key: user_out(doc).model_dump()
        for key, doc in public_users({w.bot for w in listed} | {w.created_by for w in listed}).items()
    }
    rows = [
        {
            "id": w.id,
            "name": w.name,
            "created_at": w.created_at,
            "created_by": users[w.created_by],
            "bot": users[w.bot],
        }
        for w in listed
    ]
    html = render_template(
        "chat_settings.html",
        chat=chats_out([chat], {chat["_id"]: membership}, me.id)[0].model_dump(),
        can_manage=access.can_manage(chat, membership),
        can_manage_webhooks=looks_after,
        members=[member.model_dump() for member in members_out(active_members(chat["_id"]))],
        webhooks=rows,
        new_webhook=new,
        errors=_errors(error) if error else {},
        values=request.form,
    )
    return (html, error.status) if error else html


def _settings_form(me: User, chat_id: str, change: Any) -> Any:
    """Do `change`; then show the settings again, with what was wrong where it was refused."""
    try:
        change()
    except NotFound:
        raise
    except InfiTalksError as error:
        return _settings(me, chat_id, error)
    still_in = (membership_of(ObjectId(chat_id), me.id) or {}).get("active")
    return redirect(f"/c/{chat_id}/settings" if still_in else "/")


@blueprint.post("/c/<chat_id>/settings/rename")
@page(form=ChatPatchIn)
def rename_form(me: User, chat_id: str) -> Any:
    def change() -> None:
        asked: Any = read_form(ChatPatchIn)
        chats.change_chat(me.id, chat_id, changes={"name": asked.name or ""}, muted=None)

    return _settings_form(me, chat_id, change)


@blueprint.post("/c/<chat_id>/settings/members")
@page()
def add_members_form(me: User, chat_id: str) -> Any:
    def change() -> None:
        found = _named_users(request.form.get("usernames", ""))
        chats.add_members(me.id, chat_id, [str(user.id) for user in found])

    return _settings_form(me, chat_id, change)


@blueprint.post("/c/<chat_id>/settings/members/<user_id>/role")
@page(form=RoleIn)
def role_form(me: User, chat_id: str, user_id: str) -> Any:
    def change() -> None:
        asked: Any = read_form(RoleIn)
        chats.set_role(me.id, chat_id, user_id, asked.role)

    return _settings_form(me, chat_id, change)


@blueprint.post("/c/<chat_id>/settings/members/<user_id>/remove")
@page()
def remove_member_form(me: User, chat_id: str, user_id: str) -> Any:
    return _settings_form(me, chat_id, lambda: chats.remove_member(me.id, chat_id, user_id))


@blueprint.post("/c/<chat_id>/settings/leave")
@page()
def leave_form(me: User, chat_id: str) -> Any:
    return _settings_form(me, chat_id, lambda: chats.leave_chat(me.id, chat_id))


@blueprint.post("/c/<chat_id>/settings/webhooks")
@page()
def new_webhook_form(me: User, chat_id: str) -> Any:
    from infitalks.blueprints.integrations import hook_url
    from infitalks.schemas.base import validate

    try:
        asked = validate(WebhookIn, {"kind": "incoming", "name": request.form.get("name", "")})
        webhook, secret = webhooks.create_incoming(me.id, chat_id, asked.name)
    except NotFound:
        raise
    except InfiTalksError as error:
        return _settings(me, chat_id, error)
    return _settings(me, chat_id, new={"name": webhook.name, "url": hook_url(secret)})


@blueprint.post("/c/<chat_id>/settings/webhooks/<webhook_id>/delete")
@page()
def delete_webhook_form(me: User, chat_id: str, webhook_id: str) -> Any:
    return _settings_form(me, chat_id, lambda: webhooks.delete_webhook(me.id, webhook_id))
