"""Tokens of people and bots, and the limits on guessing: what opens the API and what does not."""

import base64
import hmac
import itertools
import json
import secrets
import time
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import OctKey
from werkzeug.test import TestResponse

from infitalks.actions import users
from infitalks.app import create_app
from infitalks.models.sessions import Session, sessions_of
from infitalks.models.users import secret_hash, user_by_id
from infitalks.settings import load_settings
from tests.api.signing import COOKIE, bearer, phone_token, signed_in, stored_user, tokens
from tests.people import Person


def test_a_token_opens_the_api_without_cookie_and_csrf_token(app: Flask, ada: Person) -> None:
    given = tokens(ada)
    assert given.keys() == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert given["token_type"] == "Bearer"
    client = app.test_client()
    assert bearer(client, given["access_token"]).json == ada.user
    asked = {"kind": "group", "name": "By token"}
    assert bearer(client, given["access_token"], "/api/chats", "POST", json=asked).status_code == 201
    assert client.get_cookie(COOKIE) is None


def test_a_token_beside_the_cookie_is_refused(ada: Person) -> None:
    token = tokens(ada)["access_token"]
    assert bearer(ada.client, token).status_code == 400
    assert bearer(ada.client, token, "/api/chats", "POST", json={"kind": "group", "name": "x"}).status_code == 400


def test_a_token_in_the_address_is_no_token(app: Flask, ada: Person) -> None:
    token = tokens(ada)["access_token"]
    for name in ("access_token", "token", "bearer"):
        assert app.test_client().get(f"/api/users/me?{name}={token}").status_code == 401


def test_logging_out_by_token_ends_it_and_its_refresh_token(app: Flask, ada: Person) -> None:
    given, client = tokens(ada), app.test_client()
    assert bearer(client, given["access_token"], "/api/auth/logout", "POST").status_code == 204
    assert bearer(client, given["access_token"]).status_code == 401
    again = client.post("/api/auth/tokens/refresh", json={"refresh_token": given["refresh_token"]})
    assert again.status_code == 401
    assert signed_in(ada.client)


@pytest.fixture
def key(stores_environ: dict[str, str]) -> OctKey:
    """What the app signs access tokens with."""
    return OctKey.import_key(load_settings(stores_environ).derived_key("access tokens"))


def _written(*parts: object) -> str:
    return ".".join(_base64(json.dumps(part).encode()) for part in parts)


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unsigned(claims: dict[str, Any], alg: str) -> str:
    return _written({"alg": alg, "typ": "at+jwt"}, claims) + "."


def _signed(header: object, claims: dict[str, Any], key: OctKey) -> str:
    """Rightly signed with a header that the library would not write."""
    text = _written(header, claims)
    return f"{text}.{_base64(hmac.digest(key.raw_value, text.encode(), 'sha256'))}"


