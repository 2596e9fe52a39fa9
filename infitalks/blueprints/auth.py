"""Accounts' doors: signing up, in and out, by browser and by API; one's own profile, sessions and password."""

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask import session as cookie
from flask_login import logout_user
from werkzeug.wrappers import Response

from infitalks.actions import media, sessions, users
from infitalks.backends import signin
from infitalks.blueprints.guard import (
    api,
    caller,
    csrf_token,
    limit_more,
    page,
    read_form,
    sign_in_browser,
)
from infitalks.errors import InfiTalksError, NotFound
from infitalks.models.database import object_id
from infitalks.models.sessions import sessions_of
from infitalks.models.users import User, public_users, search_users
from infitalks.schemas.base import validate
from infitalks.schemas.users import (
    CloseIn,
    LoginIn,
    PasswordIn,
    ProfileIn,
    RefreshIn,
    RegisterIn,
    SelfOut,
    SessionOut,
    TokensOut,
    UserOut,
    UsersOut,
    UsersQuery,
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


def _begin(user: User) -> None:
    before = caller()
    sign_in_browser(sessions.start_browser_session(user, _agent()))
    if before and before.session and before.session.kind == "browser":
        sessions.end_session(before.session)  # its cookie is replaced here, but may have been copied


def _checked_user(asked: LoginIn) -> User:
    limit_more(GUESS_RATE, "login", asked.login.strip().lower())
    return users.check_login(asked.login, asked.password)


def _register(asked: RegisterIn) -> User:
    return users.register(asked, first_is_admin=current_app.config["FIRST_IS_ADMIN"])


# JSON


@blueprint.get("/api/auth/session")
@api(auth="anyone", answers={200: SessionOut})
def get_session() -> SessionOut:
    who = caller()
    return SessionOut(user=self_out(who.user) if who else None, csrf_token=csrf_token())


@blueprint.post("/api/auth/register")
@api(auth="anyone", limit=SIGN_IN_RATE, shared=True, body=RegisterIn, answers={201: SessionOut})
def register(body: RegisterIn) -> tuple[SessionOut, int]:
    user = _register(body)
    _begin(user)
    return SessionOut(user=self_out(user), csrf_token=csrf_token()), 201


@blueprint.post("/api/auth/login")
@api(auth="anyone", limit=SIGN_IN_RATE, shared=True, body=LoginIn, answers={200: SessionOut})
def login(body: LoginIn) -> SessionOut:
    user = _checked_user(body)
    _begin(user)
    return SessionOut(user=self_out(user), csrf_token=csrf_token())


@blueprint.post("/api/auth/logout")
@api(answers={204: None})
def logout(me: User) -> None:
    _end_current()


def _end_current() -> None:
    who = caller()
    if who and who.session:
        sessions.end_session(who.session)
    logout_user()
    cookie.clear()


@blueprint.post("/api/auth/tokens")
@api(auth="anyone", csrf=False, limit=SIGN_IN_RATE, shared=True, body=LoginIn, answers={200: TokensOut})
def create_tokens(body: LoginIn) -> TokensOut:
    return _tokens_out(sessions.start_api_session(_checked_user(body), _agent()))


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


@blueprint.delete("/api/users/me")
@api(body=CloseIn, limit="5/minute", answers={204: None})
def delete_me(me: User, body: CloseIn) -> None:
    users.close_account(me, body.password)
    cookie.clear()


@blueprint.get("/api/users/<user_id>")
@api(answers={200: UserOut})
def get_user(me: User, user_id: str) -> UserOut:
    found = public_users([object_id(user_id)])
    if not found:
        raise NotFound()
    return user_out(found[object_id(user_id)])


# Sign-in with a provider


@blueprint.get("/api/auth/<any(google, oidc):provider>")
@page(auth="anyone", limit=SIGN_IN_RATE)
def begin_provider(provider: str) -> Any:
    _forget_begun()
    cookie["next"] = safe_path(request.args.get("next"))
    try:
        return signin.redirect_to(provider, _callback_url(provider))
    except InfiTalksError as error:
        return _not_signed_in(provider, error)


@blueprint.get("/api/auth/<any(google, oidc):provider>/callback")
@page(auth="anyone", limit=SIGN_IN_RATE)
def finish_provider(provider: str) -> Any:
    wanted = safe_path(cookie.get("next"))
    try:
        claims = users.Claims(**signin.claims_of_callback(provider))
        user = users.sign_in_with(claims, first_is_admin=current_app.config["FIRST_IS_ADMIN"])
        _begin(user)
    except InfiTalksError as error:
        return _not_signed_in(provider, error)
    return redirect(wanted)


def _not_signed_in(provider: str, error: InfiTalksError) -> Any:
    name = signin.providers().get(provider, "This provider")
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return render_template("link.html", provider_name=name, message=error.message), error.status, headers


def _forget_begun() -> None:
    # Authlib keeps what it needs of each begun sign-in in the cookie, which browsers drop above 4 kB.
    for name in [name for name in cookie if name.startswith("_state_")]:
        cookie.pop(name)


def _callback_url(provider: str) -> str:
    # From the configured address, never from the request's Host header.
    base: str = current_app.config["PUBLIC_URL"]
    return base.rstrip("/") + url_for("auth.finish_provider", provider=provider)


def safe_path(path: str | None) -> str:
    """A path of this site, or "/" for whatever could lead elsewhere."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return "/"
    if any(char < " " or char in "\\\x7f" for char in path) or urlsplit(path).netloc:
        return "/"
    return path


# Pages


def _provider_links() -> list[dict[str, str]]:
    wanted = safe_path(request.values.get("next"))
    return [
        {"name": name, "url": url_for("auth.begin_provider", provider=key, next=wanted)}
        for key, name in signin.providers().items()
    ]


def _sign_in_page(template: str, error: InfiTalksError | None = None) -> tuple[str, int]:
    errors = {} if error is None else error.fields or {"": error.message}
    values = {key: value for key, value in request.values.items() if key != "password"}
    values["next"] = safe_path(request.values.get("next"))
    html = render_template(template, errors=errors, values=values, providers=_provider_links())
    return html, error.status if error else 200


@blueprint.get("/login")
@page(auth="anyone")
def login_page() -> Any:
    return redirect("/") if caller() else _sign_in_page("login.html")


@blueprint.post("/login")
@page(auth="anyone", limit=SIGN_IN_RATE, shared=True, form=LoginIn)
def login_form() -> Any:
    try:
        _begin(_checked_user(read_form(LoginIn)))  # type: ignore[arg-type]
    except InfiTalksError as error:
        return _sign_in_page("login.html", error)
    return redirect(safe_path(request.form.get("next")))


@blueprint.get("/register")
@page(auth="anyone")
def register_page() -> Any:
    return redirect("/") if caller() else _sign_in_page("register.html")


@blueprint.post("/register")
@page(auth="anyone", limit=SIGN_IN_RATE, shared=True, form=RegisterIn)
def register_form() -> Any:
    try:
        _begin(_register(read_form(RegisterIn)))  # type: ignore[arg-type]
    except InfiTalksError as error:
        return _sign_in_page("register.html", error)
    return redirect(safe_path(request.form.get("next")))


@blueprint.post("/logout")
@page()
def logout_form(me: User) -> Response:
    _end_current()
    return redirect("/login")


@blueprint.get("/settings")
@page()
def settings_page(me: User) -> str:
    return _settings(me)


def _settings(me: User, error: InfiTalksError | None = None) -> Any:
    who = caller()
    current = who.session.id if who and who.session else None
    listed = [
        {
            "id": sessions.public_session_name(session),
            "current": session.id == current,
            "created_at": session.created_at,
            "seen_at": session.seen_at,
            "agent": session.agent,
            "kind": session.kind,
        }
        for session in sessions_of(me.id)
    ]
    errors = {} if error is None else error.fields or {"": error.message}
    html = render_template(
        "settings.html",
        errors=errors,
        values={"display_name": me.display_name, **request.form},
        sessions=listed,
        has_password=bool(me.password_hash),
        identities=[{"issuer": i.issuer, "subject": i.subject, "name": i.provider} for i in me.identities],
    )
    return (html, error.status) if error else html


@blueprint.post("/settings/profile")
@page(form=ProfileIn, most_bytes=media.MOST_BYTES + 64 * 1024)
def profile_form(me: User) -> Any:
    file = request.files.get("avatar")
    try:
        asked = validate(ProfileIn, {"display_name": request.form.get("display_name", "")})
        if file and file.filename:
            uploaded = media.upload_media(me.id, file.filename, file.read(media.MOST_BYTES + 1))
            asked = asked.model_copy(update={"avatar": str(uploaded["_id"])})
        users.update_profile(me, asked)
    except InfiTalksError as error:
        return _settings(me, error)
    flash("Saved.")
    return redirect(url_for("auth.settings_page"))


@blueprint.post("/settings/password")
@page(form=PasswordIn, limit="10/minute")
def password_form(me: User) -> Any:
    who = caller()
    try:
        asked: Any = read_form(PasswordIn)
        kept = who.session.id if who and who.session else None
        users.change_password(me, asked.current_password, asked.password, kept=kept)
    except InfiTalksError as error:
        return _settings(me, error)
    flash("Saved.")
    return redirect(url_for("auth.settings_page"))


@blueprint.post("/settings/sessions/<name>/end")
@page()
def end_session_form(me: User, name: str) -> Response:
    sessions.end_named_session(me.id, name)
    return redirect(url_for("auth.settings_page"))


@blueprint.post("/settings/sessions/end-others")
@page()
def end_other_sessions_form(me: User) -> Response:
    who = caller()
    sessions.end_all_sessions(me.id, but=who.session.id if who and who.session else None)
    return redirect(url_for("auth.settings_page"))
