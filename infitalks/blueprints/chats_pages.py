"""Chats' pages: the chat itself, a new one, and a chat's settings, which work without script."""

from typing import Any

from bson import ObjectId
from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for

from infitalks import access
from infitalks.actions import chats, webhooks
from infitalks.actions.media import try_again
from infitalks.actions.retention import kept_days
from infitalks.blueprints.auth_pages import PICTURE_FORM_BYTES, coming_picture, keep_picture
from infitalks.blueprints.chats import detail, list_chats, read_log
from infitalks.blueprints.commands import said_to
from infitalks.blueprints.guard import caller, csrf_token, page, read_form
from infitalks.blueprints.realtime import realtime_out
from infitalks.blueprints.static import page_version
from infitalks.errors import InfiTalksError, Invalid, NotFound
from infitalks.models.chats import active_members, membership_of, memberships_of, newest_chats
from infitalks.models.site import site
from infitalks.models.users import User, public_users, users_by_username
from infitalks.models.webhooks import Webhook
from infitalks.schemas.base import validate
from infitalks.schemas.chats import (
    MOST_MEMBERS_AT_ONCE,
    ChatIn,
    ChatPatchIn,
    RetentionIn,
    RoleIn,
    chats_out,
    members_out,
)
from infitalks.schemas.messages import LogQuery
from infitalks.schemas.users import self_out, user_out
from infitalks.schemas.webhooks import EventType, webhook_out
from infitalks.words import _

blueprint = Blueprint("chats_pages", __name__)

# What outgoing webhooks can be told of, in words.
EVENTS: dict[EventType, str] = {
    "message.sent": _("A message"),
    "message.edited": _("An edit"),
    "message.deleted": _("A deletion"),
    "reaction.added": _("A reaction"),
    "reaction.removed": _("A reaction taken back"),
    "media.finished": _("A picture that became ready, failed, or was described"),
    "member.added": _("Somebody came in"),
    "member.left": _("Somebody left"),
    "member.removed": _("Somebody was removed"),
    "member.role": _("Somebody got another role"),
    "chat.changed": _("The chat got another name, topic or picture"),
}


@blueprint.get("/")
@page(auth="anyone")
def index() -> Any:
    who = caller()
    if not who:
        return redirect(url_for("auth_pages.login_page"))
    newest = newest_chats(memberships_of(who.user.id), None, 1)
    return redirect(f"/c/{newest[0]['_id']}") if newest else _chat_page(who.user, None, None)


