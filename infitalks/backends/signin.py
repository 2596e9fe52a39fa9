"""Sign-in with Google or any OpenID provider, through Authlib: authorization code, PKCE, state and nonce.

Not for: which account somebody gets (actions.users).
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import requests
from authlib.integrations.flask_client import OAuth
from flask import Flask
from werkzeug.wrappers import Response

from infitalks.errors import Forbidden, InfiTalksError, NotFound, Unavailable
from infitalks.settings import Settings

GOOGLE_ISSUER = "https://accounts.google.com"
TIMEOUT_SECONDS = 10
LEEWAY_SECONDS = 60  # how far the provider's clock may be off
# Signatures that only the provider can make. Many providers also list `none` or HS256 among theirs.
SIGNATURES = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")

log = logging.getLogger(__name__)
_oauth = OAuth()
_names: dict[str, str] = {}
_issuers: dict[str, str] = {}


class SignInRefused(Forbidden):
    """The provider, or our check of its answer, said no; the text is for people."""


def configure(app: Flask, settings: Settings) -> None:
    """Register the providers that are set. Their metadata is read at the first sign-in."""
    global _oauth
    _oauth = OAuth(app)
    _names.clear()
    _issuers.clear()
    if settings.google_client_id:
        _register("google", "Google", GOOGLE_ISSUER, settings.google_client_id, settings.google_client_secret)
    if settings.oidc_client_id:
        issuer = settings.oidc_issuer.rstrip("/")
        _register("oidc", settings.oidc_name, issuer, settings.oidc_client_id, settings.oidc_client_secret)


def _register(key: str, name: str, issuer: str, client_id: str, secret: str) -> None:
    _names[key], _issuers[key] = name, issuer
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
    """Send the browser to the provider. State, nonce and PKCE verifier wait in the browser's own session.

    Raises Unavailable where the provider cannot be reached, NotFound where it is not set.
    """
    with _told_to_people(key):
        answer: Response = _client(key).authorize_redirect(callback_url)
    return answer


def claims_of_callback(key: str) -> dict[str, Any]:
    """What the provider says of who comes back: provider, issuer, subject, email, email_verified, name.

    The ID token's signature, issuer, audience, times and nonce are checked here (OpenID Connect Core 3.1.3.7).
    Raises SignInRefused; Unavailable where the provider cannot be reached; NotFound where it is not set.
    """
    with _told_to_people(key):
        client = _client(key)
        token = client.authorize_access_token(claims_options=_demands(client), leeway=LEEWAY_SECONDS)
        claims = _with_address(client, token)
    return {
        "provider": _names[key],
        "issuer": str(claims["iss"]),
        "subject": str(claims["sub"]),
        "email": str(claims["email"]) if claims.get("email") else None,
        "email_verified": claims.get("email_verified") is True,  # the text "true" is no verification
        "name": str(claims["name"]) if claims.get("name") else None,
    }


def _client(key: str) -> Any:
    """The provider's client, with its metadata read and trusted no further than needed."""
    if key not in _names:
        raise NotFound("Sign-in with this provider is not set up here.")
    client = _oauth.create_client(key)
    metadata = client.load_server_metadata()
    offered = metadata.get("id_token_signing_alg_values_supported", SIGNATURES)
    allowed = [name for name in SIGNATURES if name in offered]
    if str(metadata.get("issuer")).rstrip("/") != _issuers[key] or not allowed:
        client.server_metadata.clear()  # read it again next time
        raise SignInRefused(f"{_names[key]} is not set up as it should be. Tell whoever runs this site.")
    metadata["id_token_signing_alg_values_supported"] = allowed
    return client


def _demands(client: Any) -> dict[str, Any]:
    # Authlib by itself does not ask that the token was made for us.
    return {
        "iss": {"essential": True, "value": client.server_metadata["issuer"]},
        "aud": {"essential": True, "value": client.client_id},
        "sub": {"essential": True},
    }


def _with_address(client: Any, token: dict[str, Any]) -> dict[str, Any]:
    """The ID token's claims; address and name from the userinfo endpoint where the token has none (Core 5.4)."""
    claims = dict(token["userinfo"])
    if {"email", "email_verified"} <= claims.keys() or "userinfo_endpoint" not in client.server_metadata:
        return claims
    told = client.userinfo(token=token)
    if told.get("sub") != claims["sub"]:  # Core 5.3.2: else it may be about somebody else
        raise SignInRefused("The provider's answers are about two different people.")
    address = {"email": told.get("email"), "email_verified": told.get("email_verified")}
    return {"name": told.get("name"), **claims, **address}


@contextmanager
def _told_to_people(key: str) -> Iterator[None]:
    try:
        yield
    except InfiTalksError:
        raise
    except requests.RequestException as error:
        log.warning("%s cannot be reached: %s", _names[key], type(error).__name__)
        raise Unavailable(f"{_names[key]} cannot be reached now. Try again later.", retry_after=30) from None
    except Exception as error:  # a broken answer makes the libraries raise almost anything
        log.warning("sign-in with %s failed: %s %r", _names[key], type(error).__name__, str(error)[:200])
        raise SignInRefused("The sign-in was not completed, or it was tried a second time. Start it again.") from None
