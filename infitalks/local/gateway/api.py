"""The signed HTTP API: what a server may send and ask (Channels "HTTP API reference"). Not for sockets.

Nothing of a request is delivered before all of it is checked.
"""

import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from infitalks.local.gateway.http1 import HttpError, Request
from infitalks.local.gateway.hub import Hub
from infitalks.local.gateway.messages import CHANNEL_NAME, SOCKET_ID, frame, read_json_object

MAX_DATA = 10_240  # UTF-8 bytes of one event's data
MAX_CHANNELS = 100  # of one event
MAX_BATCH = 10  # events
MAX_EVENT_NAME = 200  # characters
RESERVED = ("pusher:", "pusher_internal:")


@dataclass(frozen=True)
class Event:
    """A checked event, on its way to the subscribers of its channels."""

    name: str
    channels: list[str]
    data: str
    skip: str | None


def answer(hub: Hub, request: Request) -> dict[str, Any]:
    """Do what a request asks and return the JSON body of the 200. Raises HttpError for everything else."""
    match request.path.split("/"):
        case ["", "apps", app_id, *rest] if app_id == hub.app.id:
            _authenticate(hub, request)
            return _authentic_answer(hub, request, rest)
    raise HttpError(404, "There is no such app or path")


def _authenticate(hub: Hub, request: Request) -> None:
    fault = hub.app.request_fault(request.method, request.path, request.query, request.body, time.time())
    if fault:
        raise HttpError(401, fault)


def _authentic_answer(hub: Hub, request: Request, rest: list[str]) -> dict[str, Any]:
    match [request.method, *rest]:
        case ["POST", "events"]:
            return _publish(hub, [_event(_body(request))])
        case ["POST", "batch_events"]:
            return _publish(hub, _batch(_body(request)))
        case ["GET", "channels"]:
            return _channels(hub, parse_qs(request.query))
        case ["GET", "channels", name]:
            return _channel(hub, unquote(name), parse_qs(request.query))
    raise HttpError(404, "There is no such path, or not with this method")


def _publish(hub: Hub, events: list[Event]) -> dict[str, Any]:
    for event in events:
        for channel in event.channels:
            hub.channels.deliver(channel, frame(event.name, event.data, channel), event.skip)
    return {}


def _body(request: Request) -> dict[str, Any]:
    try:
        return read_json_object(request.body)
    except ValueError as error:
        raise HttpError(400, f"The body is not the JSON it should be: {error}") from None


def _batch(body: dict[str, Any]) -> list[Event]:
    batch = body.get("batch")
    if not isinstance(batch, list) or not 1 <= len(batch) <= MAX_BATCH:
        raise HttpError(400, f"batch has to be a list of 1 to {MAX_BATCH} events")
    if not all(isinstance(item, dict) and "channels" not in item for item in batch):
        raise HttpError(400, "An event of a batch is an object with one channel")
    return [_event(item) for item in batch]


def _event(body: dict[str, Any]) -> Event:
    name, data, skip = _name(body.get("name")), _data(body.get("data")), _skip(body.get("socket_id"))
    return Event(name, _targets(body), data, skip)


def _name(name: object) -> str:
    if not isinstance(name, str) or not 1 <= len(name) <= MAX_EVENT_NAME or name.startswith(RESERVED):
        raise HttpError(400, f"name has to be 1 to {MAX_EVENT_NAME} characters, not the protocol's own")
    _utf8(name)
    return name


def _targets(body: dict[str, Any]) -> list[str]:
    channels = body.get("channels", [body.get("channel")])
    if not isinstance(channels, list) or not 1 <= len(channels) <= MAX_CHANNELS:
        raise HttpError(400, f"channels has to be a list of 1 to {MAX_CHANNELS} names")
    if not all(isinstance(name, str) and CHANNEL_NAME.fullmatch(name) for name in channels):
        raise HttpError(400, "A channel's name is missing or malformed")
    return channels


def _data(data: object) -> str:
    if not isinstance(data, str):
        raise HttpError(400, "data has to be a string")
    if len(_utf8(data)) > MAX_DATA:
        raise HttpError(413, f"data is larger than {MAX_DATA} bytes")
    return data


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise HttpError(400, "Half a surrogate pair is no text") from None


def _skip(socket_id: object) -> str | None:
    if socket_id is not None and not (isinstance(socket_id, str) and SOCKET_ID.fullmatch(socket_id)):
        raise HttpError(400, "socket_id is malformed")
    return socket_id


def _channels(hub: Hub, query: dict[str, list[str]]) -> dict[str, Any]:
    with_count = _wants_count(query)
    counts = hub.channels.counts(query.get("filter_by_prefix", [""])[0])
    return {"channels": {name: {"subscription_count": n} if with_count else {} for name, n in counts.items()}}


def _channel(hub: Hub, name: str, query: dict[str, list[str]]) -> dict[str, Any]:
    if not CHANNEL_NAME.fullmatch(name):
        raise HttpError(400, "The channel's name is malformed")
    count = hub.channels.count(name)
    return {"occupied": count > 0} | ({"subscription_count": count} if _wants_count(query) else {})


def _wants_count(query: dict[str, list[str]]) -> bool:
    wanted = {attribute for value in query.get("info", []) for attribute in value.split(",")}
    if wanted - {"subscription_count"}:
        raise HttpError(400, "Of info, only subscription_count is served here")
    return bool(wanted)
