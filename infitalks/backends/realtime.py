"""Live events through the official Pusher library, to hosted Pusher Channels or any server of its protocol."""

import re
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import pusher
import requests
from pusher.errors import PusherBadRequest, PusherBadStatus, PusherError
from pusher.requests import RequestsBackend

from infitalks import metrics, trace
from infitalks.settings import Settings

MOST_CHANNELS = 100  # per trigger
MOST_BYTES = 10_240  # of an event's data, in UTF-8
MOST_IN_BATCH = 10  # events, each to one channel
# The library refuses by the size of the Python object, not of the text: one emoji quadruples it.
_LIBRARY_LIMIT = 30_720
_LIBRARY_BATCH_LIMIT = 10_240
_AT_ONCE = 8  # requests under way, of one process
AVOID_SECONDS = 3.0  # how long a server that hung is left alone: each try would hold up a worker as long

Event = tuple[str, str]  # name, data


class RealtimeUnavailable(Exception):
    """The server did not take the event; it may take it later."""


class RealtimeRefused(Exception):
    """The server will not take this event, now or later."""


class _Traced(RequestsBackend):  # type: ignore[misc]
    """Names, in each of its requests, the ones that it is about."""

    def __init__(self, client: Any, **options: Any) -> None:
        super().__init__(client, **options)
        self.session.auth = _name_requests  # what `requests` lets change a request last


def _name_requests(request: requests.PreparedRequest) -> requests.PreparedRequest:
    if ids := trace.current():
        request.headers[trace.HEADER] = ids
    return request


_client: pusher.Pusher | None = None
_away_until = 0.0


def configure(settings: Settings) -> None:
    """Make the client of this process; nothing is connected yet."""
    global _client, _away_until
    _away_until = 0.0
    where: dict[str, Any] = {"cluster": settings.pusher_cluster}
    if settings.pusher_host:
        where = {"host": settings.pusher_host, "port": settings.pusher_port}
    _client = pusher.Pusher(
        app_id=settings.pusher_app_id,
        key=settings.pusher_key,
        secret=settings.pusher_secret,
        ssl=settings.pusher_tls,
        timeout=3,
        backend=_Traced,
        **where,
    )


def fits(data: str) -> bool:
    """Whether an event may carry this text."""
    return len(data.encode()) <= MOST_BYTES and sys.getsizeof(data) <= _LIBRARY_LIMIT


def publish(channels: Sequence[str], events: Sequence[Event]) -> None:
    """Send the events, in their order, to each of the channels.

    Raises RealtimeUnavailable or RealtimeRefused; some of the channels may have heard all or some of them then.
    """
    chunks = [list(channels[start : start + MOST_CHANNELS]) for start in range(0, len(channels), MOST_CHANNELS)]
    if len(chunks) > 1:
        # A hosted server answers in 50 to 100 ms, which a large chat must not wait for once for each hundred members.
        with ThreadPoolExecutor(min(_AT_ONCE, len(chunks))) as pool:
            told = [pool.submit(copy_context().run, _trigger, chunk, events) for chunk in chunks]
        for each in told:
            each.result()
    elif len(events) > 1 and len(channels) * len(events) <= MOST_IN_BATCH and _fit_a_batch(events):
        _trigger_batch(channels, events)
    elif channels:
        _trigger(chunks[0], events)


def _trigger_batch(channels: Sequence[str], events: Sequence[Event]) -> None:
    batch = [{"channel": channel, "name": name, "data": data} for name, data in events for channel in channels]
    if batch:
        _send(_ready().trigger_batch, batch)


def _fit_a_batch(events: Sequence[Event]) -> bool:
    return all(sys.getsizeof(data) <= _LIBRARY_BATCH_LIMIT for _, data in events)


def _trigger(channels: list[str], events: Sequence[Event]) -> None:
    for name, data in events:
        _send(_ready().trigger, channels, name, data)


def _send(request: Callable[..., Any], *arguments: Any) -> Any:
    began, result = time.monotonic(), "unavailable"
    try:
        answer = _ask(request, *arguments)
        result = "ok"
        return answer
    except RealtimeRefused:
        result = "refused"
        raise
    finally:
        metrics.REALTIME_SECONDS.labels(result).observe(time.monotonic() - began)


def _ask(request: Callable[..., Any], *arguments: Any) -> Any:
    global _away_until
    if time.monotonic() < _away_until:
        raise RealtimeUnavailable("It hung a moment ago.")
    try:
        return request(*arguments)
    except PusherBadRequest as error:
        raise RealtimeRefused(str(error)) from error
    except PusherBadStatus as error:
        # The library tells the status in its text alone. 413: too large, and it will be so tomorrow.
        kind = RealtimeRefused if str(error).startswith("413") else RealtimeUnavailable
        raise kind(str(error)) from error
    except (PusherError, requests.RequestException) as error:
        if isinstance(error, requests.Timeout):
            _away_until = time.monotonic() + AVOID_SECONDS
        # Without the query of the address, which is signed with our secret: this ends in logs.
        raise RealtimeUnavailable(re.sub(r"\?\S+", "", str(error))) from error


def occupied_channels(prefix: str) -> set[str]:
    """The channels of this prefix that somebody listens on now. Raises as `publish`."""
    return set(_send(_ready().channels_info, prefix)["channels"])


def sign_channel(socket_id: str, channel: str) -> str:
    """The `auth` that lets this socket subscribe. Raises ValueError for a malformed socket id."""
    answer: dict[str, str] = _ready().authenticate(channel, socket_id)
    return answer["auth"]


def read_webhook(key: str, signature: str, body: str) -> dict[str, Any] | None:
    """The webhook's payload, or None where key, signature or time (300 s) do not hold."""
    payload: dict[str, Any] | None = _ready().validate_webhook(key, signature, body)
    return payload


def _ready() -> pusher.Pusher:
    if _client is None:
        raise RuntimeError("backends.realtime.configure has not been called")
    return _client
