"""Accounts' pages, which work without script: sign-in, also with a provider, and one's own settings."""

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask import session as cookie
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from infitalks.access import require_person
from infitalks.actions import sessions, uploads, users
from infitalks.actions.media import retry_media
from infitalks.backends import signin
from infitalks.blueprints.auth import SIGN_IN_RATE, begin_session, checked_user, end_current, register_user
from infitalks.blueprints.guard import caller, limited_bytes, page, read_form
from infitalks.blueprints.looks import LookIn, keep_look
from infitalks.errors import Conflict, InfiTalksError
from infitalks.models.media import newest_unshown
from infitalks.models.sessions import sessions_of
from infitalks.models.users import User, bots_of
from infitalks.schemas.base import validate
from infitalks.schemas.bots import BotIn
from infitalks.schemas.media import attachment_out
from infitalks.schemas.users import (
    LoginIn,
    NotifyForm,
    PasswordIn,
    PreferencesForm,
    PreferencesIn,
    ProfileIn,
    RegisterIn,
    user_out,
)
from infitalks.words import _

blueprint = Blueprint("auth_pages", __name__)

PICTURE_FORM_BYTES = uploads.LARGEST_PICTURE + 64 * 1024


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
        begin_session(user)
    except InfiTalksError as error:
        return _not_signed_in(provider, error)
    return redirect(wanted)


def _not_signed_in(provider: str, error: InfiTalksError) -> Any:
    name = signin.providers().get(provider, _("This provider"))
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    return render_template("link.html", provider_name=name, message=error.message), error.status, headers


def _forget_begun() -> None:
    # Authlib keeps what it needs of each begun sign-in in the cookie, which browsers drop above 4 kB.
    for name in [name for name in cookie if name.startswith("_state_")]:
        cookie.pop(name)


def _callback_url(provider: str) -> str:
    # From the configured address, never from the request's Host header.
    base: str = current_app.config["PUBLIC_URL"]
    return base.rstrip("/") + url_for("auth_pages.finish_provider", provider=provider)


def safe_path(path: str | None) -> str:
    """A path of this site, or "/" for whatever could lead elsewhere."""
    if not path or not path.startswith("/") or path.startswith(("//", "/\\")):
        return "/"
    if any(char < " " or char in "\\\x7f" for char in path) or urlsplit(path).netloc:
        return "/"
    return path


def _provider_links() -> list[dict[str, str]]:
    wanted = safe_path(request.values.get("next"))
    return [
        {"name": name, "url": url_for("auth_pages.begin_provider", provider=key, next=wanted)}
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
        begin_session(checked_user(read_form(LoginIn)))
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
        begin_session(register_user(read_form(RegisterIn)))
    except InfiTalksError as error:
        return _sign_in_page("register.html", error)
    return redirect(safe_path(request.form.get("next")))


@blueprint.post("/logout")
@page()
def logout_form(me: User) -> Response:
    end_current()
    return redirect("/login")


@blueprint.get("/settings")
@page()
def settings_page(me: User) -> str:
    return _settings(me)


def _settings(me: User, error: InfiTalksError | None = None, new_bot: Any = None) -> Any:
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
        coming=coming_picture(me, f"user:{me.id}"),
        sessions=listed,
        bots=[{**user_out(bot.to_mongo()).model_dump(), "created_at": bot.created_at} for bot in bots_of(me.id)],
        new_bot=new_bot,
        public_url=current_app.config["PUBLIC_URL"].rstrip("/"),
        has_password=bool(me.password_hash),
        identities=[{"issuer": i.issuer, "subject": i.subject, "name": i.provider} for i in me.identities],
    )
    return (html, error.status) if error else html


def keep_picture(me: User, file: FileStorage) -> str:
    """The id of a picture that came with a form. Raises what an upload does."""
    try:
        picture = uploads.read_picture(file.filename or "", file.stream)
    except InfiTalksError as error:
        raise type(error)(error.message, fields={"avatar": error.message}) from None  # as the form calls it
    with limited_bytes(me, picture.size):
        return str(uploads.upload_media(me.id, picture)["_id"])


