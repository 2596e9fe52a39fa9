"""Commands that bots answer: what their program is told, what proves it, and what becomes of its answer."""

import json
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from slack_sdk.signature import SignatureVerifier

from infitalks.actions import attempts, responses, sending, sending_asks
from infitalks.actions.asks import ask
from infitalks.backends import http
from infitalks.models.deliveries import Delivery, is_anything_due, webhooks_with_due
from infitalks.models.webhooks import webhook_by_id
from infitalks.settings import load_settings
from tests import receivers
from tests.api.commanding import Command, alone, fields, order, saying, told
from tests.api.corpus import nothing_changes
from tests.api.hooking import Relay, check_signed, said, tell
from tests.api.signing import bearer, tokens
from tests.people import Person
from tests.receivers import Behave, Receiver, answering, receiving

pytestmark = pytest.mark.usefixtures("loopback")

EVENT = {"type", "timestamp", "data"}


# What is told


def test_a_command_is_told_in_slacks_form_signed_as_slack_and_by_the_standard(
    ada: Person, bob: Person, receiver: Receiver
) -> None:
    chat = ada.group(bob, name="Town Square")
    command = Command(ada, chat, receiver.url)
    delivery = command.run(bob, "app  1 & more=yes\nnow")
    (got,) = receiver.got
    assert got.headers["content-type"] == "application/x-www-form-urlencoded"
    told_fields = fields(got)
    assert told_fields.pop("response_url").startswith("http://127.0.0.1:8000/hooks/reply/")
    assert len(told_fields.pop("trigger_id")) == 24
    assert told_fields == {
        "token": command.made["token"],
        "team_id": "infitalks",
        "team_domain": "infitalks",
        "channel_id": chat,
        "channel_name": "Town Square",
        "user_id": bob.id,
        "user_name": bob.username,
        "command": "/deploy",
        "text": "app  1 & more=yes\nnow",
    }
    assert check_signed(got, command.made["secret"]) == delivery["_id"]
    assert SignatureVerifier(command.made["secret"]).is_valid_request(got.body.decode(), got.headers)
    assert not SignatureVerifier("whsec_other").is_valid_request(got.body.decode(), got.headers)
    assert (delivery["state"], delivery["tries"]) == ("ok", 1) and "due" not in delivery


def test_the_same_as_json_and_in_our_own_shape(ada: Person, bob: Person, receiver: Receiver) -> None:
    chat = ada.group(bob)
    as_form, as_json, as_event = (
        Command(ada, chat, receiver.url, form, format=form) for form in ("form", "json", "events")
    )
    for command in (as_form, as_json, as_event):
        command.run(bob, "Grüße 👋")
    first, second, third = receiver.got
    ours, slacks = said(second), fields(first)
    assert ours.keys() == slacks.keys() and (ours["command"], ours["text"]) == ("/json", "Grüße 👋")
    assert SignatureVerifier(as_json.made["secret"]).is_valid_request(second.body.decode(), second.headers)
    event = said(third)
    assert event.keys() == EVENT and event["type"] == "command"
    data = event["data"]
    assert (data["command"], data["text"], data["chat_id"]) == ("/events", "Grüße 👋", chat)
    assert (data["user"]["username"], data["user"]["kind"]) == (bob.username, "person")
    assert check_signed(third, as_event.made["secret"])


def test_a_replaced_secret_signs_for_another_day_but_not_for_slack(ada: Person, receiver: Receiver) -> None:
    command = Command(ada, ada.group(), receiver.url)
    rotated = ada.post(f"{command.path}/rotate").json
    command.run(ada)
    (got,) = receiver.got
    assert check_signed(got, command.made["secret"]) == check_signed(got, rotated["secret"])
    assert SignatureVerifier(rotated["secret"]).is_valid_request(got.body.decode(), got.headers)
    assert fields(got)["token"] == rotated["token"] != command.made["token"]


def test_a_direct_chat_has_commands_too(ada: Person, bob: Person) -> None:
    chat = ada.post("/api/chats", {"kind": "direct", "user_id": bob.id}).json["id"]
    with receiving(then=saying({"text": "between us"})) as receiver:
        Command(bob, chat, receiver.url).run(ada)
    assert fields(receiver.got[0])["channel_name"] == "directmessage"
    assert told(ada) == ["between us"] and told(bob) == []


# What is answered

