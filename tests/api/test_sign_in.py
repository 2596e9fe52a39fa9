"""The way through a sign-in provider and back, also where the callback is not ours or the provider is away."""

import hashlib
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest
from flask import Flask
from werkzeug import Response

from infitalks.actions import users
from infitalks.blueprints.auth_pages import safe_path
from infitalks.local.ports import pick_port
from infitalks.models.database import database
from tests.api.providing import assert_refused, come_back, set_to
from tests.api.signing import cookie_of
from tests.conftest import started
from tests.people import Person
from tests.providers import CALLBACK, DISCOVERY, Forger, Visitor, issuer, known_at, mock_provider, query_of

# The way through


def test_a_first_sign_in_makes_an_account_with_the_providers_name_and_address(
    site: Flask, provider: str, visitor: Visitor
) -> None:
    known_at(provider, "first", email="First.One@example.org", email_verified=True, name="First One")
    answer = visitor.sign_in("first")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    me = visitor.me()
    assert (me["email"], me["display_name"], me["username"]) == ("first.one@example.org", "First One", "first.one")


def test_the_second_sign_in_finds_the_same_account_even_with_another_address(site: Flask, provider: str) -> None:
    first, second = Visitor(site.test_client()), Visitor(site.test_client())
    known_at(provider, "again", email="again@example.org", email_verified=True)
    first.sign_in("again")
    known_at(provider, "again", email="moved@example.org", email_verified=False)
    second.sign_in("again")
    assert first.me()["id"] == second.me()["id"]


def test_the_request_carries_pkce_state_and_nonce_and_the_verifier_proves_it(forger: Forger, visitor: Visitor) -> None:
    asked = query_of(visitor.begin())
    assert asked["code_challenge_method"] == "S256" and asked["response_type"] == "code"
    assert len(asked["state"]) >= 20 and len(asked["nonce"]) >= 20
    forger.nonce = asked["nonce"]
    assert visitor.client.get(f"{CALLBACK}?code=c&state={asked['state']}").status_code == 302
    told = forger.asked[0]
    digest = hashlib.sha256(told["code_verifier"].encode()).digest()
    assert urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
    assert told["redirect_uri"] == asked["redirect_uri"]


def test_the_configured_address_decides_the_callback_not_the_host_header(site: Flask, visitor: Visitor) -> None:
    answer = visitor.client.get("/api/auth/oidc", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    assert query_of(answer.headers["Location"])["redirect_uri"] == site.config["PUBLIC_URL"] + CALLBACK


def test_signing_in_gives_the_browser_a_new_session(site: Flask, provider: str, ada: Person) -> None:
    known_at(provider, "swap", email="swap@example.org", email_verified=True)
    before = cookie_of(ada.client)
    Visitor(ada.client).sign_in("swap")
    assert cookie_of(ada.client) != before
    assert ada.client.get("/api/auth/session").json["csrf_token"] != ada.csrf
    assert Visitor(ada.client).me()["email"] == "swap@example.org"


def test_a_cookie_from_before_signing_in_is_signed_in_nowhere(site: Flask, provider: str, visitor: Visitor) -> None:
    known_at(provider, "fixed", email="fixed@example.org", email_verified=True)
    back = visitor.allow(visitor.begin(), "fixed")
    planted = cookie_of(visitor.client)
    visitor.client.get(back)
    assert visitor.me()
    other = Visitor(site.test_client())
    other.client.set_cookie(site.config["SESSION_COOKIE_NAME"], planted)
    assert other.me() is None


def test_after_signing_in_one_is_where_one_wanted_to_be(site: Flask, provider: str, visitor: Visitor) -> None:
    known_at(provider, "wanted", email="wanted@example.org", email_verified=True)
    back = visitor.allow(visitor.begin("/api/auth/oidc?next=/c/5%3Fa%3D1"), "wanted")
    assert visitor.client.get(back).headers["Location"] == "/c/5?a=1"


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "https:evil.example",
        "javascript:alert(1)",
        "@evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/a\r\nSet-Cookie: a=b",
        "",
        None,
    ],
)
def test_a_path_that_could_lead_elsewhere_leads_home(path: str | None) -> None:
    assert safe_path(path) == "/"


def test_sign_ins_that_were_begun_and_left_do_not_fill_the_cookie(site: Flask, provider: str, visitor: Visitor) -> None:
    known_at(provider, "often", email="often@example.org", email_verified=True)
    urls = [visitor.begin() for _ in range(25)]
    assert len(cookie_of(visitor.client)) < 1500  # of the 4,096 bytes that a browser keeps
    assert visitor.client.get(visitor.allow(urls[-1], "often")).status_code == 302
    assert visitor.me()


def test_the_first_account_of_a_local_run_is_admin_when_it_comes_from_a_provider_too(app: Flask) -> None:
    database()["site"].delete_one({"_id": "first_admin"})
    founder, follower = (
        users.sign_in_with(
            users.Claims("Acme ID", "https://id.example", name, f"{name}@example.org", True, None), first_is_admin=True
        )
        for name in ("founder", "follower")
    )
    assert (bool(founder.is_admin), bool(follower.is_admin)) == (True, False)


