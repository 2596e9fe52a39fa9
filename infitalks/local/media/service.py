"""The one account's pictures and files in one folder, and how they are shown in answers. Not for HTTP's routes."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from flask import current_app, request

from infitalks.local.media.account import Account, Refusal
from infitalks.local.media.chunks import Chunks
from infitalks.local.media.delivery import delivery_path
from infitalks.local.media.derived import DerivedPictures
from infitalks.local.media.limits import HourlyLimit
from infitalks.local.media.signing import response_signature
from infitalks.local.media.store import Asset, Store
from infitalks.local.media.uploads import MAX_BYTES

MOST_DERIVED = 256 * 1024 * 1024  # bytes of derived pictures that are kept
MOST_ADMIN_CALLS = 500  # an hour, as on Cloudinary's free plan
PICTURES_OWN = ("format", "width", "height", "pages")  # told of pictures only


class MediaService:
    """Holds everything that requests share."""

    def __init__(
        self,
        account: Account,
        folder: Path,
        most_derived: int = MOST_DERIVED,
        most_calls: int = MOST_ADMIN_CALLS,
        largest_file: int = MAX_BYTES,
    ) -> None:
        self.account = account
        self.store = Store(folder)
        self.files = Store(folder / "raw")
        self.most_bytes = {"image": MAX_BYTES, "raw": largest_file}
        self.derived = DerivedPictures(folder / "derived", most_derived)
        self.chunks = Chunks(folder / "chunks")
        self.admin_calls = HourlyLimit(most_calls)

    def store_of(self, kind: str) -> Store:
        """The originals of that resource type: image or raw."""
        return self.files if kind == "raw" else self.store

    def forget(self, asset: Asset) -> None:
        """Remove what was made from an original that is gone."""
        self.derived.forget(asset.version_id)


def service_of(cloud: str) -> MediaService:
    """The service of this process. Raises Refusal 401 where the path names another account."""
    service: MediaService = current_app.extensions["media"]
    if cloud != service.account.cloud:
        raise Refusal(401, f"Invalid cloud_name {cloud}")
    return service


def url_of(account: Account, asset: Asset) -> str:
    """The original's link, signed where it has to be."""
    return request.host_url.rstrip("/") + delivery_path(account, asset)


def described(account: Account, asset: Asset, algorithm: str) -> dict[str, Any]:
    """The whole asset as the Upload API answers it, signed with that algorithm."""
    answer = asdict(asset)
    context = answer.pop("context")
    for name in PICTURES_OWN if asset.resource_type == "raw" else ():
        del answer[name]
    url = url_of(account, asset)
    answer |= {
        "signature": response_signature(asset.public_id, asset.version, account.secret, algorithm),
        "placeholder": False,
        "url": url,
        "secure_url": url,
        "api_key": account.key,
    }
    return answer | ({"context": {"custom": context}} if context else {})
