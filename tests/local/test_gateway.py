"""The gateway's websockets, webhooks, start and stop, with a real process and real sockets."""

import json
import os
import subprocess
from collections.abc import Iterator

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import connect

from infitalks.local.gateway.signatures import App
from tests.local.gateway_rig import (
    APP_ID,
    COMMAND,
    ENVIRONMENT,
    KEY,
    ROOM,
    SECRET,
    Gateway,
    SilentClient,
    running,
)
from tests.running import wait_until


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running() as gateway:
        yield gateway


# Connecting


def test_a_client_is_greeted_with_its_socket_id_as_double_encoded_json(gateway: Gateway) -> None:
    with gateway.client() as one, gateway.client() as two:
        assert one.greeting["event"] == "pusher:connection_established"
        assert json.loads(one.greeting["data"])["activity_timeout"] == 30
        left, right = one.socket_id.split(".")
        assert left.isdigit() and right.isdigit() and one.socket_id != two.socket_id


@pytest.mark.parametrize(
    ("path", "query", "code"),
    [
        ("/app/unknown", "protocol=7", 4001),
        (f"/app/{KEY}/more", "protocol=7", 4005),
        ("/other", "protocol=7", 4005),
        (f"/app/{KEY}", "protocol=seven", 4006),
        (f"/app/{KEY}", "protocol=%D9%A7", 4006),
        (f"/app/{KEY}", "protocol=4", 4007),
        (f"/app/{KEY}", "protocol=8", 4007),
        (f"/app/{KEY}", "client=js", 4008),
    ],
)
def test_an_unserved_connection_is_told_why_and_closed_with_the_same_code(
    gateway: Gateway, path: str, query: str, code: int
) -> None:
    with connect(gateway.url(path, query), proxy=None) as connection:
        error = json.loads(connection.recv(timeout=10))
        assert error["event"] == "pusher:error" and error["data"]["code"] == code
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=10)
        assert closed.value.rcvd and closed.value.rcvd.code == code


def test_pages_of_the_same_host_may_connect_and_others_may_not(gateway: Gateway) -> None:
    with gateway.client(Origin="http://127.0.0.1:8000") as client:
        assert client.socket_id
    for origin in ("http://localhost:8000", "http://127.0.0.1.evil.example", "null", "http://[", ""):
        with pytest.raises(InvalidStatus) as refused, gateway.client(Origin=origin):
            pass
        assert refused.value.response.status_code == 403


def test_a_list_of_origins_replaces_the_same_host_rule() -> None:
    with running("--origin", "https://chat.example", "--origin", "https://chat.example:8443") as gateway:
        with gateway.client(Origin="https://chat.example:8443") as client:
            assert client.socket_id
        with pytest.raises(InvalidStatus), gateway.client(Origin=f"http://127.0.0.1:{gateway.port}"):
            pass


# Keep-alive


def test_pings_of_both_kinds_are_answered(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.send("pusher:ping", {})
        assert client.receive() == {"event": "pusher:pong", "data": {}}
        assert client.connection.ping().wait(10)
        client.send("pusher:pong", {})
        client.send("pusher:ping")
        assert client.receive() == {"event": "pusher:pong", "data": {}}


def test_a_client_that_answers_no_ping_is_closed_with_4201_and_one_that_does_stays() -> None:
    with running("--activity-timeout", "1") as gateway, gateway.client() as answering:
        silent = SilentClient(gateway)
        with silent.socket:
            while silent.protocol.close_rcvd is None:
                silent.protocol.receive_data(silent.socket.recv(65536))
            frames = [event.opcode for event in silent.protocol.events_received() if isinstance(event, Frame)]
            assert frames == [Opcode.PING, Opcode.CLOSE]
            assert silent.protocol.close_rcvd.code == 4201
        answering.send("pusher:ping")
        assert answering.receive()["event"] == "pusher:pong"


# Subscribing


def test_the_signatures_are_those_of_the_documentation() -> None:
    app = App(APP_ID, KEY, SECRET)
    signature = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4"
    assert app.allows("1234.1234:private-foobar", f"{KEY}:{signature}")
    body = b'{"name":"foo","channels":["project-3"],"data":"{\\"some\\":\\"data\\"}"}'
    query = (
        f"auth_key={KEY}&auth_timestamp=1353088179&auth_version=1.0&body_md5=ec365a775a4cd0599faeb73354201b6f"
        "&auth_signature=da454824c97ba181a32ccc17a72625ba02771f50b50e1e7430e47a1f3f457e6c"
    )
    assert app.request_fault("POST", "/apps/3/events", query, body, 1353088179.0 + 599) is None
    assert app.request_fault("POST", "/apps/3/events", query, body, 1353088179.0 + 601) is not None
    assert app.request_fault("POST", "/apps/3/events", query, body + b" ", 1353088179.0) is not None
    assert app.request_fault("POST", "/apps/4/events", query, body, 1353088179.0) is not None


def test_a_private_channel_takes_the_auth_that_the_official_library_makes(gateway: Gateway) -> None:
    with gateway.client() as client:
        auth = gateway.api.authenticate(ROOM, client.socket_id)["auth"]
        succeeded = {"event": "pusher_internal:subscription_succeeded", "channel": ROOM, "data": "{}"}
        assert client.subscribe(ROOM, auth) == succeeded


def test_bad_auth_is_refused_without_closing_and_without_the_right_signature(gateway: Gateway) -> None:
    with gateway.client() as client, gateway.client() as other:
        right = gateway.api.authenticate(ROOM, client.socket_id)["auth"]
        wrong_key = right.replace(KEY, "x")
        someone_elses = gateway.api.authenticate(ROOM, other.socket_id)["auth"]
        for auth in ("", "x", wrong_key, right[:-1], right.upper(), someone_elses, "\ud800", "é"):
            refusal = client.subscribe(ROOM, auth)
            assert refusal["event"] == "pusher:subscription_error" and refusal["channel"] == ROOM
            assert refusal["data"]["status"] == 401
            assert right.split(":")[1] not in json.dumps(refusal)
        client.send("pusher:subscribe", {"channel": ROOM})
        assert client.receive()["data"]["status"] == 401
        assert gateway.count(ROOM) == 0
        assert client.subscribe(ROOM, right)["event"] == "pusher_internal:subscription_succeeded"


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "[]",
        "7",
        "[" * 30_000,
        '{"event": ' + "9" * 5000 + "}",
        "{}",
        '{"event": 1}',
        '{"event": "pusher:subscribe"}',
        '{"event": "pusher:subscribe", "data": "private-room"}',
        '{"event": "pusher:subscribe", "data": {"channel": ["private-room"]}}',
        '{"event": "pusher:subscribe", "data": {"channel": "\\ud800"}}',
    ],
)
def test_a_malformed_event_gets_an_error_and_the_connection_stays_open(gateway: Gateway, message: str) -> None:
    with gateway.client() as client:
        client.connection.send(message)
        assert client.receive()["event"] == "pusher:error"
        assert client.subscribe()["event"] == "pusher_internal:subscription_succeeded"


