"""Users in JSON: what anybody signed in may know of one, and what they say of themselves."""

import re
from datetime import UTC, datetime
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, EmailStr, Field, PlainSerializer, StringConstraints

from infitalks.models.database import Doc
from infitalks.models.users import User
from infitalks.schemas.base import Id, In, Name, Out, Query, clean_name, validate, write_time

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


def _check_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("is no time zone, such as Europe/Berlin")
    return name


ClockTime = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$")]
TimeZone = Annotated[str, StringConstraints(max_length=64), AfterValidator(_check_zone)]
Keywords = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=40), AfterValidator(clean_name)]], Field(max_length=20)
]


def _check_text(value: object) -> object:
    # A number would be read as seconds since 1970.
    if not isinstance(value, datetime) and not (isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value)):
        raise ValueError("is no time, such as 2026-01-31T12:00:00Z")
    return value


def _to_utc(at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise ValueError("lies outside the years 1 to 9999") from None


# Text in JSON, with its zone; we write it as UTC.
AnyTime = Annotated[
    AwareDatetime,
    Field(strict=False),
    BeforeValidator(_check_text),
    AfterValidator(_to_utc),
    PlainSerializer(write_time, return_type=str),
]


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
    `read_receipts`: others see how far one has read.
    Of notifications: `keywords` notify wherever they are said. `quiet_from` to `quiet_to`, by the clock of `time_zone`
    (null: not chosen, so UTC until the first page tells its browser's), and until `quiet_until` nothing does.
    `desktop`: a browser that may show them does, `sound` with a sound.
    """

    enter_sends: bool = True
    read_receipts: bool = True
    keywords: Keywords = []
    quiet_from: ClockTime | None = None
    quiet_to: ClockTime | None = None
    time_zone: TimeZone | None = None
    quiet_until: AnyTime | None = None
    desktop: bool = True
    sound: bool = False


class PreferencesIn(PreferencesOut, In):
    """What is given is set."""


class PreferencesForm(Query):
    """A page's form, whose fields arrive as text: on or off."""

    enter_sends: bool
    read_receipts: bool


class NotifyForm(Query):
    """A page's form of all there is about notifications; `keywords` with commas between them."""

    keywords: Annotated[str, Field(max_length=1000)] = ""
    quiet_from: ClockTime | None = None
    quiet_to: ClockTime | None = None
    time_zone: TimeZone | None = None
    desktop: bool
    sound: bool

    def preferences(self) -> PreferencesIn:
        """All of them given, so that an empty field takes away what was set. Raises Invalid."""
        words = [word.strip() for word in self.keywords.split(",") if word.strip()]
        return validate(PreferencesIn, {**self.model_dump(), "keywords": words})


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
    """What was set, and the rest as it is for all."""
    return preferences_of(user.preferences)


def preferences_of(stored: Doc) -> PreferencesOut:
    """The same from what is stored. What another version had stored besides is left out."""
    known = PreferencesOut.model_fields.keys() & stored.keys()
    return PreferencesOut(**{name: stored[name] for name in known})
