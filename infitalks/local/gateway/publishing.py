"""Reads the events of a request to the HTTP API, and checks all of them. Not for delivering (api.py)."""

from dataclasses import dataclass
from typing import Any

from infitalks.local.gateway.http1 import HttpError
from infitalks.local.gateway.messages import CHANNEL_NAME, SOCKET_ID, is_text
from infitalks.local.gateway.subscriptions import NOT_SERVED

MAX_DATA = 10_240  # UTF-8 bytes of one event's data
MAX_CHANNELS = 100  # of one event
MAX_BATCH = 10  # events
MAX_EVENT_NAME = 200  # characters
RESERVED = ("pusher:", "pusher_internal:")
ATTRIBUTES = frozenset({"user_count", "subscription_count"})


@dataclass(frozen=True)
class Event:
    """A checked event, on its way to the subscribers of its channels; `info` is what the sender wants to know then."""

    name: str
    channels: list[str]
    data: str
    skip: str | None
    info: frozenset[str]


def read_batch(body: dict[str, Any]) -> list[Event]:
    """The events of a `batch_events`. Raises HttpError."""
    batch = body.get("batch")
    if not isinstance(batch, list) or not 1 <= len(batch) <= MAX_BATCH:
        raise HttpError(400, f"batch has to be a list of 1 to {MAX_BATCH} events")
    if not all(isinstance(item, dict) and "channels" not in item for item in batch):
        raise HttpError(400, "An event of a batch is an object with one channel")
    return [read_event(item) for item in batch]


def read_event(body: dict[str, Any]) -> Event:
    """The event of an `events`. Raises HttpError."""
    name, data, skip = _name(body.get("name")), _data(body.get("data")), _skip(body.get("socket_id"))
    channels, info = _targets(body), attributes(body.get("info", ""))
    if "user_count" in info and not all(channel.startswith("presence-") for channel in channels):
        raise HttpError(400, "Only presence channels have a user_count")
    return Event(name, channels, data, skip, info)


def attributes(info: object) -> frozenset[str]:
    """The attributes of channels that an `info` asks for, comma-separated. Raises HttpError."""
    wanted = frozenset(info.split(",")) - {""} if isinstance(info, str) else None
    if wanted is None or not wanted <= ATTRIBUTES:
        raise HttpError(400, f"Of info, only {' and '.join(sorted(ATTRIBUTES))} are served here")
    return wanted


def _name(name: object) -> str:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_EVENT_NAME or name.startswith(RESERVED):
        raise HttpError(400, f"name has to be 1 to {MAX_EVENT_NAME} characters, not the protocol's own")
    return _text(name)


def _targets(body: dict[str, Any]) -> list[str]:
    channels = body.get("channels", [body.get("channel")])
    if not isinstance(channels, list) or not 1 <= len(channels) <= MAX_CHANNELS:
        raise HttpError(400, f"channels has to be a list of 1 to {MAX_CHANNELS} names")
    if not all(isinstance(name, str) and CHANNEL_NAME.fullmatch(name) for name in channels):
        raise HttpError(400, "A channel's name is missing or malformed")
    if any(name.startswith(NOT_SERVED) for name in channels):
        raise HttpError(400, "Encrypted and cache channels are not served here")
    return channels


def _data(data: object) -> str:
    if not isinstance(data, str):
        raise HttpError(400, "data has to be a string")
    if len(_text(data).encode()) > MAX_DATA:
        raise HttpError(413, f"data is larger than {MAX_DATA} bytes")
    return data


def _text(text: str) -> str:
    if not is_text(text):
        raise HttpError(400, "Half a surrogate pair is no text")
    return text


def _skip(socket_id: object) -> str | None:
    if socket_id is not None and not (isinstance(socket_id, str) and SOCKET_ID.fullmatch(socket_id)):
        raise HttpError(400, "socket_id is malformed")
    return socket_id