def test_a_forged_or_late_token_opens_nothing(app: Flask, ada: Person, key: OctKey) -> None:
    given = tokens(ada)["access_token"]
    claims = jwt.decode(given, key).claims
    header = {"alg": "HS256", "typ": "at+jwt"}
    other = OctKey.import_key(secrets.token_bytes(32))
    browser = next(s.id for s in sessions_of(ObjectId(ada.id)) if s.kind == "browser")
    past = int(time.time()) - 1
    client = app.test_client()
    for good in (jwt.encode(header, claims, key), _signed(header, claims, key)):
        assert bearer(client, good).status_code == 200  # so the rest fails by its fault alone
    forged = {
        "no signature": _unsigned(claims, "none"),
        "no signature, other case": _unsigned(claims, "nOnE"),
        "signature cut off": given.rpartition(".")[0] + ".",
        "other key": jwt.encode(header, claims, other),
        "own key in the header": jwt.encode({**header, "jwk": other.as_dict()}, claims, other),
        "other algorithm": jwt.encode({**header, "alg": "HS512"}, claims, key, algorithms=["HS512"]),
        "late": jwt.encode(header, {**claims, "exp": past}, key),
        "without end": jwt.encode(header, {k: v for k, v in claims.items() if k != "exp"}, key),
        "other issuer": jwt.encode(header, {**claims, "iss": "evil"}, key),
        "no such session": jwt.encode(header, {**claims, "sid": secrets.token_hex(16)}, key),
        "a browser's session": jwt.encode(header, {**claims, "sid": browser}, key),
        "a query as session": jwt.encode(header, {**claims, "sid": {"$ne": None}}, key),
        "no session": jwt.encode(header, {k: v for k, v in claims.items() if k != "sid"}, key),
        "a list": given.partition(".")[0] + ".W10." + given.rpartition(".")[2],
        "an extension that must be known": _signed({**header, "crit": ["exp"]}, claims, key),
        "an extension that is no list": _signed({**header, "crit": 1}, claims, key),
        "a header that is no object": _signed(["HS256"], claims, key),
        "a key id that is none": _signed({**header, "kid": {"$ne": 1}}, claims, key),
        "no token": "a.b.c",
        "dots": "...",
        "not ASCII": "é.é.é",
        "a refresh token": tokens(ada)["refresh_token"],
        "a bot's token": "ifb_" + secrets.token_urlsafe(32),
    }
    for what, token in forged.items():
        answer = bearer(client, token)
        assert answer.status_code == 401, (what, answer.status_code)


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "bearer\t", "Token x", "Bearer  x y"])
def test_an_authorization_header_is_a_bearers_or_refused(app: Flask, header: str) -> None:
    for path in ("/api/users/me", "/api/auth/session"):
        assert app.test_client().get(path, headers={"Authorization": header}).status_code == 401


def test_a_refresh_token_works_once_and_its_reuse_ends_the_session(app: Flask, ada: Person) -> None:
    client, first = app.test_client(), tokens(ada)

    def refresh(token: str) -> TestResponse:
        return client.post("/api/auth/tokens/refresh", json={"refresh_token": token})

    second = refresh(first["refresh_token"])
    assert second.status_code == 200
    assert second.json["refresh_token"] != first["refresh_token"]
    assert bearer(client, second.json["access_token"]).status_code == 200
    assert refresh(first["refresh_token"]).status_code == 401
    assert refresh(second.json["refresh_token"]).status_code == 401
    assert bearer(client, second.json["access_token"]).status_code == 401
    assert signed_in(ada.client)


def test_secrets_are_stored_as_hashes_only(app: Flask, ada: Person) -> None:
    given = tokens(ada)
    bot = ada.post("/api/bots", {"username": f"r{secrets.token_hex(6)}"}).json["token"]
    stored = str(list(Session.raw().find({"user": ObjectId(ada.id)}))) + str(stored_user(ada).to_mongo())
    stored += str(list(type(stored_user(ada)).raw().find({"created_by": ObjectId(ada.id)})))
    for secret in (given["refresh_token"], phone_token(ada.client), bot, ada.password):
        assert secret not in stored
    assert secret_hash(given["refresh_token"]) in stored


# Bots


def test_a_bots_token_opens_the_same_api(app: Flask, ada: Person) -> None:
    name = f"robot-{secrets.token_hex(4)}"
    made = ada.post("/api/bots", {"username": name, "display_name": "Robot"})
    assert made.status_code == 201
    assert made.json["bot"]["kind"] == "bot" and made.json["bot"]["username"] == name
    chat = ada.group()
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [made.json["bot"]["id"]]})
    client, token = app.test_client(), made.json["token"]
    asked = {"chat_id": chat, "client_id": "b1", "text": "beep"}
    assert bearer(client, token, "/api/messages", "POST", json=asked).status_code == 201
    (message,) = ada.get(f"/api/messages?chat={chat}").json["messages"]
    assert message["author"] == made.json["bot"]
    users.disable_user(user_by_id(ObjectId(made.json["bot"]["id"])))  # type: ignore[arg-type]
    assert bearer(client, token).status_code == 401


