"""Standard Webhooks 1.0.0: what proves that a webhook comes from us, and to us from whom it says.

Source: the specification `standard-webhooks`, spec/standard-webhooks.md. Not for: keeping secrets, or who has which.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping

PREFIX = "whsec_"
SECRET_BYTES = 32  # of the 24 to 64 that the specification allows
TOLERANCE_SECONDS = 300


class SignatureRefused(Exception):
    """The headers do not prove what they claim; the text says why."""


def sign(message_id: str, at: int, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """The three headers of one attempt at `at` (Unix seconds). Each of the secrets signs: while one is being replaced,
    receivers that know only the old one or only the new one go on.

    The id must not hold a dot: it would move the borders between what is signed.
    """
    if "." in message_id:
        raise ValueError("a webhook-id without dots is needed")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(_signature(message_id, at, body, secret) for secret in secrets),
    }


def sign_as_slack(at: int, body: bytes, secret: str) -> dict[str, str]:
    """Slack's headers of one attempt, which its libraries check with the secret as it is shown. Slack knows no second
    secret for the time of a change. Source: python-slack-sdk, signature/__init__.py (v0)."""
    signed = b":".join((b"v0", str(at).encode(), body))
    proof = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": str(at), "X-Slack-Signature": f"v0={proof}"}


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[str], now: float) -> str:
    """The message's id, where one of the secrets made one of the signatures, within five minutes of `now`.

    Header names in lower case. Raises SignatureRefused.
    """
    try:
        message_id, at = headers["webhook-id"], int(headers["webhook-timestamp"])
        given = headers["webhook-signature"].split(" ")
    except (KeyError, ValueError):
        raise SignatureRefused("the webhook- headers are missing or malformed") from None
    if abs(now - at) > TOLERANCE_SECONDS:
        raise SignatureRefused("the webhook-timestamp is more than five minutes from now")
    good = [_signature(message_id, at, body, secret).encode() for secret in secrets]
    # Every pair is compared, so that the time taken tells nothing.
    matches = [hmac.compare_digest(each.encode(), right) for each in given for right in good]
    if not any(matches):
        raise SignatureRefused("no signature is of this webhook's secret")
    return message_id


def write_secret(key: bytes) -> str:
    """The key as it is shown."""
    return PREFIX + base64.b64encode(key).decode()


def _signature(message_id: str, at: int, body: bytes, secret: str) -> str:
    signed = b".".join((message_id.encode(), str(at).encode(), body))
    return "v1," + base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256)).decode()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("a secret is whsec_ and base64") from None
