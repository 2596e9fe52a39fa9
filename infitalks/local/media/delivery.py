"""Delivery links: what a path asks for, and whether its signature allows it. Not for HTTP (app.py).

`[s--SIGNATURE--/][component/…][vVERSION/]public_id[.extension]`, as Cloudinary's SDK builds them.
Derived pictures have to be signed, as on an account with strict transformations; authenticated originals too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from infitalks.local.media import imaging
from infitalks.local.media.account import Account, Refusal
from infitalks.local.media.derived import DerivedPictures
from infitalks.local.media.signing import delivery_signature, delivery_signature_matches, escaped
from infitalks.local.media.store import Asset, Store
from infitalks.local.media.transform import Plan, format_of, looks_like_component, parse

# One length or the other: a signature may itself begin or end with a hyphen.
_SIGNATURE = re.compile(r"s--([\w-]{8}|[\w-]{32})--", re.ASCII)
_VERSION = re.compile(r"v[0-9]+")


class Shared(Protocol):
    """What delivering needs of the service."""

    account: Account
    store: Store
    files: Store
    derived: DerivedPictures


@dataclass(frozen=True, slots=True)
class Link:
    """A parsed path. `source` is the public id with the extension, unescaped."""

    signature: str | None
    components: list[str]
    source: str


@dataclass(frozen=True, slots=True)
class Delivered:
    """What to send. `data` is None where it is the original's own file."""

    asset: Asset
    format: str
    data: bytes | None
    attachment: str | None = None  # to be saved under this name, "" for its own
    by_accept: bool = False  # another Accept header may give another format


def parse_link(path: str) -> Link:
    """Raises Refusal 400 where there is something before the version that is no transformation."""
    segments = path.split("/")
    match = _SIGNATURE.fullmatch(segments[0])
    rest = segments[1:] if match else segments
    versions = (number for number, segment in enumerate(rest[:-1]) if _VERSION.fullmatch(segment))
    version = next(versions, None)
    end = _leading_components(rest) if version is None else version
    for segment in rest[:end]:
        if not looks_like_component(segment):
            raise Refusal(400, f"Invalid transformation component - {segment}")
    source = rest[end:] if version is None else rest[version + 1 :]
    return Link(match[1] if match else None, rest[:end], "/".join(source))


def deliver(service: Shared, type: str, path: str, accepted: str) -> Delivered:
    """What the link of that type and path gives a client with that Accept header. Raises Refusal."""
    link = parse_link(path)
    plan = parse(link.components)
    _check_signature(service.account, link)
    asset, extension = _find(service.store, type, link.source)
    if type != "upload" and not link.signature:
        raise _not_found(link.source)  # as if there were none: whoever guesses ids learns nothing
    format = plan.format or extension or asset.format
    if not link.components and format == asset.format:
        return Delivered(asset, format, None)
    if not link.signature:
        raise Refusal(401, f"Transformation {'/'.join(link.components)} is not allowed")
    if plan.format == "auto":
        format = imaging.negotiated(asset.format, asset.pages, accepted)
    data = _derive(service.store, service.derived, asset, plan, format)
    return Delivered(asset, format, data, plan.attachment, plan.format == "auto")


def deliver_file(service: Shared, type: str, path: str) -> Delivered:
    """The file of the link of that type and path: as it is, and to be saved. Raises Refusal.

    Its public id has its extension, if it has any.
    """
    link = parse_link(path)
    plan = parse(link.components)
    if plan != Plan(attachment=plan.attachment):
        raise Refusal(400, "Raw files are not transformed")
    _check_signature(service.account, link)
    asset = service.files.find(type, link.source)
    if not asset or (type != "upload" and not link.signature):
        raise _not_found(link.source)
    return Delivered(asset, "", None, plan.attachment or "")


def delivery_path(account: Account, asset: Asset) -> str:
    """The path of the original, signed where it has to be."""
    source = asset.public_id if asset.resource_type == "raw" else f"{asset.public_id}.{asset.format}"
    signature = delivery_signature([], source, account.secret)
    signed = f"s--{signature}--/" if asset.type != "upload" else ""
    return f"/{account.cloud}/{asset.resource_type}/{asset.type}/{signed}v{asset.version}/{escaped(source)}"


def _leading_components(segments: Sequence[str]) -> int:
    for number, segment in enumerate(segments[:-1]):
        if not looks_like_component(segment):
            return number
    return len(segments) - 1


def _check_signature(account: Account, link: Link) -> None:
    if link.signature is not None and not delivery_signature_matches(
        link.signature, link.components, link.source, account.secret
    ):
        raise Refusal(401, "Invalid signature")


def _find(store: Store, type: str, source: str) -> tuple[Asset, str | None]:
    """The asset and the format that the extension asks for. An id may itself have a dot."""
    stem, _, extension = source.rpartition(".")
    format = format_of(extension)
    asset = store.find(type, stem) if stem and format else None
    if asset:
        return asset, format
    asset = store.find(type, source)
    if not asset:
        raise _not_found(source)
    return asset, None


def _derive(store: Store, derived: DerivedPictures, asset: Asset, plan: Plan, format: str) -> bytes:
    name = f"{plan}.{format}"
    try:
        data = derived.get(asset.version_id, name, lambda: imaging.derive(store.path(asset), plan, format))
    except FileNotFoundError:
        raise _not_found(asset.public_id) from None
    current = store.find(asset.type, asset.public_id)
    if current is None or current.version_id != asset.version_id:
        derived.forget(asset.version_id)  # removed while this was made; nobody else would clean up
    return data


def _not_found(source: str) -> Refusal:
    return Refusal(404, f"Resource not found - {source}")
