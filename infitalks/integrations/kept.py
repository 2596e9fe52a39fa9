"""A request as it is kept, so that it can be shown and be received again. Not for: whether it was taken."""

import json
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from werkzeug.datastructures import Headers, MultiDict

from infitalks.integrations.received import REPEAT_HEADERS, Received

MOST_BYTES = 64 * 1024
# What the formats read of a request's headers. Nothing else is kept: others prove who sent it.
EVENT_HEADERS = ("X-GitHub-Event", "X-Gitea-Event", "X-Forgejo-Event", "X-Gogs-Event", "X-Gitlab-Event")
READ_HEADERS = (*REPEAT_HEADERS, *EVENT_HEADERS)
LONGEST_HEADER = 300
FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data"


class Kept(NamedTuple):
    """`headers`: pairs, as the sender spelt them. `cut`: there was more of the body than is kept, or of a header."""

    content_type: str
    headers: list[list[str]]
    body: bytes
    cut: bool


def keep_request(received: Received) -> Kept:
    """What is kept of it. A form in parts becomes JSON of its fields and its files' names."""
    content_type = received.headers.get("Content-Type", "")
    body = received.body
    if not body and (received.form or received.files):
        content_type = PARTS
        body = json.dumps({"form": dict(received.form.items()), "files": received.files}).encode()
    read = [[name, received.headers[name]] for name in READ_HEADERS if name in received.headers]
    cut = len(body) > MOST_BYTES or any(len(value) > LONGEST_HEADER for _, value in read)
    headers = [[name, value[:LONGEST_HEADER]] for name, value in read]
    return Kept(content_type[:LONGEST_HEADER], headers, body[:MOST_BYTES], cut)


def restore_request(kept: Kept) -> Received:
    """The request again, as far as formats read it; it must not have been cut."""
    headers = Headers([(name, value) for name, value in kept.headers])
    if kept.content_type == PARTS:
        parts: dict[str, Any] = json.loads(kept.body)
        return Received(b"", headers, {}, parts["form"], tuple(parts["files"]))
    form: MultiDict[str, str] = MultiDict()
    if kept.content_type.partition(";")[0].strip().lower() == FORM and kept.body.lstrip()[:1] not in (b"{", b"["):
        form = MultiDict(parse_qsl(kept.body.decode(errors="replace"), keep_blank_values=True))
    return Received(kept.body, headers, {}, form)
