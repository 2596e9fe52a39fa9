"""The fault proxy does what each mode says, to a server that answers each line with itself."""

import socket
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.faults.proxy import Proxy


class Echo(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        with suppress(ConnectionError):
            for line in self.rfile:
                self.server.heard.append(line)  # type: ignore[attr-defined]
                self.wfile.write(line)


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Echo)
        self.heard: list[bytes] = []


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    made = Proxy(server.server_address[1])
    yield made
    made.close()


@pytest.fixture
def link(proxy: Proxy) -> Iterator[socket.socket]:
    with connect(proxy) as made:
        yield made


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def say(link: socket.socket, line: bytes) -> bytes:
    """What is answered to the line."""
    link.sendall(line)
    return link.recv(100)


def hears_nothing(link: socket.socket) -> bool:
    link.settimeout(0.1)
    try:
        link.recv(100)
    except TimeoutError:
        return True
    finally:
        link.settimeout(10)
    return False


def test_forwards_both_ways(link: socket.socket) -> None:
    assert say(link, b"hello\n") == b"hello\n"


def test_refuse_resets_what_is_open_and_lets_nobody_in_until_it_passes_on(proxy: Proxy, link: socket.socket) -> None:
    assert say(link, b"hello\n") == b"hello\n"
    proxy.refuse()
    with pytest.raises(ConnectionResetError):
        link.recv(100)
    with pytest.raises(ConnectionRefusedError):
        connect(proxy)
    proxy.pass_on()
    with connect(proxy) as again:
        assert say(again, b"again\n") == b"again\n"


def test_a_black_hole_accepts_and_holds_and_lets_go_later(proxy: Proxy, server: Server, link: socket.socket) -> None:
    proxy.blackhole()
    with connect(proxy) as new:
        for held in (link, new):
            held.sendall(b"held\n")
            assert hears_nothing(held)
        assert server.heard == []
        proxy.pass_on()
        assert link.recv(100) == new.recv(100) == b"held\n"


def test_a_delay_holds_each_piece_in_each_direction(proxy: Proxy, link: socket.socket) -> None:
    proxy.delay(50, 10)
    begin = time.monotonic()
    assert say(link, b"slow\n") == b"slow\n"
    assert time.monotonic() - begin >= 2 * 0.04


def test_an_answer_is_cut_after_so_many_bytes(proxy: Proxy, link: socket.socket) -> None:
    assert say(link, b"before\n") == b"before\n"
    proxy.cut_after(5)
    assert say(link, b"abc\n") == b"abc\n"
    assert say(link, b"def\n") == b"d"
    with pytest.raises(ConnectionResetError):
        link.recv(100)


def test_a_dropped_reply_was_heard_by_the_server_only(proxy: Proxy, server: Server, link: socket.socket) -> None:
    proxy.drop_reply(1, to=b"insert")
    assert say(link, b"hello\n") == b"hello\n"
    link.sendall(b"insert this\n")
    with pytest.raises(ConnectionResetError):
        link.recv(100)
    assert server.heard == [b"hello\n", b"insert this\n"]
    with connect(proxy) as again:
        assert say(again, b"insert this\n") == b"insert this\n"


def test_a_half_open_connection_hears_nothing_and_stays_open(proxy: Proxy, server: Server, link: socket.socket) -> None:
    assert say(link, b"hello\n") == b"hello\n"
    proxy.half_open()
    link.sendall(b"anybody?\n")
    assert hears_nothing(link)
    with connect(proxy) as new:
        assert say(new, b"new\n") == b"new\n"
    proxy.pass_on()
    link.sendall(b"anybody now?\n")
    assert hears_nothing(link)
    assert server.heard == [b"hello\n", b"new\n"]


def test_where_the_target_is_away_a_connection_is_reset(server: Server, proxy: Proxy) -> None:
    server.shutdown()
    server.server_close()
    # It may come before the connection is even in our hands.
    with pytest.raises(ConnectionResetError), connect(proxy) as link:
        link.recv(100)
