"""create_app: all wiring, readable top to bottom. Not for: anything that a request does."""

import json
import logging
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from flask import Flask, Response, current_app, g, get_flashed_messages, jsonify, render_template, request
from flask_login import LoginManager
from markupsafe import Markup
from pymongo.errors import (
    ConnectionFailure,
    ExecutionTimeout,
    OperationFailure,
    PyMongoError,
    WTimeoutError,
)
from werkzeug.exceptions import BadHost, HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from infitalks import failpoints, metrics, tasks, trace, words
from infitalks.actions import log as chat_log
from infitalks.actions import migrations, responses, sessions
from infitalks.backends import http, media, queue, realtime, signin
from infitalks.backends.limits import Bulkhead, Limiter
from infitalks.blueprints import (
    admin,
    auth,
    auth_pages,
    bots,
    chats,
    chats_pages,
    commands,
    hooks,
    integrations,
    messages,
    notifications,
    openapi,
    presses,
    saved,
    static,
    threads,
    tracing,
    webhooks_pages,
)
from infitalks.blueprints import media as media_doors
from infitalks.blueprints import metrics as metrics_door
from infitalks.blueprints import realtime as realtime_doors
from infitalks.blueprints.guard import caller, csrf_token, load_signed_in
from infitalks.blueprints.looks import look
from infitalks.errors import InfiTalksError, NotFound, Unauthenticated, Unavailable
from infitalks.icons import icon
from infitalks.models.database import check_journal, connect_database
from infitalks.schemas.users import self_out
from infitalks.settings import Settings, SettingsError, check_complete
from infitalks.words import _

ROOT = Path(__file__).resolve().parent.parent
MOST_AT_ONCE = 12  # of the 16 threads of a web process: the others can always answer
PATIENCE_SECONDS = 1.0
SELF_SUFFICIENT = ("/static/", "/healthz", "/readyz", "/metrics")  # need no database, or look at it themselves
NAMES = {400: "malformed", 404: "not_found", 405: "method", 413: "too_large", 415: "wrong_type"}

logger = logging.getLogger(__name__)


def create_app(settings: Settings) -> Flask:
    """The web app, and the context of the worker. Raises SettingsError where a setting is missing or unsafe.

    Nothing is connected here, so that it may be called before a server forks.
    """
    check_complete(settings)
    failpoints.configure(settings)
    metrics.configure(settings)
    app = Flask(__name__, template_folder=str(ROOT / "templates"))
    app.config.update(_flask_config(settings))
    if settings.proxy_hops:
        hops = settings.proxy_hops
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]

    connect_database(settings)
    chat_log.configure(settings.derived_key("content"))
    sessions.configure(settings.derived_key("access tokens"))
    queue.configure(settings).conf.beat_schedule = tasks.BEAT
    realtime.configure(settings)
    media.configure(settings.cloudinary_url)
    signin.configure(app, settings)
    http.configure(settings)
    responses.configure(settings.public_url)
    app.extensions["limits"] = Limiter(settings)
    app.extensions["settings"] = settings  # for the page that examines the set-up

    login = LoginManager(app, add_context_processor=False)
    login.session_protection = None  # the stored session decides, not the address a phone happens to have
    login.user_loader(load_signed_in)
    for module in (
        auth,
        auth_pages,
        chats,
        chats_pages,
        webhooks_pages,
        messages,
        notifications,
        threads,
        saved,
        commands,
        presses,
        media_doors,
        realtime_doors,
        integrations,
        hooks,
        bots,
        admin,
        openapi,
        metrics_door,
        static,
    ):
        app.register_blueprint(module.blueprint)

    tracing.watch(app, settings)
    _keep_threads_free(app)
    _add_to_templates(app)
    _render_errors(app)
    _add_headers(app, settings)
    return app


