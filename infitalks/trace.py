"""The id of the request that something belongs to: it goes along from the door through the log's outbox to workers and
services, and into every line that they log. Not for: what is logged (logs.py).
"""

import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Request-ID"
MOST = 100  # ids that one piece of work is told to belong to: as many entries as are told at once
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,40}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def begin(given: str | None = None) -> str:
    """The id of the request that this thread works for from now on: the given one if it is well-formed."""
    request_id = given if given and WELL_FORMED.fullmatch(given) else secrets.token_hex(8)
    _current.set(request_id)
    return request_id


def current() -> str:
    """The id, or ids with commas between, that this thread works for; empty where nobody asked."""
    return _current.get()


@contextmanager
def following(ids: Iterable[str | None]) -> Iterator[None]:
    """Within the block, what is done belongs to these requests, the first of them."""
    known = list(dict.fromkeys(filter(None, ids)))
    token = _current.set(",".join(known[:MOST]))
    try:
        yield
    finally:
        _current.reset(token)