@blueprint.get("/c")
@page()
def list_page(me: User) -> str:
    """The list with no chat open, which on a phone is a page of its own."""
    return _chat_page(me, None, None)


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
        opened = detail(me, chat_id, 1)  # the messages come with the log
        chat, membership = access.get_chat_for(me.id, chat_id)
        log = read_log(chat, membership, LogQuery(before=min(seq + 25, 2**53)) if seq else LogQuery())
    boot = {
        "user": self_out(me).model_dump(mode="json"),
        "csrf_token": csrf_token(),
        "version": page_version(),
        "largest_file": current_app.extensions["settings"].largest_file_mb * 1024 * 1024,
        "is_admin": bool(me.is_admin),
        "away": bool(me.away),
        "realtime": realtime_out(me).model_dump(mode="json"),
        "chats": listed.model_dump(mode="json"),
        "chat": opened.model_dump(mode="json") if opened else None,
        "log": log.model_dump(mode="json") if log else None,
        "ephemerals": [said.model_dump(mode="json") for said in said_to(me.id)],
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
@page(limit="30/minute")
def new_chat_form(me: User) -> Any:
    try:
        return redirect(f"/c/{_chat_of_form(me)}")
    except InfiTalksError as error:
        html = render_template("new_chat.html", errors=errors_of(error), values=request.form)
        return html, error.status


def _chat_of_form(me: User) -> ObjectId:
    ids = [str(user.id) for user in _named_users(request.form.get("usernames", ""))]
    if request.form.get("kind") == "direct":
        if len(ids) != 1:
            raise Invalid(_("A direct chat needs one username."), fields={"usernames": _("name one person")})
        return chats.open_direct(me.id, ids[0])[0]
    asked = validate(ChatIn, {"kind": "group", "name": request.form.get("name") or " ", "member_ids": ids})
    return chats.create_group(me.id, asked.name or "", asked.member_ids)


def _named_users(text: str) -> list[User]:
    names = [name.strip().lstrip("@").lower() for name in text.split(",") if name.strip()]
    if len(names) > MOST_MEMBERS_AT_ONCE:
        raise Invalid(
            _("Too many at once."), fields={"usernames": _("name %(most)s at most") % {"most": MOST_MEMBERS_AT_ONCE}}
        )
    found = users_by_username(names)
    unknown = set(names) - {user.username for user in found}
    if unknown:
        raise Invalid(
            _("Somebody is unknown."),
            fields={"usernames": _("nobody is called %(names)s") % {"names": ", ".join(sorted(unknown))}},
        )
    return found


def errors_of(error: InfiTalksError) -> dict[str, str]:
    """What a page shows at its fields; a list's items at the list's."""
    fields = {name.partition(".")[0]: what.removeprefix("Value error, ") for name, what in (error.fields or {}).items()}
    return fields or {"": error.message}


@blueprint.get("/c/<chat_id>/settings")
@page()
def settings_page(me: User, chat_id: str) -> Any:
    return show_settings(me, chat_id)


def show_settings(me: User, chat_id: str, error: InfiTalksError | None = None) -> Any:
    """The page, with what was wrong with a form of it."""
    chat, membership = access.get_chat_for(me.id, chat_id)
    looks_after = access.can_manage_webhooks(chat, membership)
    listed = webhooks.list_webhooks(me.id, chat_id) if looks_after else []
    html = render_template(
        "chat_settings.html",
        chat=chats_out([chat], {chat["_id"]: membership}, me.id)[0].model_dump(),
        can_manage=access.can_manage(chat, membership),
        coming=coming_picture(me, f"chat:{chat['_id']}"),
        kept_days=kept_days(chat),
        site_days=site().retention_days,
        can_manage_webhooks=looks_after,
        members=[member.model_dump() for member in members_out(active_members(chat["_id"]))],
        webhooks=webhook_rows(listed),
        events=EVENTS,
        errors=errors_of(error) if error else {},
        values=request.form,
    )
    access.require_unchanged(membership)
    return (html, error.status) if error else html


def webhook_rows(listed: list[Webhook]) -> list[dict[str, Any]]:
    """As pages show them: what the API says, and who."""
    found = public_users({w.bot for w in listed} | {w.created_by for w in listed})
    users = {key: user_out(doc).model_dump() for key, doc in found.items()}
    return [{**webhook_out(w).model_dump(), "made_by": users[w.created_by], "bot": users[w.bot]} for w in listed]


def _settings_form(me: User, chat_id: str, change: Any) -> Any:
    """Do `change`; then show the settings again, with what was wrong where it was refused."""
    try:
        change()
    except NotFound:
        raise
    except InfiTalksError as error:
        return show_settings(me, chat_id, error)
    flash(_("Done."))
    still_in = (membership_of(ObjectId(chat_id), me.id) or {}).get("active")
    return redirect(f"/c/{chat_id}/settings" if still_in else "/")


@blueprint.post("/c/<chat_id>/settings/rename")
@page(form=ChatPatchIn)
def rename_form(me: User, chat_id: str) -> Any:
    def change() -> None:
        asked = read_form(ChatPatchIn)
        if not asked.name:
            raise Invalid(_("A group has a name."), fields={"name": _("must not be empty")})
        chats.change_chat(me.id, chat_id, changes={"name": asked.name}, muted=None)

    return _settings_form(me, chat_id, change)


@blueprint.post("/c/<chat_id>/settings/picture")
@page(most_bytes=PICTURE_FORM_BYTES)
def picture_form(me: User, chat_id: str) -> Any:
    def change() -> None:
        chat, membership = access.get_chat_for(me.id, chat_id)
        access.require(access.can_manage(chat, membership), _("Only owners change a group."))  # before it is uploaded
        file = request.files.get("avatar")
        if "no_avatar" in request.form:
            chats.change_chat(me.id, chat_id, changes={"avatar": None}, muted=None)
        elif file and file.filename:
            chats.change_chat(me.id, chat_id, changes={"avatar": keep_picture(me, file)}, muted=None)
        else:
            raise Invalid(_("Choose a picture."), fields={"avatar": _("choose one first")})

    return _settings_form(me, chat_id, change)


@blueprint.post("/c/<chat_id>/settings/picture/<media_id>/retry")
@page(limit="20/minute")
def retry_picture_form(me: User, chat_id: str, media_id: str) -> Any:
    def change() -> None:
        media = access.get_own_media(me.id, media_id)
        if media.get("profile_of") != f"chat:{chat_id}":
            raise NotFound()
        try_again(media)

    return _settings_form(me, chat_id, change)


@blueprint.post("/c/<chat_id>/settings/retention")
@page(form=RetentionIn)
def retention_form(me: User, chat_id: str) -> Any:
    def change() -> None:
        asked = read_form(RetentionIn)
        changes = {"retention_days": asked.retention_days}
        chats.change_chat(me.id, chat_id, changes=changes, muted=None, sure=asked.sure)

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
        asked = read_form(RoleIn)
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
