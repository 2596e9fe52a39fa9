"""What a provider claims opens the right account and no other: forged ID tokens, and whose account it is."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from joserfc import jwt
from joserfc.jwk import RSAKey

from infitalks.actions import sessions, users
from infitalks.errors import Conflict
from infitalks.models.database import object_id
from infitalks.models.users import User
from tests.api.providing import assert_refused, come_back, set_to
from tests.api.signing import stored_user
from tests.people import Person
from tests.providers import CLIENT_ID, CLIENT_SECRET, Claims, Forger, Visitor, forging, known_at

Sign = Callable[[Forger, Claims], str]


def accounts() -> int:
    return User.objects.count()


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
    assert not stored_user(ada).identities
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
    assert stored_user(eve).email_verified


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
    loaded = stored_user(eve)
    known_at(provider, "surer", email=eve.email, email_verified=True)
    visitor.sign_in("surer")
    with pytest.raises(Conflict):
        users.change_password(loaded, eve.password, "another password", kept=None)
    assert stored_user(eve).password_hash is None


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
    users.disable_user(stored_user(ada))
    assert_refused(visitor.sign_in(subject), visitor)
    assert len(stored_user(ada).identities) == linked
