"""Accounts and sessions: who gets in, how, and that nothing of an ended session works on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import sessions, users
from infitalks.app import create_app
from infitalks.models.sessions import Session, sessions_of
from infitalks.models.users import secret_hash
from infitalks.settings import load_settings
from tests.api.signing import (
    COOKIE,
    bearer,
    cookie_of,
    copied,
    log_in,
    phone_token,
    register,
    signed_in,
    stored_user,
    tokens,
)
from tests.people import Person


def test_somebody_signs_up_out_and_in_by_username_or_address_in_any_case(app: Flask, ada: Person) -> None:
    assert signed_in(ada.client)
    assert ada.post("/api/auth/logout").status_code == 204
    assert not signed_in(ada.client)
    for login in (ada.username, ada.email, ada.email.upper(), f" {ada.username} "):
        answer = log_in(app.test_client(), login, ada.password)
        assert answer.status_code == 200
        assert answer.json["user"] == ada.user


def test_a_user_as_others_see_one_has_no_address_nor_anything_private(ada: Person, bob: Person) -> None:
    seen: Any = bob.get(f"/api/users/{ada.id}").json
    assert seen.keys() == {"id", "username", "display_name", "avatar_url", "kind"}
    assert seen in bob.get(f"/api/users?q={ada.username}").json["users"]


@pytest.mark.parametrize("field", ["email", "username"])
def test_a_taken_address_or_name_is_refused_by_name_in_any_case(app: Flask, ada: Person, field: str) -> None:
    taken = {"email": ada.email, "username": ada.username}[field]
    for value in (taken, taken.upper()):
        answer = register(app.test_client(), **{field: value})
        assert answer.status_code == 409
        assert answer.json["error"]["fields"].keys() == {field}


@pytest.mark.parametrize(
    "username",
    ["admin", "Admin", "here", "me", "-ada", "ada-", "a b", "аda", "ada\u200b", "a" * 33, "", "a/b", "a@b", "ada\n"],
)
def test_a_username_is_short_plain_and_nobodys_title(app: Flask, username: str) -> None:
    answer = register(app.test_client(), username=username)
    if username == "ada\n":  # blanks around it are no part of it
        assert answer.status_code in (201, 409)
        return
    assert answer.status_code == 422, answer.text
    assert answer.json["error"]["fields"].keys() == {"username"}


@pytest.mark.parametrize(
    "name", ["", "   ", "a\u202eb", "a\u200bb", "\u2066x", "a\tb\x07", "\ufeff", "x" * 81, "\ue000"]
)
def test_a_display_name_cannot_lie(app: Flask, name: str) -> None:
    answer = register(app.test_client(), display_name=name)
    assert answer.status_code == 422
    assert answer.json["error"]["fields"].keys() == {"display_name"}


def test_a_display_name_keeps_markup_as_text_and_folds_blanks(app: Flask) -> None:
    answer = register(app.test_client(), display_name="  <b>Zoë</b>\u00a0  {{7*7}} ")
    assert answer.json["user"]["display_name"] == "<b>Zoë</b> {{7*7}}"


@pytest.mark.parametrize(
    "email", ["", "x", "x@", "@example.org", "a b@example.org", "a@b\n.org", "a@localhost", "é" * 300]
)
def test_an_address_has_to_be_one(app: Flask, email: str) -> None:
    answer = register(app.test_client(), email=email)
    assert answer.status_code == 422
    assert answer.json["error"]["fields"].keys() == {"email"}


def test_a_password_is_long_enough_and_counts_to_its_last_character(app: Flask, ada: Person) -> None:
    assert register(app.test_client(), password="7 chars").status_code == 422
    assert register(app.test_client(), password="x" * 257).status_code == 422
    long = "correct horse battery staple " * 8 + "1"
    name = register(app.test_client(), password=long).json["user"]["username"]
    assert log_in(app.test_client(), name, long[:-1] + "2").status_code == 401
    assert log_in(app.test_client(), name, long).status_code == 200


def test_nobody_learns_from_a_refusal_whether_there_is_such_an_account(app: Flask, ada: Person, bob: Person) -> None:
    users.disable_user(stored_user(bob))
    wrong = log_in(app.test_client(), ada.email, "not the password")
    unknown = log_in(app.test_client(), "nobody@example.org", "not the password")
    disabled = log_in(app.test_client(), bob.email, bob.password)
    assert wrong.status_code == 401
    assert (wrong.status_code, wrong.json) == (unknown.status_code, unknown.json)
    assert (wrong.status_code, wrong.json) == (disabled.status_code, disabled.json)


# The cookie


def test_the_cookie_is_out_of_scripts_and_other_sites_reach(app: Flask, ada: Person) -> None:
    answer = log_in(app.test_client(), ada.email, ada.password)
    (header,) = answer.headers.getlist("Set-Cookie")
    parts = {part.strip().split("=")[0].lower() for part in header.split(";")}
    assert {"httponly", "samesite", "path"} <= parts and "domain" not in parts
    assert "SameSite=Lax" in header and "Path=/" in header and "Secure" not in header
    assert len(header) < 4096


def test_over_tls_the_cookie_is_bound_to_the_host(stores_environ: dict[str, str], app: Flask, ada: Person) -> None:
    settings = {**stores_environ, "MONGODB_DATABASE": "api", "PUBLIC_URL": "https://chat.example.org"}
    secure = create_app(load_settings({**settings, "INFITALKS_RATE_LIMITS": "off"})).test_client()
    base = {"base_url": "https://localhost"}
    csrf = secure.get("/api/auth/session", **base).json["csrf_token"]
    asked = {"login": ada.email, "password": ada.password}
    answer = secure.post("/api/auth/login", json=asked, headers={"X-CSRF-Token": csrf}, **base)
    header = answer.headers["Set-Cookie"]
    assert header.startswith("__Host-infitalks=") and "Secure" in header and "Domain" not in header
    assert "Strict-Transport-Security" in answer.headers


def test_a_session_chosen_before_signing_in_is_worth_nothing_after(app: Flask, ada: Person) -> None:
    attacker, victim = app.test_client(), app.test_client()
    attacker.get("/api/auth/session")
    before = cookie_of(attacker)
    victim.set_cookie(COOKIE, before)
    assert log_in(victim, ada.email, ada.password).status_code == 200
    assert cookie_of(victim) != before
    assert signed_in(victim) and not signed_in(attacker)


def test_signing_in_anew_ends_the_session_before(app: Flask, ada: Person) -> None:
    old = copied(app, ada)
    assert signed_in(old)
    assert log_in(ada.client, ada.email, ada.password).status_code == 200
    assert signed_in(ada.client)
    assert not signed_in(old)


def test_a_copied_cookie_is_worth_nothing_after_logging_out(app: Flask, ada: Person) -> None:
    thief = copied(app, ada)
    assert signed_in(thief)
    assert ada.post("/api/auth/logout").status_code == 204
    assert not signed_in(thief)
    assert thief.get("/api/auth/session").json["user"] is None


def test_logging_out_elsewhere_leaves_this_session_be(app: Flask, ada: Person) -> None:
    phone = app.test_client()
    csrf = log_in(phone, ada.email, ada.password).json["csrf_token"]
    assert phone.post("/api/auth/logout", headers={"X-CSRF-Token": csrf}).status_code == 204
    assert not signed_in(phone) and signed_in(ada.client)


def test_a_new_password_ends_all_other_sessions_and_tokens(app: Flask, ada: Person) -> None:
    phone, token = app.test_client(), tokens(ada)
    log_in(phone, ada.email, ada.password)
    form = {"current_password": "not hers", "password": "a new password"}
    assert ada.call("POST", "/settings/password", data=form).status_code == 422
    assert signed_in(phone)
    form["current_password"] = ada.password
    assert ada.call("POST", "/settings/password", data=form).status_code == 302
    assert signed_in(ada.client) and not signed_in(phone)
    assert bearer(app.test_client(), token["access_token"]).status_code == 401
    assert log_in(app.test_client(), ada.email, ada.password).status_code == 401
    assert log_in(app.test_client(), ada.email, "a new password").status_code == 200


def test_one_ends_ones_own_sessions_one_by_one_and_nobody_elses(app: Flask, ada: Person, bob: Person) -> None:
    phone = app.test_client()
    log_in(phone, ada.email, ada.password)
    named = {sessions.public_session_name(s): s.id for s in sessions_of(ObjectId(ada.id))}
    mine = secret_hash(phone_token(phone))
    name = next(name for name, key in named.items() if key == mine)
    assert bob.call("POST", f"/settings/sessions/{name}/end").status_code == 404
    assert signed_in(phone)
    assert ada.call("POST", f"/settings/sessions/{name}/end").status_code == 302
    assert not signed_in(phone) and signed_in(ada.client)


@pytest.mark.parametrize(
    "field", [{"expires_at": timedelta()}, {"seen_at": timedelta(days=14, seconds=1)}], ids=["absolute", "idle"]
)
def test_a_session_ends_by_time(ada: Person, field: dict[str, timedelta]) -> None:
    assert signed_in(ada.client)
    ((name, age),) = field.items()
    Session.raw().update_many({"user": ObjectId(ada.id)}, {"$set": {name: datetime.now(UTC) - age}})
    assert not signed_in(ada.client)


# The end of an account


def test_a_disabled_user_is_stopped_everywhere_at_once(app: Flask, ada: Person) -> None:
    client, given = app.test_client(), tokens(ada)
    assert signed_in(ada.client) and bearer(client, given["access_token"]).status_code == 200
    users.disable_user(stored_user(ada))
    assert not signed_in(ada.client)
    assert bearer(client, given["access_token"]).status_code == 401
    again = client.post("/api/auth/tokens/refresh", json={"refresh_token": given["refresh_token"]})
    assert again.status_code == 401
    assert log_in(client, ada.email, ada.password).status_code == 401
    assert client.post("/api/auth/tokens", json={"login": ada.email, "password": ada.password}).status_code == 401


def test_an_account_closes_with_its_password_and_frees_its_names(app: Flask, ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    ada.say(chat, "what stays")
    assert ada.delete("/api/users/me", {"password": "wrong"}).status_code == 422
    assert ada.delete("/api/users/me", {}).status_code == 422
    assert signed_in(ada.client)
    assert ada.delete("/api/users/me", {"password": ada.password}).status_code == 204
    assert not signed_in(ada.client)
    assert log_in(app.test_client(), ada.email, ada.password).status_code == 401
    (message,) = bob.get(f"/api/messages?chat={chat}").json["messages"]
    assert message["text"] == "what stays" and message["author"]["display_name"] == "Former member"
    assert bob.get(f"/api/users?q={ada.username}").json["users"] == []
    assert register(app.test_client(), email=ada.email, username=ada.username).status_code == 201
