"""The service's HTTP: routes, headers and errors in Cloudinary's form. Not for what they do."""

import logging
import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, Response, current_app, jsonify, make_response, request, send_file
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException

from infitalks.local.media import admin, uploads
from infitalks.local.media.account import Account, Refusal
from infitalks.local.media.delivery import deliver, delivery_path
from infitalks.local.media.derived import DerivedPictures
from infitalks.local.media.signing import response_signature
from infitalks.local.media.store import Asset, Store

LARGEST_REQUEST = 100 * 1024 * 1024  # bytes; what is smaller but still too large gets an answer that says so
LARGEST_DATA_URI = 15 * 1024 * 1024
MOST_DERIVED = 256 * 1024 * 1024  # bytes of derived pictures that are kept
CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "gif": "image/gif"}

log = logging.getLogger(__name__)
routes = Blueprint("media", __name__)


class MediaService:
    """One account's pictures in one folder."""

    def __init__(self, account: Account, folder: Path, most_derived: int = MOST_DERIVED) -> None:
        self.account = account
        self.store = Store(folder)
        self.derived = DerivedPictures(folder / "derived", most_derived)


def create_media_app(service: MediaService) -> Flask:
    """The WSGI application."""
    app = Flask("infitalks.local.media", static_folder=None)
    app.url_map.merge_slashes = False  # a redirect would drop the signature of a link
    app.extensions["media"] = service
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_REQUEST
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_DATA_URI
    app.register_blueprint(routes)
    app.register_error_handler(Refusal, lambda error: _error(error.status, error.message))
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _internal_error)
    app.after_request(_number_request)
    return app


@routes.get("/healthz")
def healthz() -> str:
    """The process serves."""
    return "ok"


@routes.post("/v1_1/<cloud>/image/upload")
def upload(cloud: str) -> ResponseReturnValue:
    """Store a picture."""
    service = _service(cloud)
    params = uploads.signed_params(service.account, uploads.UPLOAD_PARAMS)
    data = uploads.uploaded_bytes()
    new = uploads.new_asset(params, data)
    overwrite = uploads.is_true(params.get("overwrite", ""), default=True)
    asset, old = service.store.save(new, data, overwrite=overwrite)
    answer = _uploaded(service.account, asset)
    if not old:
        return answer
    if not overwrite:
        return answer | {"existing": True}
    service.derived.forget(old.version_id)
    return answer | {"overwritten": True}


@routes.post("/v1_1/<cloud>/image/destroy")
def destroy(cloud: str) -> ResponseReturnValue:
    """Remove a picture and all that was made from it."""
    service = _service(cloud)
    params = uploads.signed_params(service.account, uploads.DESTROY_PARAMS)
    if not params.get("public_id"):
        raise Refusal(400, "Missing required parameter - public_id")
    asset = service.store.remove(uploads.asset_type(params), params["public_id"])
    if asset:
        service.derived.forget(asset.version_id)
    return {"result": "ok" if asset else "not found"}


@routes.get("/v1_1/<cloud>/ping")
def ping(cloud: str) -> ResponseReturnValue:
    """Show that the credentials are good."""
    admin.check_credentials(_service(cloud).account)
    return {"status": "ok"}


@routes.get("/v1_1/<cloud>/resources/image")
@routes.get("/v1_1/<cloud>/resources/image/<any(upload, authenticated):type>")
def resources(cloud: str, type: str | None = None) -> ResponseReturnValue:
    """List pictures, by prefix or by ids."""
    service = _service(cloud)
    admin.check_credentials(service.account)
    assets, cursor = admin.list_assets(service.store, type)
    answer: dict[str, Any] = {"resources": [admin.shown(a, _url(service.account, a)) for a in assets]}
    return answer | ({"next_cursor": cursor} if cursor else {})


@routes.get("/v1_1/<cloud>/resources/image/<any(upload, authenticated):type>/<path:public_id>")
def resource(cloud: str, type: str, public_id: str) -> ResponseReturnValue:
    """One picture's record."""
    service = _service(cloud)
    admin.check_credentials(service.account)
    asset = service.store.find(type, public_id)
    if not asset:
        raise Refusal(404, f"Resource not found - {public_id}")
    return admin.shown(asset, _url(service.account, asset)) | {"pages": asset.pages}


@routes.get("/<cloud>/image/<any(upload, authenticated):type>/<path:path>")
def picture(cloud: str, type: str, path: str) -> ResponseReturnValue:
    """Deliver an original or a derived picture."""
    service = _service(cloud)
    delivered = deliver(service.account, service.store, service.derived, type, path)
    if delivered.data is None:
        try:
            response = send_file(service.store.path(delivered.asset), CONTENT_TYPES[delivered.format])
        except FileNotFoundError:  # removed since it was looked up
            raise Refusal(404, "Resource not found") from None
    else:
        response = make_response(delivered.data)
        response.content_type = CONTENT_TYPES[delivered.format]
    return _guarded(response, shared=type == "upload")


def _service(cloud: str) -> MediaService:
    service: MediaService = current_app.extensions["media"]
    if cloud != service.account.cloud:
        raise Refusal(401, f"Invalid cloud_name {cloud}")
    return service


def _guarded(response: Response, *, shared: bool) -> Response:
    """A browser that opens a picture by its address has to take it for nothing but a picture."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin" if shared else "same-site"
    response.headers["Cache-Control"] = "public, max-age=2592000" if shared else "private, no-store"
    return response


def _uploaded(account: Account, asset: Asset) -> dict[str, Any]:
    """Cloudinary's answer to an upload."""
    answer = asdict(asset)
    context = answer.pop("context")
    url = _url(account, asset)
    algorithm = uploads.signature_algorithm()
    answer |= {
        "signature": response_signature(asset.public_id, asset.version, account.secret, algorithm),
        "resource_type": "image",
        "placeholder": False,
        "url": url,
        "secure_url": url,
        "original_filename": "file",
        "api_key": account.key,
    }
    return answer | ({"context": {"custom": context}} if context else {})


def _url(account: Account, asset: Asset) -> str:
    return request.host_url.rstrip("/") + delivery_path(account, asset)


def _http_error(error: HTTPException) -> Response:
    return _error(error.code or 500, error.description or error.name)


def _internal_error(error: Exception) -> Response:
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