TO_ONE: dict[str, tuple[Behave, str]] = {
    "plain text": (answering(200, b"It *rains*.", {"Content-Type": "text/plain"}), "It **rains**."),
    "text without a type": (answering(200, b"It rains."), "It rains."),
    "a text that Flask calls a page": (answering(200, b"It rains.", {"Content-Type": "text/html"}), "It rains."),
    "another 2xx": (answering(201, b"It rains."), "It rains."),
    "JSON": (saying({"text": "It rains."}), "It rains."),
    "JSON without a type": (answering(200, b'{"text": "It rains."}'), "It rains."),
    "JSON with a charset": (
        answering(200, b'{"text": "It rains."}', {"Content-Type": "application/json; charset=utf-8"}),
        "It rains.",
    ),
    "JSON that says so": (
        saying({"text": "It rains.", "response_type": "ephemeral", "goto_location": "x"}),
        "It rains.",
    ),
    "replacing what is not there": (saying({"text": "It rains.", "replace_original": True}), "It rains."),
}


@pytest.mark.parametrize(("answer", "text"), TO_ONE.values(), ids=TO_ONE)
def test_an_answer_is_told_to_who_asked_alone(ada: Person, bob: Person, answer: Behave, text: str) -> None:
    chat = ada.group(bob)
    with receiving(then=answer) as receiver:
        command = Command(ada, chat, receiver.url)
        delivery = command.run(bob)
    (word,) = alone(bob)
    assert (word["text"], word["chat_id"], word["author"]["id"]) == (text, chat, command.made["bot_id"])
    assert (delivery["state"], delivery["attempts"][0]["reply"]) == ("ok", "said to who asked")
    assert alone(ada) == [] and ada.texts(chat) == bob.texts(chat) == []


