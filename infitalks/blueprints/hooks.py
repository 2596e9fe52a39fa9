"""`/hooks`, where other programs post in their own formats. Not for: making and looking after webhooks."""

from collections.abc import Callable
from contextlib import suppress

from flask import Blueprint, Response, request

from infitalks.actions import arrivals, hooks, responses
from infitalks.blueprints.guard import page
from infitalks.errors import InfiTalksError, NotFound
from infitalks.integrations.catalogue import DEFAULT, FORMATS, Format, format_called
from infitalks.integrations.dialects import Reply, json_reply, refusal_of
from infitalks.integrations.post import PayloadRefused
from infitalks.integrations.received import Received, read_json
from infitalks.models.database import Doc
from infitalks.models.webhooks import Webhook
from infitalks.schemas.messages import messages_out

blueprint = Blueprint("hooks", __name__)

# Alertmanager drops for good what is answered 429, so this is far above what any healthy sender does.
ABUSE = "100/second"
MOST_BYTES = 1024 * 1024
MOST_FORMAT_BYTES = 8 * 1024 * 1024  # GitHub's pushes of many commits

# Answers, and says which message it was about.
Act = Callable[[Webhook, Received], tuple[Reply, Doc | None]]


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


@blueprint.post("/hooks/reply/<token>")
@page(auth="secret", csrf=False, limit=ABUSE, kind="file", most_bytes=MOST_BYTES)
def post_reply(token: str) -> Response:
    """A `response_url`: what a program answers to who asked it."""
    received = _received()
    try:
        responses.use_response(token, read_json(received), received.repeat_key())
    except responses.UrlOver as over:
        return Response(over.word, status=404, content_type="text/plain; charset=utf-8")
    except (PayloadRefused, InfiTalksError) as error:
        return _respond(DEFAULT.dialect.refuse(refusal_of(error)))
    return _respond(DEFAULT.dialect.took)


@blueprint.get("/hooks/<secret>/discord/messages/<message_id>")
@page(auth="secret", csrf=False, limit=ABUSE, kind="file")
def get_hook_message(secret: str, message_id: str) -> Response:
    return _answer(secret, FORMATS["discord"], lambda webhook, _: _show(webhook, message_id))


@blueprint.patch("/hooks/<secret>/discord/messages/<message_id>")
@page(auth="secret", csrf=False, limit=ABUSE, kind="file", most_bytes=MOST_BYTES)
def patch_hook_message(secret: str, message_id: str) -> Response:
    form = FORMATS["discord"]

    def revise(webhook: Webhook, received: Received) -> tuple[Reply, Doc]:
        hooks.revise_own_message(webhook, message_id, form, received)
        return _show(webhook, message_id)

    return _answer(secret, form, revise, "edit")


@blueprint.delete("/hooks/<secret>/discord/messages/<message_id>")
@page(auth="secret", csrf=False, limit=ABUSE, kind="file")
def delete_hook_message(secret: str, message_id: str) -> Response:
    form = FORMATS["discord"]

    def delete(webhook: Webhook, _: Received) -> tuple[Reply, None]:
        hooks.delete_own_message(webhook, message_id)
        return form.dialect.took, None

    return _answer(secret, form, delete, "delete")


def _take(secret: str, form: Format) -> Response:
    def take(webhook: Webhook, received: Received) -> tuple[Reply, Doc | None]:
        message = hooks.receive_post(webhook, form, received)
        return (_echo(webhook, form, message) if message and _waits(received) else form.dialect.took), message

    return _answer(secret, form, take, "post")


def _answer(secret: str, form: Format, act: Act, deed: str = "") -> Response:
    """Let `act` answer, or say in the format's dialect why not; keep the request where it is a `deed`."""
    webhook = hooks.webhook_of_secret(secret)
    received = _received()

    def answer() -> tuple[Reply, Doc | None]:
        hooks.require_signed(webhook, form, received)
        return act(webhook, received)

    outcome = hooks.answer_request(form, answer)
    if deed:
        arrivals.record_request(webhook, deed, form, received, outcome)
    return _respond(outcome.reply)


def _show(webhook: Webhook, message_id: str) -> tuple[Reply, Doc]:
    message = hooks.get_own_message(webhook, message_id)
    return _echo(webhook, FORMATS["discord"], message), message


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
    if error.status == 413:
        return _too_large(form, error)
    return _respond(form.dialect.refuse(refusal_of(error)))


def _too_large(form: Format, error: InfiTalksError) -> Response:
    """Kept without its body, which was not even read."""

    def refuse() -> tuple[Reply, None]:
        raise error

    outcome = hooks.answer_request(form, refuse)
    with suppress(NotFound):
        webhook = hooks.webhook_of_secret((request.view_args or {}).get("secret", ""))
        arrivals.record_request(webhook, "post", form, Received(b"", request.headers), outcome, cut=True)
    return _respond(outcome.reply)
