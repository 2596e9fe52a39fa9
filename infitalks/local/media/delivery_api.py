"""The routes of delivery links, and how a picture or a file is sent. Not for what a link gives (delivery.py)."""

from flask import Blueprint, Response, make_response, request, send_file
from flask.typing import ResponseReturnValue

from infitalks.local.media.account import Refusal
from infitalks.local.media.delivery import Delivered, deliver, deliver_file
from infitalks.local.media.service import MediaService, service_of

CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}
CONTENT_TYPES[""] = "application/octet-stream"  # of a raw file, whatever it is
TYPES = "<any(upload, private, authenticated):type>"

routes = Blueprint("delivery", __name__)


@routes.get(f"/<cloud>/image/{TYPES}/<path:path>")
def picture(cloud: str, type: str, path: str) -> ResponseReturnValue:
    """Deliver an original or a derived picture."""
    service = service_of(cloud)
    delivered = deliver(service, type, path, request.headers.get("Accept", ""))
    return respond(service, delivered, shared=type == "upload")


@routes.get(f"/<cloud>/raw/{TYPES}/<path:path>")
def file(cloud: str, type: str, path: str) -> ResponseReturnValue:
    """Deliver a raw file."""
    service = service_of(cloud)
    return respond(service, deliver_file(service, type, path), shared=type == "upload")


def respond(service: MediaService, delivered: Delivered, *, shared: bool) -> Response:
    """The picture, as nothing but a picture, or the file. `shared`: caches between may keep it."""
    if delivered.data is None:
        try:
            path = service.store_of(delivered.asset.resource_type).path(delivered.asset)
            response = send_file(path, CONTENT_TYPES[delivered.format])
        except FileNotFoundError:  # removed since it was looked up
            raise Refusal(404, "Resource not found") from None
    else:
        response = make_response(delivered.data)
        response.content_type = CONTENT_TYPES[delivered.format]
    if delivered.attachment is not None:
        response.headers.set("Content-Disposition", "attachment", filename=_saved_as(delivered))
    if delivered.by_accept:
        response.headers["Vary"] = "Accept"
    return _guarded(response, shared=shared)


def _saved_as(delivered: Delivered) -> str:
    own = delivered.asset.public_id.rpartition("/")[2]
    extension = delivered.format or own.rpartition(".")[2] * ("." in own)
    stem = delivered.attachment or (own if delivered.format else own.removesuffix(f".{extension}"))
    return f"{stem}.{extension}" if extension else stem


def _guarded(response: Response, *, shared: bool) -> Response:
    """A browser that opens a picture by its address has to take it for nothing but a picture."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin" if shared else "same-site"
    response.headers["Cache-Control"] = "public, max-age=2592000" if shared else "private, no-store"
    return response