def test_an_answer_for_all_is_a_message_of_the_bot(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    answer = {
        "response_type": "in_channel",
        "text": "Deployed",
        "username": "Ship",
        "icon_url": "https://e.example/ship.png",
        "attachments": [{"title": "Log", "color": "good", "text": "all *well*"}],
    }
    with receiving(then=saying(answer)) as receiver:
        command = Command(ada, chat, receiver.url)
        delivery = command.run(bob)
    (message,) = ada.get(f"/api/messages?chat={chat}").json["messages"]
    assert message["author"]["id"] == command.made["bot_id"] and message["via"]["name"] == "Ship"
    assert [card["title"] or card["text"] for card in message["cards"]] == ["Deployed", "Log"]
    assert alone(bob) == [] and delivery["attempts"][0]["reply"] == "posted"


def test_an_answer_of_many_parts_is_said_in_order_and_ends_at_five(ada: Person) -> None:
    chat = ada.group()
    more = [{"text": f"more {n}", "response_type": "in_channel" if n == 2 else "ephemeral"} for n in range(1, 8)]
    with receiving(then=saying({"text": "first", "extra_responses": [None, 5, *more]})) as receiver:
        Command(ada, chat, receiver.url).run(ada)
    assert told(ada) == ["first", "more 1", "more 3", "more 4"] and ada.texts(chat) == ["more 2"]


@pytest.mark.parametrize("form", ["form", "events"])
def test_an_answer_is_read_in_the_markup_of_its_format(ada: Person, form: str) -> None:
    with receiving(then=saying({"text": "*x*", "props": {"attachments": [{"text": "card"}]}})) as receiver:
        Command(ada, ada.group(), receiver.url, format=form).run(ada)
    (word,) = alone(ada)
    assert ("<strong>x" in json.dumps(word)) == (form == "form")
    assert len(word["cards"]) == (2 if form == "events" else 0)


SILENT = {
    "nothing": answering(200),
    "204": answering(204),
    "blanks": answering(200, b" \n"),
    "no text": saying({}),
    "an empty text": saying({"text": " "}),
}


@pytest.mark.parametrize("answer", SILENT.values(), ids=SILENT)
def test_an_empty_answer_shows_nothing(ada: Person, answer: Behave) -> None:
    chat = ada.group()
    with receiving(then=answer) as receiver:
        delivery = Command(ada, chat, receiver.url).run(ada)
        assert len(receiver.got) == 1
    assert alone(ada) == [] and ada.texts(chat) == []
    assert (delivery["state"], delivery["attempts"][0]["reply"]) == ("ok", None)


UNREADABLE = {
    "a list": saying([{"text": "x"}]),
    "null": saying(None),
    "half a JSON": answering(200, b'{"text": "x', {"Content-Type": "application/json"}),
    "no UTF-8": answering(200, b"\xff\xfe", {"Content-Type": "text/plain"}),
    "NUL": answering(200, b"a\0b", {"Content-Type": "text/plain"}),
    "a page": answering(200, b"<!doctype html><p>Sign in", {"Content-Type": "text/html"}),
    "deep": answering(200, b"[" * 60_000, {"Content-Type": "application/json"}),
    "too much": answering(200, b"x" * 70_000, {"Content-Type": "text/plain"}),
    "a text that is a number": saying({"text": 5}),
    "for one person": saying({"text": "x", "channel": "@ada"}),
}


@pytest.mark.parametrize("answer", UNREADABLE.values(), ids=UNREADABLE)
def test_an_answer_that_makes_no_sense_is_said_to_who_asked(ada: Person, answer: Behave) -> None:
    chat = ada.group()
    with receiving(then=answer) as receiver:
        command = Command(ada, chat, receiver.url)
        delivery = command.run(ada)
    assert told(ada) == ["`/deploy` did not work: its program's answer could not be read."]
    assert delivery["state"] == "dead" and delivery["reason"] == "its program's answer could not be read"
    assert delivery["attempts"][0]["status"] == 200 and ada.texts(chat) == []


FAILURES: dict[str, tuple[Behave, str, str]] = {
    "hangs": (receivers.hanging, "did not answer in time", "no whole answer within"),
    "drips": (receivers.dripping_its_body, "did not answer in time", "no whole answer within"),
    "resets": (receivers.resetting, "could not be reached", "broke off"),
    "500": (saying({"text": "not said"}, 500), "answered with an error (500)", "answered 500"),
    "404": (answering(404), "answered with an error (404)", "answered 404"),
    "redirects inside": (
        answering(302, headers={"Location": "http://169.254.169.254/"}),
        "answered with an error (302)",
        "answered 302",
    ),
}


@pytest.mark.parametrize(("behave", "words", "reason"), FAILURES.values(), ids=FAILURES)
def test_a_failure_is_tried_once_told_to_who_asked_and_kept_with_its_reason(
    ada: Person, monkeypatch: pytest.MonkeyPatch, behave: Behave, words: str, reason: str
) -> None:
    monkeypatch.setattr(http, "TOTAL_SECONDS", 0.5)
    chat = ada.group()
    with receiving(then=behave) as receiver:
        command = Command(ada, chat, receiver.url)
        delivery = command.run(ada)
        command.work()
        assert len(receiver.got) == 1
    assert told(ada) == [f"`/deploy` did not work: its program {words}."]
    assert (delivery["state"], delivery["tries"]) == ("dead", 1) and reason in delivery["reason"]
    webhook: Any = webhook_by_id(ObjectId(command.id))
    assert (webhook.active, webhook.misses, webhook.rest_until, webhook.failing_since) == (True, 0, None, None)


def test_one_that_failed_can_be_sent_once_more_and_then_answers(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    with receiving(answering(500), then=saying({"text": "done"})) as receiver:
        command = Command(ada, chat, receiver.url)
        delivery = command.run(bob)
        path = f"{command.path}/deliveries/{delivery['_id']}/redeliver"
        assert ada.post(path).status_code == 200
        assert command.work()["state"] == "ok"
        first, second = receiver.got
        assert (first.body, first.headers["webhook-id"]) == (second.body, second.headers["webhook-id"])
    assert told(bob) == ["`/deploy` did not work: its program answered with an error (500).", "done"]


def test_an_answer_is_said_once_however_often_its_delivery_is_repeated(ada: Person) -> None:
    chat = ada.group()
    one, all_of_us = {"text": "one"}, {"text": "for all", "response_type": "in_channel"}
    with receiving(*(saying({**one, "extra_responses": [all_of_us]}) for _ in range(2)), then=saying(all_of_us)) as _:
        command = Command(ada, chat, _.url)
        command.run(ada)
        for _again in range(2):
            assert ada.post(f"{command.path}/deliveries/{command.rows()[0]['_id']}/redeliver").status_code == 200
            command.work()
        assert len(_.got) == 3
    assert told(ada) == ["one"] and ada.texts(chat) == ["for all", "for all"]


def test_gone_switches_the_command_off_and_who_asked_hears_it(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    with receiving(then=answering(410)) as receiver:
        command = Command(ada, chat, receiver.url)
        delivery = command.run(bob)
    assert delivery["state"] == "dead" and told(bob) == [
        "`/deploy` did not work: its program answered with an error (410)."
    ]
    state = ada.get(command.path).json
    assert state["active"] is False and "410" in state["off_reason"]
    assert order(bob, chat, "/deploy").status_code == 422


def test_an_address_that_is_not_allowed_is_never_reached(
    ada: Person, receiver: Receiver, stores_environ: dict[str, str]
) -> None:
    command = Command(ada, ada.group(), receiver.url)
    http.configure(load_settings(stores_environ))
    delivery = command.run(ada)
    assert receiver.got == [] and delivery["state"] == "dead"
    assert "no address that webhooks may be sent to" in delivery["reason"]
    assert told(ada) == ["`/deploy` did not work: its program could not be reached."]


# When nothing is sent any more


def as_of_before(row: Any, seconds: float) -> None:
    """As if it had been asked so long ago."""
    at = datetime.now(UTC) - timedelta(seconds=seconds)
    Delivery.raw().update_one({"_id": row["_id"]}, {"$set": {"created_at": at}})


def test_one_older_than_half_a_minute_is_not_sent_any_more(ada: Person, receiver: Receiver) -> None:
    command = Command(ada, ada.group(), receiver.url)
    late = Command(ada, command.chat, receiver.url, "late")
    as_of_before(command.give(ada), 25)
    assert command.work()["state"] == "ok" and len(receiver.got) == 1
    as_of_before(late.give(ada), 31)
    assert late.work()["reason"] == "it could not be sent in time"
    assert len(receiver.got) == 1 and told(ada) == ["`/late` did not work: it could not be sent in time."]


def test_who_was_removed_meanwhile_asks_nothing(ada: Person, bob: Person, receiver: Receiver) -> None:
    chat = ada.group(bob)
    command = Command(ada, chat, receiver.url)
    command.give(bob)
    ada.delete(f"/api/chats/{chat}/members/{bob.id}")
    assert command.work()["reason"] == "who asked is not in the chat any more"
    assert receiver.got == [] and alone(bob) == []


def test_who_is_removed_while_the_answer_comes_hears_nothing(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)

    def removes(handler: receivers.Handler) -> None:
        ada.delete(f"/api/chats/{chat}/members/{bob.id}")
        saying({"text": "not for bob", "extra_responses": [{"text": "for all", "response_type": "in_channel"}]})(
            handler
        )

    with receiving(then=removes) as receiver:
        delivery = Command(ada, chat, receiver.url).run(bob)
    assert alone(bob) == [] and ada.texts(chat) == []
    assert "not said" in delivery["attempts"][0]["reply"]
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [bob.id]})
    assert alone(bob) == []


def test_a_command_whose_maker_left_asks_nothing_and_is_switched_off(
    ada: Person, bob: Person, receiver: Receiver
) -> None:
    chat = ada.group(bob)
    command = Command(ada, chat, receiver.url)
    command.give(bob)
    ada.delete(f"/api/chats/{chat}/members/me")
    delivery = command.work()
    assert receiver.got == [] and delivery["reason"] == "its maker is not in the chat any more"
    assert told(bob) == ["`/deploy` did not work: its maker is not in the chat any more."]
    assert bob.get(command.path).json["active"] is False


@pytest.mark.parametrize("change", ["off", "bot", "deleted"])
def test_a_command_that_is_gone_when_its_turn_comes_asks_nothing(
    ada: Person, bob: Person, receiver: Receiver, change: str
) -> None:
    chat = ada.group(bob)
    command = Command(ada, chat, receiver.url)
    row = command.give(bob)
    if change == "off":
        ada.patch(command.path, {"active": False})
    elif change == "bot":
        ada.delete(f"/api/chats/{chat}/members/{command.made['bot_id']}")
    else:
        ada.delete(command.path)
        Delivery.raw().insert_one(row)  # as one that was written a moment too late
    sending_asks.send_ask(row["_id"])
    assert receiver.got == []
    left = Delivery.raw().find_one({"_id": row["_id"]})
    if change == "deleted":
        assert left is None
    else:
        assert left["state"] == "dead"
    assert told(bob) == (["`/deploy` did not work: it is switched off."] if change == "off" else [])


# Beside events


def test_asks_and_events_have_ways_of_their_own(ada: Person, receiver: Receiver) -> None:
    """Of one webhook, too: an outgoing one whose buttons are pressed."""
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url, format="form", events=["message.sent"])
    webhook: Any = webhook_by_id(ObjectId(relay.id))
    ask(webhook, ObjectId(ada.id), ObjectId(chat), "action", "k", "application/json", b"{}")
    ada.say(chat, "hello")
    tell(chat, relay)
    assert [got.headers["content-type"] for got in receiver.got] == ["application/x-www-form-urlencoded"]
    assert [each["type"] for each in relay.deliveries("new")] == ["action"]
    sending.deliver_waiting(ObjectId(relay.id))
    assert len(receiver.got) == 1
    # Else workers would ring for it again and again, without an end.
    assert not is_anything_due(ObjectId(relay.id)) and ObjectId(relay.id) not in webhooks_with_due()
    (row,) = Delivery.raw().find({"webhook": ObjectId(relay.id), "type": "action"})
    sending_asks.send_ask(row["_id"])
    assert len(receiver.got) == 2 and "x-slack-signature" in receiver.got[1].headers
    assert "x-slack-signature" not in receiver.got[0].headers


