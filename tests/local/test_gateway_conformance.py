"""The official libraries, unmodified, on the gateway: pusher-js (in Node) and pusher (Python)."""

from collections.abc import Iterator

import pusher.errors
import pytest

from tests.local.gateway_rig import ROOM, Gateway, pusher_js, running

PUBLIC, PRESENCE = "news", "presence-room"
ADA = {"id": "ada", "info": {"name": "ADA"}}
BOB = {"id": "bob", "info": {"name": "BOB"}}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    with running() as gateway:
        yield gateway


def connected(seen: Iterator[list]) -> str:
    """The socket id, after the line that tells it."""
    where, state, socket_id = next(seen)
    assert (where, state) == ("", "connected")
    return str(socket_id)


def everybody_in(seen: Iterator[list], channel: str) -> dict:
    """The members that pusher-js tells of when it is in a presence channel."""
    name, event, members = next(seen)
    assert (name, event) == (channel, "pusher:subscription_succeeded")
    assert members["count"] == len(members["members"])
    return members


def test_channels_of_every_kind_hear_their_events(gateway: Gateway) -> None:
    with pusher_js(gateway, "ada", PUBLIC, ROOM, PRESENCE) as seen:
        socket_id = connected(seen)
        assert sorted(next(seen)[:2] for _ in range(3)) == sorted(
            [name, "pusher:subscription_succeeded"] for name in (PUBLIC, ROOM, PRESENCE)
        )
        for name in (PUBLIC, ROOM, PRESENCE):
            gateway.api.trigger(name, "log", {"text": "grüße 👋", "to": name})
            assert next(seen) == [name, "log", {"text": "grüße 👋", "to": name}]
        gateway.api.trigger([PUBLIC, ROOM], "twice", "plain")
        assert [next(seen), next(seen)] == [[PUBLIC, "twice", "plain"], [ROOM, "twice", "plain"]]
        gateway.api.trigger_batch(
            [
                {"channel": ROOM, "name": "first", "data": "1"},
                {"channel": ROOM, "name": "not to its sender", "data": "2", "socket_id": socket_id},
                {"channel": PUBLIC, "name": "third", "data": {"n": 3}},
            ]
        )
        assert [next(seen), next(seen)] == [[ROOM, "first", 1], [PUBLIC, "third", {"n": 3}]]
        gateway.api.trigger(ROOM, "not to its sender", "x", socket_id=socket_id)
        gateway.api.trigger(ROOM, "end", "x")
        assert next(seen) == [ROOM, "end", "x"]


def test_members_see_each_other_come_and_be_terminated(gateway: Gateway) -> None:
    with pusher_js(gateway, "ada", "presence-two") as ada, pusher_js(gateway, "bob", "presence-two") as bob:
        connected(ada)
        first = everybody_in(ada, "presence-two")
        connected(bob)
        second = everybody_in(bob, "presence-two")
        assert first["me"] == ADA and second["me"] == BOB
        assert {**first["members"], **second["members"]} == {"ada": ADA["info"], "bob": BOB["info"]}
        early, late, joined = (ada, bob, BOB) if first["count"] == 1 else (bob, ada, ADA)
        assert next(early) == ["presence-two", "pusher:member_added", joined]
        gateway.api.terminate_user_connections(joined["id"])
        assert next(late)[:2] == ["", "disconnected"]
        assert next(early) == ["presence-two", "pusher:member_removed", joined]


def test_the_python_library_asks_for_channels_their_users_and_their_counts(gateway: Gateway) -> None:
    with pusher_js(gateway, "ada", "presence-asked", "private-asked") as seen:
        connected(seen), next(seen), next(seen)
        with gateway.client() as other:
            other.enter("presence-asked", {"user_id": 7})
            assert next(seen) == ["presence-asked", "pusher:member_added", {"id": "7", "info": None}]
            info = gateway.api.channels_info("presence-", ["user_count"])["channels"]
            assert info["presence-asked"] == {"user_count": 2}
            assert gateway.api.users_info("presence-asked") == {"users": [{"id": "ada"}, {"id": "7"}]}
            asked = gateway.api.channel_info("presence-asked", ["user_count", "subscription_count"])
            assert asked == {"occupied": True, "user_count": 2, "subscription_count": 2}
        with pytest.raises(pusher.errors.PusherBadRequest):
            gateway.api.users_info("private-asked")


def test_pusher_js_comes_back_by_itself_after_a_restart_with_all_that_it_was_in() -> None:
    with running() as gateway, pusher_js(gateway, "ada", PRESENCE) as seen:
        connected(seen), everybody_in(seen, PRESENCE)
        gateway.stop()
        with running("--port", str(gateway.port)) as restarted:
            connected(seen)
            assert everybody_in(seen, PRESENCE)["me"] == ADA
            restarted.api.trigger(PRESENCE, "log", {"seq": 2})
            assert next(seen) == [PRESENCE, "log", {"seq": 2}]
