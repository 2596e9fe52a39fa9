"""A request as a sender made it, and how its body is read. Raises Malformed for what is no text or no JSON."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import Headers

from infitalks.errors import Malformed
from infitalks.schemas.reading import check_text, read_lenient_json

# Each says that a delivery is the same as an earlier one. GitHub's kin send the first as their own.
REPEAT_HEADERS = (
    "Idempotency-Key",
    "webhook-id",
    "X-GitHub-Delivery",
    "X-Gitea-Delivery",
    "X-Forgejo-Delivery",
    "X-Gogs-Delivery",
    "X-Gitlab-Event-UUID",
)


@dataclass(frozen=True)
class Received:
    """`headers` are read whatever their case. `form` and `files` (names) are a form's, empty where the body is JSON;
    `body` is empty for a form in parts."""

    body: bytes
    headers: Headers
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()

    def repeat_key(self) -> str | None:
        return next((f"{name}:{self.headers[name]}" for name in REPEAT_HEADERS if name in self.headers), None)

    def digest(self) -> str:
        """Tells this content from any other, also after our reading of it has changed. A form's parts come with
        another boundary each time, so their names and values count."""
        content = json.dumps([sorted(self.form.items()), self.files]).encode() if self.form or self.files else self.body
        return hashlib.sha256(content).hexdigest()


Read = Callable[[Received], Any]


def read_json(received: Received) -> Any:
    """The JSON of the body, whatever its content type (`curl -d` calls JSON a form), or of the form field `payload`.

    As lenient as Slack and Mattermost: raw line breaks inside strings are taken.
    """
    words = decoded(received.body)
    if not words.lstrip().startswith("{") and "payload" in received.form:
        words = received.form["payload"]
    return read_lenient_json(words)


def read_discord(received: Received) -> Any:
    """As Discord's clients send it: JSON, or a form's `payload_json` beside files."""
    if "payload_json" not in received.form and not received.files:
        return read_json(received)
    payload = read_lenient_json(received.form.get("payload_json", "{}"))
    if isinstance(payload, dict) and received.files:
        payload = {**payload, "attachments": [{"filename": name} for name in received.files]}
    return payload


def read_anything(received: Received) -> Any:
    """JSON, or a form's fields as an object of texts."""
    if received.form and "payload" not in received.form and not _looks_like_json(received.body):
        check_text(dict(received.form))
        return dict(received.form)
    return read_json(received)


def read_text(received: Received) -> Any:
    """The body as text; a form's only value where it was sent as one."""
    words = decoded(received.body)
    if not words and len(received.form) == 1:
        words = next(iter(received.form.values()))
    check_text(words)
    return words


def decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except ValueError:
        raise Malformed("not UTF-8") from None


def _looks_like_json(body: bytes) -> bool:
    return body.lstrip()[:1] in (b"{", b"[")
