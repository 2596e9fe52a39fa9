"""Whether a request was made by who knows the webhook's signing secret. Not for: signing what we send (signatures.py).

Each check gets the raw body, the headers and the secret. Sources: GitHub's and Gitea's webhook documentation, Slack's
SDK (signature v0), Grafana's http/hmac.go, Sentry's integration platform.
"""

import hashlib
import hmac
import time
from collections.abc import Callable

from werkzeug.datastructures import Headers

OLDEST_SECONDS = 300  # how far a signed time may be off

Check = Callable[[bytes, Headers, str], bool]


def hex_hmac(secret: str, *parts: bytes) -> str:
    """HMAC-SHA256 in hex."""
    return hmac.new(secret.encode(), b"".join(parts), hashlib.sha256).hexdigest()


def _same(given: str | None, right: str) -> bool:
    return given is not None and hmac.compare_digest(given.strip().encode(), right.encode())


def signed_by_github(body: bytes, headers: Headers, secret: str) -> bool:
    """`X-Hub-Signature-256: sha256=<hex>`."""
    return _same(headers.get("X-Hub-Signature-256"), "sha256=" + hex_hmac(secret, body))


def signed_by_gitea(body: bytes, headers: Headers, secret: str) -> bool:
    """Bare hex; Gitea, Forgejo and Gogs each have a header of their own."""
    right = hex_hmac(secret, body)
    own = ("X-Gitea-Signature", "X-Forgejo-Signature", "X-Gogs-Signature")
    return any(_same(headers.get(name), right) for name in own) or signed_by_github(body, headers, secret)


def known_to_gitlab(body: bytes, headers: Headers, secret: str) -> bool:
    """`X-Gitlab-Token` is the secret itself."""
    return _same(headers.get("X-Gitlab-Token"), secret)


def signed_by_slack(body: bytes, headers: Headers, secret: str) -> bool:
    """`v0=` of "v0:<time>:<body>", at most five minutes old."""
    at = headers.get("X-Slack-Request-Timestamp", "")
    right = "v0=" + hex_hmac(secret, b"v0:", at.encode(), b":", body)
    return _is_fresh(at) and _same(headers.get("X-Slack-Signature"), right)


def signed_by_grafana(body: bytes, headers: Headers, secret: str) -> bool:
    """Hex of the body; of "<time>:<body>" where Grafana is set to send `X-Grafana-Alerting-Timestamp`."""
    at = headers.get("X-Grafana-Alerting-Timestamp")
    if at is None:
        return _same(headers.get("X-Grafana-Alerting-Signature"), hex_hmac(secret, body))
    right = hex_hmac(secret, at.encode(), b":", body)
    return _is_fresh(at) and _same(headers.get("X-Grafana-Alerting-Signature"), right)


def signed_by_sentry(body: bytes, headers: Headers, secret: str) -> bool:
    """`Sentry-Hook-Signature`, hex."""
    return _same(headers.get("Sentry-Hook-Signature"), hex_hmac(secret, body))


def bearer(body: bytes, headers: Headers, secret: str) -> bool:
    """`Authorization: Bearer <secret>`: for senders that can only add a header."""
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return scheme.lower() == "bearer" and _same(token, secret)


def _is_fresh(at: str) -> bool:
    if not (at.isascii() and at.isdigit() and len(at) < 12):
        return False
    return abs(time.time() - int(at)) <= OLDEST_SECONDS
