"""Outgoing webhooks: what they are told, in which bytes, and what proves it."""

from typing import Any
from urllib.parse import parse_qs

import pytest
from bson import ObjectId

from infitalks.models.log import Entry
from tests.api.hooking import Relay, check_signed, said, tell
from tests.people import Person
from tests.receivers import Receiver, answering

pytestmark = pytest.mark.usefixtures("loopback")
SENT = {"format": "json", "events": ["message.sent"]}


# What is sent


def test_an_event_is_the_entry_of_the_log_signed_and_named_after_it(
    ada: Person, bob: Person, receiver: Receiver
) -> None:
    chat = ada.group(bob)
    relay = Relay(ada, chat, receiver.url)
    message = bob.say(chat, "Grüße 👋")
    tell(chat, relay)
    (got,) = receiver.got
    assert check_signed(got, relay.made["secret"]) == f"{message['id']}:{relay.id}"
    body = said(got)
    (entry,) = ada.get(f"/api/chats/{chat}/log?after={message['seq'] - 1}").json["entries"]
    assert body == {"type": "message.sent", "timestamp": entry["at"], "data": entry}
    assert got.headers["content-type"] == "application/json"
    (delivery,) = relay.deliveries()
    assert (delivery["state"], delivery["tries"], delivery["due"]) == ("ok", 1, None)
    assert delivery["attempts"][0]["status"] == 200
    assert delivery["body"].encode() == got.body


def test_mattermosts_json_says_milliseconds_and_its_form_seconds(ada: Person, bob: Person, receiver: Receiver) -> None:
    chat = ada.group(bob, name="Town Square")
    as_json, as_form = (Relay(ada, chat, receiver.url, name=form, format=form) for form in ("json", "form"))
    message = bob.say(chat, "hello & good=day")
    tell(chat, as_json, as_form)
    milliseconds = round(Entry.raw().find_one({"_id": ObjectId(message["id"])})["at"].timestamp() * 1000)
    expected = {
        "token": as_json.made["token"],
        "team_id": "infitalks",
        "team_domain": "infitalks",
        "channel_id": chat,
        "channel_name": "Town Square",
        "timestamp": milliseconds,
        "user_id": bob.id,
        "user_name": bob.username,
        "post_id": message["id"],
        "text": "hello & good=day",
        "trigger_word": "",
        "file_ids": "",
    }
    first, second = receiver.got
    assert list(said(first).items()) == list(expected.items())
    assert second.headers["content-type"] == "application/x-www-form-urlencoded"
    form = {name: values[0] for name, values in parse_qs(second.body.decode(), keep_blank_values=True).items()}
    assert form == {**expected, "token": as_form.made["token"], "timestamp": str(milliseconds // 1000)}


def test_each_kind_of_event_is_told_where_it_is_asked_for(
    ada: Person, bob: Person, eve: Person, receiver: Receiver
) -> None:
    chat = ada.group(bob)
    everything = [
        "message.sent", "message.edited", "message.deleted", "reaction.added", "reaction.removed", "member.added",
        "member.removed", "member.left", "member.role", "chat.changed", "media.finished",
    ]  # fmt: skip
    relay, quiet = (
        Relay(ada, chat, receiver.url, events=everything),
        Relay(ada, chat, receiver.url, events=["member.left"]),
    )
    message = bob.say(chat, "one")
    path = f"/api/messages/{message['id']}"
    bob.patch(path, {"text": "two"})
    ada.put(f"{path}/reactions/👍")
    ada.delete(f"{path}/reactions/👍")
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [eve.id]})
    ada.patch(f"/api/chats/{chat}/members/{eve.id}", {"role": "owner"})
    ada.delete(f"/api/chats/{chat}/members/{eve.id}")
    ada.patch(f"/api/chats/{chat}", {"name": "Yard"})
    tell(chat)
    bob.delete(path)
    bob.delete(f"/api/chats/{chat}/members/me")
    tell(chat, relay)
    assert [said(got)["type"] for got in receiver.got if "member.added" not in said(got)["type"]] == [
        "message.sent", "message.edited", "reaction.added", "reaction.removed", "member.role", "member.removed",
        "chat.changed", "message.deleted", "member.left",
    ]  # fmt: skip
    assert [said(got)["data"]["user"]["id"] for got in receiver.got if said(got)["type"] == "member.added"] == [
        quiet.made["bot_id"],
        eve.id,
    ]
    quiet.work()
    assert said(receiver.got[-1])["type"] == "member.left"


