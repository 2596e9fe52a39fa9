"""Loose reading: senders put numbers, nulls and odd shapes where a text, a list or a link belongs.

Nothing here raises; what cannot be read is empty. Not for: JSON of our own API (schemas).
"""

import math
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

LONGEST_LINK = 2000  # characters
LONGEST_READ = 20_000  # characters of one value: more than is shown of any, so that cutting still shows
KEPT_IN_LINKS = "%/:=&?~#+!$,;'@()*[]-._"


def text(value: Any) -> str:
    """A string, a number or a truth as text; everything else is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and value.bit_length() > 256:  # Python refuses to write very long numbers
        return ""
    return str(value)[:LONGEST_READ] if isinstance(value, str | int | float) else ""


def line(value: Any) -> str:
    """The same on one line, trimmed."""
    return " ".join(text(value).split())


def is_true(value: Any) -> bool:
    """Senders write a truth as one, or as a word."""
    return text(value).lower() in ("true", "1")


def obj(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def objs(value: Any) -> list[dict[str, Any]]:
    """The objects of a list; what else is in it is passed over."""
    return [item for item in items(value) if isinstance(item, dict)]


def at(value: Any, *path: str) -> Any:
    """What is at the end of these keys; None where one is missing."""
    for key in path:
        value = obj(value).get(key)
    return value


def cut(value: str, longest: int) -> str:
    """At most `longest` characters, the last of which says that there was more."""
    return value if len(value) <= longest else value[: longest - 1].rstrip() + "…"


def link(value: Any) -> str | None:
    """An http or https address, safe between angle brackets and in an attribute; None for anything else."""
    address = text(value).strip()
    if not address.lower().startswith(("http://", "https://")) or len(address) > LONGEST_LINK:
        return None
    try:
        if not urlsplit(address).hostname:
            return None
    except ValueError:
        return None
    written = quote(address, safe=KEPT_IN_LINKS)
    return written if len(written) <= LONGEST_LINK else None


def moment(value: Any) -> datetime | None:
    """A time as epoch seconds (number or text) or in ISO 8601; None outside 1971 to 2199, where senders mean "none"."""
    try:
        read = _from_epoch(value) if _is_number(value) else datetime.fromisoformat(text(value).strip())
    except (ValueError, OverflowError, OSError):
        return None
    read = read.replace(tzinfo=UTC) if read.tzinfo is None else read
    return read if 1971 <= read.year < 2200 else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) or (isinstance(value, str) and value.strip().replace(".", "", 1).isdigit())


def _from_epoch(value: Any) -> datetime:
    seconds = float(value)
    if not math.isfinite(seconds):
        raise ValueError("no time")
    return datetime.fromtimestamp(seconds, UTC)


def milliseconds(value: Any) -> int:
    """`moment` as milliseconds since 1970; 0 where there is none."""
    read = moment(value)
    return round(read.timestamp() * 1000) if read else 0
