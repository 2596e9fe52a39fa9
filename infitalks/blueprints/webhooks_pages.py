"""A webhook's pages, which work without script: making one of each kind, looking after it, and its deliveries."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal
from urllib.parse import parse_qsl

from flask import Blueprint, flash, redirect, render_template, request
from markupsafe import Markup

from infitalks import access
from infitalks.actions import deliveries, webhooks
from infitalks.blueprints.chats_pages import EVENTS, errors_of, show_settings, webhook_rows
from infitalks.blueprints.guard import page
from infitalks.blueprints.integrations import hook_url
from infitalks.errors import InfiTalksError, Malformed, NotFound
from infitalks.integrations.catalogue import FORMATS
from infitalks.models.database import Doc
from infitalks.models.users import User, public_users
from infitalks.models.webhooks import Webhook
from infitalks.schemas.base import Query, validate
from infitalks.schemas.chats import chats_out
from infitalks.schemas.deliveries import DeliveryId, delivery_out
from infitalks.schemas.reading import check_text, read_lenient_json
from infitalks.schemas.webhooks import FIELDS, WebhookIn, WebhookPatchIn
from infitalks.words import _, ngettext

blueprint = Blueprint("webhooks_pages", __name__)

PAGE = 20
LONGEST_BODY = 16_000  # characters that are shown
SHOWN = {"all": (), "failed": ("dead",), "waiting": ("new", "sending", "wait"), "done": ("ok",)}
NULLABLE = ("actions_url", "template", "signing_secret")
PUSH = '{"ref": "refs/heads/main", "commits": [], "repository": {"full_name": "a/b"}}'
# What to try each format with: further headers, and a body that it takes.
SAMPLES: dict[str, tuple[str, str]] = {
    "slack": ("", '{"text": "hello"}'),
    "mattermost": ("", '{"text": "hello"}'),
    "discord": ("", '{"content": "hello"}'),
    "github": ("X-GitHub-Event: push", PUSH),
    "gitea": ("X-Gitea-Event: push", PUSH),
    "gitlab": ("", '{"object_kind": "push", "ref": "refs/heads/main", "commits": []}'),
    "alertmanager": ("", '{"status": "firing", "alerts": [{"status": "firing", "labels": {"alertname": "Try"}}]}'),
    "grafana": ("", '{"status": "firing", "alerts": [{"status": "firing", "labels": {"alertname": "Try"}}]}'),
    "sentry": (
        "",
        '{"action": "created", "data": {"issue": {"title": "hello", "web_url": "https://sentry.example/1"}}}',
    ),
    "text": ("", "hello"),
    "json": ("", '{"title": "Backup", "message": "done"}'),
}


class ShowQuery(Query):
    show: Literal["all", "failed", "waiting", "done"] = "all"
    before: DeliveryId | None = None


@blueprint.app_template_filter("moment")
def moment(at: datetime | str) -> Markup:
    """A time to the second."""
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return Markup('<time datetime="{}">{}</time>').format(
        at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%-d %b, %H:%M:%S UTC")
    )


# Making one


@blueprint.post("/c/<chat_id>/settings/webhooks")
@page(limit="30/minute", form=WebhookIn)
def new_incoming_form(me: User, chat_id: str) -> Any:
    return _make(me, chat_id, "incoming")


@blueprint.post("/c/<chat_id>/settings/webhooks/outgoing")
@page(limit="30/minute", form=WebhookIn)
def new_outgoing_form(me: User, chat_id: str) -> Any:
    return _make(me, chat_id, "outgoing")


@blueprint.post("/c/<chat_id>/settings/webhooks/command")
@page(limit="30/minute", form=WebhookIn)
def new_command_form(me: User, chat_id: str) -> Any:
    return _make(me, chat_id, "command")


def _make(me: User, chat_id: str, kind: str) -> Any:
    try:
        given = {name: value for name, value in _form_fields(kind).items() if value not in ("", [])}
        asked = validate(WebhookIn, {"name": "", **given, "kind": kind})
        webhook, secret = webhooks.create_webhook(me.id, chat_id, kind, asked.name, asked.given())
    except NotFound:
        raise
    except InfiTalksError as error:
        return show_settings(me, chat_id, error)
    return _show(me, webhook, fresh=_fresh(webhook, secret, made=True))


def _form_fields(kind: str) -> dict[str, Any]:
    """Those of the form that webhooks of this kind have, in JSON's types."""
    form = request.form
    check_text(form.to_dict(flat=False))
    fields: dict[str, Any] = {
        name: form[name].strip() for name in ("name", "actions_url", *FIELDS[kind]) if name in form
    }
    if kind == "outgoing":
        words = form.get("trigger_words", "").replace(",", " ").split()
        fields |= {"events": form.getlist("events"), "trigger_words": words, "on_bots": "on_bots" in form}
    if "command" in fields:
        fields["command"] = fields["command"].removeprefix("/")
    return fields


