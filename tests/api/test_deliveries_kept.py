"""Looking after outgoing webhooks: tests, replays, switches, what cannot be asked for, and who may."""

import json
from typing import Any

import pytest
from bson import ObjectId

from infitalks.actions.users import disable_user
from infitalks.models.deliveries import Delivery
from infitalks.models.users import user_by_id
from tests.api.corpus import nothing_changes
from tests.api.hooking import Relay, check_signed, said, tell
from tests.people import Person
from tests.receivers import Receiver

pytestmark = pytest.mark.usefixtures("loopback")


def test_a_test_arrives_in_the_webhooks_own_form(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    for form in ("events", "json", "form"):
        relay = Relay(ada, chat, receiver.url, format=form, trigger_words=["x"])
        made = ada.post(f"{relay.path}/test")
        assert made.status_code == 201
        relay.work()
        got = receiver.got[-1]
        assert check_signed(got, relay.made["secret"]) == made.json["id"]
        assert b"test" in got.body
        (delivery,) = relay.deliveries("ok")
        assert delivery["type"] == "webhook.test"
    assert ada.texts(chat) == []


def test_one_and_all_failed_are_delivered_anew_with_the_same_id_and_bytes(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    for text in ("one", "two", "three"):
        ada.say(chat, text)
    tell(chat)
    Delivery.raw().update_many({"webhook": ObjectId(relay.id)}, {"$set": {"state": "dead"}, "$unset": {"due": ""}})
    relay.work()
    assert receiver.got == [] and len(relay.deliveries("dead")) == 3
    newest = relay.deliveries("dead")[0]
    for _ in range(2):
        again = ada.post(f"{relay.path}/deliveries/{newest['id']}/redeliver")
        assert (again.status_code, again.json["state"]) == (200, "new")
        relay.work()
    assert [(got.headers["webhook-id"], got.body.decode()) for got in receiver.got] == [
        (newest["id"], newest["body"])
    ] * 2
    (delivered,) = relay.deliveries("ok")
    assert [replay["by"] for replay in delivered["replays"]] == [ada.id, ada.id]
    assert ada.post(f"{relay.path}/deliveries/redeliver").json == {"redelivered": 2}
    relay.work()
    assert (relay.deliveries("dead"), len(relay.deliveries("ok"))) == ([], 3)


def test_deliveries_are_listed_page_by_page(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    for number in range(5):
        ada.say(chat, str(number))
    tell(chat, relay)
    listed, before = [], ""
    for _ in range(3):
        page = ada.get(f"{relay.path}/deliveries?limit=2{before}").json
        listed += [json.loads(row["body"])["data"]["message"]["text"] for row in page["deliveries"]]
        before = f"&before={page['deliveries'][-1]['id']}"
    assert (listed, page["has_more"]) == (["4", "3", "2", "1", "0"], False)


def test_a_switched_off_webhook_is_told_nothing_and_a_changed_one_goes_elsewhere(
    ada: Person, receiver: Receiver
) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, "http://127.0.0.1:19999/")
    assert ada.patch(relay.path, {"active": False}).json["active"] is False
    ada.say(chat, "unheard")
    tell(chat, relay)
    assert relay.deliveries() == [] and ada.post(f"{relay.path}/test").status_code == 409
    changed = {"active": True, "url": receiver.url, "format": "json", "name": "Ear", "trigger_words": ["hey"]}
    shown = ada.patch(relay.path, changed).json
    assert {name: shown[name] for name in changed} == changed
    ada.say(chat, "hey you")
    tell(chat, relay)
    assert said(receiver.got[0])["trigger_word"] == "hey"


def test_a_deleted_webhook_is_told_nothing_and_nothing_of_it_stays(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    ada.say(chat, "too late")
    tell(chat)
    assert len(relay.deliveries("new")) == 1
    assert ada.delete(relay.path).status_code == 204
    relay.work()
    assert receiver.got == [] and Delivery.raw().count_documents({"webhook": ObjectId(relay.id)}) == 0


def test_an_incoming_one_can_be_switched_off_and_on_and_has_rules_of_its_own(ada: Person) -> None:
    chat = ada.group()
    hook = ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Builds"}).json
    path, inside = f"/api/webhooks/{hook['id']}", hook["url"].partition("8000")[2]
    posted = []
    for active in (True, False, True):
        assert ada.patch(path, {"active": active}).json["active"] is active
        posted.append(ada.client.post(inside, json={"text": "hi"}).status_code)
    assert posted == [200, 404, 200]
    ruled = ada.patch(path, {"template": "{{who}} fell", "signing_secret": "long enough"}).json
    assert (ruled["template"], ruled["signed"]) == ("{{who}} fell", True)
    freed = ada.patch(path, {"template": None, "signing_secret": None, "name": "Works"}).json
    assert (freed["template"], freed["signed"], freed["name"]) == (None, False, "Works")
    with nothing_changes():
        assert ada.patch(path, {"url": "https://e.example/"}).json["error"]["fields"].keys() == {"url"}


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no address": ({"url": None}, "url"),
    "an address inside": ({"url": "http://169.254.169.254/latest"}, "url"),
    "a file": ({"url": "file:///etc/passwd"}, "url"),
    "our own database": ({"url": "http://127.0.0.1:27017/"}, "url"),
    "no form": ({"format": None}, "format"),
    "an unknown form": ({"format": "xml"}, "format"),
    "an unknown event": ({"events": ["message.read"]}, "events"),
    "no events": ({"events": []}, "events"),
    "events that Mattermost's body has no words for": ({"format": "json", "events": ["member.added"]}, "events"),
    "two words as one": ({"trigger_words": ["a b"]}, "trigger_words"),
    "an empty word": ({"trigger_words": [""]}, "trigger_words"),
    "words beside a mention": ({"trigger_when": "mention", "trigger_words": ["x"]}, "trigger_words"),
    "incoming fields for an outgoing one": ({"template": "x"}, "template"),
    "outgoing fields for an incoming one": ({"kind": "incoming"}, "url"),
}


@pytest.mark.parametrize(("change", "field"), WRONG.values(), ids=WRONG)
def test_what_does_not_go_together_is_refused_by_name(ada: Person, change: dict[str, Any], field: str) -> None:
    chat = ada.group()
    good = {"kind": "outgoing", "name": "Relay", "url": "https://receiver.example.org/in", "format": "events"}
    made = ada.post(f"/api/chats/{chat}/webhooks", good)
    assert made.status_code == 201
    asked = {name: value for name, value in {**good, **change}.items() if value is not None}
    with nothing_changes():
        answer = ada.post(f"/api/chats/{chat}/webhooks", asked)
        assert answer.status_code == 422 and any(name.startswith(field) for name in answer.json["error"]["fields"])
        if "kind" not in change and None not in change.values():
            answer = ada.patch(f"/api/webhooks/{made.json['id']}", change)
            assert answer.status_code == 422 and any(name.startswith(field) for name in answer.json["error"]["fields"])


# Who may


def test_only_those_who_look_after_it_see_it_and_its_deliveries(ada: Person, bob: Person, receiver: Receiver) -> None:
    chat = ada.group(bob)
    relay = Relay(ada, chat, receiver.url)
    ada.say(chat, "hello")
    tell(chat, relay)
    (delivery,) = relay.deliveries()
    doors = [("GET", f"{relay.path}/deliveries"), ("POST", f"{relay.path}/test"), ("POST", f"{relay.path}/rotate")]
    doors += [("POST", f"{relay.path}/deliveries/{delivery['id']}/redeliver")]
    for method, path in doors:
        assert bob.call(method, path).status_code == 403, path


def test_looking_after_a_webhook_shows_nothing_of_chats_that_one_is_not_in(
    ada: Person, bob: Person, receiver: Receiver
) -> None:
    chat = ada.group(bob)
    relay = Relay(ada, chat, receiver.url)
    secret_place = bob.group()
    bob.post(f"/api/chats/{secret_place}/members", {"user_ids": [relay.made["bot_id"]]})
    bob.say(secret_place, "not for ada's eyes")
    tell(secret_place, relay)
    assert len(receiver.got) == 1
    assert relay.deliveries() == []
    path = f"{relay.path}/deliveries/{receiver.got[0].headers['webhook-id']}/redeliver"
    assert ada.post(path).status_code == 404


def test_a_makers_webhook_tells_nothing_that_came_after_their_removal(
    ada: Person, bob: Person, receiver: Receiver
) -> None:
    chat = ada.group(bob)
    ada.patch(f"/api/chats/{chat}/members/{bob.id}", {"role": "owner"})
    relay = Relay(bob, chat, receiver.url)
    ada.say(chat, "before")
    tell(chat, relay)
    assert len(receiver.got) == 1
    ada.delete(f"/api/chats/{chat}/members/{bob.id}")
    ada.say(chat, "after")
    tell(chat, relay)
    relay.owner = ada
    (dead,) = relay.deliveries("dead")
    assert len(receiver.got) == 1 and "maker is not in the chat" in dead["reason"]
    assert relay.state()["active"] is False and "maker" in relay.state()["off_reason"]
    assert ada.post(f"{relay.path}/rotate").json["created_by"] == ada.id  # now it is hers
    ada.patch(relay.path, {"active": True})
    assert ada.post(f"{relay.path}/deliveries/redeliver").json == {"redelivered": 1}
    relay.work()
    assert said(receiver.got[-1])["data"]["message"]["text"] == "after"


def test_a_bot_that_was_taken_out_and_a_maker_whose_account_is_closed_end_it(
    ada: Person, bob: Person, receiver: Receiver
) -> None:
    chat = ada.group(bob)
    relay = Relay(ada, chat, receiver.url)
    bob.say(chat, "one")
    tell(chat)
    ada.delete(f"/api/chats/{chat}/members/{relay.made['bot_id']}")
    relay.work()
    assert "bot is not in the chat" in relay.deliveries("dead")[0]["reason"]
    direct = ada.post("/api/chats", {"kind": "direct", "user_id": bob.id}).json["id"]
    other = Relay(bob, direct, receiver.url)
    ada.say(direct, "two")
    maker = user_by_id(ObjectId(bob.id))
    assert maker
    disable_user(maker)
    tell(direct, other)
    other.owner = ada
    assert "account of its maker" in other.deliveries("dead")[0]["reason"]
    assert receiver.got == []
