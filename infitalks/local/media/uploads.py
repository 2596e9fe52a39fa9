"""What the signed Upload API takes: parameters, files, new assets. Not for its routes (upload_api.py).

Parameters that are not served are refused, so that nobody believes in an effect that is not there.
"""

import base64
import binascii
import hashlib
import os
import re
import secrets
import time
from datetime import UTC, datetime
from io import BufferedIOBase
from typing import Any

from flask import request

from infitalks.local.media import imaging
from infitalks.local.media.account import Account, Refusal
from infitalks.local.media.signing import ALGORITHMS, request_signature_matches, string_to_sign
from infitalks.local.media.store import Asset

MAX_BYTES = 10_485_760
OLDEST, NEWEST = 3600, 600  # seconds that a timestamp may lie back or ahead
TYPES = ("upload", "private", "authenticated")
ENVELOPE = {"api_key", "signature", "timestamp"}
DESCRIPTION = {"tags", "context"}
UPLOAD_PARAMS = (
    ENVELOPE
    | DESCRIPTION
    | {
        *("file", "public_id", "folder", "public_id_prefix", "type", "overwrite", "invalidate", "allowed_formats"),
        *("use_filename", "unique_filename", "filename_override"),
    }
)
EXPLICIT_PARAMS = ENVELOPE | DESCRIPTION | {"public_id", "type", "invalidate"}
RENAME_PARAMS = ENVELOPE | {"from_public_id", "to_public_id", "type", "to_type", "overwrite", "invalidate"}
DESTROY_PARAMS = ENVELOPE | {"public_id", "type", "invalidate"}
DOWNLOAD_PARAMS = ENVELOPE | {"public_id", "format", "type", "attachment", "expires_at"}
FORMATS_BY_EXTENSION = {"jpeg": "jpg"}
NO_PICTURE = imaging.Facts("", 0, 0, 0)


def signed_params(account: Account, served: set[str]) -> dict[str, str]:
    """The request's parameters, once its signature is seen to be the account's. Raises Refusal."""
    # A list is sent as repeated `name[]`. What is joined is what is signed and what is used.
    given = request.form if request.method == "POST" else request.args
    params = {name.removesuffix("[]"): given.getlist(name) for name in given}
    joined = {name: ",".join(values) for name, values in params.items()}
    if not joined.get("signature"):
        raise Refusal(400, "Upload preset must be specified when using unsigned upload")
    if joined.get("api_key") != account.key:
        raise Refusal(401, f"Unknown API key {joined.get('api_key', '')}")
    text = string_to_sign(params)
    if not request_signature_matches(text, joined["signature"], account.secret):
        raise Refusal(401, f"Invalid Signature {joined['signature']}. String to sign - '{text}'.")
    _check_timestamp(joined.get("timestamp", ""), lasts_longer="expires_at" in joined)
    for name in sorted(joined.keys() - served):
        raise Refusal(400, f"Parameter {name} is not served here")
    return joined


def signature_algorithm() -> str:
    """What the request was signed with; its answer is signed with the same."""
    return ALGORITHMS[len(request.form["signature"])]


def new_asset(params: dict[str, str], file: BufferedIOBase, filename: str, kind: str, most_bytes: int) -> Asset:
    """A description of the upload. Raises Refusal where it may not be stored, or is to be a picture and is none."""
    public_id, type = _public_id(params, filename), asset_type(params)
    if (size := file.seek(0, os.SEEK_END)) > most_bytes:
        raise Refusal(400, f"File size too large. Got {size}. Maximum is {most_bytes}.")
    file.seek(0)
    etag = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()  # a piece at a time
    file.seek(0)
    facts = NO_PICTURE if kind == "raw" else imaging.look(file.read())
    if kind == "image":
        _check_allowed(facts.format, params.get("allowed_formats", ""))
    now = int(time.time())
    return Asset(
        type=type,
        public_id=public_id,
        asset_id=secrets.token_hex(16),
        version_id=secrets.token_hex(16),
        version=now,
        format=facts.format,
        width=facts.width,
        height=facts.height,
        pages=facts.pages,
        bytes=size,
        etag=etag,
        created_at=datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        original_filename=filename,
        resource_type=kind,
        **{"tags": [], "context": {}} | description(params),
    )


def description(params: dict[str, str]) -> dict[str, Any]:
    """Tags and context, as far as they are given."""
    found: dict[str, Any] = {}
    if "tags" in params:
        found["tags"] = [tag.strip() for tag in params["tags"].split(",") if tag.strip()]
    if "context" in params:
        found["context"] = _context(params["context"])
    return found


