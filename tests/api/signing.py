"""Signing in by browser and by token, for the tests of what follows from it."""

import secrets
from typing import Any

from bson import ObjectId
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from infitalks.models.users import user_by_id
from tests.people import Person

COOKIE = "infitalks"


def cookie_of(client: FlaskClient) -> str:
    cookie = client.get_cookie(COOKIE)
    assert cookie
    return cookie.value


def copied(app: Flask, person: Person) -> FlaskClient:
    """Another browser with the same cookie."""
    client = app.test_client()
    client.set_cookie(COOKIE, cookie_of(person.client))
    return client


def signed_in(client: FlaskClient) -> bool:
    return client.get("/api/users/me").status_code == 200


def log_in(client: FlaskClient, login: str, password: str, **options: Any) -> TestResponse:
    csrf = client.get("/api/auth/session").json["csrf_token"]
    headers = {"X-CSRF-Token": csrf}
    return client.post("/api/auth/login", json={"login": login, "password": password}, headers=headers, **options)


def tokens(person: Person) -> Any:
    asked = {"login": person.email, "password": person.password}
    answer = person.client.application.test_client().post("/api/auth/tokens", json=asked)
    assert answer.status_code == 200, answer.text
    return answer.json


def bearer(
    client: FlaskClient, token: str, path: str = "/api/users/me", method: str = "GET", **more: Any
) -> TestResponse:
    return client.open(path, method=method, headers={"Authorization": f"Bearer {token}"}, **more)


def register(client: FlaskClient, **fields: str) -> TestResponse:
    name = f"n{secrets.token_hex(6)}"
    asked = {"email": f"{name}@example.org", "username": name, "password": "a long password", **fields}
    csrf = client.get("/api/auth/session").json["csrf_token"]
    return client.post("/api/auth/register", json=asked, headers={"X-CSRF-Token": csrf})


def stored_user(person: Person) -> Any:
    user = user_by_id(ObjectId(person.id))
    assert user
    return user


def phone_token(client: FlaskClient) -> str:
    with client.session_transaction() as cookie:
        return str(cookie["_user_id"])
