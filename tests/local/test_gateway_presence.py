"""Presence channels, questions about them, and the end of a user's connections, as the protocol has it to the byte."""

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from infitalks.local.gateway.signatures import App
from tests.local.gateway_rig import APP_ID, KEY, ROOM, SECRET, Gateway, Receiver, running
from tests.local.gateway_rig import receiver as receiver  # a fixture

ROOMS = "presence-room"
ADA = {"user_id": "ada", "user_info": {"name": "Ada Ł."}}
BOB = {"user_id": "bob"}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running() as gateway:
        yield gateway


def presence(answer: dict) -> dict:
    assert answer["event"] == "pusher_internal:subscription_succeeded", answer
    assert isinstance(answer["data"], str)
    return json.loads(answer["data"])["presence"]


def told(answer: dict) -> tuple[str, dict]:
    assert answer["channel"].startswith("presence-") and isinstance(answer["data"], str)
    return answer["event"], json.loads(answer["data"])


def test_the_signature_of_a_member_is_that_of_the_documentation() -> None:
    text = '1234.1234:presence-foobar:{"user_id":10,"user_info":{"name":"Mr. Pusher"}}'
    signature = "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c"
    app = App(APP_ID, KEY, SECRET)
    assert app.allows(text, f"{KEY}:{signature}")
    assert not app.allows(text.replace("10", "11"), f"{KEY}:{signature}")


def test_who_comes_gets_all_members_and_the_others_hear_of_it_once(gateway: Gateway) -> None:
    with gateway.client() as one, gateway.client() as two, gateway.client() as again:
        assert presence(one.enter(ROOMS, ADA)) == {"count": 1, "ids": ["ada"], "hash": {"ada": {"name": "Ada Ł."}}}
        both = {"count": 2, "ids": ["ada", "bob"], "hash": {"ada": {"name": "Ada Ł."}, "bob": None}}
        assert presence(two.enter(ROOMS, BOB)) == both
        assert told(one.receive()) == ("pusher_internal:member_added", {"user_id": "bob", "user_info": None})
        assert presence(again.enter(ROOMS, BOB)) == both
        two.send("pusher:unsubscribe", {"channel": ROOMS})
        two.send("pusher:ping")
        assert two.receive()["event"] == "pusher:pong"
        again.connection.close()
        assert told(one.receive()) == ("pusher_internal:member_removed", {"user_id": "bob"})


def test_a_number_as_user_id_is_that_text_and_a_second_subscription_changes_nobody(gateway: Gateway) -> None:
    with gateway.client() as one, gateway.client() as two:
        assert presence(one.enter("presence-n", {"user_id": 10}))["ids"] == ["10"]
        assert presence(one.enter("presence-n", {"user_id": 11}))["ids"] == ["10"]
        assert presence(two.enter("presence-n", {"user_id": "10", "user_info": "other"}))["hash"] == {"10": None}


@pytest.mark.parametrize(
    ("channel_data", "status"),
    [
        ("", 400),
        ("{", 400),
        ("[]", 400),
        ("{}", 400),
        ('{"user_id": ""}', 400),
        ('{"user_id": null}', 400),
        ('{"user_id": true}', 400),
        ('{"user_id": 1.5}', 400),
        ('{"user_id": ["a"]}', 400),
        ('{"user_id": "\\ud800"}', 400),
        ('{"user_id": "a", "user_info": "\\ud800"}', 400),
        ('{"user_id": "a", "user_info": 1e999}', 400),
        ('{"user_id": "a", "user_info": NaN}', 400),
        ('{"user_id": "a", "user_info": ' + "[" * 4000 + "]" * 4000 + "}", 400),
        ({"user_id": "u" * 129}, 4301),
        ({"user_id": "a", "user_info": "é" * 512}, 4301),
        ({"user_id": "a", "user_info": "x" * 60_000}, 4301),
    ],
)
def test_a_malformed_or_oversized_member_is_refused_and_the_connection_stays(
    gateway: Gateway, channel_data: object, status: int
) -> None:
    with gateway.client() as client:
        refusal = client.enter("presence-picky", channel_data)
        assert refusal["event"] == "pusher:subscription_error" and refusal["data"]["status"] == status
        assert gateway.count("presence-picky") == 0
        largest = {"user_id": "u" * 128, "user_info": "é" * 511}
        assert presence(client.enter("presence-picky", largest))["count"] == 1


def test_a_member_has_to_be_signed_as_it_is_said(gateway: Gateway) -> None:
    with gateway.client() as client:
        good = gateway.api.authenticate(ROOMS, client.socket_id, ADA)
        as_private = gateway.api.authenticate(ROOMS, client.socket_id)
        elsewhere = gateway.api.authenticate("presence-other", client.socket_id, ADA)
        other = good["channel_data"].replace("ada", "bob")
        for said in (
            {"auth": good["auth"]},
            {"auth": good["auth"], "channel_data": other},
            {"auth": good["auth"], "channel_data": json.loads(good["channel_data"])},
            {"auth": as_private["auth"], "channel_data": good["channel_data"]},
            {"auth": elsewhere["auth"], "channel_data": good["channel_data"]},
            {"auth": good["auth"], "channel_data": "\ud800"},
            {"channel_data": good["channel_data"]},
        ):
            client.send("pusher:subscribe", {"channel": ROOMS, **said})
            refusal = client.receive()
            assert refusal["event"] == "pusher:subscription_error" and refusal["data"]["status"] == 401
        client.send("pusher:subscribe", {"channel": ROOMS, **good})
        assert presence(client.receive())["ids"] == ["ada"]


