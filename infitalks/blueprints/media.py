"""Pictures' doors: upload, state, retry, and the bytes themselves after a check of membership."""

from typing import Any

from flask import Blueprint, Response, request

from infitalks import access
from infitalks.actions import media
from infitalks.actions.descriptions import describe_media
from infitalks.backends.media import MediaRefused, MediaUnavailable
from infitalks.blueprints.guard import api, page
from infitalks.errors import Invalid, NotFound, Unavailable
from infitalks.models.users import User
from infitalks.schemas.media import AttachmentOut, DescribeIn, attachment_out

blueprint = Blueprint("media", __name__)

CACHE_SECONDS = 300  # how long a removed member's browser may still show what it has


@blueprint.post("/api/media")
@api(limit="60/minute", most_bytes=media.MOST_BYTES + 64 * 1024, answers={201: AttachmentOut})
def post_media(me: User) -> tuple[AttachmentOut, int]:
    """Multipart, one part `file`."""
    file = request.files.get("file")
    if not file or len(list(request.files.items(multi=True))) != 1 or request.form.keys() - {"csrf_token"}:
        raise Invalid("Send one file, as the part `file`.", fields={"file": "one is needed, and nothing else"})
    stored = media.upload_media(me.id, file.filename or "", file.read(media.MOST_BYTES + 1))
    return attachment_out(stored), 201


@blueprint.get("/api/media/<media_id>")
@api(answers={200: AttachmentOut})
def get_media(me: User, media_id: str) -> AttachmentOut:
    return attachment_out(access.get_media_for(me.id, media_id))


@blueprint.patch("/api/media/<media_id>")
@api(limit="60/minute", body=DescribeIn, answers={200: AttachmentOut})
def patch_media(me: User, media_id: str, body: DescribeIn) -> AttachmentOut:
    return attachment_out(describe_media(me.id, media_id, body.alt))


@blueprint.post("/api/media/<media_id>/retry")
@api(limit="20/minute", answers={200: AttachmentOut})
def retry_media(me: User, media_id: str) -> AttachmentOut:
    return attachment_out(media.retry_media(me.id, media_id))


@blueprint.get("/media/<media_id>/full")
@page(kind="file")
def get_full(me: User, media_id: str) -> Response:
    return _stream(me, media_id, "full")


@blueprint.get("/media/<media_id>/thumb")
@page(kind="file")
def get_thumb(me: User, media_id: str) -> Response:
    return _stream(me, media_id, "thumb")


@blueprint.get("/media/<media_id>/still")
@page(kind="file")
def get_still(me: User, media_id: str) -> Response:
    """The first frame, as small as a thumb."""
    return _stream(me, media_id, "still")


def _stream(me: User, media_id: str, size: media.Size) -> Response:
    try:
        download = media.open_media(me.id, media_id, size)
    except MediaRefused:
        raise NotFound() from None
    except MediaUnavailable:
        raise Unavailable("The picture service is away.", retry_after=5) from None
    headers: dict[str, Any] = {
        "Cache-Control": f"private, max-age={CACHE_SECONDS}",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if download.length is not None:
        headers["Content-Length"] = str(download.length)
    response = Response(download.chunks, mimetype=download.content_type, headers=headers)
    response.call_on_close(download.close)
    return response
