"""The fan-out: what waits is told once by one worker, what fails is set aside, and clocks do not matter."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

import pytest
import redis
from bson import ObjectId
from flask import Flask

from infitalks.actions import realtime as fan
from infitalks.actions import writer
from infitalks.actions.leases import leased
from infitalks.backends import realtime as server
from infitalks.models.chats import chat_by_id, membership_of
from infitalks.models.database import Doc
from infitalks.models.log import AT_ONCE, Entry, chats_with_waiting
from infitalks.models.maintenance import Lease
from infitalks.settings import load_settings
from tests.api.listening import Page, make_due, states
from tests.people import Person
from tests.receivers import Handler, Receiver, answering, receiving
from tests.running import Running, wait_until


def test_an_away_gateway_makes_entries_wait_without_counting_it_against_them(
    ada: Person, no_gateway: None, caplog: pytest.LogCaptureFixture
) -> None:
    chat = ada.group()
    ada.say(chat, "hello")
    for _ in range(4):
        make_due(chat)
        fan.fan_out(ObjectId(chat))
    assert "live events wait" in caplog.text and "auth_signature" not in caplog.text
    waiting = list(Entry.raw().find({"chat": ObjectId(chat)}))
    assert [(doc["out"]["state"], doc["out"]["tries"]) for doc in waiting] == [("new", 0), ("new", 0)]
    assert all(doc["out"]["due"] > datetime.now(UTC) for doc in waiting)


def test_a_second_fan_out_changes_nothing(ada: Person, bob: Person, gateway_process: Running) -> None:
    chat = ada.group()
    message = ada.say(chat, "helo")
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [bob.id]})
    ada.patch(f"/api/messages/{message['id']}", {"text": "hello"})
    bob.put(f"/api/messages/{message['id']}/reactions/👍")
    ada.delete(f"/api/chats/{chat}/members/{bob.id}")
    fan.fan_out(ObjectId(chat))
    assert states(chat) == ["done"] * 6

    def everything() -> list[Doc]:
        log = list(Entry.raw().find({"chat": ObjectId(chat)}, {"out": 0}).sort("seq", 1))
        return [*log, chat_by_id(ObjectId(chat)) or {}, membership_of(ObjectId(chat), ObjectId(bob.id)) or {}]

    before = everything()
    Entry.raw().update_many({"chat": ObjectId(chat)}, {"$set": {"out.state": "new"}})
    fan.fan_out(ObjectId(chat))
    assert states(chat) == ["done"] * 6
    assert everything() == before


def is_set_aside_alone(ada: Person, chat: str) -> None:
    """The third of the four entries fails at every try."""
    fan.fan_out(ObjectId(chat))
    assert states(chat) == ["done", "done", "new", "done"]
    for _ in range(2):
        make_due(chat)
        fan.fan_out(ObjectId(chat))
    assert states(chat) == ["done", "done", "dead", "done"]
    ada.say(chat, "later")
    fan.fan_out(ObjectId(chat))
    assert states(chat) == ["done", "done", "dead", "done", "done"]


def test_what_fails_three_times_is_set_aside_and_takes_nobody_with_it(ada: Person, gateway_process: Running) -> None:
    chat = ada.group()
    ada.say(chat, "before")
    ada.patch(f"/api/chats/{chat}", {"name": "Yard"})
    Entry.raw().update_one({"chat": ObjectId(chat), "kind": "chat"}, {"$unset": {"changes": 1}})  # nothing reads that
    ada.say(chat, "after")
    is_set_aside_alone(ada, chat)


def test_what_the_server_refuses_is_set_aside_and_holds_nothing_up(
    ada: Person, gateway_process: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat, real = ada.group(), server.publish

    def with_a_reserved_name(channels: list[str], told: list[server.Event]) -> None:
        real(channels, [(f"pusher:{name}" if "refuse this" in data else name, data) for name, data in told])

    monkeypatch.setattr(server, "publish", with_a_reserved_name)
    for text in ("before", "refuse this", "after"):
        ada.say(chat, text)
    is_set_aside_alone(ada, chat)


@pytest.fixture
def publish_api(app: Flask, stores_environ: dict[str, str]) -> Iterator[Receiver]:
    """Takes the place of the server of live events, and answers as it is told."""
    with receiving(then=answering(200, b"{}")) as receiver:
        server.configure(load_settings({**stores_environ, "PUSHER_PORT": str(receiver.port)}))
        yield receiver
    server.configure(load_settings(stores_environ))


@pytest.mark.parametrize("status", [500, 429])
def test_an_overcharged_server_makes_entries_wait_without_counting_it_against_them(
    ada: Person, publish_api: Receiver, status: int
) -> None:
    chat, well = ada.group(), publish_api.then
    ada.say(chat, "hello")
    publish_api.then = answering(status, b"not now")
    for tries in range(1, 5):
        make_due(chat)
        fan.fan_out(ObjectId(chat))
        assert len(publish_api.got) >= tries
    waiting = list(Entry.raw().find({"chat": ObjectId(chat)}))
    assert [(doc["out"]["state"], doc["out"]["tries"]) for doc in waiting] == [("new", 0), ("new", 0)]
    assert all(doc["out"]["due"] > datetime.now(UTC) for doc in waiting)
    publish_api.then = well
    make_due(chat)
    fan.fan_out(ObjectId(chat))
    assert states(chat) == ["done", "done"]


@pytest.mark.parametrize("status", [413, 400])
def test_what_a_server_will_never_take_is_set_aside_and_later_ones_pass(
    ada: Person, publish_api: Receiver, status: int
) -> None:
    def choosy(handler: Handler) -> None:
        refused = b"refuse this" in handler.server.got[-1].body
        answering(status if refused else 200, b"{}")(handler)

    chat, publish_api.then = ada.group(), choosy
    for text in ("before", "refuse this", "after"):
        ada.say(chat, text)
    is_set_aside_alone(ada, chat)
    assert b"later" in publish_api.got[-1].body


def test_one_worker_at_a_time_tells_a_chat(ada: Person, gateway_process: Running) -> None:
    chat = ada.group()
    with leased(f"fan_out:{chat}", 30) as token:
        assert token
        fan.fan_out(ObjectId(chat))
        assert states(chat) == ["new"]
    fan.fan_out(ObjectId(chat))
    assert states(chat) == ["done"]


def test_who_was_away_while_another_took_over_tells_nothing_any_more(
    ada: Person, page: Callable[[Person], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ada.group()
    fan.fan_out(ObjectId(chat))
    opened = page(ada)
    ada.say(chat, "once")

    def sleep_for_long(name: str) -> None:
        monkeypatch.undo()
        monkeypatch.setattr(fan, "RENEW_AFTER", 0)
        Lease.raw().update_one({"_id": f"fan_out:{chat}"}, {"$set": {"until": AT_ONCE}})
        fan.fan_out(ObjectId(chat))

    monkeypatch.setattr(fan, "failpoint", sleep_for_long)
    fan.fan_out(ObjectId(chat))
    ada.say(chat, "and again")
    fan.fan_out(ObjectId(chat))
    assert states(chat) == ["done"] * 3
    logged = ada.get(f"/api/chats/{chat}/log?after=0").json["entries"]
    assert [opened.entries(2), opened.entries(3)] == [logged[1:2], logged[2:]]


def test_a_web_server_whose_clock_is_fast_is_heard_at_once(
    ada: Person, gateway_process: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fast(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.now(tz) + timedelta(minutes=10)

    chat = ada.group()
    monkeypatch.setattr(writer, "datetime", Fast)
    assert ada.say(chat, "from the future")["created_at"] > datetime.now(UTC).isoformat()
    assert ObjectId(chat) in chats_with_waiting()
    fan.fan_out(ObjectId(chat))
    assert states(chat) == ["done", "done"]


def test_the_sweep_rings_for_what_waits_and_only_for_that(
    ada: Person, gateway_process: Running, redis_url: str
) -> None:
    quiet, waiting = ada.group(), ada.group()
    fan.fan_out(ObjectId(quiet))
    make_due(quiet)
    make_due(waiting)
    with redis.Redis.from_url(redis_url) as bells:
        wait_until(lambda: bells.exists(f"bell:realtime.fan_out:{waiting}"), "the writer's bell has rung")
        bells.delete(f"bell:realtime.fan_out:{quiet}", f"bell:realtime.fan_out:{waiting}")
        fan.sweep()
        wait_until(lambda: bells.exists(f"bell:realtime.fan_out:{waiting}"), "the sweep has rung")
        assert not bells.exists(f"bell:realtime.fan_out:{quiet}")