def uploaded_file(params: dict[str, str]) -> tuple[bytes, str]:
    """The request's file and its name without extension."""
    part = request.files.get("file")
    told = params.get("filename_override") or (part.filename if part is not None else "") or "file"
    return _uploaded_bytes(), _stem(told)


def _stem(filename: str) -> str:
    name = re.split(r"[/\\]", filename)[-1]
    return name.rpartition(".")[0] or name


def _uploaded_bytes() -> bytes:
    """A part with a file name, or a data URI. Addresses are never fetched."""
    part = request.files.get("file")
    if part is not None:
        data: bytes = part.read()
        return data
    text = request.form.get("file", "")
    if not text:
        raise Refusal(400, "Missing required parameter - file")
    match = re.match(r"data:[\w.+-]+/[\w.+-]+;base64,", text)
    if not match:
        raise Refusal(400, f"Error in loading {text[:200]} - files at other addresses are not fetched here")
    try:
        return base64.b64decode(text[match.end() :], validate=True)
    except binascii.Error:
        raise Refusal(400, "Invalid image file") from None


def asset_type(params: dict[str, str], name: str = "type") -> str:
    """The delivery type asked for. Raises Refusal."""
    type = params.get(name) or "upload"
    if type not in TYPES:
        raise Refusal(400, f"Invalid type - {type}")
    return type


def is_true(text: str, default: bool) -> bool:
    """A boolean of the Upload API, which sends 1 and 0 where others send words."""
    return text in ("1", "true") if text else default


def needed(params: dict[str, str], name: str) -> str:
    """That parameter. Raises Refusal 400 where it is missing."""
    if not params.get(name):
        raise Refusal(400, f"Missing required parameter - {name}")
    return params[name]


def check_public_id(public_id: str) -> str:
    """Rules of Cloudinary's documentation: length, forbidden characters, no folder like a version."""
    segments = public_id.split("/")
    if (
        not 0 < len(public_id) <= 255
        or re.search(r"[?&#\\%<>+\x00-\x1f\x7f]", public_id)
        or public_id != public_id.strip()
        or not all(segment.strip(".") for segment in segments)
        or any(re.fullmatch(r"v[0-9]+", folder) for folder in segments[:-1])
    ):
        raise Refusal(400, f"public_id ({public_id}) is invalid")
    return public_id


def _check_timestamp(text: str, *, lasts_longer: bool) -> None:
    if not re.fullmatch(r"[0-9]{1,12}", text):
        raise Refusal(400, "Missing required parameter - timestamp")
    age = time.time() - int(text)
    if age > OLDEST and not lasts_longer:
        told = datetime.fromtimestamp(int(text), UTC).strftime("%Y-%m-%d %H:%M:%S +0000")
        raise Refusal(400, f"Stale request - reported time is {told} which is more than 1 hour ago")
    if age < -NEWEST:
        raise Refusal(400, "Invalid timestamp - reported time is in the future")


def _public_id(params: dict[str, str], filename: str) -> str:
    name = params.get("public_id") or params.get("public_id_prefix", "") + _own_name(params, filename)
    return check_public_id(f"{params['folder']}/{name}" if params.get("folder") else name)


def _own_name(params: dict[str, str], filename: str) -> str:
    """At random, or the file's with something random behind it unless it is said to be unique."""
    if not is_true(params.get("use_filename", ""), default=False):
        return secrets.token_hex(10)
    name = re.sub(r"[^\w.-]+", "_", filename).strip("._")[:200] or "file"
    unique = is_true(params.get("unique_filename", ""), default=True)
    return f"{name}_{secrets.token_hex(3)}" if unique else name


def _check_allowed(format: str, allowed: str) -> None:
    names = {FORMATS_BY_EXTENSION.get(name.strip(), name.strip()) for name in allowed.split(",")}
    if allowed and format not in names:
        raise Refusal(400, f"Image file format {format} not allowed")


def _context(text: str) -> dict[str, str]:
    r"""Of `key=value|key=value`, where values escape `=` and `|` by a backslash."""
    pairs = (re.split(r"(?<!\\)=", pair, maxsplit=1) for pair in re.split(r"(?<!\\)\|", text) if pair)
    return {pair[0]: re.sub(r"\\([=|])", r"\1", pair[1]) for pair in pairs if len(pair) == 2}
