"""The admin's lists and what is done from them: accounts, chats, webhooks, work that was given up.

An admin sees names and counts here, nothing of what was said.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from bson import ObjectId
from flask import Blueprint, flash, redirect, render_template, request

from infitalks.actions import admin, figures
from infitalks.actions.retention import kept_days
from infitalks.actions.upkeep import DEAD_DELIVERIES
from infitalks.blueprints.guard import page, read_form
from infitalks.errors import InfiTalksError, NotFound
from infitalks.models.chats import chat_by_id, member_counts
from infitalks.models.database import Doc, object_id
from infitalks.models.listings import (
    chat_names,
    chats_joined,
    dead_by_webhook,
    dead_entries,
    list_chats,
    list_users,
    list_webhooks,
)
from infitalks.models.sessions import sessions_of
from infitalks.models.site import site
from infitalks.models.users import User, user_by_id
from infitalks.models.webhooks import Webhook
from infitalks.schemas.admin import ChatsPageQuery, UsersPageQuery, WebhooksPageQuery
from infitalks.schemas.base import Query, validate
from infitalks.schemas.chats import RetentionIn
from infitalks.schemas.paging import cut, read_cursor
from infitalks.schemas.reading import check_text
from infitalks.schemas.users import user_out
from infitalks.words import _

blueprint = Blueprint("admin_pages", __name__)

PAGE = 50

Asked = TypeVar("Asked", bound=Query)


def _asked(shape: type[Asked]) -> Asked:
    """What the address asks for. Raises Invalid."""
    given = {name: value for name, value in request.args.items() if value}
    check_text(given)
    return validate(shape, given)


def _account(user: User) -> dict[str, Any]:
    """As the pages show an account: what anybody sees of it, and how it stands."""
    own = {name: getattr(user, name) for name in ("email", "is_admin", "disabled_at", "created_at", "online")}
    return {**user_out(user.to_mongo()).model_dump(), **own, "gone": user.username == f"gone-{user.id}"}


@blueprint.get("/admin/users")
@page(auth="admin")
def users_page(me: User) -> str:
    asked = _asked(UsersPageQuery)
    found = list_users(asked.show, asked.q, asked.after, PAGE + 1)
    return render_template(
        "admin_users.html",
        accounts=[_account(user) for user in found[:PAGE]],
        asked=asked,
        following=found[PAGE - 1].username if len(found) > PAGE else None,
    )


@blueprint.get("/admin/users/<user_id>")
@page(auth="admin")
def user_page(me: User, user_id: str) -> Any:
    return _show_user(user_id)


def _show_user(user_id: str, error: InfiTalksError | None = None) -> Any:
    user = user_by_id(object_id(user_id))
    if not user:
        raise NotFound()
    html = render_template(
        "admin_user.html",
        account=_account(user),
        sessions=sessions_of(user.id),
        chats=chats_joined(user.id),
        errors={"": error.message} if error else {},
    )
    return (html, error.status) if error else html


def _do_to_user(user_id: str, act: Callable[[], User], done: str) -> Any:
    try:
        user = act()
    except NotFound:
        raise
    except InfiTalksError as error:
        return _show_user(user_id, error)
    flash(done % {"name": user.display_name})
    return redirect(f"/admin/users/{user.id}")


@blueprint.post("/admin/users/<user_id>/disable")
@page(auth="admin", limit="30/minute")
def disable_form(me: User, user_id: str) -> Any:
    return _do_to_user(user_id, lambda: admin.disable(me, user_id), _("%(name)s is disabled."))


@blueprint.post("/admin/users/<user_id>/enable")
@page(auth="admin", limit="30/minute")
def enable_form(me: User, user_id: str) -> Any:
    return _do_to_user(user_id, lambda: admin.enable(me, user_id), _("%(name)s can sign in again."))


@blueprint.post("/admin/users/<user_id>/promote")
@page(auth="admin", limit="30/minute")
def promote_form(me: User, user_id: str) -> Any:
    return _do_to_user(user_id, lambda: admin.promote(me, user_id), _("%(name)s is admin."))


@blueprint.post("/admin/users/<user_id>/demote")
@page(auth="admin", limit="30/minute")
def demote_form(me: User, user_id: str) -> Any:
    return _do_to_user(user_id, lambda: admin.demote(me, user_id), _("%(name)s is no admin any more."))


@blueprint.post("/admin/users/<user_id>/end-sessions")
@page(auth="admin", limit="30/minute")
def end_sessions_form(me: User, user_id: str) -> Any:
    return _do_to_user(user_id, lambda: admin.end_sessions(me, user_id), _("%(name)s is signed out everywhere."))


@blueprint.get("/admin/chats")
@page(auth="admin")
def chats_page(me: User) -> str:
    asked = _asked(ChatsPageQuery)
    shown, following = cut(list_chats(read_cursor(asked.before), PAGE + 1), PAGE, "last_at", "_id")
    members = member_counts([chat["_id"] for chat in shown])
    return render_template(
        "admin_chats.html",
        chats=[{**chat, "members": members.get(chat["_id"], 0)} for chat in shown],
        first=not asked.before,
        following=following,
    )


@blueprint.get("/admin/chats/<chat_id>")
@page(auth="admin")
def chat_page(me: User, chat_id: str) -> Any:
    return _show_chat(chat_id)


def _show_chat(chat_id: str, error: InfiTalksError | None = None) -> Any:
    chat = chat_by_id(object_id(chat_id))
    if not chat:
        raise NotFound()
    html = render_template(
        "admin_chat.html",
        chat=chat,
        members=member_counts([chat["_id"]]).get(chat["_id"], 0),
        kept_days=kept_days(chat),
        site_days=site().retention_days,
        errors=(error.fields or {"": error.message}) if error else {},
        values=request.form,
    )
    return (html, error.status) if error else html


@blueprint.post("/admin/chats/<chat_id>/retention")
@page(auth="admin", limit="30/minute", form=RetentionIn)
def chat_retention_form(me: User, chat_id: str) -> Any:
    try:
        admin.keep_chat(me, chat_id, read_form(RetentionIn))
    except NotFound:
        raise
    except InfiTalksError as error:
        return _show_chat(chat_id, error)
    flash(_("Saved. It holds from now on."))
    return redirect(f"/admin/chats/{chat_id}")


@blueprint.get("/admin/webhooks")
@page(auth="admin")
def webhooks_page(me: User) -> Any:
    return _show_webhooks(_asked(WebhooksPageQuery))


def _show_webhooks(asked: WebhooksPageQuery, error: InfiTalksError | None = None) -> Any:
    found = list_webhooks(asked.show, ObjectId(asked.after) if asked.after else None, PAGE + 1)
    html = render_template(
        "admin_webhooks.html",
        webhooks=_webhook_rows(found[:PAGE]),
        asked=asked,
        following=str(found[PAGE - 1].id) if len(found) > PAGE else None,
        errors={"": error.message} if error else {},
    )
    return (html, error.status) if error else html


def _webhook_rows(found: list[Webhook]) -> list[dict[str, Any]]:
    names = chat_names({webhook.chat for webhook in found})
    dead = dead_by_webhook({**DEAD_DELIVERIES, "webhook": {"$in": [webhook.id for webhook in found]}})
    shown = ("id", "kind", "name", "command", "active", "off_reason", "failing_since", "created_at")
    return [
        {
            **{field: getattr(webhook, field) for field in shown},
            "chat": names.get(webhook.chat, _("A chat that is gone")),
            "dead": dead.get(webhook.id, 0),
        }
        for webhook in found
    ]


def _do_to_webhook(act: Callable[[], str]) -> Any:
    try:
        done = act()
    except NotFound:
        raise
    except InfiTalksError as error:
        return _show_webhooks(WebhooksPageQuery(), error)
    flash(done)
    return redirect("/admin/webhooks")


@blueprint.post("/admin/webhooks/<webhook_id>/switch")
@page(auth="admin", limit="30/minute")
def switch_webhook_form(me: User, webhook_id: str) -> Any:
    on = request.form.get("on") == "1"

    def act() -> str:
        said = _("%(name)s is on.") if on else _("%(name)s is off.")
        return said % {"name": admin.switch_webhook(me, webhook_id, on=on).name}

    return _do_to_webhook(act)


@blueprint.post("/admin/webhooks/<webhook_id>/redeliver")
@page(auth="admin", limit="30/minute")
def redeliver_form(me: User, webhook_id: str) -> Any:
    return _do_to_webhook(lambda: _("%(count)s are sent again.") % {"count": admin.redeliver_webhook(me, webhook_id)})


@blueprint.get("/admin/dead")
@page(auth="admin")
def dead_page(me: User) -> str:
    entries = dead_entries(PAGE)
    failing = dead_by_webhook(DEAD_DELIVERIES)
    webhooks = list(Webhook.objects(id__in=list(failing)))
    return render_template(
        "admin_dead.html",
        counts=figures.dead_counts(),
        entries=_entry_rows(entries),
        webhooks=sorted(_webhook_rows(webhooks), key=lambda row: -int(row["dead"])),
    )


def _entry_rows(entries: list[Doc]) -> list[dict[str, Any]]:
    names = chat_names({entry["chat"] for entry in entries})
    return [{**entry, "name": names.get(entry["chat"], _("A chat that is gone"))} for entry in entries]


@blueprint.post("/admin/dead/<entry_id>/replay")
@page(auth="admin", limit="60/minute")
def replay_form(me: User, entry_id: str) -> Any:
    admin.replay_entry(me, entry_id)
    flash(_("It is told once more."))
    return redirect("/admin/dead")