def test_a_channel_takes_a_hundred_members_and_further_sockets_of_theirs(gateway: Gateway) -> None:
    with ExitStack() as open_ones:
        clients = [open_ones.enter_context(gateway.client()) for _ in range(101)]
        for number, client in enumerate(clients[:100]):
            assert presence(client.enter("presence-full", {"user_id": number}))["count"] == number + 1
        refusal = clients[100].enter("presence-full", {"user_id": "one more"})
        assert refusal["event"] == "pusher:subscription_error"
        assert (refusal["data"]["type"], refusal["data"]["status"]) == ("LimitReached", 4100)
        assert presence(clients[100].enter("presence-full", {"user_id": "7"}))["count"] == 100


# The HTTP API


def test_counts_come_with_events_and_batches_that_ask_for_them(gateway: Gateway) -> None:
    with gateway.client() as one, gateway.client() as two:
        one.enter("presence-c", ADA), two.enter("presence-c", ADA), two.subscribe()
        event = {"name": "e", "channels": ["presence-c", "presence-none"], "data": "x"}
        body = json.dumps({**event, "info": "user_count,subscription_count"}).encode()
        status, answer = gateway.signed("POST", f"/apps/{APP_ID}/events", body)
        assert (status, json.loads(answer)) == (
            200,
            {
                "channels": {
                    "presence-c": {"user_count": 1, "subscription_count": 2},
                    "presence-none": {"user_count": 0, "subscription_count": 0},
                }
            },
        )
        batch = [
            {"name": "e", "channel": "presence-c", "data": "x", "info": "user_count"},
            {"name": "e", "channel": ROOM, "data": "x"},
        ]
        body = json.dumps({"batch": batch}).encode()
        status, answer = gateway.signed("POST", f"/apps/{APP_ID}/batch_events", body)
        assert (status, json.loads(answer)) == (200, {"batch": [{"user_count": 1}, {}]})
        for bad in ("user_count", "cache", "x", 7, ["subscription_count"]):
            assert gateway.publish({"name": "never", "channels": ["presence-c", ROOM], "data": "x", "info": bad}) == 400
        assert one.receive()["event"] == "e" and one.receive()["event"] == "e"


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("channels", {"info": "user_count"}),
        ("channels", {"info": "user_count", "filter_by_prefix": "private-"}),
        ("channels", {"info": "cache"}),
        (f"channels/{ROOM}", {"info": "user_count"}),
        (f"channels/{ROOMS}", {"info": "cache"}),
        (f"channels/{ROOM}/users", {}),
        ("channels/no;spaces!/users", {}),
    ],
)
def test_a_question_that_makes_no_sense_is_answered_400_in_clear_text(
    gateway: Gateway, path: str, query: dict[str, str]
) -> None:
    status, text = gateway.signed("GET", f"/apps/{APP_ID}/{path}", b"", **query)
    assert status == 400 and text and not text.startswith("{")


@pytest.mark.parametrize(
    "path", [f"/apps/{APP_ID}/users/ada/terminate_connections", "/users/ada/terminate_connections"]
)
def test_terminating_closes_all_sockets_that_are_that_user_and_no_other(gateway: Gateway, path: str) -> None:
    with gateway.client() as one, gateway.client() as two, gateway.client() as bystander:
        one.enter("presence-x", ADA), two.enter("presence-y", ADA), bystander.enter("presence-y", BOB)
        assert told(two.receive())[0] == "pusher_internal:member_added"
        assert gateway.request("POST", path, b"{}")[0] == 401
        assert gateway.signed("GET", path)[0] == 404
        assert gateway.signed("POST", path, b"{}") == (200, "{}")
        assert one.close_code() == two.close_code() == 4009
        assert told(bystander.receive()) == ("pusher_internal:member_removed", {"user_id": "ada"})
        assert gateway.signed("POST", path, b"{}") == (200, "{}")
        assert gateway.signed("POST", path.replace("ada", "u" * 129), b"{}")[0] == 400


# Webhooks


def test_the_app_hears_of_members_but_not_of_a_short_absence(receiver: Receiver) -> None:
    with running("--webhook-url", receiver.url) as gateway:
        with gateway.client() as one, gateway.client() as two:
            one.enter(ROOMS, ADA), two.enter(ROOMS, ADA)
            assert receiver.events(gateway, 2) == [("channel_occupied", ROOMS), ("member_added", ROOMS, "ada")]
            one.send("pusher:unsubscribe", {"channel": ROOMS})
            two.send("pusher:unsubscribe", {"channel": ROOMS})
            one.enter(ROOMS, ADA), two.enter(ROOMS, BOB)
            assert receiver.events(gateway, 1) == [("member_added", ROOMS, "bob")]
        gone = {("member_removed", ROOMS, "ada"), ("member_removed", ROOMS, "bob"), ("channel_vacated", ROOMS)}
        assert set(receiver.events(gateway, 3)) == gone
