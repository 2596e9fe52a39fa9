"""Every route's guard: who may call it, CSRF, rate limit, and the shapes that go in and out, declared in one place.

`tests/` walks all routes and fails where one has no policy; the OpenAPI page is made from the same declarations.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Literal, NamedTuple

from flask import Response, current_app, g, jsonify, request
from flask import session as cookie
from flask_login import current_user, login_user
from flask_wtf.csrf import generate_csrf, validate_csrf
from pydantic import BaseModel
from wtforms.validators import ValidationError as WtfError

from infitalks.access import require_admin
from infitalks.actions.sessions import session_of_access_token, session_of_cookie
from infitalks.errors import CsrfFailed, Malformed, RateLimited, TooLarge, Unauthenticated, WrongType
from infitalks.models.sessions import Session
from infitalks.models.users import User, bot_by_token
from infitalks.schemas.base import Out, Shape, validate
from infitalks.schemas.reading import check_text, read_json

MOST_JSON_BYTES = 256 * 1024
MOST_FORM_BYTES = 64 * 1024
SAFE = ("GET", "HEAD", "OPTIONS")

# anyone: signed in or not; secret and signed: the request itself carries what the view checks.
Auth = Literal["anyone", "user", "admin", "secret", "signed"]
View = Callable[..., Any]


class SignedIn:
    """What Flask-Login keeps of a browser's session: the token, under which the session is stored."""

    is_authenticated = True
    is_active = True
    is_anonymous = False

    def __init__(self, token: str, user: User, session: Session) -> None:
        self.token, self.user, self.session = token, user, session

    def get_id(self) -> str:
        return self.token


class Caller(NamedTuple):
    """Who calls: `session` None for a bot, whose token is no session."""

    user: User
    session: Session | None


@dataclass(frozen=True)
class Policy:
    """What a route declares. `csrf`: for unsafe calls by cookie; `limit`: per caller, or per address without one."""

    auth: Auth
    csrf: bool
    limit: str
    shared: bool
    kind: Literal["api", "page", "file"]
    body: type[BaseModel] | None = None
    form: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answers: Mapping[int, type[BaseModel] | None] = field(default_factory=dict)
    most_bytes: int = MOST_JSON_BYTES


def load_signed_in(token: str) -> SignedIn | None:
    """Flask-Login's user_loader."""
    found = session_of_cookie(token)
    return SignedIn(token, *found) if found else None


def sign_in_browser(token: str) -> None:
    """Put a new session's token into the cookie; nothing of the anonymous session before it lives on."""
    cookie.clear()
    cookie.permanent = True
    signed_in = load_signed_in(token)
    if not signed_in:
        raise Unauthenticated("This account is disabled.")
    login_user(signed_in)
    g.pop("caller", None)
    g.pop("csrf_token", None)  # Flask-WTF's, of the session before


def csrf_token() -> str:
    token: str = generate_csrf()
    return token


def api(
    *,
    auth: Auth = "user",
    csrf: bool = True,
    limit: str = "60/second",
    shared: bool = False,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    answers: Mapping[int, type[BaseModel] | None],
    most_bytes: int = MOST_JSON_BYTES,
) -> Callable[[View], View]:
    """A JSON route. The view gets `me` (auth user or admin), the path's values, `body` and `query`, and returns an
    Out, or (Out, status), or None for 204."""
    policy = Policy(auth, csrf, limit, shared, "api", body, None, query, answers, most_bytes)

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(**path: Any) -> Response:
            arguments = _check(policy, path)
            if policy.query:
                arguments["query"] = _read_query(policy.query)
            if policy.body:
                arguments["body"] = _read_body(policy.body)
            return _answer(policy, view(**arguments))

        guarded.policy = policy  # type: ignore[attr-defined]
        return guarded

    return decorate


def page(
    *,
    auth: Auth = "user",
    csrf: bool = True,
    limit: str = "30/second",
    shared: bool = False,
    kind: Literal["page", "file"] = "page",
    form: type[BaseModel] | None = None,
    most_bytes: int = MOST_FORM_BYTES,
) -> Callable[[View], View]:
    """A page's or file's route: the view gets `me` and the path's values, and returns what Flask takes."""
    policy = Policy(auth, csrf, limit, shared, kind, form=form, most_bytes=most_bytes)

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(**path: Any) -> Any:
            return view(**_check(policy, path))

        guarded.policy = policy  # type: ignore[attr-defined]
        return guarded

    return decorate


def caller() -> Caller | None:
    """Who calls, by bearer token or cookie. Raises Malformed for both, Unauthenticated for a bad token."""
    if "caller" not in g:
        g.caller = _find_caller()
    found: Caller | None = g.caller
    return found


