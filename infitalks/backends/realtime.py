"""Live events through the official Pusher library, to hosted Pusher Channels or any server of its protocol."""

import sys
from collections.abc import Sequence
from typing import Any

import pusher
import requests
from pusher.errors import PusherBadRequest, PusherError

from infitalks.settings import Settings

MOST_CHANNELS = 100  # per trigger
MOST_BYTES = 10_240  # of an event's data, in UTF-8
# The library refuses by the size of the Python object, not of the text: one emoji quadruples it.
_LIBRARY_LIMIT = 30_720


class RealtimeUnavailable(Exception):
    """The server did not take the event; it may take it later."""


class RealtimeRefused(Exception):
    """The server will not take this event, now or later."""


_client: pusher.Pusher | None = None


def configure(settings: Settings) -> None:
    """Make the client of this process; nothing is connected yet."""
    global _client
    where: dict[str, Any] = {"cluster": settings.pusher_cluster}
    if settings.pusher_host:
        where = {"host": settings.pusher_host, "port": settings.pusher_port}
    _client = pusher.Pusher(
        app_id=settings.pusher_app_id,
        key=settings.pusher_key,
        secret=settings.pusher_secret,
        ssl=settings.pusher_tls,
        timeout=3,
        **where,
    )


def fits(data: str) -> bool:
    """Whether an event may carry this text."""
    return len(data.encode()) <= MOST_BYTES and sys.getsizeof(data) <= _LIBRARY_LIMIT


def trigger(channels: Sequence[str], event: str, data: str) -> None:
    """Send one event to any number of channels. Raises RealtimeUnavailable or RealtimeRefused."""
    for start in range(0, len(channels), MOST_CHANNELS):
        try:
            _ready().trigger(list(channels[start : start + MOST_CHANNELS]), event, data)
        except PusherBadRequest as error:
            raise RealtimeRefused(str(error)) from error
        except (PusherError, requests.RequestException) as error:
            raise RealtimeUnavailable(str(error)) from error


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
