"""Open pages that listen through the real gateway, and what they are told."""

import json
from typing import Any

import redis
from bson import ObjectId
from websockets.sync.client import ClientConnection
from werkzeug.test import TestResponse

from infitalks.actions import realtime
from infitalks.backends.realtime import MOST_BYTES
from infitalks.models.log import AT_ONCE, Entry
from tests.people import Person

LISTENING = "pusher_internal:subscription_succeeded"


def channel(person: Person) -> str:
    (name,) = person.get("/api/realtime").json["channels"]
    return str(name)


def ask(person: Person, socket_id: str, channel_name: str) -> TestResponse:
    form = {"socket_id": socket_id, "channel_name": channel_name}
    return person.call("POST", "/api/realtime/auth", data=form)


class Page:
    """An open page: it listens on its person's channel."""

    def __init__(self, connection: ClientConnection, person: Person) -> None:
        self.connection = connection
        self.socket_id = json.loads(self.receive()["data"])["socket_id"]
        self.channel = channel(person)
        assert self.subscribe(ask(person, self.socket_id, self.channel).json["auth"]) == LISTENING

    def subscribe(self, auth: str) -> str:
        data = {"channel": self.channel, "auth": auth}
        self.connection.send(json.dumps({"event": "pusher:subscribe", "data": data}))
        return str(self.receive()["event"])

    def receive(self) -> Any:
        return json.loads(self.connection.recv(timeout=20))

    def next(self) -> tuple[str, Any]:
        event = self.receive()
        assert event["channel"] == self.channel
        assert len(event["data"].encode()) <= MOST_BYTES
        return event["event"], json.loads(event["data"])

    def entries(self, last: int) -> list[Any]:
        """Of all `log` events up to entry number `last`."""
        seen: list[Any] = []
        while not seen or seen[-1]["seq"] < last:
            name, data = self.next()
            seen += data["entries"] if name == "log" else []
        return seen


def tell(chat: str) -> None:
    realtime.fan_out(ObjectId(chat))


def forget_bells(redis_url: str) -> None:
    """As if workers had taken all that was rung until now."""
    with redis.Redis.from_url(redis_url) as broker:
        broker.delete("realtime")


def rung(redis_url: str, task: str, *args: str) -> bool:
    """Whether a worker would find this task."""
    with redis.Redis.from_url(redis_url) as broker:
        waiting: Any = broker.lrange("realtime", 0, -1)
    headers = [json.loads(message)["headers"] for message in waiting]
    return any(h["task"] == task and all(arg in h["argsrepr"] for arg in args) for h in headers)


def states(chat: str) -> list[str]:
    """How the telling of each entry stands: new, done or dead."""
    return [doc["out"]["state"] for doc in Entry.raw().find({"chat": ObjectId(chat)}).sort("seq", 1)]


def make_due(chat: str) -> None:
    """As if the time until the next try were over."""
    Entry.raw().update_many({"chat": ObjectId(chat)}, {"$set": {"out.due": AT_ONCE}})
