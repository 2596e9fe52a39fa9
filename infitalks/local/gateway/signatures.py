"""The app's key and secret, and all that is signed with them (HMAC-SHA256, lower-case hex).

Not for what an authentic request may ask for.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

MAX_CLOCK_SKEW = 600  # seconds; Pusher's HTTP API reference, "authentication"


@dataclass(frozen=True)
class App:
    """The one app that this gateway serves."""

    id: str
    key: str
    secret: str = field(repr=False)

    def sign(self, text: bytes) -> str:
        return hmac.new(self.secret.encode(), text, hashlib.sha256).hexdigest()

    def allows(self, text: str, auth: str) -> bool:
        """Whether `auth` is this app's `KEY:signature` of a text.

        The text is `socket_id:channel` for a private channel, `socket_id:channel:channel_data` for a presence channel
        (Channels docs, "authentication signatures").
        """
        expected = f"{self.key}:{self.sign(text.encode(errors='surrogatepass'))}"
        return same(auth, expected)

    def request_fault(self, method: str, path: str, query: str, body: bytes, now: float) -> str | None:
        """Why a request to the HTTP API is not authentic, or None.

        `path` and `query` as they were sent, `now` in Unix seconds.
        """
        return self.head_fault(method, path, query, now) or self.body_fault(query, body)

    def head_fault(self, method: str, path: str, query: str, now: float) -> str | None:
        """As request_fault, before the body has come: whoever sent such a head holds the secret."""
        params = _params(query)
        if params is None:
            return "The query cannot be read, or has a parameter twice"
        return self._params_fault(params, now) or self._signature_fault(method, path, params)

    def body_fault(self, query: str, body: bytes) -> str | None:
        """Why a body is not the one that an authentic head was signed for, or None."""
        # The Python library sends the MD5 of nothing with its GETs, others leave it out there.
        digest = (_params(query) or {}).get("body_md5", "")
        fits = not (body or digest) or same(digest, hashlib.md5(body).hexdigest())
        return None if fits else "The body_md5 does not fit the body"

    def _params_fault(self, params: dict[str, str], now: float) -> str | None:
        if not same(params.get("auth_key", ""), self.key) or params.get("auth_version") != "1.0":
            return "Unknown auth_key or auth_version"
        stamp = params.get("auth_timestamp", "")
        if not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(now - int(stamp)) > MAX_CLOCK_SKEW:
            return f"The auth_timestamp is not within {MAX_CLOCK_SKEW} s of now"
        return None

    def _signature_fault(self, method: str, path: str, params: dict[str, str]) -> str | None:
        signed = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "auth_signature")
        expected = self.sign(f"{method}\n{path}\n{signed}".encode())
        return None if same(params.get("auth_signature", ""), expected) else "The auth_signature is wrong"


def _params(query: str) -> dict[str, str] | None:
    """The query's parameters, or None where they could be read in two ways."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
    except ValueError:
        return None
    params = {name.lower(): value for name, value in pairs}
    return params if len(params) == len(pairs) else None


def same(given: str, expected: str) -> bool:
    """Equality whose duration tells nothing about where two texts differ."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode())
