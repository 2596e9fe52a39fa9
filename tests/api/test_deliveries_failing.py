"""Receivers that fail: when a delivery is tried again, when it is given up, and who is told."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from bson import ObjectId

from infitalks.actions import attempts
from infitalks.actions.leases import leased
from infitalks.backends import http
from infitalks.models.deliveries import Delivery
from infitalks.models.webhooks import Webhook, webhook_to_serve
from infitalks.settings import load_settings
from tests import receivers
from tests.api.hooking import Relay, tell
from tests.people import Person
from tests.receivers import Behave, Receiver, answering, receiving

pytestmark = pytest.mark.usefixtures("loopback")


def seconds_until(shown: str) -> float:
    """From now until a time of the API's."""
    return (datetime.fromisoformat(shown) - datetime.now(UTC)).total_seconds()


def failing(ada: Person, receiver: Receiver, *plan: Behave) -> tuple[Relay, Any]:
    """A webhook whose receiver did as planned, and its one delivery."""
    receiver.plan = list(plan)
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    ada.say(chat, "hello")
    tell(chat, relay)
    (delivery,) = relay.deliveries()
    return relay, delivery


FAILURES: dict[str, tuple[Behave, int | None, str]] = {
    "hangs": (receivers.hanging, None, "no whole answer within"),
    "drips": (receivers.dripping, None, "no whole answer within"),
    "drips its body": (receivers.dripping_its_body, None, "no whole answer within"),
    "resets": (receivers.resetting, None, "broke off"),
    "redirects inside": (answering(302, headers={"Location": "http://169.254.169.254/"}), 302, "answered 302"),
    "400": (answering(400, b"no $name"), 400, "answered 400"),
    "404": (answering(404), 404, "answered 404"),
    "500": (answering(500, b'{"text": "not a reply"}'), 500, "answered 500"),
}


@pytest.mark.parametrize(("behave", "status", "reason"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_shown_with_its_reason_and_tried_again(
    ada: Person, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, behave: Behave, status: Any, reason: str
) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.5)
    relay, delivery = failing(ada, receiver, behave)
    assert (delivery["state"], delivery["tries"]) == ("wait", 1)
    assert reason in delivery["reason"]
    (attempt,) = delivery["attempts"]
    assert (attempt["status"], attempt["reason"]) == (status, delivery["reason"])
    assert 2 < seconds_until(delivery["due"]) < 6.5
    relay.retry()
    (delivery,) = relay.deliveries()
    assert (delivery["state"], delivery["tries"], delivery["reason"]) == ("ok", 2, None)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [status, 200]
    assert receiver.got[0].headers["webhook-id"] == receiver.got[1].headers["webhook-id"]
    assert receiver.got[0].body == receiver.got[1].body
    assert ada.texts(relay.chat) == ["hello"]


def test_a_hundred_megabytes_are_no_failure_and_not_taken(ada: Person, receiver: Receiver) -> None:
    _, delivery = failing(ada, receiver, receivers.flooding)
    assert delivery["state"] == "ok"
    assert len(delivery["attempts"][0]["answer"]) == 500


def test_the_schedule_is_the_documented_one_and_ends_in_the_failed_list(ada: Person, receiver: Receiver) -> None:
    receiver.then = answering(500, b"$oops")
    relay, delivery = failing(ada, receiver)
    for seconds in (5, 300, 1800, 7200, 18000, 36000, 36000):
        assert delivery["state"] == "wait"
        assert 0.8 * seconds - 3 <= seconds_until(delivery["due"]) <= 1.2 * seconds
        relay.work()  # not due: nothing is sent
        relay.retry()
        (delivery,) = relay.deliveries()
    assert (delivery["state"], delivery["tries"], delivery["due"]) == ("dead", 8, None)
    assert delivery["reason"] == "answered 500" and delivery["attempts"][0]["answer"] == "$oops"
    relay.retry()
    assert len(receiver.got) == 8
    assert len({(got.headers["webhook-id"], got.body) for got in receiver.got}) == 1


def test_gone_switches_the_webhook_off_and_its_maker_is_told_once(ada: Person, receiver: Receiver) -> None:
    receiver.plan = [answering(410)]
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    ada.say(chat, "one")
    ada.say(chat, "two")
    tell(chat, relay)
    assert len(receiver.got) == 1
    assert [delivery["state"] for delivery in relay.deliveries()] == ["dead", "dead"]
    assert relay.state()["active"] is False and "410" in relay.state()["off_reason"]
    webhook = Webhook.objects(id=ObjectId(relay.id)).first()
    first = f"gone.{relay.deliveries()[-1]['id']}"
    attempts.switch_off(webhook, first, relay.state()["off_reason"])  # as after a kill in between
    direct = next(c for c in ada.get("/api/chats").json["chats"] if c["kind"] == "direct")
    (told,) = ada.get(f"/api/messages?chat={direct['id']}").json["messages"]
    assert "Relay" in told["text"] and "switched off" in told["text"] and told["author"]["kind"] == "bot"
    assert direct["unread"] == 1
    ada.patch(relay.path, {"active": True})
    assert relay.state()["off_reason"] is None
    assert ada.post(f"{relay.path}/deliveries/redeliver").json == {"redelivered": 2}
    relay.work()
    assert [delivery["state"] for delivery in relay.deliveries()] == ["ok", "ok"]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "waited"), [("120", 120), ("999999999999", 3600), ("date", 600), ("soon", 5), ("-5", 5)]
)
def test_a_receiver_that_has_too_much_is_left_alone_as_long_as_it_asks(
    ada: Person, receiver: Receiver, status: int, asked: str, waited: int
) -> None:
    value = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True) if asked == "date" else asked
    relay, delivery = failing(ada, receiver, answering(status, headers={"Retry-After": value}))
    assert waited - 15 < seconds_until(delivery["due"]) <= waited * 1.2
    ada.say(relay.chat, "one more")
    tell(relay.chat, relay)
    assert len(receiver.got) == (2 if waited == 5 else 1)


