"""The Admin API, as far as it is served: ping, lists and single assets. Not for changing anything."""

import base64
import binascii
import hmac
import json
from typing import Any

from flask import request

from infitalks.local.media.account import Account, Refusal
from infitalks.local.media.store import Asset, Position, Store

USUAL_PAGE, LARGEST_PAGE, MOST_IDS = 10, 500, 100


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
    fields = ("asset_id", "public_id", "format", "version", "type", "created_at", "bytes", "width", "height")
    item: dict[str, Any] = {field: getattr(asset, field) for field in fields}
    if request.args.get("tags") in ("1", "true"):
        item["tags"] = asset.tags
    if request.args.get("context") in ("1", "true") and asset.context:
        item["context"] = {"custom": asset.context}
    return item | {"resource_type": "image", "url": url, "secure_url": url}


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
