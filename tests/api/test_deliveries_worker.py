"""The real worker of webhooks and its clock: killed in mid-delivery, without Redis, and beside receivers that hang."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import realtime
from infitalks.local import services, valkey
from infitalks.local.ports import pick_port
from infitalks.models.deliveries import Delivery
from infitalks.models.log import AT_ONCE
from infitalks.models.maintenance import Lease
from tests import receivers
from tests.api.commanding import waited
from tests.api.hooking import Relay
from tests.conftest import started
from tests.people import Person
from tests.receivers import Receiver, answering, receiving
from tests.running import Running, wait_until


class Works(NamedTuple):
    """A worker with a Redis of its own, so that nothing but its clock's sweep rings for it."""

    worker: Running
    redis: Running
    failpoints: Path


@pytest.fixture(scope="module")
def works(app: Flask, stores_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    Delivery.raw().delete_many({})  # what other tests left waiting, it would send, and die of
    folder = tmp_path_factory.mktemp("works")
    (failpoints := folder / "failpoints").mkdir()
    port = pick_port()
    env = {
        **stores_environ,
        "MONGODB_DATABASE": "api",
        "REDIS_URL": valkey.redis_url(port),
        "INFITALKS_EGRESS_ALLOW": "127.0.0.0/8",
        "INFITALKS_FAILPOINTS": str(failpoints),
    }
    with (
        started(valkey.valkey(port, folder / "redis"), folder) as redis,
        started(services.worker("webhooks", "webhooks", 16, env, threads=True), folder) as worker,
        started(services.beat(folder / "beat", env), folder),
    ):
        yield Works(worker, redis, failpoints)


def say(person: Person, chat: str, text: str) -> None:
    person.say(chat, text)
    realtime.fan_out(ObjectId(chat))


def as_if_later(relay: Relay) -> None:
    """As if the claim and the lease of a killed worker were over."""
    Lease.raw().update_one({"_id": f"deliver:{relay.id}"}, {"$set": {"until": AT_ONCE}})
    Delivery.raw().update_many({"webhook": ObjectId(relay.id), "state": "sending"}, {"$set": {"due": AT_ONCE}})


def arrived(relay: Relay) -> bool:
    return {delivery["state"] for delivery in relay.deliveries()} == {"ok"}


def rows(*relays: Relay) -> list[Any]:
    return list(Delivery.raw().find({"webhook": {"$in": [ObjectId(relay.id) for relay in relays]}}))


pytestmark = pytest.mark.usefixtures("loopback")


@pytest.mark.parametrize("point", ["webhooks.before_send", "webhooks.after_send", "webhooks.before_mark"])
def test_a_worker_killed_in_mid_delivery_delivers_again_with_one_id(works: Works, ada: Person, point: str) -> None:
    chat = ada.group()
    reply = answering(200, json.dumps({"text": "heard"}).encode())
    with receiving(then=reply) as receiver:
        relay = Relay(ada, chat, receiver.url)
        (works.failpoints / point).write_text("kill")
        say(ada, chat, "hello")
        wait_until(lambda: works.worker.process.poll() is not None, "the worker is dead")
        assert relay.deliveries()[0]["state"] == "sending"
        as_if_later(relay)
        works.worker.start()
        wait_until(lambda: arrived(relay), "it has arrived")
        assert len(receiver.got) == (1 if point == "webhooks.before_send" else 2)
        assert len({(got.headers["webhook-id"], got.body) for got in receiver.got}) == 1
    assert ada.texts(chat) == ["hello", "heard"]


def test_what_came_about_without_redis_is_told_when_it_is_back(works: Works, ada: Person) -> None:
    chat = ada.group()
    with receiving() as receiver:
        relay = Relay(ada, chat, receiver.url)
        say(ada, chat, "before")
        receiver.wait_for(1)
        works.redis.kill()
        say(ada, chat, "meanwhile")
        works.redis.start()
        wait_until(lambda: arrived(relay) and len(receiver.got) == 2, "both have arrived", 60)


def test_receivers_that_hang_delay_nobody_else(works: Works, ada: Person) -> None:
    with ExitStack() as stack:
        hanging: list[Receiver] = [stack.enter_context(receiving(then=receivers.hanging)) for _ in range(6)]
        relays = [Relay(ada, ada.group(), each.url) for each in hanging]
        relays += [Relay(ada, ada.group(), hanging[0].url) for _ in range(8)]  # one host has only so many places
        for relay in relays:
            say(ada, relay.chat, "into the void")
        for each in hanging:
            each.wait_for(1)
        chat = ada.group()
        well = stack.enter_context(receiving())
        relay = Relay(ada, chat, well.url)
        for number in range(10):
            say(ada, chat, str(number))
        got = well.wait_for(10)
        wait_until(lambda: arrived(relay), "all have arrived")
        assert not any(waited(row, rows(*relays)) for row in rows(relay))
        told: list[Any] = [json.loads(each.body)["data"]["message"]["text"] for each in got]
        assert told == [str(number) for number in range(10)]
