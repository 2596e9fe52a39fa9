"""Bytes that are no JSON object, and whether the database changed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from infitalks.models.database import database

DEEP = 100_000

MALFORMED = {
    "nothing": b"",
    "half an object": b"{",
    "a comma too many": b'{"name": "x",}',
    "a bare word": b"nul",
    "no UTF-8": b'{"name": "\xff\xfe"}',
    "UTF-16": '{"name": "x"}'.encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf{}",
    "a list": b"[]",
    "a string": b'"name"',
    "a number": b"5",
    "null": b"null",
    "a lone surrogate": b'{"name": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
    "NUL": b'{"name": "a\\u0000b"}',
    "NUL in a key": b'{"na\\u0000me": 1}',
    "2**63": b'{"seq": 9223372036854775808}',
    "an integer of 5,000 digits": b'{"seq": ' + b"7" * 5000 + b"}",
    "100,000 lists deep": b'{"name": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "40,000 objects deep": b'{"a":' * 40_000 + b"1" + b"}" * 40_000,
    "21 levels deep": b"[" * 21 + b"]" * 21,
    "NaN": b'{"seq": NaN}',
    "minus infinity": b'{"seq": -Infinity}',
    "1e999": b'{"seq": 1e999}',
    "a key twice": b'{"name": "x", "name": "y"}',
}


def fingerprint() -> str:
    """Changes with every change of any stored document."""
    digest = hashlib.sha256()
    for name in sorted(database().list_collection_names()):
        digest.update(name.encode())
        batches: Any = database()[name].find_raw_batches(sort=[("_id", 1)])
        for batch in batches:
            digest.update(batch)
    return digest.hexdigest()


@contextmanager
def nothing_changes() -> Iterator[None]:
    before = fingerprint()
    yield
    assert fingerprint() == before
