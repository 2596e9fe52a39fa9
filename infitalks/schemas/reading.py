"""Bytes to JSON, strictly: what a parser or the database would choke on, or read two ways, is refused here."""

import json
from typing import Any, NoReturn

from infitalks.errors import Malformed

DEEPEST = 20  # levels of nesting
LARGEST_INTEGER = 2**63 - 1  # what BSON holds


def read_json(raw: bytes) -> Any:
    """The value that `raw` writes in UTF-8 JSON.

    Raises Malformed for anything that is not JSON as RFC 8259 has it, and for duplicate keys, NaN and infinities,
    integers past 64 bits, NUL, lone surrogates and nesting deeper than 20: each is read differently somewhere.
    """
    try:
        text = raw.decode("utf-8")
        check_depth(text)
        value = json.loads(
            text,
            parse_constant=_refuse_constant,
            parse_int=_read_integer,
            parse_float=_read_float,
            object_pairs_hook=_read_object,
        )
    except Malformed:
        raise
    except (ValueError, RecursionError):
        raise Malformed("The body is not valid JSON in UTF-8.") from None
    check_text(value)
    return value


def read_lenient_json(words: str) -> Any:
    """The value that other programs write in JSON, as leniently as Slack and Mattermost read it: raw line breaks inside
    strings are taken. Raises Malformed for what is no JSON, and what `check_depth` and `check_text` refuse."""
    check_depth(words)
    try:
        value = json.loads(words, strict=False)
    except (ValueError, RecursionError):
        raise Malformed("not JSON") from None
    check_text(value)
    return value


def check_text(value: Any) -> None:
    """Raise Malformed where a string in `value` holds NUL or half of a surrogate pair."""
    if isinstance(value, str):
        if "\x00" in value or any("\ud800" <= char <= "\udfff" for char in value):
            raise Malformed("The body holds a NUL or half of a surrogate pair.")
    elif isinstance(value, list):
        for item in value:
            check_text(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            check_text(key)
            check_text(item)


def check_depth(text: str) -> None:
    """Raise Malformed where the JSON in `text` is nested deeper than 20 levels."""
    # Before parsing: a recursive parser must never see 100,000 brackets. Brackets inside strings count too,
    # so the cheap test only lets the exact one run.
    if text.count("[") + text.count("{") <= DEEPEST:
        return
    depth, quoted, escaped = 0, False, False
    for char in text:
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = quoted
        elif char == '"':
            quoted = not quoted
        elif not quoted and char in "[{":
            depth += 1
            if depth > DEEPEST:
                raise Malformed(f"The body is nested deeper than {DEEPEST} levels.")
        elif not quoted and char in "]}":
            depth -= 1


def _refuse_constant(name: str) -> NoReturn:
    raise Malformed(f"{name} is not a JSON value.")


def _read_integer(digits: str) -> int:
    if len(digits) > 20 or not -LARGEST_INTEGER - 1 <= int(digits) <= LARGEST_INTEGER:
        raise Malformed("An integer does not fit in 64 bits.")
    return int(digits)


def _read_float(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise Malformed("A number is too large.")
    return value


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise Malformed("An object has the same key twice.")
    return read