# Callbacks that are not ours


def test_a_callback_works_once(site: Flask, provider: str, visitor: Visitor) -> None:
    known_at(provider, "once", email="once@example.org", email_verified=True)
    back = visitor.allow(visitor.begin(), "once")
    cookie = cookie_of(visitor.client)
    assert visitor.client.get(back).status_code == 302
    assert visitor.client.get(back).status_code == 403
    thief = Visitor(site.test_client())  # who kept a copy of the cookie as it was before
    thief.client.set_cookie(site.config["SESSION_COOKIE_NAME"], cookie)
    assert_refused(thief.client.get(back), thief)


@pytest.mark.parametrize("state", ["", "&state=", "&state=wrong", "&state=%00"])
def test_a_callback_with_a_missing_or_wrong_state_is_refused(
    site: Flask, provider: str, visitor: Visitor, state: str
) -> None:
    known_at(provider, "stateless", email="stateless@example.org", email_verified=True)
    back = visitor.allow(visitor.begin(), "stateless")
    code = query_of(back)["code"]
    assert_refused(visitor.client.get(f"{CALLBACK}?code={code}{state}"), visitor)
    assert visitor.client.get(back).status_code == 302  # the true one would have done


def test_a_callback_of_another_browser_is_refused(site: Flask, provider: str, visitor: Visitor) -> None:
    known_at(provider, "foreign", email="foreign@example.org", email_verified=True)
    back = visitor.allow(visitor.begin(), "foreign")
    victim = Visitor(site.test_client())
    victim.begin()
    assert_refused(victim.client.get(back), victim)


def test_a_no_at_the_provider_is_told_kindly_and_its_words_are_not_trusted(site: Flask, visitor: Visitor) -> None:
    state = query_of(visitor.begin())["state"]
    answer = visitor.client.get(
        f"{CALLBACK}?error=access_denied&error_description=<script>alert(1)</script>&state={state}"
    )
    assert_refused(answer, visitor)
    assert "alert(1)" not in answer.text


@pytest.mark.parametrize("path", ["/api/auth/google", "/api/auth/google/callback?code=a&state=b"])
def test_a_provider_that_is_not_set_up_is_told_kindly(site: Flask, visitor: Visitor, path: str) -> None:
    assert_refused(visitor.client.get(path), visitor, 404)


# The provider is away or broken


def test_a_provider_that_is_down_is_told_kindly(app: Flask, stores_environ: dict[str, str], visitor: Visitor) -> None:
    with set_to(app, stores_environ, f"http://127.0.0.1:{pick_port()}"):
        answer = visitor.client.get("/api/auth/oidc")
        assert_refused(answer, visitor, 503)
        assert int(answer.headers["Retry-After"]) > 0


def test_a_provider_that_goes_down_on_the_way_is_told_kindly(
    app: Flask, stores_environ: dict[str, str], visitor: Visitor, tmp_path: Path
) -> None:
    port = pick_port()
    with set_to(app, stores_environ, issuer(port)):
        with started(mock_provider(port), tmp_path):
            known_at(issuer(port), "late", email="late@example.org", email_verified=True)
            back = visitor.allow(visitor.begin(), "late")
        assert_refused(visitor.client.get(back), visitor, 503)


BROKEN = {
    "an error": Response("no", status=500),
    "HTML": Response("<html>", mimetype="text/html"),
    "a list": Response("[]", mimetype="application/json"),
    "nothing": Response("null", mimetype="application/json"),
    "an empty object": Response("{}", mimetype="application/json"),
    "bytes": Response(b"\xff\xfe\x00", mimetype="application/json"),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_provider_whose_metadata_is_broken_is_told_kindly(forger: Forger, visitor: Visitor, answer: Response) -> None:
    forger.instead[DISCOVERY] = answer
    answered = visitor.client.get("/api/auth/oidc")
    assert_refused(answered, visitor, 503 if answered.status_code == 503 else 403)
    forger.instead.clear()
    assert come_back(visitor, forger).status_code == 302  # what was broken is not kept


@pytest.mark.parametrize("path", ["/token", "/jwks"])
@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN)
def test_a_provider_that_breaks_on_the_way_is_told_kindly(
    forger: Forger, visitor: Visitor, path: str, answer: Response
) -> None:
    forger.instead[path] = answer
    answered = come_back(visitor, forger)
    assert_refused(answered, visitor, 503 if answered.status_code == 503 else 403)


def test_a_provider_that_names_another_issuer_is_refused(forger: Forger, visitor: Visitor) -> None:
    forger.metadata = {"issuer": "https://accounts.google.com"}
    assert_refused(visitor.client.get("/api/auth/oidc"), visitor)


def test_a_provider_that_signs_in_no_safe_way_is_refused(forger: Forger, visitor: Visitor) -> None:
    forger.metadata = {"id_token_signing_alg_values_supported": ["none", "HS256"]}
    assert_refused(visitor.client.get("/api/auth/oidc"), visitor)
