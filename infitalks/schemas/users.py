"""Users in JSON: what anybody signed in may know of one, and what they say of themselves."""

from typing import Annotated, Literal

from pydantic import AfterValidator, EmailStr, Field, StringConstraints

from infitalks.models.database import Doc
from infitalks.models.users import User
from infitalks.schemas.base import Id, In, Name, Out, Query

RESERVED = frozenset({"admin", "administrator", "all", "channel", "everyone", "here", "me", "system", "infitalks"})


def _check_username(name: str) -> str:
    if name in RESERVED:
        raise ValueError("is reserved")
    return name


# ASCII only, so that no two usernames can look alike.
Username = Annotated[
    str,
    StringConstraints(
        to_lower=True, strip_whitespace=True, pattern=r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,30}[A-Za-z0-9])?$"
    ),
    AfterValidator(_check_username),
]
Email = Annotated[EmailStr, StringConstraints(max_length=254), AfterValidator(str.lower)]
Password = Annotated[str, Field(min_length=8, max_length=256)]


class RegisterIn(In):
    email: Email
    username: Username
    password: Password
    display_name: Name | None = None


class LoginIn(In):
    login: Annotated[str, Field(min_length=1, max_length=254)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class RefreshIn(In):
    refresh_token: Annotated[str, Field(min_length=1, max_length=512)]


class PasswordIn(In):
    current_password: Annotated[str, Field(max_length=256)] | None = None
    password: Password


class CloseIn(In):
    """Closing one's account asks for the password, where there is one."""

    password: Annotated[str, Field(max_length=256)] | None = None


class ProfileIn(In):
    """What is given is set; `avatar: null` takes the picture away."""

    display_name: Name | None = None
    avatar: Id | None = None


class UsersQuery(Query):
    q: Annotated[str, Field(max_length=80)] = ""
    limit: Annotated[int, Field(ge=1, le=50)] = 20


class UserOut(Out):
    id: Id
    username: str
    display_name: str
    avatar_url: str | None
    kind: Literal["person", "bot"]


class PreferencesOut(Out):
    """How somebody wants their pages, wherever they sign in. Each field has a default, which holds until it is set.
    (What a browser looks like is its own: blueprints/looks.py.)

    `enter_sends`: else Enter is a new line, and Ctrl or Cmd with it sends.
    """

    enter_sends: bool = True


class PreferencesIn(PreferencesOut, In):
    """What is given is set."""


class PreferencesForm(PreferencesOut, Query):
    """A page's form, whose fields arrive as text: on or off."""


class SelfOut(UserOut):
    """One's own account."""

    email: str | None
    is_admin: bool
    preferences: PreferencesOut


class SessionOut(Out):
    user: SelfOut | None
    csrf_token: str


class TokensOut(Out):
    access_token: str
    token_type: Literal["Bearer"] = "Bearer"
    expires_in: int
    refresh_token: str


class UsersOut(Out):
    users: list[UserOut]


def avatar_url(media_id: object) -> str | None:
    return f"/media/{media_id}/thumb" if media_id else None


def user_out(doc: Doc) -> UserOut:
    """From a stored user, raw, with at least the fields models.users.PUBLIC."""
    return UserOut(
        id=str(doc["_id"]),
        username=doc["username"],
        display_name=doc["display_name"],
        avatar_url=avatar_url(doc.get("avatar")),
        kind=doc["kind"],
    )


def self_out(user: User) -> SelfOut:
    return SelfOut(
        id=str(user.id),
        username=user.username,
        display_name=user.display_name,
        avatar_url=avatar_url(user.avatar),
        kind=user.kind,
        email=user.email,
        is_admin=bool(user.is_admin),
        preferences=preferences_out(user),
    )


def preferences_out(user: User) -> PreferencesOut:
    """What was set, and the rest as it is for all. What an older version had stored besides is left out."""
    known = PreferencesOut.model_fields.keys() & user.preferences.keys()
    return PreferencesOut(**{name: user.preferences[name] for name in known})
