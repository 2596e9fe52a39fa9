"""The gateway's webhooks: what the app is told of who came and went, with a real process and a real receiver."""

import pytest

from infitalks.local.gateway.webhooks import Ledger
from tests.local.gateway_rig import ROOM, Gateway, Receiver, running
from tests.local.gateway_rig import receiver as receiver  # a fixture
from tests.running import wait_until


def test_the_app_hears_of_occupied_and_vacated_channels_but_not_of_a_short_absence(
    receiver: Receiver,
) -> None:
    with running("--webhook-url", receiver.url) as gateway:
        with gateway.client() as client:
            client.subscribe("private-user-1")
            assert receiver.events(gateway, 1) == [("channel_occupied", "private-user-1")]
        wait_until(lambda: gateway.count("private-user-1") == 0, "the channel has the expected subscribers")
        with gateway.client() as client:
            client.subscribe("private-user-1"), client.subscribe("private-user-2")
            assert receiver.events(gateway, 1) == [("channel_occupied", "private-user-2")]
        gone = receiver.events(gateway, 2)
        assert sorted(gone) == [("channel_vacated", "private-user-1"), ("channel_vacated", "private-user-2")]


def test_a_refused_webhook_is_sent_again_unchanged(receiver: Receiver) -> None:
    receiver.statuses = [500, 302]
    with running("--webhook-url", receiver.url) as gateway, gateway.client() as client:
        client.subscribe("private-user-1")
        first, second, third = (receiver.posts.get(timeout=15) for _ in range(3))
        assert first == second == third
        client.subscribe("private-user-2")
        assert receiver.events(gateway, 1) == [("channel_occupied", "private-user-2")]


def test_a_receiver_that_hangs_holds_up_neither_sockets_nor_the_stop(receiver: Receiver) -> None:
    receiver.free.clear()
    gateway = Gateway("--webhook-url", receiver.url)
    with gateway.client() as client:
        client.subscribe()
        receiver.posts.get(timeout=15)
        client.subscribe("private-other")
        gateway.api.trigger(ROOM, "meanwhile", "x")
        assert client.receive()["event"] == "meanwhile"
        assert gateway.stop() == 0


def test_only_channels_of_the_prefix_are_told_of(receiver: Receiver) -> None:
    with running("--webhook-url", receiver.url, "--webhook-prefix", "private-user-") as gateway:
        with gateway.client() as client:
            client.subscribe(), client.subscribe("public"), client.subscribe("private-user-1")
            assert receiver.events(gateway, 1) == [("channel_occupied", "private-user-1")]
        assert receiver.events(gateway, 1) == [("channel_vacated", "private-user-1")]


def test_what_changes_while_the_app_refuses_all_webhooks_ends_in_the_truth(receiver: Receiver) -> None:
    receiver.statuses = [500] * 1000
    with running("--webhook-url", receiver.url) as gateway, gateway.client() as stays, gateway.client() as mark:
        stays.subscribe("private-back"), stays.subscribe("private-away")
        receiver.posts.get(timeout=15)
        with gateway.client() as passing:
            passing.subscribe("private-passing")
        for channel in ("private-back", "private-away"):
            stays.send("pusher:unsubscribe", {"channel": channel})
        stays.subscribe("private-new"), mark.subscribe("private-mark")
        stays.subscribe("private-back")
        receiver.statuses.clear()
        here: dict[str, bool] = {}
        while not here.get("private-mark"):
            here |= {channel: name == "channel_occupied" for name, channel in receiver.events(gateway, 1)}
        mark.connection.close()  # the last to go is the last to be told of
        while here["private-mark"]:
            here |= {channel: name == "channel_occupied" for name, channel in receiver.events(gateway, 1)}
        assert here.pop("private-passing", False) is False
        assert here == {"private-back": True, "private-away": False, "private-new": True, "private-mark": False}


# What has been told and what is to be


ONE, TWO = ("private-1", None), ("presence-1", "ada")


def note(ledger: Ledger, *changes: tuple[tuple[str, str | None], bool]) -> None:
    for key, here in changes:
        ledger.note(key, here)


def test_changes_are_taken_in_their_order_and_only_once() -> None:
    ledger = Ledger()
    note(ledger, (ONE, True), (TWO, True), (ONE, True))
    assert list(ledger.take(1).items()) == [(TWO, True)]
    assert ledger.take(100) == {ONE: True}
    note(ledger, (TWO, True), (ONE, False))
    assert ledger.take(100) == {ONE: False}


def test_who_comes_and_goes_unheard_leaves_nothing() -> None:
    ledger = Ledger()
    for number in range(1000):
        ledger.note((f"private-{number}", None), True)
        ledger.note((f"private-{number}", None), False)
    ledger.note(ONE, True)
    assert ledger.take(2000) == {ONE: True}
    note(ledger, (ONE, False), (ONE, True), (TWO, True))
    assert ledger.take(2000) == {TWO: True}


@pytest.mark.parametrize("now", [True, False])
def test_what_was_perhaps_not_heard_is_told_again_as_it_is_by_then(now: bool) -> None:
    ledger = Ledger()
    ledger.note(ONE, True)
    taken = ledger.take(100)
    note(ledger, (ONE, False), (ONE, now))
    ledger.put_back(taken)
    assert ledger.take(100) == {ONE: now}
    note(ledger, (ONE, now), (TWO, True))
    assert ledger.take(100) == {TWO: True}


def test_nothing_is_kept_back_while_nobody_knows_what_was_heard() -> None:
    ledger = Ledger()
    ledger.note(ONE, True)
    ledger.put_back(ledger.take(100))
    note(ledger, (ONE, False))
    assert ledger.take(100) == {ONE: False}
