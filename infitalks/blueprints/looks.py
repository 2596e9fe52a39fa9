"""How pages look to whoever asks for them: theme, motion, keys; kept in a cookie, so that sign-in pages have it too,
and known before the first byte, so that nothing flashes. Not for: what is shown."""

from typing import Literal, get_args

from flask import Flask, request
from werkzeug.wrappers import Response

from infitalks.schemas.base import In

COOKIE = "infitalks_look"
YEAR_SECONDS = 365 * 86400
Theme = Literal["system", "light", "dark", "contrast"]
Motion = Literal["system", "still"]
Keys = Literal["on", "off"]


class LookIn(In):
    """`theme` contrast follows the system in light and dark; `keys`: whether single letters and signs are shortcuts."""

    theme: Theme
    motion: Motion = "system"
    keys: Keys = "on"


def look() -> LookIn:
    """As the cookie says it; whatever it says besides counts as nothing."""
    theme, motion, keys = (*request.cookies.get(COOKIE, "").split("."), "", "", "")[:3]
    return LookIn(
        theme=theme if theme in get_args(Theme) else "system",  # type: ignore[arg-type]
        motion=motion if motion in get_args(Motion) else "system",  # type: ignore[arg-type]
        keys=keys if keys in get_args(Keys) else "on",  # type: ignore[arg-type]
    )


def keep_look(app: Flask, response: Response, wanted: LookIn) -> None:
    """Put it into the cookie; it holds for this browser."""
    response.set_cookie(
        COOKIE,
        f"{wanted.theme}.{wanted.motion}.{wanted.keys}",
        max_age=YEAR_SECONDS,
        secure=bool(app.config["SESSION_COOKIE_SECURE"]),
        httponly=True,
        samesite="Lax",
    )
