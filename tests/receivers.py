"""Receivers of outgoing webhooks on loopback: real servers that answer as they are told, or misbehave."""

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.running import wait_until

Behave = Callable[["Handler"], None]


class Got(NamedTuple):
    """A request as it came; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """One request. `behave` is what the receiver does next."""

    server: "Receiver"
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        behave = self.server.take(Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.close_connection = True
        with suppress(OSError):  # the client may have gone
            behave(self)

    def log_message(self, *_: Any) -> None:
        pass

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()


class Receiver(ThreadingHTTPServer):
    """Answers with what `plan` holds, in order, and after that with `then`. `got` is what came."""

    daemon_threads = True

    def __init__(self, *plan: Behave, then: Behave, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.plan, self.then, self.got = list(plan), then, list[Got]()
        self.over = threading.Event()
        self._lock = threading.Lock()
        scheme = "http"
        if tls:
            self.socket, scheme = tls.wrap_socket(self.socket, server_side=True), "https"
        self.port = int(self.server_address[1])
        self.url = f"{scheme}://127.0.0.1:{self.port}/in"

    def take(self, got: Got) -> Behave:
        with self._lock:
            self.got.append(got)
            return self.plan.pop(0) if self.plan else self.then

    def wait_for(self, count: int, seconds: float = 30) -> list[Got]:
        wait_until(lambda: len(self.got) >= count, f"{count} requests", seconds)
        return self.got

    def handle_error(self, *_: Any) -> None:
        pass  # a TLS handshake that the client broke off, say


def answering(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Behave:
    def behave(handler: Handler) -> None:
        handler.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return behave


def hanging(handler: Handler) -> None:
    """Says nothing for as long as the receiver lives."""
    handler.server.over.wait(60)


def dripping(handler: Handler) -> None:
    """A header now and then, for ever: never silent for long."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not handler.server.over.is_set():
        handler.wfile.write(b"X-More: to come\r\n")
        time.sleep(0.2)


def dripping_its_body(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not handler.server.over.is_set():
        handler.wfile.write(b"x")
        time.sleep(0.2)


def resetting(handler: Handler) -> None:
    """RST instead of an answer."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


def flooding(handler: Handler) -> None:
    """100 MB, as long as somebody takes it."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(1600):
        handler.wfile.write(b"x" * 65536)


def breaking_off(handler: Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")


def babbling(handler: Handler) -> None:
    handler.wfile.write(b"220 mail.example.org ESMTP\r\n\r\n")


@contextmanager
def receiving(*plan: Behave, then: Behave | None = None, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver while the block runs."""
    with Receiver(*plan, then=then or answering(200), tls=tls) as receiver:
        threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield receiver
        finally:
            receiver.over.set()
            receiver.shutdown()