def test_a_place_is_kept_for_other_hosts(ada: Person, receiver: Receiver) -> None:
    command = Command(ada, ada.group(), receiver.url)
    command.give(ada)
    host = f"127.0.0.1:{receiver.port}"
    with attempts.seat("asks", host, 12), attempts.seat("asks", host, 12), attempts.seat("asks", host, 12):
        with attempts.seat("asks", host, 12), attempts.seat("events", host, 10) as free:
            assert free
            assert command.work()["state"] == "new"
        with attempts.seat("asks", "elsewhere", 4), attempts.seat("asks", "third", 4) as full:
            assert not full
        assert command.work()["state"] == "ok"


def test_events_leave_places_for_asks(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    relay = Relay(ada, chat, receiver.url)
    command = Command(ada, chat, receiver.url)
    ada.say(chat, "hello")
    command.give(ada)
    with ExitStack() as busy:
        for number in range(10):
            assert busy.enter_context(attempts.seat("events", f"host{number}", sending.MOST_AT_ONCE))
        tell(chat, relay)
        assert [each["state"] for each in relay.deliveries()] == ["new"]
        assert command.work()["state"] == "ok"
    relay.work()
    assert [each["state"] for each in relay.deliveries()] == ["ok"]


def test_the_sweep_finds_what_nobody_was_rung_for(ada: Person, receiver: Receiver, monkeypatch: Any) -> None:
    command = Command(ada, ada.group(), receiver.url)
    row = command.give(ada)
    rung: list[str] = []
    monkeypatch.setattr(sending_asks, "ring_for", rung.append)
    sending_asks.sweep()
    assert row["_id"] in rung
    command.work()
    rung.clear()
    monkeypatch.undo()
    monkeypatch.setattr(sending_asks, "ring_for", rung.append)
    sending_asks.sweep()
    assert row["_id"] not in rung


def test_a_repeat_of_an_ask_writes_nothing(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    command = Command(ada, chat, receiver.url)
    assert order(ada, chat, "/deploy", "same").status_code == 200
    with nothing_changes():
        assert order(ada, chat, "/deploy", "same").status_code == 200
        webhook: Any = webhook_by_id(ObjectId(command.id))
        assert not ask(webhook, ObjectId(ada.id), ObjectId(chat), "command", "same", "text/plain", b"other")


def test_another_text_under_the_same_client_id_is_refused_and_not_asked(ada: Person, receiver: Receiver) -> None:
    chat = ada.group()
    command = Command(ada, chat, receiver.url)
    assert order(ada, chat, "/deploy one", "same").status_code == 200
    with nothing_changes():
        assert order(ada, chat, "/deploy two", "same").status_code == 409
    assert order(ada, chat, "/deploy one", "same").status_code == 200
    command.work()
    assert [fields(got)["text"] for got in receiver.got] == ["one"]


def test_addresses_to_answer_at_come_of_the_settings_not_of_who_asks(
    app: Flask, ada: Person, receiver: Receiver
) -> None:
    chat = ada.group()
    command = Command(ada, chat, receiver.url)
    body = {"text": "/deploy", "client_id": "c"}
    evil = {"HTTP_HOST": "evil.example", "HTTP_X_FORWARDED_HOST": "evil.example"}
    path, token = f"/api/chats/{chat}/commands", tokens(ada)["access_token"]
    assert bearer(app.test_client(), token, path, "POST", json=body, environ_overrides=evil).status_code == 200
    command.work()
    assert fields(receiver.got[0])["response_url"].startswith(responses.response_url(""))
    assert "evil" not in receiver.got[0].body.decode()
