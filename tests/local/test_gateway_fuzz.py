"""Garbage, pieces, slow readers and two thousand idle sockets: the gateway goes on answering, and nothing grows."""

import asyncio
import json
import random
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.local.gateway_rig import APP_ID, KEY, ROOM, Gateway, SilentClient, running, sign
from tests.running import run_async, wait_until

HANDSHAKE = (
    f"GET /app/{KEY}?protocol=7 HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
).encode()
PIECES = (
    b"GET ", b"POST ", b"/app/", KEY.encode(), b"?protocol=7", b" HTTP/1.1\r\n", b"Host: x\r\n", b"\r\n\r\n", b"\r\n",
    b"Content-Length: 5\r\n", b"Content-Length: 99999999999\r\n", b"Upgrade: websocket\r\n", b"Connection: Upgrade\r\n",
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", b"Transfer-Encoding: chunked\r\n", f"/apps/{APP_ID}/".encode(),
    b"events", b"channels/%00%ff", b"\x00", b"\xff\xfe", b"{", b"[[[[", b'"\\ud800"', b": ", b"\x81\xfe\xff\xff",
)  # fmt: skip
WORDS = (
    "pusher:subscribe", "pusher:unsubscribe", "pusher:ping", "pusher:signin", "client-x", "channel", "auth", "data",
    "channel_data", "event", "private-room", "presence-room", f"{KEY}:", "\ud800", "\x00", "é", "#server-to-user-1",
    "", None, True, 0, -1, 1e308, [], {}, '{"user_id": "a"}',
)  # fmt: skip


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running("--request-timeout", "2") as gateway:
        yield gateway


@pytest.fixture(autouse=True)
def stays_well(gateway: Gateway) -> Iterator[None]:
    """Whoever came before and stays is served, all that came meanwhile is forgotten, and no file stays open."""
    with gateway.client() as witness:
        assert witness.subscribe("private-witness")["event"] == "pusher_internal:subscription_succeeded"
        files = open_files(gateway)
        yield
        gateway.api.trigger("private-witness", "still", "here")
        assert witness.receive() == {"event": "still", "channel": "private-witness", "data": "here"}
        wait_until(lambda: set(gateway.api.channels_info()["channels"]) == {"private-witness"}, "channels are left")
        # One more: the API's own connection.
        wait_until(lambda: open_files(gateway) <= files + 1, "connections are closed")
        assert gateway.process.poll() is None


def open_files(gateway: Gateway) -> int:
    return len(list(Path(f"/proc/{gateway.process.pid}/fd").iterdir()))


def speak(gateway: Gateway, pieces: list[bytes]) -> None:
    """Send pieces one by one, on a connection that may end at any of them."""
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            raw.sendall(piece)
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65536):  # to hang up with answers unread would take the pieces back
            pass


def cut(data: bytes, dice: random.Random) -> list[bytes]:
    """The same bytes, in pieces of any size."""
    pieces = []
    while data:
        size = dice.choice((1, 2, 7, 100, len(data)))
        pieces.append(data[:size])
        data = data[size:]
    return pieces


def any_value(dice: random.Random, depth: int = 3) -> object:
    if depth and dice.random() < 0.6:
        if dice.random() < 0.2:
            return [any_value(dice, depth - 1) for _ in range(dice.randrange(4))]
        return {str(dice.choice(WORDS)): any_value(dice, depth - 1) for _ in range(dice.randrange(5))}
    return dice.choice(WORDS)


def masked(opcode: int, payload: bytes, fin: bool = True) -> bytes:
    """A client's websocket frame (RFC 6455, 5.2) whose mask changes nothing."""
    size = bytes([0x80 | len(payload)]) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return bytes([fin << 7 | opcode]) + size + bytes(4) + payload