def _fresh(webhook: Webhook, secret: str, *, made: bool) -> dict[str, Any]:
    """What is shown this once."""
    url = hook_url(secret) if webhook.kind == "incoming" else ""
    tries = {name: _curl(f"{url}/{name}", *SAMPLES[name]) for name in FORMATS} if url else {}
    return {"made": made, "url": url, "tries": tries, "secret": webhook.secret, "token": webhook.token}


def _curl(url: str, header: str, body: str) -> str:
    said = f"-H '{header}' " if header else ""
    return f"curl {said}-d '{body}' {url}"


# Looking after it


@blueprint.get("/c/<chat_id>/settings/webhooks/<webhook_id>")
@page()
def webhook_page(me: User, chat_id: str, webhook_id: str) -> Any:
    return _show(me, _get(me, chat_id, webhook_id))


def _get(me: User, chat_id: str, webhook_id: str) -> Webhook:
    webhook = access.get_webhook_for(me.id, webhook_id)
    if str(webhook.chat) != chat_id:
        raise NotFound()
    return webhook


def _show(me: User, webhook: Webhook, error: InfiTalksError | None = None, fresh: Any = None) -> Any:
    chat, membership = access.get_chat_for(me.id, str(webhook.chat))
    query = validate(ShowQuery, request.args.to_dict() if request.method == "GET" else {})
    rows, has_more = deliveries.list_deliveries(webhook, me.id, SHOWN[query.show], query.before, PAGE)
    dead, _ = deliveries.list_deliveries(webhook, me.id, ["dead"], None, 1)
    html = render_template(
        "webhook.html",
        chat=chats_out([chat], {chat["_id"]: membership}, me.id)[0].model_dump(),
        webhook=webhook_rows([webhook])[0],
        events=EVENTS,
        fresh=fresh,
        deliveries=_shown(rows),
        show=query.show,
        before=query.before,
        has_more=has_more,
        any_failed=bool(dead),
        errors=errors_of(error) if error else {},
        values=request.form,
    )
    access.require_unchanged(membership)
    return (html, error.status) if error else html


def _shown(rows: list[Doc]) -> list[dict[str, Any]]:
    askers = public_users({replay["by"] for row in rows for replay in row["replays"] if replay["by"]})
    names = {str(key): user["display_name"] for key, user in askers.items()}
    shown = []
    for row in rows:
        out = delivery_out(row).model_dump()
        body = pretty(out["body"], out["content_type"])
        more = {"shown_body": body[:LONGEST_BODY], "hidden": max(len(body) - LONGEST_BODY, 0)}
        asked = [{"at": replay["at"], "by": names.get(replay["by"], "an admin")} for replay in out["replays"]]
        shown.append({**out, **more, "incoming": bool(row.get("incoming")), "replays": asked})
    return shown


def pretty(body: str, content_type: str) -> str:
    """JSON in lines; a form's fields one below the other, JSON in them too; anything else as it is."""
    with suppress(Malformed):
        return json.dumps(read_lenient_json(body), indent=2, ensure_ascii=False)
    if not content_type.startswith("application/x-www-form-urlencoded"):
        return body
    return "\n".join(f"{name} = {pretty(value, '')}" for name, value in parse_qsl(body)) or body


def _do(me: User, chat_id: str, webhook_id: str, deed: Callable[[Webhook], str], place: str = "") -> Any:
    """Do it, and lead back to the page, which then says what `deed` returns, or shows what was wrong."""
    webhook = _get(me, chat_id, webhook_id)
    try:
        said = deed(webhook)
    except NotFound:
        raise
    except InfiTalksError as error:
        return _show(me, webhook, error)
    flash(said)
    return redirect(f"/c/{chat_id}/settings/webhooks/{webhook_id}{place}")


