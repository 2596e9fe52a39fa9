"""The signed Upload API's routes: upload (also in pieces), explicit, rename, destroy, and links that expire.

Not for what their parameters mean (uploads.py). Pictures and raw files are served; video and auto get a 404.
"""

import io
import re
import time
from io import BufferedIOBase
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from infitalks.local.media import imaging, uploads
from infitalks.local.media.account import Refusal
from infitalks.local.media.chunks import piece_of
from infitalks.local.media.delivery import Delivered
from infitalks.local.media.delivery_api import respond
from infitalks.local.media.service import MediaService, described, service_of
from infitalks.local.media.store import Asset
from infitalks.local.media.transform import Plan, format_of

routes = Blueprint("uploads", __name__, url_prefix="/v1_1/<cloud>/<any(image, raw):kind>")


@routes.post("/upload")
def upload(cloud: str, kind: str) -> ResponseReturnValue:
    """Store a picture or file, or a piece of one."""
    service = service_of(cloud)
    params = uploads.signed_params(service.account, uploads.UPLOAD_PARAMS)
    data, filename = uploads.uploaded_file(params)
    most = service.most_bytes[kind]
    whole = _with_earlier(service, data, most) if "Content-Range" in request.headers else io.BytesIO(data)
    if whole is None:
        return _piece_taken(params, kind)
    with whole:
        return _store(service, params, uploads.new_asset(params, whole, filename, kind, most), whole)


def _with_earlier(service: MediaService, data: bytes, most_bytes: int) -> BufferedIOBase | None:
    piece = piece_of(request.headers["Content-Range"], len(data), most_bytes)
    return service.chunks.add(request.headers.get("X-Unique-Upload-Id", ""), piece, data)


def _piece_taken(params: dict[str, str], kind: str) -> dict[str, Any]:
    # The SDK sends the public_id of this answer with the next piece, so it is the one that came, without the folder.
    named = {"public_id": params["public_id"]} if params.get("public_id") else {}
    so_far = int(request.headers["Content-Range"].partition("-")[2].partition("/")[0]) + 1
    return {"done": False, "bytes": so_far, "kind": "upload_chunk", "resource_type": kind, **named}


def _store(service: MediaService, params: dict[str, str], new: Asset, file: BufferedIOBase) -> dict[str, Any]:
    overwrite = uploads.is_true(params.get("overwrite", ""), default=True)
    asset, old = service.store_of(new.resource_type).save(new, file, overwrite=overwrite)
    answer = described(service.account, asset, uploads.signature_algorithm())
    if not old:
        return answer
    if not overwrite:
        return answer | {"existing": True}
    service.forget(old)
    return answer | {"overwritten": True}


@routes.post("/explicit")
def explicit(cloud: str, kind: str) -> ResponseReturnValue:
    """Set tags or context of what is stored, or drop what was made from it."""
    service = service_of(cloud)
    params = uploads.signed_params(service.account, uploads.EXPLICIT_PARAMS)
    public_id = uploads.needed(params, "public_id")
    asset = service.store_of(kind).describe(uploads.asset_type(params), public_id, **uploads.description(params))
    if uploads.is_true(params.get("invalidate", ""), default=False):
        service.forget(asset)
    return described(service.account, asset, uploads.signature_algorithm())


@routes.post("/rename")
def rename(cloud: str, kind: str) -> ResponseReturnValue:
    """Give a picture or file another id or type. Links to the old one end."""
    service = service_of(cloud)
    params = uploads.signed_params(service.account, uploads.RENAME_PARAMS)
    old = uploads.asset_type(params), uploads.needed(params, "from_public_id")
    to_type = uploads.asset_type(params, "to_type") if params.get("to_type") else old[0]
    new = to_type, uploads.check_public_id(uploads.needed(params, "to_public_id"))
    overwrite = uploads.is_true(params.get("overwrite", ""), default=False)
    asset, replaced = service.store_of(kind).rename(old, new, overwrite=overwrite)
    if replaced:
        service.forget(replaced)
    return described(service.account, asset, uploads.signature_algorithm())


@routes.post("/destroy")
def destroy(cloud: str, kind: str) -> ResponseReturnValue:
    """Remove a picture or file, and all that was made from it."""
    service = service_of(cloud)
    params = uploads.signed_params(service.account, uploads.DESTROY_PARAMS)
    asset = service.store_of(kind).remove(uploads.asset_type(params), uploads.needed(params, "public_id"))
    if asset:
        service.forget(asset)
    return {"result": "ok" if asset else "not found"}


@routes.get("/download")
def download(cloud: str, kind: str) -> ResponseReturnValue:
    """The original by a link of `utils.private_download_url`: good until `expires_at`, else for an hour."""
    service = service_of(cloud)
    params = uploads.signed_params(service.account, uploads.DOWNLOAD_PARAMS)
    _check_expiry(params.get("expires_at", ""))
    public_id = uploads.needed(params, "public_id")
    asset = service.store_of(kind).find(uploads.asset_type(params), public_id)
    if not asset:
        raise Refusal(404, f"Resource not found - {public_id}")
    if kind == "raw":
        return respond(service, Delivered(asset, "", None, ""), shared=False)
    format = format_of(params.get("format") or asset.format)
    if not format:
        raise Refusal(400, f"Invalid extension in transformation: {params['format']}")
    data = None if format == asset.format else imaging.derive(service.store.path(asset), Plan(), format)
    saved = "" if uploads.is_true(params.get("attachment", ""), default=False) else None
    return respond(service, Delivered(asset, format, data, saved), shared=False)


def _check_expiry(text: str) -> None:
    if text and not re.fullmatch(r"[0-9]{1,12}", text):
        raise Refusal(400, "Invalid value for parameter expires_at")
    if text and time.time() >= int(text):
        raise Refusal(401, "The link has expired")