@pytest.mark.parametrize(
    ("message", "code"),
    [(b"binary", 1003), ("x" * 65_537, 1009), ([b"\xff"], 1007)],
    ids=["binary", "big", "not utf-8"],
)
def test_a_message_that_is_no_small_text_closes_only_its_own_connection(
    gateway: Gateway, message: bytes | str | list[bytes], code: int
) -> None:
    with gateway.client() as bystander, gateway.client() as client:
        client.connection.send(message, text=True if code == 1007 else None)
        assert client.close_code() == code
        assert bystander.subscribe()["event"] == "pusher_internal:subscription_succeeded"


def test_a_fragmented_event_is_put_together(gateway: Gateway) -> None:
    with gateway.client() as client:
        client.connection.send(iter(['{"event": "pus', "", 'her:ping"}']))
        assert client.receive()["event"] == "pusher:pong"


def test_a_slow_reader_is_dropped_and_the_others_get_everything_in_order(gateway: Gateway) -> None:
    slow = SilentClient(gateway, receive_buffer=4096)
    auth = gateway.api.authenticate(ROOM, slow.socket_id)["auth"]
    with slow.socket, gateway.client() as quick:
        quick.subscribe()
        slow.send({"event": "pusher:subscribe", "data": {"channel": ROOM, "auth": auth}})
        wait_until(lambda: gateway.count(ROOM) == 2, "the channel has the expected subscribers")
        filling, sent = "x" * 10_000, 0
        while gateway.count(ROOM) == 2 and sent < 5000:
            names = [f"e{sent + n}" for n in range(10)]
            gateway.api.trigger_batch([{"channel": ROOM, "name": name, "data": filling} for name in names])
            assert [quick.receive()["event"] for _ in range(10)] == names
            sent += 10
        assert gateway.count(ROOM) == 1
        gateway.api.trigger(ROOM, "end", "x")
        assert quick.receive()["event"] == "end"


def test_garbage_instead_of_frames_closes_only_its_own_connection(gateway: Gateway) -> None:
    with gateway.client() as bystander:
        bystander.subscribe()
        vandal = SilentClient(gateway)
        vandal.send({"event": "pusher:subscribe", "data": {"channel": "vandals"}})
        assert b"subscription_succeeded" in vandal.text()
        with vandal.socket:
            vandal.socket.sendall(b"\xff" * 1000)
            while vandal.protocol.close_rcvd is None:
                vandal.protocol.receive_data(vandal.socket.recv(65536))
            assert vandal.protocol.close_rcvd.code == 1002
            assert gateway.count("vandals") == 0
            gateway.api.trigger([ROOM, "vandals"], "end", "x")
        assert bystander.receive()["event"] == "end"


# Starting and stopping


def test_sigterm_sends_every_client_away_with_4100_and_exits_0() -> None:
    gateway = Gateway()
    with gateway.client() as one, gateway.client() as two:
        one.subscribe()
        assert gateway.stop() == 0
        assert one.close_code() == two.close_code() == 4100


def test_a_client_that_ignores_the_close_does_not_hold_up_the_stop() -> None:
    gateway = Gateway()
    with SilentClient(gateway).socket:
        assert gateway.stop() == 0


def test_a_busy_port_is_told_in_one_line_with_code_48(gateway: Gateway) -> None:
    command = [*COMMAND, "--port", str(gateway.port)]
    second = subprocess.run(command, env=os.environ | ENVIRONMENT, capture_output=True, text=True, timeout=30)
    assert second.returncode == 48 and second.stdout == ""
    assert second.stderr == f"gateway: port {gateway.port} on 127.0.0.1 is in use\n"


def test_without_keys_it_says_which_settings_it_needs() -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("PUSHER_")}
    command = [*COMMAND, "--port", "0"]
    refused = subprocess.run(command, env=bare, capture_output=True, text=True, timeout=30)
    assert refused.returncode == 2
    assert refused.stderr == "gateway: PUSHER_APP_ID, PUSHER_KEY and PUSHER_SECRET have to be set\n"
