"""Cloudinary's signatures: of requests, of answers and of delivery links. Not for deciding what needs one.

Rules as in Cloudinary's Python SDK 1.46.3, `utils.api_string_to_sign` and `utils.cloudinary_url`.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from urllib.parse import quote

# Which algorithm made it shows in the length of the hex digest.
ALGORITHMS = {40: "sha1", 64: "sha256"}
UNSIGNED = frozenset({"file", "cloud_name", "resource_type", "api_key", "signature"})


def string_to_sign(params: Mapping[str, Sequence[str]]) -> str:
    """Version 2: an ampersand inside a value is escaped, so that no value can smuggle in a parameter."""
    signed = {name: ",".join(values) for name, values in params.items() if name not in UNSIGNED}
    return "&".join(sorted(f"{name}={value}".replace("&", "%26") for name, value in signed.items() if value))


def request_signature_matches(text: str, signature: str, secret: str) -> bool:
    """True where `signature` is the hex SHA-1 or SHA-256 of `text` and the secret."""
    algorithm = ALGORITHMS.get(len(signature))
    return algorithm is not None and _same(_digest(algorithm, text + secret).hex(), signature)


def response_signature(public_id: str, version: int, secret: str, algorithm: str) -> str:
    """Version 1, without escaping, as `utils.verify_api_response_signature` expects it."""
    return _digest(algorithm, f"public_id={public_id}&version={version}{secret}").hex()


def delivery_signature(components: Sequence[str], source: str, secret: str) -> str:
    """The long form. `source` is the public id with its extension; type and version are not signed."""
    return _url_digest("sha256", _delivery_text(components, source) + secret)[:32]


def delivery_signature_matches(signature: str, components: Sequence[str], source: str, secret: str) -> bool:
    """True where `signature`, what stands between `s--` and `--`, is the long one or either short one."""
    text = _delivery_text(components, source) + secret
    if len(signature) == 32:
        return _same(_url_digest("sha256", text)[:32], signature)
    return any(_same(_url_digest(algorithm, text)[:8], signature) for algorithm in ALGORITHMS.values())


def escaped(public_id: str) -> str:
    """As the SDK's `smart_escape`: all but letters, digits and `_.-/:` percent-encoded."""
    return quote(public_id, safe="/:").replace("~", "%7E")


def _delivery_text(components: Sequence[str], source: str) -> str:
    return "/".join([*components, escaped(source)])


def _digest(algorithm: str, text: str) -> bytes:
    return hashlib.new(algorithm, text.encode()).digest()


def _url_digest(algorithm: str, text: str) -> str:
    return urlsafe_b64encode(_digest(algorithm, text)).decode()


def _same(ours: str, theirs: str) -> bool:
    return hmac.compare_digest(ours.encode(), theirs.encode())
