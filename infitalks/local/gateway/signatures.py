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

    def allows(self, socket_id: str, channel: str, auth: str) -> bool:
        """Whether `auth` is this app's `KEY:signature` for that socket on that private channel."""
        expected = f"{self.key}:{self.sign(f'{socket_id}:{channel}'.encode())}"
        return same(auth, expected)

    def request_fault(self, method: str, path: str, query: str, body: bytes, now: float) -> str | None:
        """Why a request to the HTTP API is not authentic, or None.

        `path` and `query` as they were sent, `now` in Unix seconds.
        """
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True, errors="strict")
        except ValueError:
            return "The query cannot be read"
        params = {name.lower(): value for name, value in pairs}
        if len(params) != len(pairs):
            return "A parameter is given twice"
        return self._params_fault(params, body, now) or self._signature_fault(method, path, params)

    def _params_fault(self, params: dict[str, str], body: bytes, now: float) -> str | None:
        if not same(params.get("auth_key", ""), self.key) or params.get("auth_version") != "1.0":
            return "Unknown auth_key or auth_version"
        stamp = params.get("auth_timestamp", "")
        if not re.fullmatch(r"[0-9]{1,12}", stamp) or abs(now - int(stamp)) > MAX_CLOCK_SKEW:
            return f"The auth_timestamp is not within {MAX_CLOCK_SKEW} s of now"
        # The Python library sends the MD5 of nothing with its GETs, others leave it out there.
        digest = params.get("body_md5", "")
        if (body or digest) and not same(digest, hashlib.md5(body).hexdigest()):
            return "The body_md5 does not fit the body"
        return None

    def _signature_fault(self, method: str, path: str, params: dict[str, str]) -> str | None:
        signed = "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "auth_signature")
        expected = self.sign(f"{method}\n{path}\n{signed}".encode())
        return None if same(params.get("auth_signature", ""), expected) else "The auth_signature is wrong"


def same(given: str, expected: str) -> bool:
    """Equality whose duration tells nothing about where two texts differ."""
    return hmac.compare_digest(given.encode(errors="surrogatepass"), expected.encode())
