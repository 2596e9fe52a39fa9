"""A gateway as a real process, and ways to talk to it. Not for expectations: those are in the tests."""

import hashlib
import hmac
import http.client
import json
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

import pusher
import pusher.errors
import pytest
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect
from websockets.uri import parse_uri

from infitalks.local.process import Service, popen_options

# The key, the secret and all signatures below are the known answers of Pusher's own documentation.
APP_ID, KEY, SECRET = "3", "278d425bdf160c739803", "7ad3773142a6692b25b8"
ENVIRONMENT = {"PUSHER_APP_ID": APP_ID, "PUSHER_KEY": KEY, "PUSHER_SECRET": SECRET, "INFITALKS_MODE": "test"}
COMMAND = (sys.executable, "-m", "infitalks.local.gateway")
ROOM = "private-room"


def signed_query(method: str, path: str, body: bytes, **changes: str) -> str:
    params = {
        "auth_key": KEY,
        "auth_timestamp": str(int(time.time())),
        "auth_version": "1.0",
        "body_md5": hashlib.md5(body).hexdigest(),
    } | changes
    text = f"{method}\n{path}\n" + "&".join(f"{name}={params[name]}" for name in sorted(params))
    params["auth_signature"] = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()
    return urlencode(params)


def sign(text: str) -> str:
    return f"{KEY}:{hmac.new(SECRET.encode(), text.encode(errors='surrogatepass'), hashlib.sha256).hexdigest()}"


class Gateway:
    """A running gateway process and ways to talk to it."""

    def __init__(self, *flags: str) -> None:
        service = Service("gateway", (*COMMAND, "--port", "0", *flags), ENVIRONMENT)
        options = popen_options(service)
        self.process = subprocess.Popen(service.argv, stdout=subprocess.PIPE, text=True, **options)
        assert self.process.stdout
        first_line = self.process.stdout.readline()
        assert first_line.startswith("listening on 127.0.0.1 port "), first_line
        self.port = int(first_line.split()[-1])
        self.api = pusher.Pusher(APP_ID, KEY, SECRET, ssl=False, host="127.0.0.1", port=self.port, timeout=10)
        # Known fault of the library: its session would take a proxy from the environment.
        self.api._pusher_client.http.session.trust_env = False

    def stop(self) -> int:
        """SIGTERM; the exit code. Again is harmless."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        with self.process:
            self.api._pusher_client.http.session.close()
            return self.process.wait(timeout=20)

    def url(self, path: str = f"/app/{KEY}", query: str = "protocol=7&client=test") -> str:
        return f"ws://127.0.0.1:{self.port}{path}?{query}"

    @contextmanager
    def client(self, **headers: str) -> Iterator["Client"]:
        # Without a queue's limit: with one, a close waits for whoever left events unread.
        with connect(self.url(), additional_headers=headers, proxy=None, max_queue=None) as connection:
            yield Client(connection)

    def request(self, method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        connection.request(method, path, body)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    def signed(self, method: str, path: str, body: bytes = b"", **changes: str) -> tuple[int, str]:
        """A request signed by the rules of the documentation, after `changes` to its parameters."""
        return self.request(method, f"{path}?{signed_query(method, path, body, **changes)}", body)

    def publish(self, body: object) -> int:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.signed("POST", f"/apps/{APP_ID}/events", raw)[0]

    def count(self, channel: str) -> int:
        return self.api.channel_info(channel, ["subscription_count"])["subscription_count"]

    def raw(self, data: bytes) -> bytes:
        """All that comes back for some bytes until the gateway ends the connection."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as raw:
            raw.sendall(data)
            with suppress(ConnectionResetError):
                return b"".join(iter(lambda: raw.recv(65536), b""))
            return b""


class Client:
    """A websocket that has been greeted."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.greeting = self.receive()
        self.socket_id = json.loads(self.greeting["data"])["socket_id"]

    def send(self, event: str, data: object = None, **more: object) -> None:
        self.connection.send(json.dumps({"event": event, "data": data} | more))

    def receive(self) -> dict:
        return json.loads(self.connection.recv(timeout=10))

    def subscribe(self, channel: str = ROOM, auth: str | None = None) -> dict:
        auth = auth if auth is not None else sign(f"{self.socket_id}:{channel}")
        self.send("pusher:subscribe", {"channel": channel, "auth": auth})
        return self.receive()

    def enter(self, channel: str, channel_data: object) -> dict:
        """Subscribe to a presence channel; the answer."""
        said = channel_data if isinstance(channel_data, str) else json.dumps(channel_data)
        auth = sign(f"{self.socket_id}:{channel}:{said}")
        self.send("pusher:subscribe", {"channel": channel, "auth": auth, "channel_data": said})
        return self.receive()

    def close_code(self) -> int:
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                self.connection.recv(timeout=10)
        assert closed.value.rcvd
        return closed.value.rcvd.code


class SilentClient:
    """A websocket that can be left unread: nothing answers pings or takes events behind one's back."""

    def __init__(self, gateway: Gateway, receive_buffer: int | None = None) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", gateway.port))
        self.protocol = ClientProtocol(parse_uri(gateway.url()))
        self.protocol.send_request(self.protocol.connect())
        self.socket.sendall(b"".join(self.protocol.data_to_send()))
        self.socket_id = json.loads(json.loads(self.text())["data"])["socket_id"]

    def text(self) -> bytes:
        while True:
            self.protocol.receive_data(self.socket.recv(65536))
            for event in self.protocol.events_received():
                if isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                    return bytes(event.data)

    def send(self, event: object) -> None:
        self.protocol.send_text(json.dumps(event).encode())
        self.socket.sendall(b"".join(self.protocol.data_to_send()))


@contextmanager
def running(*options: str) -> Iterator[Gateway]:
    gateway = Gateway(*options)
    try:
        yield gateway
    finally:
        gateway.stop()


@contextmanager
def pusher_js(gateway: Gateway, user: str, *channels: str) -> Iterator[Iterator[list]]:
    """What the official browser library sees, as it sees it, in Node: lists of channel, event, data."""
    script = Path(__file__).with_name("pusher_client.cjs")
    argv = ("node", str(script), str(gateway.port), KEY, SECRET, user, *channels)
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, **popen_options(Service("pusher-js", argv)))
    with process:
        assert process.stdout
        try:
            yield map(json.loads, process.stdout)
        finally:
            process.kill()


class Receiver(ThreadingHTTPServer):
    """Takes webhooks; answers with the statuses it is given, then with 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), ReceivingHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hook?from=gateway"
        self.statuses: list[int] = []
        self.free = threading.Event()
        self.free.set()
        self.posts: queue.Queue[tuple[str, str, str, str]] = queue.Queue()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def events(self, gateway: Gateway, number: int) -> list[tuple[str, ...]]:
        """The next events, name, channel and the rest, each from a POST that the official library accepts."""
        events: list[tuple[str, ...]] = []
        while len(events) < number:
            path, key, signature, body = self.posts.get(timeout=15)
            hook = gateway.api.validate_webhook(key, signature, body)
            assert hook is not None and path == "/hook?from=gateway"
            events += [tuple(event.values()) for event in hook["events"]]
        return events


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.free.set()
    receiver.shutdown()
    receiver.server_close()


class ReceivingHandler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.posts.put((self.path, self.headers["X-Pusher-Key"], self.headers["X-Pusher-Signature"], body))
        self.server.free.wait(20)
        with suppress(BrokenPipeError):
            self.send_response(self.server.statuses.pop(0) if self.server.statuses else 200)
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass
