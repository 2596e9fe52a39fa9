"""Sign-in with a provider opens the right account and no other, whatever comes back from it."""

import hashlib
import itertools
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug import Response
from werkzeug.test import TestResponse

from infitalks.actions import sessions, users
from infitalks.backends import signin
from infitalks.blueprints.auth_pages import safe_path
from infitalks.errors import Conflict
from infitalks.local.ports import pick_port
from infitalks.models.database import database, object_id
from infitalks.models.users import User, user_by_id
from infitalks.settings import load_settings
from tests.conftest import started
from tests.people import Person
from tests.providers import (
    CALLBACK,
    CLIENT_ID,
    CLIENT_SECRET,
    DISCOVERY,
    Claims,
    Forger,
    Visitor,
    forging,
    issuer,
    known_at,
    mock_provider,
    provider_environ,
    query_of,
)

Sign = Callable[[Forger, Claims], str]
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def provider(services_folder: Path) -> Iterator[str]:
    """The mock provider's issuer."""
    port = pick_port()
    with started(mock_provider(port), services_folder):
        yield issuer(port)


@contextmanager
def set_to(app: Flask, environ: dict[str, str], address: str) -> Iterator[Flask]:
    """The app while its provider is the one at `address`."""
    signin.configure(app, load_settings({**environ, **provider_environ(address)}))
    try:
        yield app
    finally:
        signin.configure(app, load_settings(environ))


@pytest.fixture
def site(app: Flask, stores_environ: dict[str, str], provider: str) -> Iterator[Flask]:
    """The app, with the mock provider."""
    with set_to(app, stores_environ, provider):
        yield app


@pytest.fixture
def forger(app: Flask, stores_environ: dict[str, str]) -> Iterator[Forger]:
    """A provider that forges; the app uses it."""
    with forging() as forger, set_to(app, stores_environ, forger.address):
        number = next(_numbers)
        forger.subject = f"mallory-{number}"
        forger.about["email"] = f"mallory-{number}@example.org"
        yield forger


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())


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


def stored(person: Person) -> User:
    user = user_by_id(object_id(person.id))
    assert user
    return user


def cookie_of(browser: FlaskClient) -> str:
    found = browser.get_cookie(browser.application.config["SESSION_COOKIE_NAME"])
    assert found
    return found.value


def accounts() -> int:
    return User.objects.count()


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


# Forged ID tokens


def test_an_honest_id_token_signs_in(forger: Forger, visitor: Visitor) -> None:
    assert come_back(visitor, forger).status_code == 302
    assert visitor.me()["email"] == forger.about["email"]


def test_a_header_that_the_check_does_not_need_is_passed_over(forger: Forger, visitor: Visitor) -> None:
    forger.sign = lambda f, claims: f.with_header(claims, **{"unheard-of": 1})
    assert come_back(visitor, forger).status_code == 302


def _changed(**changes: Any) -> Sign:
    return lambda forger, claims: forger.honestly(forger.claims(**changes))


def _with_header(**header: Any) -> Sign:
    stranger = RSAKey.generate_key(2048, {"kid": "1"})
    shown = {key: stranger.as_dict(private=False) if value == "stranger" else value for key, value in header.items()}
    return lambda forger, claims: jwt.encode({"alg": "RS256", "kid": "1", **shown}, claims, stranger)


FORGED: dict[str, Sign] = {
    "no signature": Forger.unsigned,
    "signed with the public key as a secret": lambda f, c: f.signed_with_text(c, f.key.as_pem(private=False)),
    "signed with the client's secret": lambda f, c: f.signed_with_text(c, CLIENT_SECRET.encode()),
    "signed by a stranger": _with_header(),
    "signed by a stranger who sends the key along": _with_header(jwk="stranger"),
    "signed by a stranger who says where the key is": _with_header(jku="http://127.0.0.1:1/jwks"),
    "signed by a stranger under an unknown key id": _with_header(kid="2"),
    "an altered body": lambda f, c: ".".join([*f.honestly(c).split(".")[:1], *f.unsigned(c).split(".")[1:2], "AA"]),
    "an unknown critical header": lambda f, c: f.with_header(c, crit=["unheard-of"], **{"unheard-of": 1}),
    "another issuer": _changed(iss="https://accounts.google.com"),
    "no issuer": _changed(iss=None),
    "another audience": _changed(aud="another-client"),
    "another audience, but we are the party": _changed(aud="another-client", azp=CLIENT_ID),
    "several audiences, another party": _changed(aud=[CLIENT_ID, "another-client"], azp="another-client"),
    "several audiences, no party": _changed(aud=[CLIENT_ID, "another-client"]),
    "no audience": _changed(aud=None),
    "another nonce": _changed(nonce="another"),
    "no nonce": _changed(nonce=None),
    "expired": _changed(exp=1_000_000_000),
    "no expiry": _changed(exp=None),
    "issued in the future": _changed(iat=4_000_000_000, exp=4_000_000_300),
    "not valid yet": _changed(nbf=4_000_000_000),
    "no subject": _changed(sub=None),
    "an empty subject": _changed(sub=""),
    "a hash of another access token": _changed(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "no token at all": lambda f, c: "",
    "rubbish": lambda f, c: "a.b.c",
}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")  # as when served: no refusal by itself
@pytest.mark.parametrize("sign", FORGED.values(), ids=FORGED)
def test_a_forged_id_token_is_refused(forger: Forger, visitor: Visitor, sign: Sign) -> None:
    before = accounts()
    forger.sign = sign
    assert_refused(come_back(visitor, forger), visitor)
    assert accounts() == before


def test_a_token_from_an_earlier_sign_in_is_refused(forger: Forger, visitor: Visitor) -> None:
    come_back(visitor, forger)
    kept = forger.honestly(forger.claims())
    forger.sign = lambda _forger, _claims: kept
    thief = Visitor(visitor.client.application.test_client())
    assert_refused(come_back(thief, forger), thief)


# Whose account


def test_address_and_name_may_come_from_the_userinfo_endpoint(forger: Forger, visitor: Visitor) -> None:
    forger.userinfo, forger.about = {**forger.about, "sub": forger.subject}, {}
    assert come_back(visitor, forger).status_code == 302
    assert (visitor.me()["email"], visitor.me()["display_name"]) == (forger.userinfo["email"], "Mallory")


def test_a_userinfo_answer_about_somebody_else_is_refused(forger: Forger, visitor: Visitor) -> None:
    forger.userinfo, forger.about = {**forger.about, "sub": "somebody-else"}, {}
    assert_refused(come_back(visitor, forger), visitor)


def test_a_verification_counts_for_the_address_beside_it_alone(forger: Forger, visitor: Visitor, ada: Person) -> None:
    forger.userinfo = {"sub": forger.subject, "email": "mine@example.org", "email_verified": True}
    forger.about = {"email": ada.email}
    come_back(visitor, forger)
    assert visitor.me()["id"] != ada.id and visitor.me()["email"] == "mine@example.org"


@pytest.mark.parametrize("verified", [False, None, "true", 1, [True]], ids=str)
def test_an_address_that_the_provider_has_not_verified_opens_no_account(
    forger: Forger, visitor: Visitor, ada: Person, verified: Any
) -> None:
    before = accounts()
    for email in (ada.email, "nobody-yet@example.org"):
        forger.about = {"email": email, "email_verified": verified}
        forger.userinfo = {"sub": forger.subject, "email": email, "email_verified": verified}
        assert_refused(come_back(visitor, forger), visitor)
    assert accounts() == before
    assert not stored(ada).identities
    assert ada.get("/api/users/me").status_code == 200


@pytest.mark.parametrize("email", [None, "", "no address", "a@b", f"{'a' * 300}@example.org", "a@example.org\0"])
def test_what_is_no_address_opens_no_account(forger: Forger, visitor: Visitor, email: str | None) -> None:
    forger.about = {"email": email, "email_verified": True}
    forger.userinfo = {"sub": forger.subject}
    assert_refused(come_back(visitor, forger), visitor)


def test_a_name_that_could_lie_is_not_taken(forger: Forger, visitor: Visitor) -> None:
    forger.about |= {"name": "Ada\u202elovelace", "email": f"admin@{forger.subject}.example.org"}
    come_back(visitor, forger)
    me = visitor.me()
    assert "\u202e" not in me["display_name"] and me["username"] != "admin"


def test_the_same_subject_at_another_issuer_is_somebody_else(
    site: Flask, provider: str, stores_environ: dict[str, str]
) -> None:
    known_at(provider, "twin", email="twin@example.org", email_verified=True)
    one, two = Visitor(site.test_client()), Visitor(site.test_client())
    one.sign_in("twin")
    with forging() as forger, set_to(site, stores_environ, forger.address):
        forger.subject, forger.about["email"] = "twin", "other-twin@example.org"
        come_back(two, forger)
    assert one.me()["id"] != two.me()["id"]


def test_an_unverified_account_loses_its_password_and_sessions_when_the_address_owner_comes(
    site: Flask, provider: str, visitor: Visitor, eve: Person
) -> None:
    login = {"login": eve.email, "password": eve.password}
    api = Visitor(site.test_client())
    tokens = api.client.post("/api/auth/tokens", json=login).json
    known_at(provider, "owner", email=eve.email, email_verified=True)
    visitor.sign_in("owner")
    assert visitor.me()["id"] == eve.id
    assert eve.get("/api/users/me").status_code == 401
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert api.client.get("/api/users/me", headers=bearer).status_code == 401
    refresh = {"refresh_token": tokens["refresh_token"]}
    assert api.client.post("/api/auth/tokens/refresh", json=refresh).status_code == 401
    assert api.client.post("/api/auth/tokens", json=login).status_code == 401
    assert stored(eve).email_verified


def test_a_verified_account_keeps_its_password_and_sessions(
    site: Flask, provider: str, visitor: Visitor, ada: Person
) -> None:
    User.raw().update_one({"_id": object_id(ada.id)}, {"$set": {"email_verified": True}})
    known_at(provider, "verified", email=ada.email, email_verified=True)
    visitor.sign_in("verified")
    assert visitor.me()["id"] == ada.id
    assert ada.get("/api/users/me").status_code == 200
    login = {"login": ada.email, "password": ada.password}
    assert site.test_client().post("/api/auth/tokens", json=login).status_code == 200


def test_a_sign_in_that_was_under_way_when_the_password_was_taken_opens_nothing(
    site: Flask, provider: str, visitor: Visitor, eve: Person
) -> None:
    checked = users.check_login(eve.email, eve.password)
    known_at(provider, "quicker", email=eve.email, email_verified=True)
    visitor.sign_in("quicker")
    assert sessions.session_of_cookie(sessions.start_browser_session(checked, "")) is None
    assert sessions.session_of_access_token(sessions.start_api_session(checked, "").access) is None


def test_a_password_change_that_was_under_way_when_the_password_was_taken_changes_nothing(
    site: Flask, provider: str, visitor: Visitor, eve: Person
) -> None:
    loaded = stored(eve)
    known_at(provider, "surer", email=eve.email, email_verified=True)
    visitor.sign_in("surer")
    with pytest.raises(Conflict):
        users.change_password(loaded, eve.password, "another password", kept=None)
    assert stored(eve).password_hash is None


def test_changing_the_password_keeps_this_session_and_ends_the_others(app: Flask, ada: Person) -> None:
    other = Visitor(app.test_client())
    tokens = other.client.post("/api/auth/tokens", json={"login": ada.email, "password": ada.password}).json
    form = {"csrf_token": ada.csrf, "current_password": ada.password, "password": "another password"}
    assert ada.client.post("/settings/password", data=form).status_code == 302
    assert ada.get("/api/users/me").status_code == 200
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert other.client.get("/api/users/me", headers=bearer).status_code == 401


@pytest.mark.parametrize("linked", [True, False])
def test_a_disabled_account_is_refused(site: Flask, provider: str, visitor: Visitor, ada: Person, linked: bool) -> None:
    subject = f"disabled-{linked}"
    known_at(provider, subject, email=ada.email, email_verified=True)
    if linked:
        assert Visitor(site.test_client()).sign_in(subject).status_code == 302
    users.disable_user(stored(ada))
    assert_refused(visitor.sign_in(subject), visitor)
    assert len(stored(ada).identities) == linked