def require_journal(app: Flask, settings: Settings) -> None:
    """In production, let nothing be stored by a MongoDB that could lose it, that has not been migrated and so
    lacks the indexes which the promises stand on, or that a newer version has migrated; to be called before serving.

    Raises SettingsError. Where MongoDB is away, it is asked again at each call until it has answered.
    """
    checked = settings.mode != "production" or _database_fits(settings)

    @app.before_request
    def check_before_use() -> None:
        nonlocal checked
        if checked or request.path.startswith(SELF_SUFFICIENT):
            return
        try:
            checked = _database_fits(settings)
        except SettingsError as error:
            logger.critical("nothing is stored: %s", error)
        if not checked:
            raise Unavailable("The database is away for a moment. Send again with the same client_id.")


def _database_fits(settings: Settings) -> bool:
    if not check_journal(settings):
        return False
    migrations.require_known()
    if pending := migrations.pending():
        raise SettingsError(f"the database lacks {', '.join(pending)}: run `infitalks db upgrade` first")
    return True


def _flask_config(settings: Settings) -> dict[str, Any]:
    hosted = not settings.pusher_host
    page_host = settings.pusher_page_host or settings.pusher_host
    return {
        "SECRET_KEY": settings.derived_key("cookies"),
        "SESSION_COOKIE_NAME": settings.cookie_name,
        "SESSION_COOKIE_SECURE": settings.https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",  # Strict would lose the state on the way back from a sign-in provider
        "PERMANENT_SESSION_LIFETIME": timedelta(days=90),
        "SESSION_REFRESH_EACH_REQUEST": False,
        "WTF_CSRF_TIME_LIMIT": None,
        "PUBLIC_URL": settings.public_url,
        "FIRST_IS_ADMIN": settings.mode == "local",
        "VERSION": version("infitalks"),
        "DEBUG": settings.debug,
        "REALTIME": {
            "key": settings.pusher_key,
            "cluster": settings.pusher_cluster if hosted else None,
            "host": None if hosted or page_host == "page" else page_host,
            "port": None if hosted else settings.pusher_page_port or settings.pusher_port,
            "tls": settings.pusher_tls if settings.pusher_page_tls is None else settings.pusher_page_tls,
        },
    }


def _keep_threads_free(app: Flask) -> None:
    bulkhead = app.extensions["at_work"] = Bulkhead(MOST_AT_ONCE, PATIENCE_SECONDS)

    @app.before_request
    def enter() -> None:
        if not request.path.startswith(SELF_SUFFICIENT):
            g.place = bulkhead.enter()

    @app.teardown_request
    def leave(error: BaseException | None) -> None:
        if "place" in g:
            bulkhead.leave(g.place)


def _add_to_templates(app: Flask) -> None:
    manifest = Path(app.static_folder or "") / "dist" / "manifest.json"

    def assets(name: str) -> list[str]:
        built = json.loads(manifest.read_text()) if manifest.exists() else {}
        return [f"/static/dist/{each}" for each in built.get(name, [name])]

    def when(at: datetime | str | None) -> Markup:
        if at is None:
            return Markup("–")
        if isinstance(at, str):  # as our JSON writes it
            at = datetime.fromisoformat(at)
        return Markup('<time datetime="{}">{}</time>').format(
            at.strftime("%Y-%m-%dT%H:%M:%SZ"), at.strftime("%-d %b %Y, %H:%M UTC")
        )

    def context() -> dict[str, Any]:
        return {
            "user": _shown_user(),
            "version": app.config["VERSION"],
            "notice": next(iter(get_flashed_messages()), None),
            "csrf_token": csrf_token,
            "assets": assets,
            "look": look(),
        }

    app.add_template_global(icon)
    words.speak_in(app.jinja_env)
    app.context_processor(context)
    app.add_template_filter(when)


def _shown_user() -> dict[str, Any] | None:
    try:
        who = caller()
    except (InfiTalksError, PyMongoError):  # the page that tells of the trouble is shown without a name
        return None
    return self_out(who.user).model_dump() if who else None


def _bad_host(error: Exception) -> Response:
    # No page: it would need addresses, and they the host.
    return Response("The Host header names no host.", status=400, mimetype="text/plain")