@blueprint.post("/c/<chat_id>/settings/webhooks/<webhook_id>/edit")
@page(form=WebhookPatchIn)
def edit_webhook_form(me: User, chat_id: str, webhook_id: str) -> Any:
    webhook = _get(me, chat_id, webhook_id)
    try:
        fresh = webhooks.change_webhook(webhook, _changes(webhook), me.id)
    except InfiTalksError as error:
        return _show(me, webhook, error)
    if fresh:
        return _show(me, webhook, fresh=_fresh(webhook, "", made=False) | {"url": "", "tries": {}})
    flash(_("Saved."))
    return redirect(f"/c/{chat_id}/settings/webhooks/{webhook_id}")


def _changes(webhook: Webhook) -> dict[str, Any]:
    """What the form says anew: an address that is given again would be a fresh start for one that fails."""
    given = {"name": "", **_form_fields(webhook.kind)}
    if not given.get("signing_secret"):
        given.pop("signing_secret", None)
    if "unsigned" in request.form:
        given["signing_secret"] = None
    given = {name: None if value == "" and name in NULLABLE else value for name, value in given.items()}
    changes = validate(WebhookPatchIn, given).given()
    return {name: value for name, value in changes.items() if value != getattr(webhook, name)}


@blueprint.post("/c/<chat_id>/settings/webhooks/<webhook_id>/switch")
@page()
def switch_webhook_form(me: User, chat_id: str, webhook_id: str) -> Any:
    on = request.form.get("on") == "1"

    def turn(webhook: Webhook) -> str:
        webhooks.change_webhook(webhook, {"active": on}, me.id)
        return _("It is on.") if on else _("It is off.")

    return _do(me, chat_id, webhook_id, turn)


@blueprint.post("/c/<chat_id>/settings/webhooks/<webhook_id>/rotate")
@page(limit="30/minute")
def rotate_webhook_form(me: User, chat_id: str, webhook_id: str) -> Any:
    webhook = _get(me, chat_id, webhook_id)
    secret = webhooks.rotate_webhook(webhook, me.id)
    return _show(me, webhook, fresh=_fresh(webhook, secret, made=False))


@blueprint.post("/c/<chat_id>/settings/webhooks/<webhook_id>/delete")
@page()
def delete_webhook_form(me: User, chat_id: str, webhook_id: str) -> Any:
    webhook = _get(me, chat_id, webhook_id)
    webhooks.delete_webhook(me.id, webhook_id)
    flash(_("%(name)s is deleted.") % {"name": webhook.name})
    return redirect(f"/c/{chat_id}/settings#webhooks")


# Its deliveries


@blueprint.post("/c/<chat_id>/settings/webhooks/<webhook_id>/test")
@page(limit="30/minute")
def test_webhook_form(me: User, chat_id: str, webhook_id: str) -> Any:
    def test(webhook: Webhook) -> str:
        row = deliveries.send_test(webhook)
        return _("A test is on its way: it is the newest of the deliveries.") if row.get("due") else _became(row)

    return _do(me, chat_id, webhook_id, test, "#deliveries")


@blueprint.post("/c/<chat_id>/settings/webhooks/<webhook_id>/redeliver")
@page(limit="30/minute")
def redeliver_failed_form(me: User, chat_id: str, webhook_id: str) -> Any:
    def again(webhook: Webhook) -> str:
        count = deliveries.redeliver_failed(webhook, me.id)
        if webhook.kind == "incoming":
            said = ngettext("One was received again.", "%(count)s were received again.", count)
        else:
            said = ngettext("One was delivered again.", "%(count)s were delivered again.", count)
        return said % {"count": count}

    return _do(me, chat_id, webhook_id, again, "#deliveries")


@blueprint.post("/c/<chat_id>/settings/webhooks/<webhook_id>/deliveries/<delivery_id>/redeliver")
@page(limit="60/minute")
def redeliver_form(me: User, chat_id: str, webhook_id: str, delivery_id: str) -> Any:
    def again(webhook: Webhook) -> str:
        row = deliveries.redeliver(webhook, me.id, delivery_id)
        return _became(row) if row.get("incoming") else _("It is on its way again.")

    return _do(me, chat_id, webhook_id, again, "#deliveries")


def _became(row: Doc) -> str:
    if row["state"] == "dead":
        return _("Refused: %(reason)s") % {"reason": row["reason"]}
    return _("Received: %(reply)s.") % {"reply": row["attempts"][-1]["reply"]}