@pytest.mark.parametrize("seed", range(4))
def test_random_bytes_and_requests_of_random_pieces(gateway: Gateway, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(60):
        noise = dice.randbytes(dice.randrange(1, 3000))
        request = b"".join(dice.choice(PIECES) for _ in range(dice.randrange(1, 20)))
        speak(gateway, cut(dice.choice((noise, request, request + noise, HANDSHAKE + noise)), dice))
    assert gateway.request("GET", "/healthz") == (200, "ok")


@pytest.mark.parametrize("seed", range(4))
def test_random_frames_cut_anywhere(gateway: Gateway, seed: int) -> None:
    dice = random.Random(seed)
    for _ in range(60):
        frames = [HANDSHAKE]
        for _ in range(dice.randrange(1, 30)):
            payload = dice.randbytes(dice.choice((0, 1, 125, 126, 5000)))
            frames.append(masked(dice.choice((0, 1, 2, 3, 8, 9, 10, 15)), payload, dice.random() < 0.8))
        speak(gateway, cut(b"".join(frames), dice))
    assert gateway.request("GET", "/healthz") == (200, "ok")


@pytest.mark.parametrize("seed", range(4))
def test_random_events_are_all_answered_or_ignored_and_never_end_the_connection(gateway: Gateway, seed: int) -> None:
    dice = random.Random(seed)
    with gateway.client() as client:
        for _ in range(250):
            event = {"event": dice.choice(WORDS), "data": any_value(dice), "channel": dice.choice(WORDS)}
            client.connection.send(json.dumps(dice.choice((event, any_value(dice)))))
        client.send("pusher:subscribe", {"channel": "private-end", "auth": sign(f"{client.socket_id}:private-end")})
        while (answer := client.receive()).get("channel") != "private-end":
            assert answer["event"].startswith("pusher")
        assert answer["event"] == "pusher_internal:subscription_succeeded"


@pytest.mark.parametrize("seed", range(4))
def test_signed_bodies_of_random_json_are_answered_200_or_4xx(gateway: Gateway, seed: int) -> None:
    dice = random.Random(seed)
    keys, seen = ("name", "data", "channel", "channels", "socket_id", "info", "batch"), set()
    for _ in range(150):
        body = {key: any_value(dice) for key in keys if dice.random() < 0.6} | {"name": "e", "channel": ROOM}
        path = dice.choice(("events", "batch_events", "channels", "users/a/terminate_connections"))
        raw = json.dumps(dice.choice((body, {"batch": [body]}))).encode()
        seen.add(gateway.signed("POST", f"/apps/{APP_ID}/{path}", raw)[0])
    assert seen <= {200, 400, 404, 413} and {200, 400, 404} <= seen


def test_two_thousand_idle_sockets_slow_readers_and_halves_of_requests_hold_up_nobody(gateway: Gateway) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    with ExitStack() as open_ones:
        writers = run_async(open_idle(gateway, 2000))
        for idle in writers:
            open_ones.callback(idle.close)
        for half in (b"", b"GET", HANDSHAKE[:-2], b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nha"):
            raw = open_ones.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=10))
            raw.sendall(half)
        slow = SilentClient(gateway, receive_buffer=4096)
        open_ones.enter_context(slow.socket)
        slow.send({"event": "pusher:subscribe", "data": {"channel": "everybody"}})
        wait_until(lambda: gateway.count("everybody") == 2001, "all are there")
        quick = open_ones.enter_context(gateway.client())
        quick.subscribe("everybody")
        for number in range(20):
            gateway.api.trigger("everybody", f"e{number}", "x" * 100)
        quick.send("pusher:ping")
        answers = [quick.receive()["event"] for _ in range(21)]
        assert [name for name in answers if name != "pusher:pong"] == [f"e{number}" for number in range(20)]
        assert len(gateway.api.channels_info("private-")["channels"]) == 1


async def open_idle(gateway: Gateway, number: int) -> list[socket.socket]:
    """Websockets in the channel `everybody` that do nothing more."""
    loop = asyncio.get_running_loop()
    subscribe = masked(1, b'{"event":"pusher:subscribe","data":{"channel":"everybody"}}')

    async def one() -> socket.socket:
        raw = socket.socket()
        raw.setblocking(False)
        await loop.sock_connect(raw, ("127.0.0.1", gateway.port))
        await loop.sock_sendall(raw, HANDSHAKE)
        heard = b""
        while b"connection_established" not in heard:
            heard += await loop.sock_recv(raw, 4096)
        await loop.sock_sendall(raw, subscribe)
        return raw

    return [idle for _ in range(number // 100) for idle in await asyncio.gather(*(one() for _ in range(100)))]
