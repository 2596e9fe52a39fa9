"""Doors of pictures and files: upload, state, retry, and the bytes themselves after a check of membership."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Blueprint, Response, current_app, request

from infitalks import access
from infitalks.actions import media, uploads
from infitalks.actions.descriptions import describe_media
from infitalks.backends.media import MediaRefused, MediaUnavailable
from infitalks.blueprints.downloads import send
from infitalks.blueprints.guard import api, limited_bytes, page
from infitalks.errors import Invalid, NotFound, TooLarge, Unavailable
from infitalks.models.users import User
from infitalks.schemas.media import AttachmentOut, DescribeIn, attachment_out

logger = logging.getLogger(__name__)

blueprint = Blueprint("media", __name__)

ENVELOPE = 64 * 1024  # bytes of a multipart body beside the file
LARGEST_FILE = 100 * 1024 * 1024  # bytes: what INFITALKS_LARGEST_FILE_MB can be at most


@blueprint.post("/api/media")
@api(limit="60/minute", most_bytes=LARGEST_FILE + ENVELOPE, answers={201: AttachmentOut})
def post_media(me: User) -> tuple[AttachmentOut, int]:
    """Multipart, one part `file`: a JPEG, PNG, WebP or GIF is shown as a picture, all else is a file to be saved."""
    largest = current_app.extensions["settings"].largest_file_mb * 1024 * 1024
    request.max_content_length = most = max(largest, uploads.LARGEST_PICTURE) + ENVELOPE
    if (request.content_length or 0) > most:
        raise TooLarge(f"The request may have {most} bytes at most.")
    file = request.files.get("file")
    if not file or len(list(request.files.items(multi=True))) != 1 or request.form.keys() - {"csrf_token"}:
        raise Invalid("Send one file, as the part `file`.", fields={"file": "one is needed, and nothing else"})
    upload = uploads.read_upload(file.filename or "", file.stream, largest)
    with limited_bytes(me, upload.size):
        return attachment_out(uploads.upload_media(me.id, upload)), 201


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
    return _picture(me, media_id, "full")


@blueprint.get("/media/<media_id>/thumb")
@page(kind="file")
def get_thumb(me: User, media_id: str) -> Response:
    return _picture(me, media_id, "thumb")


@blueprint.get("/media/<media_id>/still")
@page(kind="file")
def get_still(me: User, media_id: str) -> Response:
    """The first frame, as small as a thumb."""
    return _picture(me, media_id, "still")


@blueprint.get("/media/<media_id>/file")
@page(kind="file")
def get_file(me: User, media_id: str) -> Response:
    """To be saved: whatever it is, no browser opens it here. A part of it where one is asked for by a Range."""
    with _service("file", media_id):
        file = media.open_file(me.id, media_id, _asked_part)
        response = send(me.id, file.download, "application/octet-stream")
    response.headers.set("Content-Disposition", "attachment", filename=file.name)
    response.headers["Accept-Ranges"] = "bytes"
    if file.part:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {file.part[0]}-{file.part[1] - 1}/{file.size}"
    return response


def _asked_part(size: int) -> tuple[int, int] | None:
    """All of it where the range cannot be had, or a condition comes with it: a file has no version to compare."""
    if not request.range or "If-Range" in request.headers:
        return None
    return request.range.range_for_length(size)


def _picture(me: User, media_id: str, size: media.Size) -> Response:
    with _service("picture", media_id):
        download = media.open_media(me.id, media_id, size)
        return send(me.id, download, download.content_type)


@contextmanager
def _service(kind: str, media_id: str) -> Iterator[None]:
    """Its errors in our words."""
    try:
        yield
    except MediaRefused as refusal:
        if refusal.status == 404:
            raise NotFound() from None
        logger.error("the media service refuses to hand out %s: %s %s", media_id, refusal.status, refusal)
        raise Unavailable(f"The {kind} service does not let us in.", retry_after=60) from None
    except MediaUnavailable:
        raise Unavailable(f"The {kind} service is away.", retry_after=5) from None
