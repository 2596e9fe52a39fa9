"""The port: plain HTTP requests to the API, upgrades to websockets, and the graceful stop.

Not for what requests and events mean.
"""

import asyncio
import logging
import signal
from contextlib import suppress
from typing import cast
from urllib.parse import urlsplit

from infitalks.local.gateway import api
from infitalks.local.gateway.http1 import HttpError, Request, RequestReader, response
from infitalks.local.gateway.hub import Hub
from infitalks.local.gateway.messages import to_json
from infitalks.local.gateway.places import client_of
from infitalks.local.gateway.sockets import Socket

MAX_BACKLOG = 1024 * 1024  # bytes that wait for one slow reader before it is dropped
KEEP_ALIVE = 75.0  # seconds that an idle HTTP connection stays open
LINGER = 5.0  # seconds for a client to read the last answer while it is still sending
GONE = ("0.0.0.0", 0)  # stands for the address of who hung up before we could ask for it
STOP_GRACE = 3  # seconds for clients to answer the close

log = logging.getLogger(__name__)


class Connection(asyncio.Protocol):
    """One TCP connection: HTTP requests, one after the other, until one of them asks for an upgrade."""

    def __init__(self, hub: Hub, connections: set["Connection"]) -> None:
        self._hub = hub
        self._connections = connections
        self._reader = RequestReader(self._vouch)
        self._socket: Socket | None = None
        self._answered_last = False
        self._unread = False  # whether answers wait for a client that does not read them
        self._clock = asyncio.get_running_loop().time
        self._expires = self._clock() + hub.limits.request_timeout

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=MAX_BACKLOG)
        self._address = self._transport.get_extra_info("peername", GONE)[0]
        self._client = client_of(self._address)
        if self._hub.connections.take(self._client):
            self._connections.add(self)
        else:
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._connections:
            self._connections.discard(self)
            self._hub.connections.give_back(self._client)
        if self._socket:
            self._socket.leave()

    def pause_writing(self) -> None:
        """More than MAX_BACKLOG waits. Of a websocket the whole connection is dropped, never single events: the client
        sees it, comes back and asks for what it missed; a hole would stay unseen. An HTTP client has to read its
        answers before it may ask for more.
        """
        if self._socket:
            self._hub.channels.tally.slow += 1
            log.info("dropped a client that reads too slowly")
            self._transport.abort()  # connection_lost() follows, and no write of this moment is cut in two
        else:
            self._unread = True
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._unread = False
        if not self._transport.is_closing():
            self._transport.resume_reading()
            self._receive_http(b"")

    def data_received(self, data: bytes) -> None:
        if self._socket:
            self._socket.receive(data)
        elif not self._answered_last:
            self._receive_http(data)

    def tick(self) -> None:
        """To be called about every second: end what has been waiting for too long."""
        if self._socket:
            self._socket.tick()
        elif self._clock() > self._expires:
            # A close waits for what is still to be written, and so for a client that does not read.
            waits = self._unread or self._transport.is_closing()
            self._transport.abort() if waits else self._transport.close()

    def stop(self) -> None:
        """Send the client away; 4100 has it wait a second, so that it finds the next gateway up."""
        if self._socket:
            self._socket.close(4100, "The gateway is restarting")
        else:
            self._transport.close()

    def _receive_http(self, data: bytes) -> None:
        if not self._reader.pending:
            self._expires = self._clock() + self._hub.limits.request_timeout
        self._reader.feed(data)
        try:
            self._answer_waiting()
        except HttpError as error:
            self._respond(error.status, error.message, close=True)

    def _answer_waiting(self) -> None:
        while not (self._socket or self._answered_last or self._unread) and (request := self._reader.take()):
            if request.upgrade:
                self._upgrade(request)
            else:
                self._expires = self._clock() + KEEP_ALIVE
                self._answer(request)

    def _answer(self, request: Request) -> None:
        if request.method == "GET" and request.path == "/healthz":
            return self._respond(200, "ok", close=request.close)
        if request.method == "GET" and request.path == "/metrics":
            found = api.figures(self._hub, request, self._address)
            return self._respond(200 if found else 404, found or "Not found", close=request.close)
        try:
            self._respond(200, to_json(api.answer(self._hub, request)), json=True, close=request.close)
        except HttpError as error:
            self._respond(error.status, error.message, close=request.close)

    def _respond(self, status: int, body: str, *, json: bool = False, close: bool = False) -> None:
        self._transport.write(response(status, body, json=json, close=close))
        if close:
            # Half-closed, not closed: with input unread, a close would reset and lose the answer.
            self._transport.write_eof()
            self._answered_last = True
            self._expires = self._clock() + LINGER

    def _vouch(self, head: Request) -> None:
        api.authenticate(self._hub, head)

    def _upgrade(self, request: Request) -> None:
        if request.body or self._reader.pending:
            raise HttpError(400, "Wait for the answer to the upgrade", close=True)
        if not allowed_origin(self._hub.origins, request.headers):
            raise HttpError(403, "Pages of this origin are not served", close=True)
        self._socket = Socket(self._hub, self._transport, self._client)
        self._socket.open(request)


def allowed_origin(origins: frozenset[str], headers: dict[str, str]) -> bool:
    """Whether the page that opens a socket may. Programs send no Origin and have no cookies to be abused."""
    origin = headers.get("origin")
    if origin is None or origin in origins:
        return True
    host = _host(origin)
    return "same-host" in origins and host is not None and host == _host(f"//{headers['host']}")


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


async def serve(hub: Hub, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT; port 0 picks a free one. Raises OSError where it cannot be had."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    connections: set[Connection] = set()
    server = await loop.create_server(lambda: Connection(hub, connections), host, port, backlog=1024)
    log.info("listening on %s port %d", *server.sockets[0].getsockname()[:2])
    await _tick_until(stopping, connections)
    server.close()
    await _stop_all(connections)
    log.info("stopped")


async def _tick_until(stopping: asyncio.Event, connections: set[Connection]) -> None:
    while not stopping.is_set():
        for connection in tuple(connections):
            connection.tick()
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), timeout=1)


async def _stop_all(connections: set[Connection]) -> None:
    for connection in tuple(connections):
        connection.stop()
    deadline = asyncio.get_running_loop().time() + STOP_GRACE
    while connections and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.02)
