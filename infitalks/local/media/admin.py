"""The Admin API, as far as maintenance needs it: ping, usage, lists, single assets, deletion of many.

Calls are counted by the hour and told in the headers, as on Cloudinary's free plan.
"""

import base64
import binascii
import hmac
import json
from typing import Any

from flask import Blueprint, Response, g, request
from flask.typing import ResponseReturnValue

from infitalks.local.media.account import Account, Refusal
from infitalks.local.media.drawing import MOST_PIXELS
from infitalks.local.media.imaging import MOST_PIXELS_OF_ALL_FRAMES
from infitalks.local.media.service import PICTURES_OWN, MediaService, service_of, url_of
from infitalks.local.media.store import Asset, Position, Store
from infitalks.local.media.uploads import MAX_BYTES

USUAL_PAGE, LARGEST_PAGE, MOST_IDS, MOST_DELETED = 10, 500, 100, 1000
LIST_PARAMS = {"max_results", "next_cursor", "prefix", "public_ids[]", "tags", "context"}
DELETE_PARAMS = {"public_ids", "prefix", "all", "next_cursor", "keep_original", "invalidate"}
KIND = "/resources/<any(image, raw):kind>"
TYPES = "<any(upload, private, authenticated):type>"

routes = Blueprint("admin", __name__, url_prefix="/v1_1/<cloud>")


@routes.get("/ping")
def ping(cloud: str) -> ResponseReturnValue:
    """Show that the credentials are good."""
    _admitted(cloud)
    return {"status": "ok"}


@routes.get("/usage")
def usage(cloud: str) -> ResponseReturnValue:
    """What is stored, and the limits that uploads have to keep."""
    service = _admitted(cloud)
    count, size = map(sum, zip(service.store.totals(), service.files.totals(), strict=True))
    limits = {
        **{"image_max_size_bytes": MAX_BYTES, "image_max_px": MOST_PIXELS},
        **{"asset_max_total_px": MOST_PIXELS_OF_ALL_FRAMES, "video_max_size_bytes": 0},
        "raw_max_size_bytes": service.most_bytes["raw"],
    }
    kept = {"objects": {"usage": count}, "storage": {"usage": size}, "resources": count}
    return {"plan": "local", "derived_resources": service.derived.count(), "media_limits": limits, **kept}


@routes.get(KIND)
@routes.get(f"{KIND}/{TYPES}")
def resources(cloud: str, kind: str, type: str | None = None) -> ResponseReturnValue:
    """List pictures or files, by prefix or by ids."""
    service = _admitted(cloud)
    _check_served(set(request.args), LIST_PARAMS)
    assets, cursor = list_assets(service.store_of(kind), type)
    answer: dict[str, Any] = {"resources": [shown(asset, url_of(service.account, asset)) for asset in assets]}
    return answer | ({"next_cursor": cursor} if cursor else {})


@routes.get(f"{KIND}/{TYPES}/<path:public_id>")
def resource(cloud: str, kind: str, type: str, public_id: str) -> ResponseReturnValue:
    """One picture's or file's record."""
    service = _admitted(cloud)
    asset = service.store_of(kind).find(type, public_id)
    if not asset:
        raise Refusal(404, f"Resource not found - {public_id}")
    described = {"pages": asset.pages, "tags": asset.tags, "etag": asset.etag}
    described |= {"context": {"custom": asset.context}} if asset.context else {}
    return shown(asset, url_of(service.account, asset)) | described


@routes.delete(f"{KIND}/{TYPES}")
def delete_resources(cloud: str, kind: str, type: str) -> ResponseReturnValue:
    """Delete by ids, by a prefix of them, or all; or with `keep_original` only what was made from them."""
    service = _admitted(cloud)
    asked = _json_object()
    if "public_ids" in asked:
        return _delete_named(service, service.store_of(kind), type, asked)
    if asked.get("prefix") or asked.get("all") in (True, "true"):
        return _delete_found(service, service.store_of(kind), type, asked)
    raise Refusal(400, "Missing required parameter - public_ids, prefix or all")


def _admitted(cloud: str) -> MediaService:
    """Counts the call too, when it is known to be the account's."""
    service = service_of(cloud)
    check_credentials(service.account)
    g.limit = service.admin_calls
    if not service.admin_calls.take():
        limit = service.admin_calls
        raise Refusal(
            420, f"Rate Limit Exceeded. Limit of {limit.most} api operations reached. Try again on {limit.reset()}"
        )
    return service


@routes.after_request
def _tell_limit(response: Response) -> Response:
    if "limit" in g:
        response.headers.update(g.limit.headers())
    return response


