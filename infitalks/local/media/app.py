"""The service's HTTP: routes, headers and errors in Cloudinary's form. Not for what they do."""

import errno
import logging
import secrets

from flask import Blueprint, Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from infitalks.local.media import admin, delivery_api, upload_api
from infitalks.local.media.account import Refusal
from infitalks.local.media.service import MediaService

LARGEST_REQUEST = 100 * 1024 * 1024  # bytes; what is smaller but still too large gets an answer that says so
LARGEST_DATA_URI = 15 * 1024 * 1024

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

log = logging.getLogger(__name__)
routes = Blueprint("media", __name__)


def create_media_app(service: MediaService) -> Flask:
    """The WSGI application."""
    app = Flask("infitalks.local.media", static_folder=None)
    app.url_map.merge_slashes = False  # a redirect would drop the signature of a link
    app.extensions["media"] = service
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_DATA_URI
    for blueprint in (routes, admin.routes, upload_api.routes, delivery_api.routes):
        app.register_blueprint(blueprint)
    app.register_error_handler(Refusal, lambda error: _error(error.status, error.message))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _internal_error)
    app.after_request(_number_request)
    return app


@routes.get("/healthz")
def healthz() -> str:
    """The process serves."""
    return "ok"


def _http_error(error: HTTPException) -> Response:
    return _error(error.code or 500, error.description or error.name)


def _internal_error(error: Exception) -> Response:
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        log.error("no space left for pictures")
        return _error(503, "No space left for pictures")
    # Not the path: links are signed and never expire, so they are secrets.
    log.error("%s failed", request.endpoint, exc_info=error)
    return _error(500, "General Error")


def _error(status: int, message: str) -> Response:
    """JSON for the APIs, since the SDK takes anything else for a broken server; a status for pictures."""
    in_api = request.path.startswith("/v1_1/")
    response = jsonify(error={"message": message}) if in_api else Response(mimetype="text/plain")
    response.status_code = status
    one_line = "".join(character if character.isprintable() else " " for character in message)
    response.headers["X-Cld-Error"] = one_line.encode("ascii", "replace").decode()
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def _number_request(response: Response) -> Response:
    response.headers["X-Request-Id"] = secrets.token_hex(16)
    return response
