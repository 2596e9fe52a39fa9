"""The route of delivery links, and how a picture is sent. Not for what a link gives (delivery.py)."""

from flask import Blueprint, Response, make_response, request, send_file
from flask.typing import ResponseReturnValue

from infitalks.local.media.account import Refusal
from infitalks.local.media.delivery import Delivered, deliver
from infitalks.local.media.service import MediaService, service_of

CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}

routes = Blueprint("delivery", __name__)


@routes.get("/<cloud>/image/<any(upload, authenticated):type>/<path:path>")
def picture(cloud: str, type: str, path: str) -> ResponseReturnValue:
    """Deliver an original or a derived picture."""
    service = service_of(cloud)
    delivered = deliver(service, type, path, request.headers.get("Accept", ""))
    return respond(service, delivered, shared=type == "upload")


def respond(service: MediaService, delivered: Delivered, *, shared: bool) -> Response:
    """The picture, as nothing but a picture. `shared`: caches between may keep it."""
    if delivered.data is None:
        try:
            response = send_file(service.store.path(delivered.asset), CONTENT_TYPES[delivered.format])
        except FileNotFoundError:  # removed since it was looked up
            raise Refusal(404, "Resource not found") from None
    else:
        response = make_response(delivered.data)
        response.content_type = CONTENT_TYPES[delivered.format]
    if delivered.attachment is not None:
        name = f"{delivered.attachment or delivered.asset.public_id.rpartition('/')[2]}.{delivered.format}"
        response.headers.set("Content-Disposition", "attachment", filename=name)
    if delivered.by_accept:
        response.headers["Vary"] = "Accept"
    return _guarded(response, shared=shared)


def _guarded(response: Response, *, shared: bool) -> Response:
    """A browser that opens a picture by its address has to take it for nothing but a picture."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin" if shared else "same-site"
    response.headers["Cache-Control"] = "public, max-age=2592000" if shared else "private, no-store"
    return response