def _json_object() -> dict[str, Any]:
    asked = request.get_json(silent=True)
    if not isinstance(asked, dict):
        raise Refusal(400, "Invalid JSON in request body")
    _check_served({name for name, value in asked.items() if value not in ("", None, [])}, DELETE_PARAMS)
    return asked


def _check_served(given: set[str], served: set[str]) -> None:
    for name in sorted(given - served):
        raise Refusal(400, f"Parameter {name} is not served here")


def _delete_named(service: MediaService, store: Store, type: str, asked: dict[str, Any]) -> dict[str, Any]:
    public_ids = asked["public_ids"]
    if not isinstance(public_ids, list) or not 0 < len(public_ids) <= MOST_IDS:
        raise Refusal(400, f"Invalid value for parameter public_ids - 1 to {MOST_IDS} are needed")
    known = {asset.public_id: asset for asset in store.several(type, list(map(str, public_ids)))}
    for asset in known.values():
        _delete(service, asset, asked)
    return {"deleted": {name: "deleted" if name in known else "not_found" for name in public_ids}, "partial": False}


def _delete_found(service: MediaService, store: Store, type: str, asked: dict[str, Any]) -> dict[str, Any]:
    after = _position(str(asked.get("next_cursor") or ""))
    found = store.page(type, str(asked.get("prefix") or ""), after, MOST_DELETED + 1)
    now, more = found[:MOST_DELETED], len(found) > MOST_DELETED
    for asset in now:
        _delete(service, asset, asked)
    answer = {"deleted": {asset.public_id: "deleted" for asset in now}, "partial": more}
    return answer | ({"next_cursor": _cursor(now[-1])} if more else {})


def _delete(service: MediaService, asset: Asset, asked: dict[str, Any]) -> None:
    if asked.get("keep_original") not in (True, "true"):
        service.store_of(asset.resource_type).remove(asset.type, asset.public_id)
    service.forget(asset)


def check_credentials(account: Account) -> None:
    """HTTP Basic with the API key and the secret. Raises Refusal 401."""
    given = request.authorization
    name, secret = (given.username or "", given.password or "") if given else ("", "")
    # Both are compared in any case: how long it takes tells nothing.
    right_name = hmac.compare_digest(name.encode(), account.key.encode())
    right_secret = hmac.compare_digest(secret.encode(), account.secret.encode())
    if not (right_name and right_secret):
        raise Refusal(401, "Invalid credentials")


def list_assets(store: Store, type: str | None) -> tuple[list[Asset], str | None]:
    """The page that the query string asks for, and the cursor of the next one where there is more."""
    public_ids = request.args.getlist("public_ids[]")
    if public_ids:
        return store.several(type or "upload", public_ids[:MOST_IDS]), None
    limit = _limit(request.args.get("max_results", ""))
    after = _position(request.args.get("next_cursor", ""))
    found = store.page(type, request.args.get("prefix", ""), after, limit + 1)
    more = len(found) > limit
    return found[:limit], _cursor(found[limit - 1]) if more else None


def shown(asset: Asset, url: str) -> dict[str, Any]:
    """An item of the Admin API; tags and context only where they are asked for."""
    fields = ("asset_id", "public_id", "format", "version", "resource_type", "type", "created_at", "bytes")
    item: dict[str, Any] = {field: getattr(asset, field) for field in (*fields, "width", "height")}
    for name in PICTURES_OWN if asset.resource_type == "raw" else ():
        item.pop(name, None)
    if request.args.get("tags") in ("1", "true"):
        item["tags"] = asset.tags
    if request.args.get("context") in ("1", "true") and asset.context:
        item["context"] = {"custom": asset.context}
    return item | {"url": url, "secure_url": url}


def _limit(text: str) -> int:
    if not text:
        return USUAL_PAGE
    if not (text.isascii() and text.isdecimal() and len(text) < 9 and int(text)):
        raise Refusal(400, "Invalid value for parameter max_results")
    return min(int(text), LARGEST_PAGE)


def _cursor(asset: Asset) -> str:
    return base64.urlsafe_b64encode(json.dumps([asset.type, asset.public_id]).encode()).decode()


def _position(cursor: str) -> Position | None:
    if not cursor:
        return None
    try:
        type, public_id = json.loads(base64.urlsafe_b64decode(cursor.encode()))
    except (binascii.Error, ValueError, TypeError):
        raise Refusal(400, "Invalid value for parameter next_cursor") from None
    return str(type), str(public_id)
