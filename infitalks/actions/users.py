"""Accounts: making one, changing it, and joining one with a sign-in provider's."""

import re
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bson import ObjectId
from mongoengine.errors import NotUniqueError
from pymongo.errors import DuplicateKeyError

from infitalks import events
from infitalks.actions.admins import resign
from infitalks.actions.chats import leave_groups
from infitalks.actions.media import set_profile_picture
from infitalks.actions.passwords import hash_password, password_fits
from infitalks.actions.profile_pictures import clear_profile_pictures
from infitalks.actions.saved import forget_all_saved
from infitalks.actions.sessions import change_epoch, end_all_sessions, keep_session
from infitalks.errors import Conflict, Forbidden, Invalid, NotFound, Unauthenticated
from infitalks.models.database import database
from infitalks.models.users import (
    Identity,
    User,
    bots_of,
    secret_hash,
    user_by_email,
    user_by_id,
    user_by_identity,
    user_by_login,
)
from infitalks.schemas.base import Name, fitting
from infitalks.schemas.users import Email, PreferencesOut, ProfileIn, RegisterIn, Username


@dataclass(frozen=True)
class Claims:
    """What a sign-in provider says of somebody, after its token was checked."""

    provider: str
    issuer: str
    subject: str
    email: str | None
    email_verified: bool
    name: str | None


def register(asked: RegisterIn, *, first_is_admin: bool = False) -> User:
    """A new person. Raises Conflict naming `email` or `username` where it is taken."""
    user = _new_user("person", asked.username, asked.display_name or asked.username)
    user.email = asked.email
    user.password_hash = hash_password(asked.password)
    _insert(user)
    return _first_is_admin(user) if first_is_admin else user


def _new_user(kind: str, username: str, display_name: str) -> User:
    return User(
        kind=kind,
        username=username,
        display_name=display_name,
        search=search_words(username, display_name),
        epoch=secrets.token_hex(8),
        created_at=datetime.now(UTC),
    )


def search_words(username: str, display_name: str) -> list[str]:
    """What somebody is found by, from its beginning on."""
    return sorted({username, display_name.casefold(), *display_name.casefold().split()})


def _insert(user: User) -> None:
    try:
        user.save(force_insert=True)
    except NotUniqueError:
        field = "email" if user.email and user_by_email(user.email) else "username"
        raise Conflict(f"This {field} is taken.", fields={field: "is taken"}) from None


def _first_is_admin(user: User) -> User:
    """Admin for one account in the life of the site."""
    with suppress(DuplicateKeyError):
        database()["site"].insert_one({"_id": "first_admin", "at": datetime.now(UTC)})
        user.update(set__is_admin=True)
        user.is_admin = True
    return user


def check_login(login: str, password: str) -> User:
    """The person with this e-mail or username and password. Raises Unauthenticated, always in the same words."""
    user = user_by_login(login)
    if not password_fits(user.password_hash if user else None, password) or not user or user.disabled_at:
        raise Unauthenticated("The login or the password is wrong.")
    return user


def update_profile(user: User, asked: ProfileIn) -> User:
    """Set what is given of name and picture; a picture shows when it is ready, `avatar: null` takes it away."""
    if "avatar" in asked.model_fields_set:  # first: it may be refused, and then nothing is changed
        if asked.avatar:
            set_profile_picture(user.id, asked.avatar, f"user:{user.id}")
        else:
            clear_profile_pictures(f"user:{user.id}", now := datetime.now(UTC))
            user.update(unset__avatar=True, set__avatar_at=now)
        user.reload()
    if asked.display_name is not None:
        user.display_name = asked.display_name
        user.search = search_words(user.username, asked.display_name)
        user.save()
    events.self_changed(user.id)
    return user


def set_preferences(user: User, asked: PreferencesOut) -> User:
    """Set what is given of them; the user's other pages are told."""
    given = {f"preferences.{name}": value for name, value in asked.model_dump(exclude_unset=True).items()}
    if given:
        User.raw().update_one({"_id": user.id}, {"$set": given})
        user.reload()
        events.self_changed(user.id)
    return user


def change_password(user: User, current: str | None, password: str, *, kept: str | None) -> None:
    """Set the password, given the current one where there is one; all other sessions end."""
    if user.password_hash and not password_fits(user.password_hash, current or ""):
        raise Invalid("The current password is wrong.", fields={"current_password": "is wrong"})
    change_epoch(user.id)  # the sessions end with the password; whoever dies then leaves none of them listening
    unchanged = User.objects(id=user.id, password_hash=user.password_hash)
    if not unchanged.update_one(set__password_hash=hash_password(password)):
        raise Conflict("The password was changed elsewhere a moment ago.")
    user.reload()
    if kept:
        keep_session(kept, user)
    end_all_sessions(user.id, but=kept)


def disable_user(user: User) -> None:
    """Nothing of the user's works any more: sessions, tokens, live channel."""
    user.update(set__disabled_at=datetime.now(UTC))
    end_all_sessions(user.id)


