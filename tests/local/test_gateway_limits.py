"""What the gateway does not serve or take: other parts of the protocol, bad names, too many, too much, too fast."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from websockets.frames import Frame
from websockets.sync.client import connect

from infitalks.local.gateway.places import Places, client_of
from tests.local.gateway_rig import APP_ID, KEY, ROOM, Gateway, SilentClient, running, signed_query
from tests.running import wait_until


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running() as gateway:
        yield gateway


def resident_kib(gateway: Gateway) -> int:
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


# What is not served


@pytest.mark.parametrize(
    ("channel", "status"),
    [
        ("cache-a", 403),
        ("private-cache-a", 403),
        ("presence-cache-a", 403),
        ("private-encrypted-a", 403),
        ("private-encrypted-cache-a", 403),
        ("#server-to-user-1", 401),
        ("no spaces", 4009),
        ("private-room\n", 4009),
        ("", 4009),
        ("#a", 4009),
        ("é", 4009),
        ("c" * 201, 4009),
    ],
)
def test_a_channel_that_is_not_served_is_a_subscription_error_and_the_connection_stays(
    gateway: Gateway, channel: str, status: int
) -> None:
    with gateway.client() as client:
        refusal = client.subscribe(channel)
        assert (refusal["event"], refusal["channel"]) == ("pusher:subscription_error", channel)
        assert refusal["data"]["status"] == status and refusal["data"]["error"]
        assert client.subscribe()["event"] == "pusher_internal:subscription_succeeded"


@pytest.mark.parametrize(
    "channel", ["cache-a", "private-cache-a", "private-encrypted-a", "#server-to-user-1", "presence-cache-a"]
)
def test_nobody_can_send_to_channels_that_are_not_served(gateway: Gateway, channel: str) -> None:
    assert gateway.publish({"name": "e", "channels": [ROOM], "data": "x"}) == 200
    assert gateway.publish({"name": "e", "channels": [ROOM, channel], "data": "x"}) == 400


def test_client_events_and_sign_in_are_refused_by_their_codes_and_reach_nobody(gateway: Gateway) -> None:
    with gateway.client() as client, gateway.client() as other:
        client.subscribe(), other.subscribe()
        client.send("client-typing", {}, channel=ROOM)
        refusal = client.receive()
        assert (refusal["event"], refusal["data"]["code"]) == ("pusher:error", 4301)
        client.send("pusher:signin", {"auth": "x", "user_data": '{"id": "1", "watchlist": ["2"]}'})
        refusal = client.receive()
        assert (refusal["event"], refusal["data"]["code"]) == ("pusher:error", 4009)
        gateway.api.trigger(ROOM, "end", "x")
        assert client.receive()["event"] == other.receive()["event"] == "end"


# Too many


def test_connections_and_subscriptions_beyond_the_limits_are_refused() -> None:
    with running("--max-connections", "1", "--max-subscriptions", "2") as gateway:
        with gateway.client() as client:
            assert client.subscribe("private-a")["event"] == "pusher_internal:subscription_succeeded"
            assert client.subscribe("private-b")["event"] == "pusher_internal:subscription_succeeded"
            refused = client.subscribe("private-c")
            assert refused["event"] == "pusher:subscription_error"
            assert refused["data"]["type"] == "LimitReached"
            assert client.subscribe("private-a")["event"] == "pusher_internal:subscription_succeeded"
            with connect(gateway.url(), proxy=None) as second:
                assert json.loads(second.recv(timeout=10))["data"]["code"] == 4100
        wait_until(lambda: gateway.count("private-a") == 0, "the channel has the expected subscribers")
        with gateway.client() as client:
            assert client.subscribe("private-c")["event"] == "pusher_internal:subscription_succeeded"


def test_one_address_gets_only_its_part_of_the_connections() -> None:
    with running("--max-connections", "3", "--max-per-address", "2") as gateway, ExitStack() as open_ones:
        for _ in range(2):
            open_ones.enter_context(gateway.client())
        with connect(gateway.url(), proxy=None) as third:
            assert json.loads(third.recv(timeout=10))["data"]["code"] == 4100
        with socket.create_connection(("127.0.0.1", gateway.port), 10, source_address=("127.0.0.2", 0)) as elsewhere:
            theirs = open_ones.enter_context(connect(gateway.url(), sock=elsewhere, proxy=None))
            assert json.loads(theirs.recv(timeout=10))["event"] == "pusher:connection_established"


def test_a_place_that_is_given_back_is_free_again_and_nobody_is_remembered() -> None:
    places = Places(3, 2)
    assert [places.take(client) for client in ("a", "a", "a", "b", "c")] == [True, True, False, True, False]
    places.give_back("b")
    assert places.take("c")
    for client in ("a", "a", "c"):
        places.give_back(client)
    assert not places._taken


def test_a_client_is_an_address_or_a_network_of_ipv6() -> None:
    assert client_of("127.0.0.1") == client_of("::ffff:127.0.0.1") == "127.0.0.1"
    assert client_of("2001:db8::1") == client_of("2001:db8::ffff:1") != client_of("2001:db8:0:1::1")
    assert client_of("fe80::1%eth0") == client_of("fe80::2")


# Too much and too fast


@pytest.mark.parametrize("kind", ["events", "pings", "fragments"])
def test_a_flood_is_told_so_and_closed_while_others_are_served(kind: str) -> None:
    with running("--max-subscriptions", "10", "--max-messages", "5") as gateway, gateway.client() as bystander:
        flooder = SilentClient(gateway)
        if kind == "fragments":
            flooder.protocol.send_text(b"", fin=False)
        for _ in range(3000):
            if kind == "events":
                flooder.protocol.send_text(b'{"event": "client-x"}')
            elif kind == "pings":
                flooder.protocol.send_ping(b"")
            else:
                flooder.protocol.send_continuation(b"", fin=False)
        with flooder.socket:
            flooder.socket.sendall(b"".join(flooder.protocol.data_to_send()))
            while flooder.protocol.close_rcvd is None:
                flooder.protocol.receive_data(flooder.socket.recv(65536))
            texts = [bytes(event.data) for event in flooder.protocol.events_received() if isinstance(event, Frame)]
            assert flooder.protocol.close_rcvd.code == 4100
            assert any(b'"code":4100' in text for text in texts)
            assert sum(b"4301" in text for text in texts) <= 2 * 10 + 100 + 5 * 60
        assert bystander.subscribe()["event"] == "pusher_internal:subscription_succeeded"


def test_a_client_may_subscribe_to_all_that_it_is_allowed_at_once(gateway: Gateway) -> None:
    with gateway.client() as client:
        for number in range(200):
            client.send("pusher:subscribe", {"channel": f"public-{number}"})
        answers = [client.receive() for _ in range(200)]
        assert {answer["event"] for answer in answers} == {"pusher_internal:subscription_succeeded"}
        assert client.subscribe()["data"]["type"] == "LimitReached"


def test_a_large_body_is_not_even_read_from_a_stranger(gateway: Gateway) -> None:
    path, size = f"/apps/{APP_ID}/batch_events", 900_000
    head = f"POST {path}?%s HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n"
    # No body is sent at all, so an answer means that nobody waited for it.
    unsigned = gateway.raw((head % "auth_key=x").encode())
    assert unsigned.startswith(b"HTTP/1.1 401 ") and b"connection: close" in unsigned.lower()
    batch = [{"channel": ROOM, "name": "e", "data": "x" * 10_000}] * 10
    body = json.dumps({"batch": batch}).encode()
    assert gateway.signed("POST", path, body)[0] == 200
    query = signed_query("POST", path, body)
    assert gateway.request("POST", f"{path}?{query}", body.replace(b"x", b"y"))[0] == 401


def test_answers_that_nobody_reads_do_not_pile_up_and_come_when_they_are_read() -> None:
    with running() as gateway, gateway.client() as client:
        for number in range(200):
            client.send("pusher:subscribe", {"channel": f"{number}-{'c' * 190}"})
        assert {client.receive()["event"] for _ in range(200)} == {"pusher_internal:subscription_succeeded"}
        path, asked = f"/apps/{APP_ID}/channels", 300
        request = f"GET {path}?{signed_query('GET', path, b'')} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        before = resident_kib(gateway)
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as greedy:
            greedy.sendall(request * asked)
            greedy.shutdown(socket.SHUT_WR)
            # 300 answers of 40 kB are 12 MB.
            wait_until(lambda: gateway.request("GET", "/healthz") == (200, "ok"), "it still answers")
            assert resident_kib(gateway) - before < 6_000
            answers = b"".join(iter(lambda: greedy.recv(1 << 20), b""))
        assert answers.count(b"HTTP/1.1 200 ") == asked


def test_keys_are_compared_whole(gateway: Gateway) -> None:
    for key in ("", KEY[:-1], KEY + "0", KEY.upper()):
        with connect(gateway.url(f"/app/{key}"), proxy=None) as connection:
            assert json.loads(connection.recv(timeout=10))["data"]["code"] in (4001, 4005)