WORDS = [
    ("exact", ["build"], "build the house", "build"),
    ("exact", ["build"], "  build\nnow", "build"),
    ("exact", ["build"], "Build the house", None),
    ("exact", ["build"], "builder", None),
    ("exact", ["build"], "please build", None),
    ("prefix", ["deploy", "build"], "builder", "build"),
    ("prefix", ["build"], "rebuild", None),
    ("mention", [], "well, @Relay, do it", "@Relay"),
    ("mention", [], "@relay!", "@Relay"),
    ("mention", [], "@Relays do it", None),
    ("mention", [], "a@Relay", None),
    ("mention", [], "Relay", None),
]


@pytest.mark.parametrize(("when", "words", "text", "word"), WORDS)
def test_trigger_words(ada: Person, receiver: Receiver, when: str, words: list[str], text: str, word: Any) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url, **SENT, trigger_words=words, trigger_when=when)
    ada.say(chat, text)
    tell(chat, relay)
    assert [said(got)["trigger_word"] for got in receiver.got] == ([word] if word else [])


def test_each_webhook_is_told_its_own_trigger(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    exact = Relay(ada, chat, receiver.url, **SENT, trigger_words=["build"])
    prefix = Relay(ada, chat, receiver.url, **SENT, trigger_words=["bu"], trigger_when="prefix")
    every = Relay(ada, chat, receiver.url, **SENT)
    ada.say(chat, "build it")
    tell(chat, exact, prefix, every)
    assert [said(got)["trigger_word"] for got in receiver.got] == ["build", "bu", ""]


def test_it_hears_direct_chats_and_every_group_that_its_bot_was_let_into(
    ada: Person, bob: Person, receiver: Receiver
) -> None:
    direct = ada.post("/api/chats", {"kind": "direct", "user_id": bob.id}).json["id"]
    relay = Relay(bob, direct, receiver.url)
    ada.say(direct, "between us")
    group = bob.group(ada, name="Elsewhere")
    bob.say(group, "before it came")
    bob.post(f"/api/chats/{group}/members", {"user_ids": [relay.made["bot_id"]]})
    ada.say(group, "after")
    tell(direct)
    tell(group, relay)
    assert [said(got)["data"]["message"]["text"] for got in receiver.got] == ["between us", "after"]


def test_what_was_sent_before_it_was_made_is_not_told(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    ada.say(chat, "before")
    relay = Relay(ada, chat, receiver.url)
    ada.say(chat, "after")
    tell(chat, relay)
    assert [said(got)["data"]["message"]["text"] for got in receiver.got] == ["after"]


def test_the_bytes_are_those_of_the_moment_it_was_told_at_every_attempt(ada: Person, receiver: Receiver) -> None:
    receiver.plan = [answering(500), answering(500)]
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    message = ada.say(chat, "one")
    tell(chat, relay)
    ada.patch(f"/api/messages/{message['id']}", {"text": "two"})
    tell(chat)
    relay.retry()
    relay.retry()
    assert len(receiver.got) == 3
    assert len({got.body for got in receiver.got}) == 1
    assert len({check_signed(got, relay.made["secret"]) for got in receiver.got}) == 1
    assert said(receiver.got[0])["data"]["message"]["text"] == "one"


def test_telling_twice_makes_one_delivery(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    ada.say(chat, "once")
    tell(chat, relay)
    tell(chat, relay)
    assert (len(receiver.got), len(relay.deliveries())) == (1, 1)


# Secrets


def test_a_replaced_secret_signs_for_another_day(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    rotated = ada.post(f"{relay.path}/rotate").json
    assert rotated["secret"] != relay.made["secret"] and rotated["token"] != relay.made["token"]
    ada.say(chat, "hello")
    tell(chat, relay)
    (got,) = receiver.got
    assert check_signed(got, relay.made["secret"]) == check_signed(got, rotated["secret"])


def test_secret_and_token_are_shown_once(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    assert relay.made["secret"].startswith("whsec_")
    shown = ada.get(relay.path).text + ada.get(f"/api/chats/{chat}/webhooks").text + ada.patch(relay.path, {}).text
    assert relay.made["secret"] not in shown and relay.made["token"] not in shown
    assert receiver.url in shown
