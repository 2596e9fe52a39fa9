"""`/hooks`, where other programs post in their own formats. Not for: making and looking after webhooks."""

import json
from typing import Any

from flask import Blueprint, Response, request

from infitalks.actions import webhooks
from infitalks.blueprints.guard import page
from infitalks.errors import InfiTalksError, Malformed, NotFound, RateLimited, TooLarge
from infitalks.integrations.slack import PayloadRefused, parse_slack
from infitalks.schemas.reading import check_depth, check_text

blueprint = Blueprint("hooks", __name__)

REPEAT_HEADERS = ("Idempotency-Key", "webhook-id", "X-GitHub-Delivery")


@blueprint.post("/hooks/<secret>")
@page(auth="secret", csrf=False, limit="20/second", kind="file", most_bytes=1024 * 1024)
def post_hook(secret: str) -> Response:
    """Slack's incoming format. Answers are byte-exact: `ok`, or Slack's own word for what is wrong."""
    try:
        webhook = webhooks.webhook_of_secret(secret)
        webhooks.receive_post(webhook, parse_slack(_payload()), _repeat_key())
    except NotFound:
        return _say(404, "no_service")
    except PayloadRefused as refused:
        return _say(400, refused.code)
    except Malformed:
        return _say(400, "invalid_payload")
    return _say(200, "ok")


def _say(status: int, word: str) -> Response:
    return Response(word, status=status, mimetype="text/plain")


def _repeat_key() -> str | None:
    return next((f"{name}:{request.headers[name]}" for name in REPEAT_HEADERS if name in request.headers), None)


def _payload() -> Any:
    """The JSON of the body, whatever its content type (`curl -d` calls JSON a form), or of the form field `payload`.

    As lenient as Slack: raw newlines inside strings are taken.
    """
    try:
        text = request.get_data().decode("utf-8")
        if not text.lstrip().startswith("{") and "payload" in request.form:
            text = request.form["payload"]
        check_depth(text)
        payload = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    check_text(payload)
    return payload


def hook_error(error: InfiTalksError) -> Response:
    """What the guard refused before a webhook was looked at, in Slack's words."""
    words = {
        RateLimited: (429, "rate_limited"),
        TooLarge: (413, "invalid_payload"),
        NotFound: (404, "no_service"),
    }
    status, word = words.get(type(error), (error.status, "rollup_error" if error.status >= 500 else "invalid_payload"))
    response = _say(status, word)
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
