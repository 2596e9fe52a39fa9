"""Sign-in providers for the tests: the real server of oidc-provider-mock, and one of ours that forges and breaks."""

import hashlib
import hmac
import json
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug import Request, Response
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from infitalks.local.process import Service, answers_http
from infitalks.local.services import PYTHON

CLIENT_ID, CLIENT_SECRET = "infitalks-tests", "the-client-s-secret"
DISCOVERY = "/.well-known/openid-configuration"
CALLBACK = "/api/auth/oidc/callback"


def mock_provider(port: int) -> Service:
    """The real server. Its issuer is whatever host it is called by: see `issuer`."""
    argv = (PYTHON, "-m", "oidc_provider_mock", "-H", "127.0.0.1", "-p", str(port), "--require-nonce", "true")
    return Service("provider", argv, ready=lambda: answers_http("127.0.0.1", port, DISCOVERY))


def issuer(port: int) -> str:
    """Another site than the app's 127.0.0.1 in a browser's eyes, as providers are."""
    return f"http://localhost:{port}"


def provider_environ(address: str) -> dict[str, str]:
    return {
        "OIDC_ISSUER": address,
        "OIDC_CLIENT_ID": CLIENT_ID,
        "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "OIDC_NAME": "Acme ID",
    }


def known_at(address: str, subject: str, **claims: Any) -> None:
    """Let the mock provider know somebody."""
    requests.put(f"{address}/users/{subject}", json=claims, timeout=10).raise_for_status()


def query_of(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


class Visitor:
    """A browser on its way through a provider, by Flask's test client."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def begin(self, path: str = "/api/auth/oidc") -> str:
        """Press the button; the provider's URL."""
        answer = self.client.get(path)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def allow(self, url: str, subject: str) -> str:
        """Say yes at the mock provider; the path that it sends us back to."""
        answer = requests.post(url, data={"sub": subject}, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"

    def sign_in(self, subject: str) -> TestResponse:
        """The whole way with the mock provider."""
        return self.client.get(self.allow(self.begin(), subject))

    def me(self) -> Any:
        """The API's user, or None."""
        return self.client.get("/api/auth/session").json["user"]


Claims = dict[str, Any]


class Forger:
    """A provider that answers what the test says. Honest until told otherwise."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
        self.address = ""
        self.subject = "mallory"
        self.about: Claims = {"email": "mallory@example.org", "email_verified": True, "name": "Mallory"}
        self.nonce = ""
        self.sign: Callable[[Forger, Claims], str] = Forger.honestly
        self.userinfo: Claims = {}
        self.metadata: Claims = {}
        self.instead: dict[str, Response] = {}  # path to the broken answer there
        self.asked: list[dict[str, str]] = []  # the forms of the token requests

    def claims(self, **changes: Any) -> Claims:
        """An ID token's, changed; a change to None leaves the claim out."""
        now = int(time.time())
        all_claims = {
            "iss": self.address,
            "aud": CLIENT_ID,
            "sub": self.subject,
            "nonce": self.nonce,
            "iat": now,
            "exp": now + 300,
            **self.about,
            **changes,
        }
        return {name: value for name, value in all_claims.items() if value is not None}

    def honestly(self, claims: Claims) -> str:
        return jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)

    def unsigned(self, claims: Claims) -> str:
        return f"{_part({'alg': 'none'})}.{_part(claims)}."

    def signed_with_text(self, claims: Claims, secret: bytes) -> str:
        """HS256 by hand: the library would refuse to sign with a public key."""
        signed = f"{_part({'alg': 'HS256', 'kid': '1'})}.{_part(claims)}"
        return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"

    def with_header(self, claims: Claims, **header: Any) -> str:
        """RS256 by hand: the library would refuse to write such headers."""
        signed = f"{_part({'alg': 'RS256', 'kid': '1', **header})}.{_part(claims)}"
        assert self.key.private_key
        return f"{signed}.{_base64(self.key.private_key.sign(signed.encode(), PKCS1v15(), SHA256()))}"

    def __call__(self, environ: Any, start_response: Any) -> Any:
        request = Request(environ)
        return self._answer(request)(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.path in self.instead:
            return self.instead[request.path]
        if request.path == "/token":
            self.asked.append(request.form.to_dict())
            id_token = self.sign(self, self.claims())
            return _json({"access_token": "a", "token_type": "Bearer", "id_token": id_token})
        pages = {
            DISCOVERY: {**self._discovery(), **self.metadata},
            "/jwks": {"keys": [self.key.as_dict(private=False)]},
            "/userinfo": self.userinfo,
        }
        return _json(pages[request.path])

    def _discovery(self) -> Claims:
        return {
            "issuer": self.address,
            "authorization_endpoint": f"{self.address}/authorize",
            "token_endpoint": f"{self.address}/token",
            "userinfo_endpoint": f"{self.address}/userinfo",
            "jwks_uri": f"{self.address}/jwks",
            # Weak ones too, as real providers do.
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256"],
        }


@contextmanager
def forging() -> Iterator[Forger]:
    """A Forger that listens while the block runs."""
    forger = Forger()
    server = make_server("127.0.0.1", 0, forger, threaded=True)
    forger.address = f"http://127.0.0.1:{server.port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield forger
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _json(value: Any) -> Response:
    return Response(json.dumps(value), mimetype="application/json")


def _part(value: Any) -> str:
    return _base64(json.dumps(value).encode())


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
