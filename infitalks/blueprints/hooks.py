"""`/hooks`, where other programs post in their own formats. Not for: making and looking after webhooks."""

from collections.abc import Callable

from flask import Blueprint, Response, request

from infitalks.actions import hooks
from infitalks.blueprints.guard import page
from infitalks.errors import InfiTalksError
from infitalks.integrations.catalogue import DEFAULT, FORMATS, Format, format_called
from infitalks.integrations.dialects import Reply, json_reply, refusal_of
from infitalks.integrations.post import PayloadRefused
from infitalks.integrations.received import Received
from infitalks.models.database import Doc
from infitalks.models.webhooks import Webhook
from infitalks.schemas.messages import messages_out

blueprint = Blueprint("hooks", __name__)

# Alertmanager drops for good what is answered 429, so this is far above what any healthy sender does.
ABUSE = "100/second"
MOST_BYTES = 1024 * 1024
MOST_FORMAT_BYTES = 8 * 1024 * 1024  # GitHub's pushes of many commits

Act = Callable[[Webhook, Received], Reply]


@blueprint.post("/hooks/<secret>")
@page(auth="secret", csrf=False, limit=ABUSE, kind="file", most_bytes=MOST_BYTES)
def post_hook(secret: str) -> Response:
    """Slack's format."""
    return _take(secret, DEFAULT)


@blueprint.route("/hooks/<secret>/<name>", methods=["POST", "PUT"])
@page(auth="secret", csrf=False, limit=ABUSE, kind="file", most_bytes=MOST_FORMAT_BYTES)
def post_hook_as(secret: str, name: str) -> Response:
    """One of integrations.catalogue. Grafana can be set to PUT."""
    return _take(secret, format_called(name))


@blueprint.get("/hooks/<secret>/discord/messages/<message_id>")
@page(auth="secret", csrf=False, limit=ABUSE, kind="file")
def get_hook_message(secret: str, message_id: str) -> Response:
    return _answer(secret, FORMATS["discord"], lambda webhook, _: _show(webhook, message_id))


@blueprint.patch("/hooks/<secret>/discord/messages/<message_id>")
@page(auth="secret", csrf=False, limit=ABUSE, kind="file", most_bytes=MOST_BYTES)
def patch_hook_message(secret: str, message_id: str) -> Response:
    form = FORMATS["discord"]

    def revise(webhook: Webhook, received: Received) -> Reply:
        hooks.revise_own_message(webhook, message_id, form, received)
        return _show(webhook, message_id)

    return _answer(secret, form, revise)


@blueprint.delete("/hooks/<secret>/discord/messages/<message_id>")
@page(auth="secret", csrf=False, limit=ABUSE, kind="file")
def delete_hook_message(secret: str, message_id: str) -> Response:
    form = FORMATS["discord"]

    def delete(webhook: Webhook, _: Received) -> Reply:
        hooks.delete_own_message(webhook, message_id)
        return form.dialect.took

    return _answer(secret, form, delete)


def _take(secret: str, form: Format) -> Response:
    def take(webhook: Webhook, received: Received) -> Reply:
        message = hooks.receive_post(webhook, form, received)
        return _echo(webhook, form, message) if message and _waits(received) else form.dialect.took

    return _answer(secret, form, take)


def _answer(secret: str, form: Format, act: Act) -> Response:
    """Let `act` answer, or say in the format's dialect why not."""
    webhook = hooks.webhook_of_secret(secret)
    received = _received()
    try:
        hooks.require_signed(webhook, form, received)
        reply, reason = act(webhook, received), ""
    except (PayloadRefused, InfiTalksError) as error:
        refusal = refusal_of(error)
        reply, reason = form.dialect.refuse(refusal), refusal.reason
    hooks.record_request(webhook, form, received, reply.status, reason)
    return _respond(reply)


def _show(webhook: Webhook, message_id: str) -> Reply:
    return _echo(webhook, FORMATS["discord"], hooks.get_own_message(webhook, message_id))


def _echo(webhook: Webhook, form: Format, message: Doc) -> Reply:
    if not form.dialect.echo:
        return form.dialect.took
    return json_reply(200, form.dialect.echo(messages_out([message])[0], str(webhook.id)))


def _waits(received: Received) -> bool:
    return received.query.get("wait", "").lower() in ("true", "1")


def _received() -> Received:
    # The body first: a form is read from what is kept of it.
    body = request.get_data()
    if body.lstrip()[:1] in (b"{", b"["):  # whatever it is called: `curl -d` says that it is a form
        return Received(body, request.headers, request.args)
    request.max_form_memory_size = request.max_content_length
    in_parts = request.mimetype == "multipart/form-data"
    files = tuple(file.filename or "file" for file in request.files.values())
    return Received(b"" if in_parts else body, request.headers, request.args, request.form, files)


def _respond(reply: Reply) -> Response:
    response = Response(reply.body, status=reply.status, content_type=reply.content_type)
    if reply.retry_after:
        response.headers["Retry-After"] = str(reply.retry_after)
    return response


def hook_error(error: InfiTalksError) -> Response:
    """What was refused before or beside a webhook's own answer, in the words of the format that was asked for."""
    name = (request.view_args or {}).get("name") or ("discord" if "/discord/" in request.path else "")
    form = FORMATS.get(name, DEFAULT)
    return _respond(form.dialect.refuse(refusal_of(error)))
