"""The transformations that are served, from the text of a link. Not for applying them (imaging.py).

What is not served is refused as Cloudinary refuses what it does not know.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from infitalks.local.media.account import Refusal

MOST_COMPONENTS = 4
LONGEST_SIDE = 4096  # pixels

_COMPONENT = re.compile(r"(?:[a-z]{1,3}_[^/,]+|\$[^/]*)(?:,[^/,]+)*")
_CROPS = frozenset({"limit", "fill"})
_FORMATS = {"jpg": "jpg", "jpeg": "jpg", "png": "png", "webp": "webp", "gif": "gif"}


@dataclass(frozen=True, slots=True)
class Step:
    """One resizing: into the box (`limit`, never larger) or filling it (`fill`, cut at the centre)."""

    crop: str
    width: int | None
    height: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with an original, in order. `format` and `quality` are None where nothing was asked."""

    steps: tuple[Step, ...]
    quality: int | None
    format: str | None


def looks_like_component(segment: str) -> bool:
    """True where a part of a link's path is a transformation, not a folder of a public id."""
    return _COMPONENT.fullmatch(segment) is not None


def format_of(extension: str) -> str | None:
    """The format of a file name's extension, without its dot; None where it is not served."""
    return _FORMATS.get(extension)


def parse(components: Sequence[str]) -> Plan:
    """Raises Refusal 400 for what is not served."""
    if len(components) > MOST_COMPONENTS:
        raise Refusal(400, f"At most {MOST_COMPONENTS} transformation components are served")
    steps: list[Step] = []
    quality: int | None = None
    format: str | None = None
    for component in components:
        params = _params(component)
        quality = _number(params.pop("q"), 100) if "q" in params else quality
        format = _format(params.pop("f")) if "f" in params else format
        steps += [_step(params, component)] if params else []
    return Plan(tuple(steps), quality, format)


def _params(component: str) -> dict[str, str]:
    params: dict[str, str] = {}
    for part in component.split(","):
        name, _, value = part.partition("_")
        if name not in ("c", "w", "h", "q", "f") or name in params:
            raise Refusal(400, f"Invalid transformation component - {part}")
        params[name] = value
    return params


def _step(params: dict[str, str], component: str) -> Step:
    crop = params.get("c", "scale")
    width, height = (_number(params[name], LONGEST_SIDE) if name in params else None for name in "wh")
    if crop not in _CROPS or (width is None and height is None):
        raise Refusal(400, f"Invalid transformation component - {component}")
    return Step(crop, width, height)


def _number(text: str, most: int) -> int:
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text) or int(text) > most:
        raise Refusal(400, f"Invalid value in transformation - {text}")
    return int(text)


def _format(text: str) -> str:
    format = format_of(text)
    if format is None:
        raise Refusal(400, f"Invalid extension in transformation: {text}")
    return format
