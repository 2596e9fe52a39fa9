"""Accounts' doors for programs and the page's script: signing up, in and out, tokens, and users."""

from flask import Blueprint, current_app, request
from flask import session as cookie
from flask_login import logout_user

from infitalks.access import require_person
from infitalks.actions import sessions, users
from infitalks.blueprints.guard import (
    api,
    caller,
    csrf_token,
    limit_more,
    sign_in_browser,
)
from infitalks.errors import NotFound
from infitalks.models.database import object_id
from infitalks.models.users import User, public_users, search_users
from infitalks.schemas.users import (
    CloseIn,
    LoginIn,
    PreferencesIn,
    PreferencesOut,
    ProfileIn,
    RefreshIn,
    RegisterIn,
    SelfOut,
    SessionOut,
    TokensOut,
    UserOut,
    UsersOut,
    UsersQuery,
    preferences_out,
    self_out,
    user_out,
)

blueprint = Blueprint("auth", __name__)

SIGN_IN_RATE = "20/minute"  # per address
GUESS_RATE = "10/minute"  # per account, from wherever


BROWSERS = {"Firefox": "Firefox", "Edg": "Edge", "OPR": "Opera", "Chrome": "Chrome", "Safari": "Safari"}
SYSTEMS = {"Android": "Android", "iPhone": "iPhone", "iPad": "iPad", "Windows": "Windows", "Mac OS": "macOS"}
SYSTEMS |= {"Linux": "Linux"}


def _agent() -> str:
    """The browser in people's words, for their list of sessions; other programs by the name they give."""
    said = request.headers.get("User-Agent", "")
    browser = next((name for mark, name in BROWSERS.items() if f"{mark}/" in said), None)
    system = next((name for mark, name in SYSTEMS.items() if mark in said), None)
    return f"{browser} on {system}" if browser and system else said


def begin_session(user: User) -> None:
    before = caller()
    sign_in_browser(sessions.start_browser_session(user, _agent()))
    if before and before.session and before.session.kind == "browser":
        sessions.end_session(before.session)  # its cookie is replaced here, but may have been copied


def checked_user(asked: LoginIn) -> User:
    limit_more(GUESS_RATE, "login", asked.login.strip().lower())
    return users.check_login(asked.login, asked.password)


def register_user(asked: RegisterIn) -> User:
    return users.register(asked, first_is_admin=current_app.config["FIRST_IS_ADMIN"])


@blueprint.get("/api/auth/session")
@api(auth="anyone", answers={200: SessionOut})
def get_session() -> SessionOut:
    who = caller()
    return SessionOut(user=self_out(who.user) if who else None, csrf_token=csrf_token())


@blueprint.post("/api/auth/register")
@api(auth="anyone", limit=SIGN_IN_RATE, shared=True, body=RegisterIn, answers={201: SessionOut})
def register(body: RegisterIn) -> tuple[SessionOut, int]:
    user = register_user(body)
    begin_session(user)
    return SessionOut(user=self_out(user), csrf_token=csrf_token()), 201


@blueprint.post("/api/auth/login")
@api(auth="anyone", limit=SIGN_IN_RATE, shared=True, body=LoginIn, answers={200: SessionOut})
def login(body: LoginIn) -> SessionOut:
    user = checked_user(body)
    begin_session(user)
    return SessionOut(user=self_out(user), csrf_token=csrf_token())


@blueprint.post("/api/auth/logout")
@api(answers={204: None})
def logout(me: User) -> None:
    end_current()


def end_current() -> None:
    who = caller()
    if who and who.session:
        sessions.end_session(who.session)
    logout_user()
    cookie.clear()


@blueprint.post("/api/auth/tokens")
@api(auth="anyone", csrf=False, limit=SIGN_IN_RATE, shared=True, body=LoginIn, answers={200: TokensOut})
def create_tokens(body: LoginIn) -> TokensOut:
    return _tokens_out(sessions.start_api_session(checked_user(body), _agent()))


@blueprint.post("/api/auth/tokens/refresh")
@api(auth="anyone", csrf=False, limit="60/minute", body=RefreshIn, answers={200: TokensOut})
def refresh_tokens(body: RefreshIn) -> TokensOut:
    return _tokens_out(sessions.refresh_session(body.refresh_token))


def _tokens_out(tokens: sessions.Tokens) -> TokensOut:
    return TokensOut(access_token=tokens.access, expires_in=sessions.ACCESS_SECONDS, refresh_token=tokens.refresh)


@blueprint.get("/api/users")
@api(query=UsersQuery, answers={200: UsersOut})
def list_users(me: User, query: UsersQuery) -> UsersOut:
    return UsersOut(users=[user_out(doc) for doc in search_users(query.q, query.limit)])


@blueprint.get("/api/users/me")
@api(answers={200: SelfOut})
def get_me(me: User) -> SelfOut:
    return self_out(me)


@blueprint.patch("/api/users/me")
@api(body=ProfileIn, answers={200: SelfOut})
def patch_me(me: User, body: ProfileIn) -> SelfOut:
    return self_out(users.update_profile(me, body))


@blueprint.get("/api/users/me/preferences")
@api(answers={200: PreferencesOut})
def get_preferences(me: User) -> PreferencesOut:
    return preferences_out(me)


@blueprint.patch("/api/users/me/preferences")
@api(body=PreferencesIn, answers={200: PreferencesOut})
def patch_preferences(me: User, body: PreferencesIn) -> PreferencesOut:
    return preferences_out(users.set_preferences(me, body))


@blueprint.delete("/api/users/me")
@api(body=CloseIn, limit="5/minute", answers={204: None})
def delete_me(me: User, body: CloseIn) -> None:
    require_person(me)
    users.close_account(me, body.password)
    cookie.clear()


@blueprint.get("/api/users/<user_id>")
@api(answers={200: UserOut})
def get_user(me: User, user_id: str) -> UserOut:
    found = public_users([object_id(user_id)])
    if not found:
        raise NotFound()
    return user_out(found[object_id(user_id)])
