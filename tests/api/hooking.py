"""Outgoing webhooks for tests, and a worker's work on them, done when a test asks for it."""

import json
import time
from typing import Any

from bson import ObjectId

from infitalks.actions import realtime, sending
from infitalks.integrations.signatures import verify
from infitalks.models.deliveries import Delivery
from infitalks.models.log import AT_ONCE, Entry
from infitalks.models.webhooks import Webhook
from tests.people import Person
from tests.receivers import Got


class Relay:
    """An outgoing webhook of `owner`'s, in `chat`."""

    def __init__(self, owner: Person, chat: str, url: str, **more: Any) -> None:
        self.owner, self.chat = owner, chat
        asked = {"kind": "outgoing", "name": "Relay", "url": url, "format": "events", **more}
        answer = owner.post(f"/api/chats/{chat}/webhooks", asked)
        assert answer.status_code == 201, answer.text
        self.made: Any = answer.json
        self.id: str = self.made["id"]
        self.path = f"/api/webhooks/{self.id}"

    def state(self) -> Any:
        """The webhook as its owner sees it."""
        return self.owner.get(self.path).json

    def deliveries(self, state: str | None = None) -> list[Any]:
        """The newest first."""
        answer = self.owner.get(f"{self.path}/deliveries" + (f"?state={state}" if state else ""))
        assert answer.status_code == 200, answer.text
        return list(answer.json["deliveries"])

    def work(self) -> None:
        """What a worker does at the bell."""
        sending.deliver_waiting(ObjectId(self.id))

    def retry(self) -> None:
        """As if all waiting were over; then as work()."""
        Delivery.raw().update_many({"webhook": ObjectId(self.id), "state": "wait"}, {"$set": {"due": AT_ONCE}})
        Webhook.raw().update_one({"_id": ObjectId(self.id)}, {"$set": {"rest_until": None}})
        self.work()


def tell(chat: str, *relays: Relay) -> None:
    """The fan-out of the chat, and what it led to. All of it is told each time anew, as where workers die."""
    Entry.raw().update_many({"chat": ObjectId(chat)}, {"$set": {"out.state": "new", "out.due": AT_ONCE}})
    realtime.fan_out(ObjectId(chat))
    for relay in relays:
        relay.work()


def said(got: Got) -> Any:
    """What a receiver got, read as JSON."""
    return json.loads(got.body)


def check_signed(got: Got, secret: str) -> str:
    """The request's id, where this secret signed it just now."""
    return verify(got.headers, got.body, [secret], time.time())