def _render_errors(app: Flask) -> None:
    app.register_error_handler(BadHost, _bad_host)

    @app.errorhandler(InfiTalksError)
    def known(error: InfiTalksError) -> Any:
        if isinstance(error, Unauthenticated) and _wants_page() and request.method == "GET":
            response = app.redirect(f"/login?next={_quoted_path()}")
            return response
        return _render(error)

    @app.errorhandler(HTTPException)
    def flask_error(error: HTTPException) -> Any:
        if error.code is None or error.code < 400:
            return error
        known_error = InfiTalksError(error.description or error.name)
        known_error.status, known_error.code = error.code, NAMES.get(error.code, "error")
        return _render(NotFound() if error.code == 404 else known_error)

    @app.errorhandler(PyMongoError)
    def database_error(error: PyMongoError) -> Any:
        if isinstance(error, OperationFailure) and not isinstance(error, ExecutionTimeout | WTimeoutError):
            if not error.has_error_label("RetryableWriteError"):
                logger.exception("the database refused an operation")
                return _render(InfiTalksError("Something went wrong here."))
        elif not isinstance(error, ConnectionFailure | ExecutionTimeout | WTimeoutError) and not error.timeout:
            logger.exception("the database driver failed")
            return _render(InfiTalksError("Something went wrong here."))
        logger.warning("the database is away: %s", type(error).__name__)
        return _render(Unavailable("The database is away for a moment. Send again with the same client_id."))

    @app.errorhandler(Exception)
    def unknown(error: Exception) -> Any:
        logger.exception("unexpected error at %s %s", request.method, request.endpoint)
        return _render(InfiTalksError("Something went wrong here."))


def _quoted_path() -> str:
    return quote(request.full_path.rstrip("?"), safe="/")  # decoded: it may hold line breaks


def _wants_page() -> bool:
    policy = getattr(current_app.view_functions.get(request.endpoint or ""), "policy", None)
    if policy:
        return bool(policy.kind == "page")
    return not request.path.startswith(("/api/", "/hooks/", "/media/", "/static/"))


def _render(error: InfiTalksError) -> Any:
    if error.status == 503:
        g.caller = None  # the page that says so must not ask a database that is away
    if request.path.startswith("/hooks/"):
        return hooks.hook_error(error)
    if _wants_page():
        titles = {404: _("Nothing here"), 403: _("Not allowed"), 429: _("Slow down"), 503: _("Back in a moment")}
        title = titles.get(error.status, _("Something is wrong"))
        told = {"status": error.status, "title": title, "message": error.message, "request_id": trace.current()}
        response = Response(render_template("error.html", **told))
    else:
        detail: dict[str, Any] = {"code": error.code, "message": error.message}
        # Ours to mend, so it has a name to ask about; what is refused stays the same for the same question.
        if error.status == 500:
            detail["request_id"] = trace.current()
        if error.fields:
            detail["fields"] = error.fields
        response = jsonify({"error": detail})
    response.status_code = error.status
    response.headers["Cache-Control"] = "no-store"
    if error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _add_headers(app: Flask, settings: Settings) -> None:
    @app.after_request
    def add(response: Response) -> Response:
        headers = response.headers
        headers.setdefault("Content-Security-Policy", _content_policy(app, request.host))
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", "no-referrer" if _wants_page() else "same-origin")
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        if request.path.startswith("/static/dist/") and response.status_code == 200:
            headers["Cache-Control"] = "public, max-age=31536000, immutable"
        elif "Cache-Control" not in headers or response.mimetype == "text/html":
            headers["Cache-Control"] = "no-store"
        if settings.https:
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        return response


def _content_policy(app: Flask, host: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            "manifest-src 'self'",
            f"connect-src 'self' {_socket_origins(app, host)}",
            "form-action 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
        )
    )


def _socket_origins(app: Flask, host: str) -> str:
    where = app.config["REALTIME"]
    if where["cluster"]:
        cluster = where["cluster"]
        return f"wss://ws-{cluster}.pusher.com https://sockjs-{cluster}.pusher.com"
    name = where["host"] or urlsplit(f"//{host}").hostname or ""
    return f"{'wss' if where['tls'] else 'ws'}://{name}:{where['port']}"
