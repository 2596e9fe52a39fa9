"""The transformations that are served, from the text of a link. Not for applying them (drawing.py).

What is not served is refused as Cloudinary refuses what it does not know.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from infitalks.local.media.account import Refusal

MOST_COMPONENTS = 4
LONGEST_SIDE = 4096  # pixels
QUALITIES = {"auto": 80, "auto:best": 85, "auto:good": 80, "auto:eco": 72, "auto:low": 60}
CROPS = frozenset({"scale", "fit", "limit", "fill", "lfill", "thumb", "pad"})
CUTTING = frozenset({"fill", "lfill", "thumb"})
# Where a cut is centred, as shares of what is cut off. There is no model of faces here: they are mostly high up.
GRAVITIES = {
    **{"north_west": (0.0, 0.0), "north": (0.5, 0.0), "north_east": (1.0, 0.0)},
    **{"west": (0.0, 0.5), "center": (0.5, 0.5), "east": (1.0, 0.5)},
    **{"south_west": (0.0, 1.0), "south": (0.5, 1.0), "south_east": (1.0, 1.0)},
    **{"face": (0.5, 0.3), "faces": (0.5, 0.3), "auto": (0.5, 0.3)},
}
EFFECTS = {"blur": (100, 2000), "grayscale": (0, 0), "pixelate": (5, 200)}  # usual strength, and the most
ROUND = 1 << 16  # a radius larger than any picture

_COMPONENT = re.compile(r"(?:[a-z]{1,3}_[^/,]+|\$[^/]*)(?:,[^/,]+)*")
_FORMATS = {"jpg": "jpg", "jpeg": "jpg", "png": "png", "webp": "webp", "gif": "gif"}
# Those of Cloudinary's flags that change nothing here: derived pictures hold no metadata, and moving ones move.
_HARMLESS_FLAGS = {"strip_profile", "force_strip", "lossy", "awebp", "animated", "immutable_cache"}

# Pixels, or a share (below 1) of the picture's own side.
Side = int | float


@dataclass(frozen=True, slots=True)
class Step:
    """One component's work, done in this order: resize, turn, effect, round the corners."""

    crop: str = "scale"
    width: Side | None = None
    height: Side | None = None
    ratio: float | None = None  # of width to height
    gravity: str = "center"
    background: str | None = None  # what Pillow takes for a colour
    turn: int | str | None = None  # degrees clockwise, hflip or vflip
    effect: tuple[str, int] | None = None
    radius: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with an original. `format` and `quality` are None where nothing was asked; `format` may be auto."""

    steps: tuple[Step, ...] = ()
    quality: int | None = None
    format: str | None = None
    upright: bool = True  # by the camera's note of how it was held
    progressive: bool = False
    attachment: str | None = None  # to be saved under this name, "" for its own


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
    plan = Plan()
    for component in components:
        plan = _with_component(plan, component)
    return plan


def _with_component(plan: Plan, component: str) -> Plan:
    params = _params(component)
    flags = params.pop("flags", {})
    if params.get("turn") == "ignore":
        flags["upright"] = not params.pop("turn")
    whole = {name: params.pop(name) for name in ("quality", "format") if name in params}
    step = _step(params, component) if params else None
    return replace(plan, steps=(*plan.steps, step) if step else plan.steps, **whole, **flags)


def _params(component: str) -> dict[str, Any]:
    params: dict[str, Any] = {}
    for part in component.split(","):
        short, _, text = part.partition("_")
        name, read = _READERS.get(short, ("", None))
        if read is None or name in params:
            raise _invalid(part)
        params[name] = read(text)
    return params


def _step(params: dict[str, Any], component: str) -> Step:
    dpr = params.pop("dpr", 1.0)
    step = Step(**params)
    sides = [side for side in (step.width, step.height) if side is not None]
    if (step.crop != "scale" or step.ratio) and not sides:
        raise _invalid(component)
    if step.ratio and (len(sides) != 1 or isinstance(sides[0], float)):
        raise _invalid(component)
    if step.gravity == "auto" and step.crop not in CUTTING:
        raise Refusal(400, "Use auto gravity only with crop, fill, lfill, fill_pad or thumb")
    return _at_density(_with_both_sides(step), dpr)


def _with_both_sides(step: Step) -> Step:
    if step.ratio and isinstance(step.width, int):
        return replace(step, height=max(1, round(step.width / step.ratio)))
    if step.ratio and isinstance(step.height, int):
        return replace(step, width=max(1, round(step.height * step.ratio)))
    return step


def _at_density(step: Step, dpr: float) -> Step:
    sides = [round(side * dpr) if isinstance(side, int) else side for side in (step.width, step.height)]
    if any(side and side > LONGEST_SIDE for side in sides):
        raise Refusal(400, f"Invalid value in transformation - a side of more than {LONGEST_SIDE}")
    return replace(step, width=sides[0], height=sides[1])


def _invalid(what: str) -> Refusal:
    return Refusal(400, f"Invalid transformation component - {what}")


def _integer(text: str, least: int, most: int) -> int:
    if not re.fullmatch(r"-?[0-9]{1,5}", text) or not least <= int(text) <= most:
        raise Refusal(400, f"Invalid value in transformation - {text}")
    return int(text)


def _side(text: str) -> Side:
    if re.fullmatch(r"0?\.[0-9]{1,4}", text) and float(text):
        return float(text)
    return _integer(text, 1, LONGEST_SIDE)


def _ratio(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,4}):([0-9]{1,4})|([0-9]{1,3}(?:\.[0-9]{1,4})?)", text)
    wide, high = (float(match[1] or match[3]), float(match[2] or 1)) if match else (0.0, 0.0)
    if not wide or not high:
        raise Refusal(400, f"Invalid value in transformation - {text}")
    return wide / high


def _density(text: str) -> float:
    if text == "auto":  # which browsers no longer tell
        return 1.0
    if not re.fullmatch(r"[0-9](\.[0-9]{1,2})?", text) or not float(text):
        raise Refusal(400, f"Invalid value in transformation - {text}")
    return float(text)


def _quality(text: str) -> int:
    return QUALITIES.get(text) or _integer(text, 1, 100)


def _format(text: str) -> str:
    format = "auto" if text == "auto" else format_of(text)
    if format is None:
        raise Refusal(400, f"Invalid extension in transformation: {text}")
    return format


def _colour(text: str) -> str:
    name = re.fullmatch(r"(white|black|gray|red|green|blue|yellow)|rgb:([0-9a-fA-F]{3}|[0-9a-fA-F]{6})", text)
    if not name:
        raise Refusal(400, f"Invalid value in transformation - {text}")
    return name[1] or f"#{name[2]}"


def _radius(text: str) -> int:
    return ROUND if text == "max" else _integer(text, 1, LONGEST_SIDE)


def _effect(text: str) -> tuple[str, int]:
    name, _, strength = text.partition(":")
    if name not in EFFECTS:
        raise Refusal(400, f"Invalid transformation effect - {name}")
    usual, most = EFFECTS[name]
    return name, _integer(strength, 1, most) if strength else usual


def _turn(text: str) -> int | str:
    return text if text in ("hflip", "vflip", "ignore") else _integer(text, -360, 360)


def _flags(text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for flag in text.split("."):
        name, _, value = flag.partition(":")
        if name == "attachment" and re.fullmatch(r"[\w -]{0,100}", value):
            found["attachment"] = value
        elif flag == "progressive":
            found["progressive"] = True
        elif flag not in _HARMLESS_FLAGS:
            raise Refusal(400, f"Invalid flag in transformation: {flag}")
    return found


def _one_of(names: Sequence[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in names:
            raise Refusal(400, f"Invalid value in transformation - {text}")
        return text

    return read


_READERS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "c": ("crop", _one_of(sorted(CROPS))),
    "w": ("width", _side),
    "h": ("height", _side),
    "ar": ("ratio", _ratio),
    "g": ("gravity", _one_of(list(GRAVITIES))),
    "b": ("background", _colour),
    "a": ("turn", _turn),
    "e": ("effect", _effect),
    "r": ("radius", _radius),
    "dpr": ("dpr", _density),
    "q": ("quality", _quality),
    "f": ("format", _format),
    "fl": ("flags", _flags),
}