def close_account(user: User, password: str | None) -> None:
    """The user's own way out: out of every group, then name, address and every way in are gone in one step.

    Raises Invalid for a wrong password, Conflict for the last admin.
    """
    if user.password_hash and not password_fits(user.password_hash, password or ""):
        raise Invalid("The password is wrong.", fields={"password": "is wrong"})
    if user.is_admin:
        resign(user)
    leave_groups(user.id)
    clear_profile_pictures(f"user:{user.id}", now := datetime.now(UTC))
    user.update(
        set__disabled_at=now,
        set__username=f"gone-{user.id}",
        set__display_name="Former member",
        set__search=[],
        set__identities=[],
        set__is_admin=False,
        unset__email=True,
        unset__password_hash=True,
        unset__avatar=True,
        set__avatar_at=now,
        unset__preferences=True,
    )
    end_all_sessions(user.id)
    forget_all_saved(user.id)


def rename_bot(bot_id: ObjectId, display_name: str) -> None:
    """Give a webhook's bot its new name."""
    bot = user_by_id(bot_id)
    if bot:
        bot.update(set__display_name=display_name)


def make_admin(login: str) -> User:
    """Raises NotFound where nobody has this login."""
    user = user_by_login(login)
    if not user:
        raise NotFound(f"Nobody has the login {login!r}.")
    user.update(set__is_admin=True)
    return user


def create_bot(owner: ObjectId, display_name: str, username: str | None = None) -> tuple[User, str]:
    """A bot and its token, which is shown once. One without a `username` of its own, a webhook's, is found by nobody:
    its name may say what a chat is about. Raises Conflict naming `username` where it is taken."""
    token = _bot_token()
    bot = _new_user("bot", username or f"bot-{secrets.token_hex(5)}", display_name)
    bot.search = bot.search if username else []
    bot.token_hash = secret_hash(token)
    bot.created_by = owner
    _insert(bot)
    return bot, token


def _bot_token() -> str:
    return f"ifb_{secrets.token_urlsafe(32)}"


def renew_bot_token(owner: ObjectId, bot_id: str) -> tuple[User, str]:
    """A new token for one's own bot; the old one is worth nothing at once, and what listens with it is cut off."""
    bot, token = _own_bot(owner, bot_id), _bot_token()
    bot.update(set__token_hash=secret_hash(token))
    change_epoch(bot.id)
    return bot, token


def retire_bot(owner: ObjectId, bot_id: str) -> User:
    """One's own bot leaves its groups, and its token is worth nothing. What it said stays. Repeatable until done."""
    bot = _own_bot(owner, bot_id)
    leave_groups(bot.id)
    disable_user(bot)
    return bot


def _own_bot(owner: ObjectId, bot_id: str) -> User:
    found = next((bot for bot in bots_of(owner) if str(bot.id) == bot_id), None)
    if not found:
        raise NotFound()
    return found


def sign_in_with(claims: Claims, *, first_is_admin: bool = False) -> User:
    """The account of somebody whom a provider vouches for, found or made.

    The key is issuer and subject. An account with the same address is joined only where the provider has verified
    the address; if the account had not, whoever registered it may be somebody else, so its password and sessions
    end. Raises Forbidden where the address is unverified or the account disabled.
    """
    user = user_by_identity(claims.issuer, claims.subject) or _join_or_make(claims, first_is_admin)
    if user.disabled_at:
        raise Forbidden("This account is disabled.")
    return user


def _join_or_make(claims: Claims, first_is_admin: bool) -> User:
    email = fitting(Email, claims.email)
    if not email or not claims.email_verified:
        raise Forbidden(f"{claims.provider} has not verified your e-mail address, so it cannot open an account here.")
    identity = Identity(
        issuer=claims.issuer, subject=claims.subject, provider=claims.provider, linked_at=datetime.now(UTC)
    )
    user = user_by_email(email)
    try:
        return _join(user, identity) if user else _make_from(claims, email, identity, first_is_admin)
    except NotUniqueError:  # a second callback of the same person was a moment quicker
        return sign_in_with(claims)


def _join(user: User, identity: Identity) -> User:
    if user.disabled_at:
        return user
    change: dict[str, Any] = {"push__identities": identity, "set__email_verified": True}
    if not user.email_verified:
        # In one step with the rest. Sessions hang on the password, so none slips in before they are ended.
        change_epoch(user.id)
        change["unset__password_hash"] = True
    user.update(**change)
    if not user.email_verified:
        end_all_sessions(user.id)
    user.reload()
    return user


def _make_from(claims: Claims, email: str, identity: Identity, first_is_admin: bool) -> User:
    wish = fitting(Username, re.sub(r"[^a-z0-9._-]", "", email.split("@")[0])[:23].strip("._-")) or "user"
    for name in (wish, f"{wish}-{secrets.token_hex(2)}", f"{wish}-{secrets.token_hex(4)}"):
        user = _new_user("person", name, fitting(Name, (claims.name or "")[:80]) or wish)
        user.email, user.email_verified, user.identities = email, True, [identity]
        try:
            user.save(force_insert=True)
        except NotUniqueError:
            if user_by_identity(identity.issuer, identity.subject) or user_by_email(email):
                raise
            continue
        return _first_is_admin(user) if first_is_admin else user
    raise Conflict("No free username could be found.")