def test_a_bots_name_is_taken_like_anybodys(ada: Person, bob: Person) -> None:
    refused = ada.post("/api/bots", {"username": bob.username})
    assert refused.status_code == 409 and refused.json["error"]["fields"].keys() == {"username"}


def test_a_bot_makes_no_bots_and_closes_no_account(app: Flask, ada: Person) -> None:
    made = ada.post("/api/bots", {"username": f"robot-{secrets.token_hex(4)}"}).json
    client, token = app.test_client(), made["token"]
    another = {"username": f"robot-{secrets.token_hex(4)}"}
    assert bearer(client, token, "/api/bots", "POST", json=another).status_code == 403
    assert bearer(client, token, "/api/users/me", "DELETE", json={}).status_code == 403
    assert bearer(client, token, "/api/users/me").json["username"] == made["bot"]["username"]


def test_a_webhooks_bot_tells_strangers_nothing_of_its_chat(ada: Person, bob: Person) -> None:
    name, chat = secrets.token_hex(6), ada.group()
    asked = {"kind": "incoming", "name": f"secret {name}"}
    webhook = ada.post(f"/api/chats/{chat}/webhooks", asked).json["id"]
    assert ada.patch(f"/api/webhooks/{webhook}", {"name": f"renamed {name}"}).status_code == 200
    for query in (name, "secret", "renamed", "bot-"):
        assert name not in bob.get(f"/api/users?limit=50&q={query}").text
    assert name in ada.get(f"/api/chats/{chat}").text


addresses = (f"192.0.2.{number}" for number in itertools.count(1))


# Limits


@pytest.fixture(scope="module")
def limited(app: Flask, stores_environ: dict[str, str]) -> Flask:
    """The app with its rate limits on."""
    return create_app(load_settings({**stores_environ, "MONGODB_DATABASE": "api"}))


def guess(client: FlaskClient, login: str, address: str, **headers: str) -> TestResponse:
    where: Any = {"environ_overrides": {"REMOTE_ADDR": address}, "headers": headers}
    return client.post("/api/auth/tokens", json={"login": login, "password": "a guess"}, **where)


def test_one_address_guesses_so_often_only_whatever_it_says_of_itself(limited: Flask) -> None:
    client, address = limited.test_client(), next(addresses)
    seen = [guess(client, f"somebody-{n}", address, **{"X-Forwarded-For": f"198.51.100.{n}"}) for n in range(25)]
    assert [answer.status_code for answer in seen] == [401] * 20 + [429] * 5
    assert 1 <= int(seen[-1].headers["Retry-After"]) <= 60
    assert seen[-1].json["error"]["code"] == "rate_limited"
    assert guess(client, "somebody-1", next(addresses)).status_code == 401


def test_one_account_is_guessed_at_so_often_only_from_wherever(limited: Flask, ada: Person, bob: Person) -> None:
    client = limited.test_client()
    seen = [guess(client, ada.email, next(addresses)) for _ in range(12)]
    assert [answer.status_code for answer in seen] == [401] * 10 + [429] * 2
    assert int(seen[-1].headers["Retry-After"]) >= 1
    assert guess(client, f" {ada.email.upper()}", next(addresses)).status_code == 429
    assert guess(client, bob.email, next(addresses)).status_code == 401


def test_the_page_says_when_to_try_again(limited: Flask) -> None:
    client, address = limited.test_client(), {"REMOTE_ADDR": next(addresses)}
    csrf = client.get("/api/auth/session").json["csrf_token"]
    form = {"login": "somebody", "password": "a guess", "csrf_token": csrf}
    statuses = [client.post("/login", data=form, environ_overrides=address).status_code for _ in range(21)]
    assert statuses[0] == 401 and statuses[-1] == 429


def test_each_caller_has_limits_of_their_own(limited: Flask) -> None:
    one, other = (Person(limited.test_client(), name) for name in ("one", "other"))
    path = f"/api/media/{'0' * 24}/retry"
    assert [one.post(path).status_code for _ in range(22)] == [404] * 20 + [429] * 2
    assert other.post(path).status_code == 404