def test_a_receiver_that_does_not_answer_rests_longer_each_time(ada: Person) -> None:
    chat = ada.group()
    with receiving(then=receivers.resetting) as receiver:
        relay = Relay(ada, chat, receiver.url)
        for number in range(20):
            ada.say(chat, str(number))
        tell(chat, relay)
        assert len(receiver.got) == 1  # the others wait for the receiver, too
        rests = []
        for _ in range(8):
            raw: Any = Webhook.raw().find_one({"_id": ObjectId(relay.id)})
            rests.append(round((raw["rest_until"] - datetime.now(UTC)).total_seconds() / 5))
            assert webhook_to_serve(ObjectId(relay.id)) is None
            relay.retry()
        assert rests[0] == 1 and rests == sorted(rests) and rests[-1] == 60
        receiver.then = answering(200)
        relay.retry()
        relay.retry()
        assert relay.deliveries("new") == [] and relay.state()["failing_since"] is None


def test_five_days_of_nothing_but_failures_switch_it_off(ada: Person, receiver: Receiver) -> None:
    receiver.then = answering(500)
    relay, _ = failing(ada, receiver)

    def fail_since(days: float) -> None:
        began = datetime.now(UTC) - timedelta(days=days)
        Webhook.raw().update_one({"_id": ObjectId(relay.id)}, {"$set": {"failing_since": began}})
        ada.say(relay.chat, "again")
        tell(relay.chat, relay)

    fail_since(4.9)
    assert relay.state()["active"] is True
    fail_since(5.1)
    assert relay.state()["active"] is False and "five days" in relay.state()["off_reason"]
    assert {delivery["state"] for delivery in relay.deliveries()} == {"dead"}
    assert any(c["kind"] == "direct" and c["unread"] for c in ada.get("/api/chats").json["chats"])


def test_a_success_ends_the_days_of_failure(ada: Person, receiver: Receiver) -> None:
    relay, _ = failing(ada, receiver, answering(500))
    assert relay.state()["failing_since"]
    relay.retry()
    assert relay.state()["failing_since"] is None


def test_an_address_that_is_not_allowed_any_more_is_never_reached(
    ada: Person, receiver: Receiver, stores_environ: dict[str, str]
) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    http.configure(load_settings(stores_environ))
    ada.say(chat, "hello")
    tell(chat, relay)
    assert receiver.got == []
    (delivery,) = relay.deliveries("wait")
    assert "no address that webhooks may be sent to" in delivery["reason"]


def test_two_workers_at_once_send_a_delivery_once(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    ada.say(chat, "hello")
    tell(chat)
    with leased(f"deliver:{relay.id}", 5):  # the other one is at it
        relay.work()
        assert receiver.got == []
    relay.work()
    assert len(receiver.got) == 1


def test_who_lost_the_claim_meanwhile_changes_nothing(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    ada.say(chat, "hello")
    tell(chat)

    def taken_over(handler: receivers.Handler) -> None:
        Delivery.raw().update_one({"webhook": ObjectId(relay.id)}, {"$set": {"claim": "somebody else's"}})
        answering(500)(handler)

    receiver.plan = [taken_over]
    relay.work()
    (delivery,) = relay.deliveries()
    assert (delivery["state"], delivery["attempts"]) == ("sending", [])