def _find_caller() -> Caller | None:
    header = request.headers.get("Authorization")
    if header is None:
        return Caller(current_user.user, current_user.session) if current_user.is_authenticated else None
    if current_user.is_authenticated:
        raise Malformed("Send a bearer token or the session cookie, not both.")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("The Authorization header has to be `Bearer <token>`.")
    if token.startswith("ifb_"):
        bot = bot_by_token(token)
        found = Caller(bot, None) if bot and not bot.disabled_at else None
    else:
        signed_in = session_of_access_token(token)
        found = Caller(*signed_in) if signed_in else None
    if not found:
        raise Unauthenticated("This token is not valid, or not any more.")
    return found


def _check(policy: Policy, path: dict[str, Any]) -> dict[str, Any]:
    request.max_content_length = policy.most_bytes
    if (request.content_length or 0) > policy.most_bytes:
        raise TooLarge(f"The request may have {policy.most_bytes} bytes at most.")
    who = caller() if policy.auth in ("anyone", "user", "admin") else None
    _check_rate(policy, who)
    if policy.auth in ("user", "admin") and not who:
        raise Unauthenticated("Sign in first.")
    if policy.auth == "admin" and who:
        require_admin(who.user)
    if policy.csrf and request.method not in SAFE and "Authorization" not in request.headers:
        _check_csrf()
    for value in path.values():
        check_text(value)
    return {"me": who.user, **path} if policy.auth in ("user", "admin") and who else dict(path)


def _check_rate(policy: Policy, who: Caller | None) -> None:
    key = str(who.user.id) if who else (request.remote_addr or "")
    wait = current_app.extensions["limits"].hit(policy.limit, request.endpoint or "", key, shared=policy.shared)
    if wait:
        raise RateLimited("Too many requests; wait a little.", retry_after=wait)


def limit_more(rate: str, *keys: str) -> None:
    """A further limit inside a view, counted for all processes together: guesses at one account, say."""
    wait = current_app.extensions["limits"].hit(rate, *keys, shared=True)
    if wait:
        raise RateLimited("Too many tries; wait a little.", retry_after=wait)


@contextmanager
def limited_bytes(user: User, size: int) -> Iterator[None]:
    """Count what a person or bot uploads in a day, unless the block raises, which is our fault and not to cost them.

    Raises RateLimited where it is too much."""
    limits, most = current_app.extensions["limits"], current_app.extensions["settings"].uploads_a_day_mb
    count = (size, most * 1024 * 1024, "uploads", str(user.id))
    wait = limits.spend(*count)
    if wait:
        raise RateLimited(f"In a day {most} MB can be uploaded, and this would be more.", retry_after=wait)
    try:
        yield
    except BaseException:
        limits.give_back(*count)
        raise


def _check_csrf() -> None:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        raise CsrfFailed("This request came from another site.")
    try:
        validate_csrf(request.headers.get("X-CSRF-Token") or request.form.get("csrf_token"))
    except WtfError:
        raise CsrfFailed("The CSRF token is missing or not this session's. GET /api/auth/session gives it.") from None


def _read_query(shape: type[BaseModel]) -> BaseModel:
    given = {name: values[0] for name, values in request.args.lists()}
    repeated = [name for name, values in request.args.lists() if len(values) > 1]
    if repeated:
        raise Malformed(f"Given more than once: {', '.join(repeated)}.")
    check_text(given)
    return validate(shape, given)


def _read_body(shape: type[BaseModel]) -> BaseModel:
    if request.mimetype != "application/json" or request.headers.get("Content-Encoding", "identity") != "identity":
        raise WrongType("The body has to be application/json, not compressed.")
    value = read_json(request.get_data())
    if not isinstance(value, dict):
        raise Malformed("The body has to be a JSON object.")
    return validate(shape, value)


def read_form(shape: type[Shape]) -> Shape:
    """A page's form as `shape`. Empty fields count as not given. Raises Invalid."""
    given = {name: value for name, value in request.form.items() if value and name not in ("csrf_token", "next")}
    check_text(given)
    return validate(shape, given)


def _answer(policy: Policy, result: Any) -> Response:
    content, status = result if isinstance(result, tuple) else (result, 200 if result is not None else 204)
    if status not in policy.answers or not isinstance(content, policy.answers[status] or type(None)):
        raise TypeError(f"{request.endpoint} answers {status} {type(content).__name__}, which it does not declare")
    if content is None:
        return Response(status=status)
    response = jsonify(content.model_dump(mode="json") if isinstance(content, Out) else content)
    response.status_code = status
    response.headers["Cache-Control"] = "no-store"
    return response
