"""Sign-in with Google or any OpenID provider, through Authlib: authorization code, PKCE, state and nonce."""

from typing import Any

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask
from joserfc.errors import JoseError
from werkzeug.wrappers import Response

from infitalks.errors import NotFound
from infitalks.settings import Settings

GOOGLE_ISSUER = "https://accounts.google.com"
TIMEOUT_SECONDS = 10


class SignInRefused(Exception):
    """The provider, or our check of its answer, said no; the text is for people."""


_oauth = OAuth()
_names: dict[str, str] = {}


def configure(app: Flask, settings: Settings) -> None:
    """Register the providers that are set. Their metadata is read at the first sign-in."""
    global _oauth
    _oauth = OAuth(app)
    _names.clear()
    if settings.google_client_id:
        _register("google", "Google", GOOGLE_ISSUER, settings.google_client_id, settings.google_client_secret)
    if settings.oidc_client_id:
        issuer = settings.oidc_issuer.rstrip("/")
        _register("oidc", settings.oidc_name, issuer, settings.oidc_client_id, settings.oidc_client_secret)


def _register(key: str, name: str, issuer: str, client_id: str, secret: str) -> None:
    _names[key] = name
    _oauth.register(
        key,
        client_id=client_id,
        client_secret=secret,
        server_metadata_url=f"{issuer}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid email profile",
            "code_challenge_method": "S256",
            "timeout": TIMEOUT_SECONDS,
        },
    )


def providers() -> dict[str, str]:
    """Key and name of each provider that is set."""
    return dict(_names)


def redirect_to(key: str, callback_url: str) -> Response:
    """Send the browser to the provider. State, nonce and PKCE verifier wait in the browser's own session."""
    try:
        answer: Response = _client(key).authorize_redirect(callback_url)
    except (AuthlibBaseError, requests.RequestException, JoseError, ValueError):
        raise SignInRefused(f"{_names[key]} cannot be reached now. Try again later.") from None
    return answer


def claims_of_callback(key: str) -> dict[str, Any]:
    """What the provider says of who comes back: provider, issuer, subject, email, email_verified, name.

    The ID token's signature, issuer, audience, times and nonce were checked by Authlib. Raises SignInRefused.
    """
    try:
        token = _client(key).authorize_access_token()
    except (AuthlibBaseError, requests.RequestException, JoseError, ValueError, KeyError):
        raise SignInRefused("The sign-in was not completed, or it was tried a second time. Start it again.") from None
    claims = token.get("userinfo") or {}
    if not claims.get("iss") or not claims.get("sub"):
        raise SignInRefused(f"{_names[key]} did not say who you are.")
    return {
        "provider": _names[key],
        "issuer": str(claims["iss"]),
        "subject": str(claims["sub"]),
        "email": str(claims["email"]) if claims.get("email") else None,
        "email_verified": claims.get("email_verified") is True,  # the text "true" is no verification
        "name": str(claims["name"]) if claims.get("name") else None,
    }


def _client(key: str) -> Any:
    if key not in _names:
        raise NotFound("Sign-in with this provider is not set up here.")
    return _oauth.create_client(key)
