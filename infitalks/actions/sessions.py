"""Signing in and out. A browser's cookie and an API's tokens both name a stored session, which can be ended at once."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bson import ObjectId
from joserfc import jwt
from joserfc.jwk import OctKey

from infitalks import events
from infitalks.errors import NotFound, Unauthenticated
from infitalks.models.database import Doc
from infitalks.models.sessions import Session, session_and_user, session_by_refresh, sessions_of
from infitalks.models.users import User, channel_name, secret_hash, user_by_id

ABSOLUTE = timedelta(days=90)
IDLE = timedelta(days=14)
SEEN_EVERY = timedelta(minutes=5)  # a session's `seen_at` is no finer than this, to spare writes
ACCESS_SECONDS = 15 * 60
SPENT_KEPT = 20

_token_key: OctKey | None = None


class Tokens(NamedTuple):
    access: str
    refresh: str


def configure(token_key: bytes) -> None:
    """The key that signs access tokens."""
    global _token_key
    _token_key = OctKey.import_key(token_key)


def start_browser_session(user: User, agent: str) -> str:
    """A new session. Returns the token for the cookie; only its hash is stored."""
    token = secrets.token_urlsafe(32)
    _insert(secret_hash(token), user, "browser", agent)
    return token


def start_api_session(user: User, agent: str) -> Tokens:
    """A new session with its first pair of tokens."""
    refresh = f"ifr_{secrets.token_urlsafe(32)}"
    session = _insert(secrets.token_hex(16), user, "api", agent, refresh_hash=secret_hash(refresh))
    return Tokens(_access_token(session), refresh)


def _insert(session_id: str, user: User, kind: str, agent: str, refresh_hash: str | None = None) -> Session:
    now = datetime.now(UTC)
    session = Session(
        id=session_id,
        user=user.id,
        kind=kind,
        agent=agent[:200],
        refresh_hash=refresh_hash,
        password_mark=_password_mark(user),
        created_at=now,
        seen_at=now,
        expires_at=now + ABSOLUTE,
    )
    return session.save(force_insert=True)


def refresh_session(refresh: str) -> Tokens:
    """The next pair for a refresh token, which is spent by that. A spent one that comes again was stolen: the
    session ends. Raises Unauthenticated."""
    used = secret_hash(refresh)
    session = session_by_refresh(used)
    if not session or _is_over(session) or not _may_use(session, user_by_id(session.user)):
        raise Unauthenticated("This refresh token is not valid.")
    fresh = f"ifr_{secrets.token_urlsafe(32)}"
    won = Session.raw().update_one(
        {"_id": session.id, "refresh_hash": used},
        {
            "$set": {"refresh_hash": secret_hash(fresh), "seen_at": datetime.now(UTC)},
            "$push": {"spent_refresh": {"$each": [used], "$slice": -SPENT_KEPT}},
        },
    )
    if not won.modified_count:
        end_session(session)
        raise Unauthenticated("This refresh token was used before; its session has ended.")
    return Tokens(_access_token(session), fresh)


def _access_token(session: Session) -> str:
    now = int(datetime.now(UTC).timestamp())
    claims = {
        "iss": "infitalks",
        "sub": str(session.user),
        "sid": session.id,
        "iat": now,
        "exp": now + ACCESS_SECONDS,
    }
    return jwt.encode({"alg": "HS256", "typ": "at+jwt"}, claims, _key())


def _key() -> OctKey:
    if _token_key is None:
        raise RuntimeError("actions.sessions.configure has not been called")
    return _token_key


def session_of_cookie(token: str) -> tuple[User, Session] | None:
    """Who a browser's token signs in, if anybody any more."""
    return _signed_in(secret_hash(token), "browser")


def session_of_access_token(token: str) -> tuple[User, Session] | None:
    """Who an access token signs in: the signature and time hold, and its session still exists."""
    try:
        claims = jwt.decode(token, _key(), algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(iss={"essential": True, "value": "infitalks"}, exp={"essential": True}).validate(claims)
    except Exception:  # a forged header makes the library raise almost anything
        return None
    return _signed_in(str(claims.get("sid")), "api")


def _signed_in(session_id: str, kind: str) -> tuple[User, Session] | None:
    found = session_and_user(session_id)
    if not found or found[0].kind != kind or _is_over(found[0]) or not _may_use(*found):
        return None
    session, user = found
    now = datetime.now(UTC)
    if now - session.seen_at > SEEN_EVERY:
        Session.raw().update_one({"_id": session.id}, {"$set": {"seen_at": now}})
    return user, session


def _is_over(session: Session) -> bool:
    now = datetime.now(UTC)
    return bool(now >= session.expires_at or now - session.seen_at > IDLE)


def _may_use(session: Session, user: User | None) -> bool:
    return bool(user and not user.disabled_at and session.password_mark == _password_mark(user))


def _password_mark(user: User) -> str:
    # A session hangs on the password that its user had, so that one which is just being made while the password
    # is changed or taken away does not outlive it.
    return secret_hash(user.password_hash)[:16] if user.password_hash else ""


def keep_session(session_id: str, user: User) -> None:
    """Let a session live on with the user's new password."""
    Session.raw().update_one({"_id": session_id}, {"$set": {"password_mark": _password_mark(user)}})


def end_session(session: Session) -> None:
    """The session is over at once, and so is what its pages may hear."""
    # Before as well as after: whoever dies in between leaves no ended session listening.
    change_epoch(session.user)
    session.delete()
    change_epoch(session.user)


def end_named_session(user_id: ObjectId, public_name: str) -> None:
    """End one of one's own sessions, by the name that `public_session_name` gave it."""
    for session in sessions_of(user_id):
        if public_session_name(session) == public_name:
            end_session(session)
            return
    raise NotFound()


def end_all_sessions(user_id: ObjectId, *, but: str | None = None) -> None:
    """End all of a user's sessions, or all but the one whose id is `but`."""
    change_epoch(user_id)
    Session.objects(user=user_id, id__ne=but).delete()
    change_epoch(user_id)


def public_session_name(session: Session) -> str:
    """Names a session in a list, without giving away its id, which is a credential's hash."""
    return secret_hash(f"session {session.id}")[:16]


def change_epoch(user_id: ObjectId) -> None:
    """End the user's live channel; pages still signed in ask for the new one."""
    old = User.raw().find_one_and_update({"_id": user_id}, {"$set": {"epoch": secrets.token_hex(8), "online": False}})
    if old:
        events.channel_moved(channel_name(user_id, old["epoch"]))
    if old and old.get("online"):  # the old channel's end will not count any more
        events.presence_changed(user_id)


def expired(now: datetime) -> Doc:
    """A query: sessions that nobody can use any more."""
    return {"$or": [{"expires_at": {"$lte": now}}, {"seen_at": {"$lte": now - IDLE}}]}
