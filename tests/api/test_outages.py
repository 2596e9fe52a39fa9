"""What is away is said honestly, and costs only what needs it. Not for: what a kill may not lose."""

import secrets
from collections.abc import Iterator

import pymongo
import pytest
import redis
from bson import ObjectId
from flask import Flask
from pymongo.errors import AutoReconnect

from infitalks.actions import realtime
from infitalks.backends import realtime as live
from infitalks.backends.limits import Bulkhead
from infitalks.blueprints import guard
from infitalks.errors import Unavailable
from infitalks.models.log import Entry
from tests.people import Person
from tests.running import Running, wait_until


@pytest.fixture
def no_mongod(mongod_process: Running, app: Flask) -> Iterator[Running]:
    """Killed as soon as the test says so; back afterwards."""
    yield mongod_process
    if mongod_process.process.poll() is not None:
        mongod_process.start()
    ready = app.test_client()
    wait_until(lambda: ready.get("/readyz").status_code == 200, "the app has its database again")


@pytest.fixture
def no_redis(redis_process: Running) -> Iterator[Running]:
    redis_process.kill()
    yield redis_process
    redis_process.start()


def test_without_mongodb_everything_waits_and_says_so(app: Flask, ada: Person, no_mongod: Running) -> None:
    chat = ada.group()
    body = {"chat_id": chat, "client_id": secrets.token_hex(8), "text": "hello"}
    no_mongod.kill()
    with pymongo.timeout(1):  # the driver would wait longer for it to come back
        refused = ada.post("/api/messages", body)
    with pymongo.timeout(1):
        page = ada.get(f"/c/{chat}")
    with pymongo.timeout(1):
        ready = app.test_client().get("/readyz")
    assert (refused.status_code, refused.json["error"]["code"]) == (503, "unavailable")
    assert int(refused.headers["Retry-After"]) >= 1
    assert (page.status_code, page.mimetype) == (503, "text/html")
    assert int(page.headers["Retry-After"]) >= 1
    assert app.test_client().get("/healthz").status_code == 200
    assert (ready.status_code, ready.json["parts"]["mongodb"]) == (503, False)
    no_mongod.start()
    wait_until(lambda: app.test_client().get("/readyz").status_code == 200, "the app has its database again")
    assert ada.post("/api/messages", body).status_code == 201
    assert ada.texts(chat) == ["hello"]


def test_without_redis_messages_are_sent_and_read(
    app: Flask, ada: Person, bob: Person, no_redis: Running, gateway_process: Running
) -> None:
    chat = ada.group(bob)
    ada.say(chat, "hello")
    assert bob.texts(chat) == ["hello"]
    assert [c["id"] for c in bob.post("/api/sync", {"chats": {}}).json["changed"]] == [chat]
    realtime.fan_out(ObjectId(chat))  # as a worker would
    assert {doc["out"]["state"] for doc in Entry.raw().find({"chat": ObjectId(chat)})} == {"done"}
    ready = app.test_client().get("/readyz")
    assert (ready.status_code, ready.json["parts"]) == (200, {"mongodb": True, "redis": False})


def test_bells_ring_again_as_soon_as_redis_is_back(ada: Person, redis_process: Running, redis_url: str) -> None:
    chat = ada.group()
    redis_process.kill()
    ada.say(chat, "unheard")
    redis_process.start()
    with redis.Redis.from_url(redis_url) as bells:

        def rung() -> bool:
            ada.say(chat, "heard")
            return bool(bells.exists(f"bell:realtime.fan_out:{chat}"))

        wait_until(rung, "a message rings")


def test_a_refusal_for_want_of_a_database_asks_it_for_nothing(
    app: Flask, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def stuck(self: Bulkhead) -> object:
        raise Unavailable("stuck")

    assert ada.get("/settings").status_code == 200
    monkeypatch.setattr(Bulkhead, "enter", stuck)
    monkeypatch.setattr(guard, "session_of_cookie", asked.append)
    for path in ("/settings", "/c/0", "/nowhere", "/api/chats"):
        assert ada.get(path).status_code == 503
    assert asked == []


def count_tries(monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[int]:
    """As publish is called now: it fails with `error`."""
    tries: list[int] = []

    def publish(channels: list[str], told: list[live.Event]) -> None:
        tries.append(len(told))
        raise error

    monkeypatch.setattr(live, "publish", publish)
    return tries


def outbox(chat: str) -> set[tuple[str, int]]:
    entries = Entry.raw().find({"chat": ObjectId(chat)})
    return {(entry["out"]["state"], entry["out"]["tries"]) for entry in entries}


def test_a_server_that_is_away_is_tried_once_for_a_long_backlog(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    chat = ada.group()
    for number in range(5):
        ada.say(chat, str(number))
    monkeypatch.setattr(realtime, "BATCH", 2)
    tries = count_tries(monkeypatch, live.RealtimeUnavailable("away"))
    realtime.fan_out(ObjectId(chat))
    assert len(tries) == 1 and outbox(chat) == {("new", 0)}


def test_a_database_that_is_away_is_no_fault_of_what_waits_to_be_told(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ada.group()
    ada.say(chat, "hello")
    count_tries(monkeypatch, AutoReconnect("away"))
    with pytest.raises(AutoReconnect):
        realtime.fan_out(ObjectId(chat))
    assert outbox(chat) == {("new", 0)}
