"""The gateway's HTTP API, with the official Python library and with raw bytes, against a real process."""

import hashlib
import json
import socket
import time
from collections.abc import Iterator

import pusher
import pusher.errors
import pytest

from tests.local.gateway_rig import APP_ID, KEY, ROOM, Gateway, running, signed_query


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running() as gateway:
        yield gateway


# Publishing


def test_an_event_reaches_every_subscriber_but_the_excluded_one(gateway: Gateway) -> None:
    with gateway.client() as one, gateway.client() as two, gateway.client() as outsider:
        one.subscribe(), two.subscribe(), outsider.subscribe("private-elsewhere")
        gateway.api.trigger(ROOM, "log", {"text": "grüße 👋"}, socket_id=one.socket_id)
        gateway.api.trigger([ROOM, "private-elsewhere"], "end", "plain")
        event = two.receive()
        assert (event["event"], event["channel"]) == ("log", ROOM)
        assert json.loads(event["data"]) == {"text": "grüße 👋"}
        assert two.receive() == {"event": "end", "channel": ROOM, "data": "plain"}
        assert one.receive() == {"event": "end", "channel": ROOM, "data": "plain"}
        assert outsider.receive() == {"event": "end", "channel": "private-elsewhere", "data": "plain"}


def test_a_second_subscription_is_one_and_unsubscribing_ends_it(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.subscribe(), client.subscribe(), client.subscribe("private-end")
        assert gateway.count(ROOM) == 1
        gateway.api.trigger(ROOM, "once", "1")
        assert client.receive()["event"] == "once"
        client.send("pusher:unsubscribe", {"channel": ROOM})
        client.send("pusher:unsubscribe", {"channel": ROOM})
        client.send("pusher:ping")
        assert client.receive()["event"] == "pusher:pong"
        gateway.api.trigger(ROOM, "never", "1")
        gateway.api.trigger("private-end", "end", "1")
        assert client.receive()["event"] == "end"


def test_a_batch_arrives_in_order_and_a_bad_event_in_it_stops_all_of_it(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.subscribe()
        gateway.api.trigger_batch([{"channel": ROOM, "name": f"e{n}", "data": str(n)} for n in range(10)])
        assert [client.receive()["event"] for _ in range(10)] == [f"e{n}" for n in range(10)]
        good = {"channel": ROOM, "name": "never", "data": "x"}
        path = f"/apps/{APP_ID}/batch_events"
        for batch in (
            [good, {**good, "data": 1}],
            [good] * 11,
            [],
            [good, 7],
            [{**good, "channels": [ROOM]}],
            None,
        ):
            status, _ = gateway.signed("POST", path, json.dumps({"batch": batch}).encode())
            assert status == 400
        gateway.api.trigger(ROOM, "end", "x")
        assert client.receive()["event"] == "end"


def test_occupied_channels_can_be_listed_and_asked_for(gateway: Gateway) -> None:
    with gateway.client() as one, gateway.client() as two:
        one.subscribe("private-user-1"), two.subscribe("private-user-1"), two.subscribe("public")
        assert gateway.api.channels_info("private-") == {"channels": {"private-user-1": {}}}
        assert set(gateway.api.channels_info()["channels"]) == {"private-user-1", "public"}
        counts = gateway.api.channels_info("p", ["subscription_count"])["channels"]
        assert counts == {"private-user-1": {"subscription_count": 2}, "public": {"subscription_count": 1}}
        assert gateway.api.channel_info("private-user-1") == {"occupied": True}
        assert gateway.api.channel_info("private-user-2") == {"occupied": False}
        with pytest.raises(pusher.errors.PusherBadRequest):
            gateway.api.channels_info("private-", ["user_count"])


def test_an_event_may_hold_10240_bytes_and_no_more(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.subscribe()
        for data, status in [
            ("x" * 10_240, 200),
            ("x" * 10_241, 413),
            ("é" * 5_120, 200),
            ("é" * 5_120 + "x", 413),
        ]:
            assert gateway.publish({"name": "big", "channel": ROOM, "data": data}) == status
            if status == 200:
                assert client.receive()["data"] == data


GOOD = {"name": "never", "channels": [ROOM], "data": "x"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff{}",
        b"[" * 100_000,
        b'{"name": ' + b"9" * 5000 + b"}",
        json.dumps(GOOD).encode("utf-16"),
        {},
        {**GOOD, "name": ""},
        {**GOOD, "name": 7},
        {**GOOD, "name": "n" * 201},
        {**GOOD, "name": "\ud800"},
        {**GOOD, "name": "pusher:error"},
        {**GOOD, "name": "pusher_internal:subscription_succeeded"},
        {**GOOD, "channels": []},
        {**GOOD, "channels": ROOM},
        {**GOOD, "channels": [ROOM] * 101},
        {**GOOD, "channels": [ROOM, 7]},
        {**GOOD, "channels": [ROOM, "no spaces"]},
        {**GOOD, "channels": [ROOM, "c" * 201]},
        {**GOOD, "data": {"an": "object"}},
        {**GOOD, "data": "\ud800"},
        {**GOOD, "data": None},
        {**GOOD, "socket_id": "1"},
        {**GOOD, "socket_id": "1.2\n"},
        {**GOOD, "socket_id": 1.2},
    ],
)
def test_a_malformed_event_is_answered_400_and_delivered_to_nobody(gateway: Gateway, body: object) -> None:
    with gateway.client() as client:
        client.subscribe()
        assert gateway.publish(body) == 400
        assert gateway.publish({**GOOD, "name": "end"}) == 200
        assert client.receive()["event"] == "end"


def test_only_authentic_requests_are_served(gateway: Gateway) -> None:
    path, body = f"/apps/{APP_ID}/events", json.dumps(GOOD).encode()
    now = int(time.time())
    assert gateway.signed("POST", path, body)[0] == 200
    assert gateway.signed("POST", path, body, auth_timestamp=str(now - 590))[0] == 200
    for changes in (
        {"auth_timestamp": str(now - 610)},
        {"auth_timestamp": str(now + 620)},
        {"auth_timestamp": "now"},
        {"auth_timestamp": ""},
        {"auth_key": "x"},
        {"auth_version": "2.0"},
        {"body_md5": hashlib.md5(b"other").hexdigest()},
        {"body_md5": ""},
    ):
        assert gateway.signed("POST", path, body, **changes)[0] == 401, changes
    stranger = pusher.Pusher(APP_ID, KEY, "wrong", ssl=False, host="127.0.0.1", port=gateway.port)
    stranger._pusher_client.http.session.trust_env = False
    with pytest.raises(pusher.errors.PusherBadAuth):
        stranger.trigger(ROOM, "never", "x")
    stranger._pusher_client.http.session.close()
    twice = signed_query("POST", path, body) + "&auth_version=1.0"
    for query in ("", "a", "auth_key=%ff", "a=1&" * 1000, twice):
        assert gateway.request("POST", f"{path}?{query}", body)[0] == 401


def test_unknown_apps_and_paths_are_not_found(gateway: Gateway) -> None:
    assert gateway.request("GET", "/")[0] == 404
    assert gateway.request("GET", "/apps/4/channels")[0] == 404
    assert gateway.signed("POST", f"/apps/{APP_ID}/channels")[0] == 404
    assert gateway.signed("GET", f"/apps/{APP_ID}/channels/{ROOM}/more")[0] == 404
    assert gateway.signed("GET", f"/apps/{APP_ID}/channels/no%20spaces")[0] in (400, 401)
    assert gateway.request("GET", "/healthz") == (200, "ok")


# Bytes


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x00\x01\x02\x03\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n", 505),
        (b"GET  /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET http://x/healthz HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"HEAD /healthz HTTP/1.1\r\nHost: x\r\n\r\n", 501),
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: x\nEvil: y\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: " + b" " * 16_000 + b"\x00\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\nx", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\nx", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n", 417),
        (b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"GET /app/k HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\nearly", 400),
        (b"GET /app/k HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n", 426),
        (b"GET /app/k HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n", 426),
    ],
)
def test_a_doubtful_request_is_refused_and_its_connection_ended(gateway: Gateway, data: bytes, status: int) -> None:
    answer = gateway.raw(data)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert b"connection: close" in answer.lower() and answer.lower().count(b"content-length:") == 1
    assert gateway.request("GET", "/healthz") == (200, "ok")


def test_a_body_that_is_too_large_is_refused_without_breaking_off_its_sender(gateway: Gateway) -> None:
    assert gateway.request("POST", f"/apps/{APP_ID}/events", b"x" * 10_000_000)[0] == 413


def test_requests_may_come_in_pieces_and_several_at_once(gateway: Gateway) -> None:
    one = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    last = one.replace(b"Host", b"Connection: close\r\nHost")
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as raw:
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in one + one + last:
            raw.sendall(bytes([byte]))
        in_pieces = b"".join(iter(lambda: raw.recv(65536), b""))
    at_once = gateway.raw(one + one + last + one)
    assert in_pieces.count(b"200 OK") == at_once.count(b"200 OK") == 3


def test_a_half_request_is_ended_after_its_time() -> None:
    with running("--request-timeout", "1") as gateway:
        for half in (
            b"",
            b"GET /healthz HTT",
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf",
        ):
            assert gateway.raw(half) == b""
        assert gateway.request("GET", "/healthz") == (200, "ok")
