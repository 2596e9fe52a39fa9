"""The signed HTTP API: what a server may send and ask (Channels "HTTP API reference"). Not for sockets.

Nothing of a request is delivered before all of it is checked (publishing.py).
"""

import re
import time
from typing import Any
from urllib.parse import parse_qs, unquote

from infitalks.local.gateway.http1 import HttpError, Request
from infitalks.local.gateway.hub import Hub
from infitalks.local.gateway.messages import CHANNEL_NAME, frame, read_json_object
from infitalks.local.gateway.presence import MAX_USER_ID
from infitalks.local.gateway.publishing import Event, attributes, read_batch, read_event
from infitalks.local.gateway.tally import render
from infitalks.logs import note

PRESENCE = "presence-"
IDS = re.compile(r"[A-Za-z0-9._,-]{1,5000}")  # as the app names the requests that led to an event
PROXYS = {"x-forwarded-for", "x-real-ip", "forwarded", "via"}


def answer(hub: Hub, request: Request) -> dict[str, Any]:
    """Do what a request asks and return the JSON body of the 200. Raises HttpError for everything else."""
    rest = authenticate(hub, request)
    fault = hub.app.body_fault(request.query, request.body)
    if fault:
        raise HttpError(401, fault)
    match [request.method, *rest]:
        case ["POST", "events"]:
            return _publish(hub, read_event(_body(request)), ids_of(request))
        case ["POST", "batch_events"]:
            return _publish_batch(hub, read_batch(_body(request)), ids_of(request))
        case ["GET", "channels"]:
            return _channels(hub, parse_qs(request.query))
        case ["GET", "channels", name]:
            return _channel(hub, _channel_name(name), parse_qs(request.query))
        case ["GET", "channels", name, "users"]:
            return _users(hub, _channel_name(name))
        case ["POST", "users", user_id, "terminate_connections"]:
            return _terminate(hub, unquote(user_id))
    raise HttpError(404, "There is no such path, or not with this method")


def authenticate(hub: Hub, head: Request) -> list[str]:
    """The path's parts below the app, where the head of a request is authentic. Raises HttpError."""
    match head.path.split("/"):
        case ["", "apps", app_id, *rest] if app_id == hub.app.id:
            pass
        # The Python library leaves out the app here (3.3.4).
        case ["", "users", _, "terminate_connections"] as parts:
            rest = parts[1:]
        case _:
            raise HttpError(404, "There is no such app or path")
    fault = hub.app.head_fault(head.method, head.path, head.query, time.time())
    if fault:
        raise HttpError(401, fault)
    return rest


def _body(request: Request) -> dict[str, Any]:
    try:
        return read_json_object(request.body)
    except ValueError as error:
        raise HttpError(400, f"The body is not the JSON it should be: {error}") from None


def figures(hub: Hub, request: Request, address: str) -> str | None:
    """What the gateway counted, in Prometheus' text format; None where the asker is not to see it."""
    forwarded = not PROXYS.isdisjoint(request.headers)
    if not hub.settings or not hub.settings.lets_scrape(
        request.headers.get("authorization", ""), address, forwarded=forwarded
    ):
        return None
    return render(hub.channels.tally, len(hub.socket_ids), len(hub.channels.names())).decode()


def ids_of(request: Request) -> str | None:
    """The app's own requests that it makes this one for, if it says so: a header that hosted servers do not read."""
    given = request.headers.get("x-request-id", "")
    return given if IDS.fullmatch(given) else None


def _publish(hub: Hub, event: Event, ids: str | None) -> dict[str, Any]:
    _deliver(hub, event, ids)
    counts = {name: _counts(hub, name, event.info) for name in event.channels}
    return {"channels": counts} if event.info else {}


def _publish_batch(hub: Hub, events: list[Event], ids: str | None) -> dict[str, Any]:
    for event in events:
        _deliver(hub, event, ids)
    counts = [_counts(hub, event.channels[0], event.info) for event in events]
    return {"batch": counts} if any(event.info for event in events) else {}


def _deliver(hub: Hub, event: Event, ids: str | None) -> None:
    hub.channels.tally.taken += len(event.channels)
    subscribers = sum(hub.channels.count(channel) for channel in event.channels)
    note("event", name=event.name, channels=len(event.channels), subscribers=subscribers, request_id=ids)
    for channel in event.channels:
        hub.channels.deliver(channel, frame(event.name, event.data, channel), event.skip)


def _counts(hub: Hub, name: str, info: frozenset[str]) -> dict[str, int]:
    users = {"user_count": len(hub.channels.roster(name))} if "user_count" in info else {}
    return users | ({"subscription_count": hub.channels.count(name)} if "subscription_count" in info else {})


def _channels(hub: Hub, query: dict[str, list[str]]) -> dict[str, Any]:
    prefix = query.get("filter_by_prefix", [""])[0]
    info = attributes(",".join(query.get("info", [])))
    if "user_count" in info and not prefix.startswith(PRESENCE):
        raise HttpError(400, f"For user_count, filter_by_prefix has to begin with {PRESENCE}")
    return {"channels": {name: _counts(hub, name, info) for name in hub.channels.names(prefix)}}


def _channel(hub: Hub, name: str, query: dict[str, list[str]]) -> dict[str, Any]:
    info = attributes(",".join(query.get("info", [])))
    if "user_count" in info and not name.startswith(PRESENCE):
        raise HttpError(400, "Only presence channels have a user_count")
    return {"occupied": hub.channels.count(name) > 0} | _counts(hub, name, info)


def _users(hub: Hub, name: str) -> dict[str, Any]:
    if not name.startswith(PRESENCE):
        raise HttpError(400, "Only presence channels have users")
    return {"users": [{"id": user_id} for user_id in hub.channels.roster(name).ids()]}


def _terminate(hub: Hub, user_id: str) -> dict[str, Any]:
    """Close all sockets of a user. Sign-in is not served, so a user's sockets are those that have joined a presence
    channel as that user_id; a user without any is no error."""
    if not 1 <= len(user_id) <= MAX_USER_ID:
        raise HttpError(400, f"The user's id has to be 1 to {MAX_USER_ID} characters")
    for socket in hub.channels.sockets_of(user_id):
        socket.close(4009, "Connection terminated by the app")
    return {}


def _channel_name(quoted: str) -> str:
    name = unquote(quoted)
    if not CHANNEL_NAME.fullmatch(name):
        raise HttpError(400, "The channel's name is malformed")
    return name