def coming_picture(me: User, profile_of: str) -> dict[str, Any] | None:
    """The picture that a profile does not show yet: how far it is, and whether this user can try it again."""
    coming = newest_unshown(profile_of)
    return {**attachment_out(coming).model_dump(), "own": coming["owner"] == me.id} if coming else None


@blueprint.post("/settings/picture/<media_id>/retry")
@page(limit="20/minute")
def retry_picture_form(me: User, media_id: str) -> Any:
    try:
        retry_media(me.id, media_id)
    except Conflict as error:
        return _settings(me, error)
    return redirect(url_for("auth_pages.settings_page"))


@blueprint.post("/settings/profile")
@page(form=ProfileIn, most_bytes=PICTURE_FORM_BYTES)
def profile_form(me: User) -> Any:
    file = request.files.get("avatar")
    try:
        asked = validate(ProfileIn, {"display_name": request.form.get("display_name", "")})
        if "no_avatar" in request.form:
            asked = asked.model_copy(update={"avatar": None})
        elif file and file.filename:
            asked = asked.model_copy(update={"avatar": keep_picture(me, file)})
        users.update_profile(me, asked)
    except InfiTalksError as error:
        return _settings(me, error)
    flash(_("Saved."))
    return redirect(url_for("auth_pages.settings_page"))


@blueprint.post("/settings/look")
@page(form=LookIn)
def look_form(me: User) -> Any:
    response = redirect(f"{url_for('auth_pages.settings_page')}#look")
    keep_look(current_app, response, read_form(LookIn))
    flash(_("Saved. It holds for this browser."))
    return response


@blueprint.post("/settings/preferences")
@page(form=PreferencesForm)
def preferences_form(me: User) -> Any:
    users.set_preferences(me, PreferencesIn(**read_form(PreferencesForm).model_dump()))
    flash(_("Saved."))
    return redirect(f"{url_for('auth_pages.settings_page')}#preferences")


@blueprint.post("/settings/notifications")
@page(form=NotifyForm)
def notifications_form(me: User) -> Any:
    try:
        users.set_preferences(me, read_form(NotifyForm).preferences())
    except InfiTalksError as error:
        return _settings(me, error)
    flash(_("Saved."))
    return redirect(f"{url_for('auth_pages.settings_page')}#notifications")


@blueprint.post("/settings/password")
@page(form=PasswordIn, limit="10/minute")
def password_form(me: User) -> Any:
    who = caller()
    try:
        asked = read_form(PasswordIn)
        kept = who.session.id if who and who.session else None
        users.change_password(me, asked.current_password, asked.password, kept=kept)
    except InfiTalksError as error:
        return _settings(me, error)
    flash(_("Saved."))
    return redirect(url_for("auth_pages.settings_page"))


@blueprint.post("/settings/sessions/<name>/end")
@page()
def end_session_form(me: User, name: str) -> Response:
    sessions.end_named_session(me.id, name)
    return redirect(url_for("auth_pages.settings_page"))


@blueprint.post("/settings/sessions/end-others")
@page()
def end_other_sessions_form(me: User) -> Response:
    who = caller()
    sessions.end_all_sessions(me.id, but=who.session.id if who and who.session else None)
    return redirect(url_for("auth_pages.settings_page"))


@blueprint.post("/settings/bots")
@page(form=BotIn, limit="10/minute")
def new_bot_form(me: User) -> Any:
    try:
        require_person(me)
        asked = read_form(BotIn)
        bot, token = users.create_bot(me.id, asked.display_name or asked.username, asked.username)
    except InfiTalksError as error:
        return _settings(me, error)
    return _settings(me, new_bot={"name": bot.display_name, "username": bot.username, "token": token})


@blueprint.post("/settings/bots/<bot_id>/token")
@page(limit="10/minute")
def renew_bot_form(me: User, bot_id: str) -> Any:
    bot, token = users.renew_bot_token(me.id, bot_id)
    return _settings(me, new_bot={"name": bot.display_name, "username": bot.username, "token": token})


@blueprint.post("/settings/bots/<bot_id>/delete")
@page()
def retire_bot_form(me: User, bot_id: str) -> Response:
    bot = users.retire_bot(me.id, bot_id)
    flash(_("%(name)s is deleted.") % {"name": bot.display_name})
    return redirect(url_for("auth_pages.settings_page"))
