"""One websocket that speaks the Pusher Channels protocol: handshake, keep-alive, subscriptions.

Not for bytes on TCP (server.py), nor for who else is subscribed (channels.py).
"""

import asyncio
import secrets
from typing import Any
from urllib.parse import parse_qs

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol

from infitalks.local.gateway.http1 import Request
from infitalks.local.gateway.hub import Hub
from infitalks.local.gateway.messages import frame, is_text, read_json_object, to_json
from infitalks.local.gateway.subscriptions import Refused, admit

MAX_MESSAGE = 64 * 1024  # bytes that a client may send in one message
SLICE = 4096  # bytes that are looked at at once
CLOSE_GRACE = 5  # seconds for a client to answer a close
PROTOCOLS = range(5, 8)  # older ones lack the double-encoded data that is sent here
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)


class Socket:
    """A client's connection from the upgrade on."""

    def __init__(self, hub: Hub, transport: asyncio.Transport, client: str) -> None:
        self.transport = transport
        self.socket_id = ""
        self._hub = hub
        self._client = client
        self._clock = asyncio.get_running_loop().time
        self._ws = ServerProtocol(extensions=None, max_size=MAX_MESSAGE)
        self._channels: set[str] = set()
        self._message = bytearray()
        self._heard = self._clock()
        self._paid_until = 0.0
        self._flooded = False
        self._pinged_at = 0.0
        self._closed_at = 0.0

    def open(self, request: Request) -> None:
        """Answer the upgrade, then greet the client or tell it with a close code why it is not served."""
        self._ws.receive_data(request.head)
        for handshake in self._ws.events_received():
            assert isinstance(handshake, Handshake)
            self._ws.send_response(self._ws.accept(handshake))
        self._flush()
        if self._ws.state is State.OPEN:
            self._greet(_refusal(self._hub, request))

    def receive(self, data: bytes) -> None:
        """Take bytes from the network."""
        self._heard, self._pinged_at = self._clock(), 0.0
        # In slices: a quarter of a megabyte may hold 40,000 pings, which would hold up everybody else.
        for start in range(0, len(data), SLICE):
            self._receive_slice(data[start : start + SLICE])

    def _receive_slice(self, data: bytes) -> None:
        if self._flooded:
            return
        self._ws.receive_data(data)
        for event in self._ws.events_received():
            if isinstance(event, Frame) and self._ws.state is State.OPEN and not self.transport.is_closing():
                self._take_frame(event)
        self._flush()

    def tick(self) -> None:
        """To be called about every second: ping who is silent, close who stays silent."""
        now, timeout = self._clock(), self._hub.limits.activity_timeout
        if self._ws.state is not State.OPEN:
            if now - self._closed_at > CLOSE_GRACE:
                self.transport.abort()
        elif self._pinged_at and now - self._pinged_at > timeout:
            self.close(4201, "Pong reply not received in time")
        elif now - self._heard > timeout and not self._pinged_at:
            # Browsers answer this by themselves, even in tabs whose timers are held back.
            self._ws.send_ping(b"")
            self._pinged_at = now
            self._flush()

    def close(self, code: int, reason: str) -> None:
        """Close, and be gone from all channels at once. Codes: Channels docs, "websocket protocol"."""
        if self._ws.state is State.OPEN:
            self._ws.send_close(code, reason)
        self._flush()

    def leave(self) -> None:
        """Forget the connection; again is harmless."""
        for name in self._channels:
            self._hub.channels.leave(name, self)
        self._channels.clear()
        if self.socket_id in self._hub.socket_ids:
            self._hub.socket_ids.discard(self.socket_id)
            self._hub.sockets.give_back(self._client)

    def _greet(self, refusal: tuple[int, str] | None) -> None:
        if refusal:
            return self._dismiss(*refusal)
        if not self._hub.sockets.take(self._client):
            return self._dismiss(4100, "Over capacity")
        self.socket_id = _new_socket_id(self._hub.socket_ids)
        self._hub.socket_ids.add(self.socket_id)
        self._hub.channels.tally.opened += 1
        welcome = {"socket_id": self.socket_id, "activity_timeout": self._hub.limits.activity_timeout}
        self._send("pusher:connection_established", to_json(welcome))

    def _send(self, event: str, data: object, channel: str | None = None) -> None:
        if self._ws.state is State.OPEN and not self.transport.is_closing():
            self.transport.write(frame(event, data, channel))

    def _flush(self) -> None:
        """Write what the websocket layer has to say, and leave the channels as soon as it is closing.

        Nothing may be written after the end of the stream, so no channel may still know this socket then.
        """
        if self._ws.state is not State.OPEN and not self._closed_at:
            self._closed_at = self._clock()
            self.leave()
        for data in self._ws.data_to_send():
            if self.transport.is_closing():
                return
            if data:
                self.transport.write(data)
            else:
                # Half-closed, not closed: with input unread, a close would reset and lose the close frame.
                self.transport.write_eof()

    def _take_frame(self, part: Frame) -> None:
        # Pings and empty fragments too: each costs something.
        self._flooded = self._floods()
        if self._flooded:
            self._dismiss(4100, "Too many messages")
            return self.transport.pause_reading()
        if part.opcode in _DATA:
            self._take_fragment(part)

    def _floods(self) -> bool:
        """Count one message, and tell whether they are too many: GCRA, so one number is all that is kept."""
        now, each = self._clock(), 1 / self._hub.limits.messages
        self._paid_until = max(now, self._paid_until) + each
        return self._paid_until - now > each * self._hub.limits.burst

    def _take_fragment(self, part: Frame) -> None:
        if part.opcode is Opcode.BINARY:
            return self._ws.fail(CloseCode.UNSUPPORTED_DATA, "only text is spoken here")
        self._message += part.data
        if part.fin:
            message, self._message = self._message, bytearray()
            self._take_message(message)

    def _take_message(self, message: bytearray) -> None:
        try:
            event = read_json_object(message)
        except UnicodeDecodeError:
            return self._ws.fail(CloseCode.INVALID_DATA, "not UTF-8")
        except ValueError as error:
            return self._refuse(None, f"The event cannot be read: {error}")
        self._take_event(event)

    def _take_event(self, event: dict[str, Any]) -> None:
        data = event["data"] if isinstance(event.get("data"), dict) else {}
        match event.get("event"):
            case "pusher:ping":
                self._send("pusher:pong", {})
            case "pusher:pong":
                pass
            case "pusher:subscribe":
                self._subscribe(data)
            case "pusher:unsubscribe":
                self._unsubscribe(data.get("channel"))
            case "pusher:signin":
                self._refuse(4009, "Sign-in is not served here")
            case str() as name if name.startswith("client-"):
                self._refuse(4301, "Client events are not served here")
            case _:
                self._refuse(None, "There is no such event")

    def _subscribe(self, data: dict[str, Any]) -> None:
        channel = data.get("channel")
        if not isinstance(channel, str) or not is_text(channel):
            return self._refuse(None, "The channel's name is missing or no text")
        try:
            member = admit(self._hub, self.socket_id, self._channels, channel, data)
        except Refused as refusal:
            self._hub.channels.tally.refused += 1
            return self._send("pusher:subscription_error", refusal.data, channel)
        self._channels.add(channel)
        self._hub.channels.join(channel, self, member)
        self._send("pusher_internal:subscription_succeeded", self._welcome(channel), channel)

    def _welcome(self, channel: str) -> str:
        if not channel.startswith("presence-"):
            return "{}"
        return to_json({"presence": self._hub.channels.roster(channel).listed()})

    def _unsubscribe(self, channel: object) -> None:
        if isinstance(channel, str) and channel in self._channels:
            self._channels.discard(channel)
            self._hub.channels.leave(channel, self)

    def _refuse(self, code: int | None, message: str) -> None:
        self._send("pusher:error", {"code": code, "message": message})

    def _dismiss(self, code: int, reason: str) -> None:
        """Refuse and close: both, for clients that know only one of the two."""
        self._refuse(code, reason)
        self.close(code, reason)


def _refusal(hub: Hub, request: Request) -> tuple[int, str] | None:
    """The close code and reason for a connection that is not served, in the order in which Pusher checks."""
    match request.path.split("/"):
        case ["", "app", key]:
            pass
        case _:
            return 4005, "Path not found"
    version = parse_qs(request.query).get("protocol", [""])[0]
    if not version:
        return 4008, "No protocol version supplied"
    if not (version.isascii() and version.isdigit() and len(version) < 10):
        return 4006, "Invalid version string format"
    if int(version) not in PROTOCOLS:
        return 4007, "Unsupported protocol version"
    return None if key == hub.app.key else (4001, "There is no app with this key")


def _new_socket_id(taken: set[str]) -> str:
    """Two random numbers: signatures are bound to it, so it must not be guessed nor given twice."""
    while (socket_id := f"{secrets.randbelow(10**10)}.{secrets.randbelow(10**10)}") in taken:
        pass
    return socket_id
