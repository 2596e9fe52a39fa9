"""Who answers for a webhook, and what others who look after it get to see and do."""

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions.sending_asks import send_ask
from infitalks.models.deliveries import Delivery
from tests.api.hooking import Relay, tell
from tests.api.test_presses import asked, press, question
from tests.api.test_presses_sent import Shop, pressed, send
from tests.hooks import Hook
from tests.integrations.test_buttons import block
from tests.people import Person
from tests.receivers import answering, receiving

pytestmark = pytest.mark.usefixtures("loopback")


def with_two_owners(ada: Person, bob: Person) -> str:
    chat = ada.group(bob)
    assert ada.patch(f"/api/chats/{chat}/members/{bob.id}", {"role": "owner"}).status_code < 300
    return chat


def test_whoever_gives_it_another_address_answers_for_it_and_is_told_nothing_once_removed(
    ada: Person, bob: Person
) -> None:
    chat = with_two_owners(ada, bob)
    with receiving() as adas, receiving() as bobs:
        relay = Relay(ada, chat, adas.url)
        assert bob.patch(relay.path, {"name": "Renamed"}).json["created_by"] == ada.id
        assert bob.patch(relay.path, {"url": bobs.url}).json["created_by"] == bob.id
        ada.say(chat, "for both")
        tell(chat, relay)
        assert len(bobs.got) == 1
        ada.delete(f"/api/chats/{chat}/members/{bob.id}")
        ada.say(chat, "behind his back")
        tell(chat, relay)
        assert len(bobs.got) == 1 and adas.got == []
    assert not relay.state()["active"] and "maker" in relay.state()["off_reason"]


def test_what_comes_in_goes_on_when_a_button_of_somebody_who_left_is_pressed(
    app: Flask, ada: Person, bob: Person
) -> None:
    with receiving() as program:
        shop = Shop(app, ada, bob, program.url)
        chat, message = shop.hook.chat, question(shop.hook, block())
        assert ada.patch(f"/api/chats/{chat}/members/{bob.id}", {"role": "owner"}).status_code < 300
        assert ada.delete(f"/api/chats/{chat}/members/me").status_code == 204
        assert press(bob, message).status_code == 204
        row = send(asked(shop.hook)[-1])
        assert row["state"] == "dead" and program.got == []
    assert shop.hook.post({"text": "and on"}).status_code == 200


def test_a_programs_410_ends_no_webhook_through_which_posts_come(app: Flask, ada: Person, bob: Person) -> None:
    with receiving(then=answering(410)) as program:
        shop = Shop(app, ada, bob, program.url)
        assert pressed(shop.hook, bob, block())["state"] == "dead"
    assert shop.hook.post({"text": "and on"}).status_code == 200


def test_what_somebody_asks_a_bot_stays_with_them(ada: Person, bob: Person) -> None:
    chat = ada.post("/api/chats", {"kind": "direct", "user_id": bob.id}).json["id"]
    with receiving(then=answering(200, b"your balance is 12")) as program:
        given = {"kind": "command", "name": "Bank", "command": "balance", "url": program.url}
        made = ada.post(f"/api/chats/{chat}/webhooks", given).json
        command = {"text": "/balance of my account", "client_id": "one"}
        assert bob.post(f"/api/chats/{chat}/commands", command).status_code == 200
        (row,) = Delivery.raw().find({"webhook": ObjectId(made["id"])})
        send_ask(row["_id"])
    path = f"/api/webhooks/{made['id']}/deliveries"
    (own,) = bob.get(path).json["deliveries"]
    assert "balance+of+my+account" in own["body"] or "of+my+account" in own["body"]
    assert own["attempts"][0]["answer"] == "your balance is 12" and not own["private"]
    (others,) = ada.get(path).json["deliveries"]
    assert others["private"] and others["state"] == "ok" and others["attempts"][0]["status"] == 200
    assert "account" not in str(others) and "balance is" not in str(others)
    page = ada.get(f"/c/{chat}/settings/webhooks/{made['id']}").text
    assert "stays with them" in page and "my+account" not in page


def test_the_failed_list_is_sent_again_as_far_as_one_may_see_it(ada: Person, bob: Person, hook: Hook) -> None:
    chat, elsewhere = with_two_owners(ada, bob), ada.group()
    with receiving(then=answering(400)) as receiver:
        relay = Relay(ada, chat, receiver.url)
        assert ada.post(f"/api/chats/{elsewhere}/members", {"user_ids": [relay.made["bot_id"]]}).status_code == 200
        for each in (chat, elsewhere):
            ada.say(each, "an event")
            tell(each, relay)
        Delivery.raw().update_many({"webhook": ObjectId(relay.id)}, {"$set": {"state": "dead"}, "$unset": {"due": ""}})
        assert len(relay.deliveries("dead")) == 2
        assert bob.post(f"{relay.path}/deliveries/redeliver").json == {"redelivered": 1}
        assert [row["chat_id"] for row in relay.deliveries("dead")] == [elsewhere]
        assert ada.post(f"{relay.path}/deliveries/redeliver").json == {"redelivered": 1}
