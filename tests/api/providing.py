"""The app with a sign-in provider, and coming back from it, for the tests of what follows."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from werkzeug.test import TestResponse

from infitalks.backends import signin
from infitalks.settings import load_settings
from tests.providers import CALLBACK, Forger, Visitor, provider_environ, query_of


@contextmanager
def set_to(app: Flask, environ: dict[str, str], address: str) -> Iterator[Flask]:
    """The app while its provider is the one at `address`."""
    signin.configure(app, load_settings({**environ, **provider_environ(address)}))
    try:
        yield app
    finally:
        signin.configure(app, load_settings(environ))


def come_back(visitor: Visitor, forger: Forger) -> TestResponse:
    """Begin at the forger and return from it with its code."""
    asked = query_of(visitor.begin())
    forger.nonce = asked["nonce"]
    return visitor.client.get(f"{CALLBACK}?code=c&state={asked['state']}")


def assert_refused(answer: TestResponse, visitor: Visitor, status: int = 403) -> None:
    """The friendly page, and nobody signed in."""
    assert answer.status_code == status, answer.text
    assert "did not sign you in" in answer.text and 'href="/login"' in answer.text
    assert visitor.me() is None
