"""Other sites: what they can neither do nor read in somebody's name, and where signing in leads."""

import secrets
from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from infitalks.actions import users
from infitalks.blueprints.guard import SAFE
from infitalks.blueprints.openapi import policies
from tests.api.signing import bearer, signed_in
from tests.people import Person


def test_no_unsafe_route_is_reached_by_cookie_without_this_sessions_token(app: Flask, ada: Person, bob: Person) -> None:
    reached = 0
    for rule, policy in policies(app):
        if not policy or not policy.csrf:
            continue
        path = rule.rule.replace("<int:", "<")
        while "<" in path:
            path = path[: path.index("<")] + "0" * 24 + path[path.index(">") + 1 :]
        for method in (rule.methods or set()) - set(SAFE):
            reached += 1
            for headers in ({}, {"X-CSRF-Token": bob.csrf}, {"X-CSRF-Token": "x"}):
                if policy.auth == "admin":
                    continue  # refused before, as nobody here is an admin
                answer = ada.client.open(path, method=method, headers=headers)
                assert answer.status_code == 403, (rule.rule, method, answer.status_code)
                if rule.rule.startswith("/api/"):
                    assert answer.json["error"]["code"] == "csrf"
    assert reached > 20
    assert signed_in(ada.client)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_request_from_another_site_is_refused_even_with_the_token(ada: Person, site: str) -> None:
    asked = {"display_name": "Eve was here"}
    answer = ada.call("PATCH", "/api/users/me", asked, headers={"Sec-Fetch-Site": site})
    assert (answer.status_code, answer.json["error"]["code"]) == (403, "csrf")
    answer = ada.call("PATCH", "/api/users/me", asked, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 200


def test_nobody_can_be_signed_in_or_out_from_elsewhere(app: Flask, ada: Person) -> None:
    asked = {"login": ada.email, "password": ada.password}
    assert app.test_client().post("/api/auth/login", json=asked).status_code == 403
    assert app.test_client().post("/login", data=asked).status_code == 403
    assert app.test_client().post("/api/auth/register", json=asked).status_code == 403
    for path in ("/api/auth/logout", "/logout"):
        assert ada.client.get(path).status_code in (404, 405)
    assert signed_in(ada.client)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example"])
def test_no_other_origin_may_read_answers(ada: Person, origin: str) -> None:
    for method in ("GET", "OPTIONS"):
        answer = ada.call(method, "/api/users/me", headers={"Origin": origin})
        assert not [name for name, _ in answer.headers if name.lower().startswith("access-control-")]


def test_reading_changes_nothing_and_methods_cannot_be_disguised(ada: Person) -> None:
    for header in ("X-HTTP-Method-Override", "X-Method-Override"):
        answer = ada.call("POST", "/api/users/me", headers={header: "DELETE"})
        assert answer.status_code == 405
    assert ada.call("TRACE", "/api/users/me").status_code == 405
    assert signed_in(ada.client)


# Pages


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https://evil.example/",
        "\t//evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "@evil.example",
        "evil.example",
        "///evil.example",
        "/%0d%0aSet-Cookie:x=y\r\nSet-Cookie: x=y",
        "\x00//evil.example",
        "",
    ],
)
def test_signing_in_leads_nowhere_else(app: Flask, ada: Person, path: str) -> None:
    client = app.test_client()
    csrf = client.get("/api/auth/session").json["csrf_token"]
    page = client.get("/login", query_string={"next": path})
    assert "evil.example" not in page.text and "javascript:" not in page.text
    form = {"login": ada.email, "password": ada.password, "next": path, "csrf_token": csrf}
    answer = client.post("/login", data=form)
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")


def test_signing_in_leads_back_to_where_it_was_asked_for(app: Flask, ada: Person) -> None:
    client = app.test_client()
    chat = ada.group()
    away = client.get(f"/c/{chat}?x=1&y=%2F")
    assert away.status_code == 302 and away.headers["Location"].startswith("/login?next=")
    page = client.get(away.headers["Location"])
    assert f'value="/c/{chat}?x=1&amp;y=%2F"' in page.text
    csrf = client.get("/api/auth/session").json["csrf_token"]
    form = {"login": ada.email, "password": ada.password, "next": f"/c/{chat}?x=1", "csrf_token": csrf}
    assert client.post("/login", data=form).headers["Location"] == f"/c/{chat}?x=1"


def test_a_wrong_password_on_the_page_says_so_and_never_shows_it_again(app: Flask, ada: Person) -> None:
    client = app.test_client()
    csrf = client.get("/api/auth/session").json["csrf_token"]
    answer = client.post("/login", data={"login": ada.email, "password": "wrong password", "csrf_token": csrf})
    assert answer.status_code == 401
    assert "wrong password" not in answer.text and ada.email in answer.text


def test_only_an_admin_opens_the_admins_pages(app: Flask, ada: Person) -> None:
    bot = ada.post("/api/bots", {"username": f"r{secrets.token_hex(6)}"}).json["token"]
    asked: list[Callable[[], TestResponse]] = [
        lambda: ada.get("/admin"),
        lambda: ada.call("POST", "/admin/maintenance/expired-sessions/run"),
        lambda: bearer(app.test_client(), bot, "/admin"),
    ]
    assert [ask().status_code for ask in asked] == [403, 403, 403]
    assert app.test_client().get("/admin").status_code == 302
    users.make_admin(ada.username)
    assert [ask().status_code for ask in asked] == [200, 302, 403]
