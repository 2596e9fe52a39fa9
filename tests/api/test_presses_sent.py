"""Presses on their way: to real programs, signed, by a real worker too; and what is heard when nothing comes of it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from flask import Flask
from slack_sdk.signature import SignatureVerifier

from infitalks.actions.sending_asks import send_ask
from infitalks.integrations.signatures import verify
from infitalks.local import services, valkey
from infitalks.local.ports import pick_port
from infitalks.models.deliveries import Delivery
from tests import receivers
from tests.api.commanding import waited
from tests.api.test_presses import asked, press, question
from tests.conftest import started
from tests.hooks import Hook
from tests.integrations.test_buttons import SECRET, block, legacy, mattermost
from tests.people import Person
from tests.receivers import Behave, Got, answering, receiving
from tests.running import wait_until

pytestmark = pytest.mark.usefixtures("loopback")


def own(url: str) -> Any:
    """A message whose button has an address of its own, as Mattermost's can."""
    return mattermost(integration={"url": url, "context": {"job": SECRET}})


def pressed(hook: Hook, person: Person, payload: Any) -> Any:
    """The delivery as it stands after the press was sent."""
    assert press(person, question(hook, payload)).status_code == 204
    return send(asked(hook)[-1])


def send(row: Any) -> Any:
    send_ask(row["_id"])
    return Delivery.raw().find_one({"_id": row["_id"]})


def alone(person: Person) -> list[str]:
    return [each["text"] for each in person.get("/api/ephemerals").json["ephemerals"]]


def texts(hook: Hook) -> list[str]:
    return [message["text"] for message in hook.messages()]


def said(body: Any) -> Behave:
    return answering(200, json.dumps(body).encode())


class Shop:
    """A group of ada's with bob, a webhook whose buttons post to `url`, and what it signs with."""

    def __init__(self, app: Flask, ada: Person, bob: Person, url: str) -> None:
        self.hook = Hook(app, ada, ada.group(bob))
        changed = ada.patch(f"/api/webhooks/{self.hook.made['id']}", {"actions_url": url}).json
        self.secret, self.token = changed["secret"], changed["token"]

    def check(self, got: Got) -> None:
        """Signed for Slack's library, and as Standard Webhooks has it."""
        assert SignatureVerifier(self.secret).is_valid_request(got.body, got.headers)
        assert not SignatureVerifier(self.secret + "x").is_valid_request(got.body, got.headers)
        assert not SignatureVerifier(self.secret).is_valid_request(got.body + b" ", got.headers)
        assert verify(got.headers, got.body, [self.secret], time.time())


def test_a_press_arrives_signed_and_its_answer_takes_the_messages_place(app: Flask, ada: Person, bob: Person) -> None:
    with receiving(then=said({"text": "*done*", "replace_original": True})) as program:
        shop = Shop(app, ada, bob, program.url)
        row = pressed(shop.hook, bob, block())
        (got,) = program.got
    shop.check(got)
    told = json.loads(parse_qs(got.body.decode())["payload"][0])
    assert told["actions"][0]["value"] == SECRET and told["token"] == shop.token
    assert (row["state"], row["attempts"][0]["reply"], texts(shop.hook)) == ("ok", "replaced", ["**done**"])
    assert alone(bob) == []


def test_an_address_of_a_buttons_own_is_told_in_its_own_words(app: Flask, ada: Person, bob: Person) -> None:
    with receiving() as others, receiving(then=said({"update": {"message": "done", "props": {}}})) as program:
        shop = Shop(app, ada, bob, others.url)
        row = pressed(shop.hook, bob, own(program.url))
        (got,) = program.got
        assert others.got == []
    # Signed, it could be sent on to the webhook's own address by whoever chose this one.
    assert not {"webhook-signature", "x-slack-signature"} & set(got.headers)
    assert json.loads(got.body)["context"] == {"job": SECRET}
    assert (row["state"], texts(shop.hook)) == ("ok", ["done"])


def test_an_address_of_a_buttons_own_is_told_even_where_the_webhook_signs_nothing(app: Flask, ada: Person) -> None:
    with receiving(then=said({"update": {"message": "done", "props": {}}})) as program:
        hook = Hook(app, ada, ada.group())
        row = pressed(hook, ada, own(program.url))
        (got,) = program.got
    assert json.loads(got.body)["context"] == {"job": SECRET} and "webhook-signature" not in got.headers
    assert (row["state"], texts(hook)) == ("ok", ["done"])


def test_an_address_of_a_buttons_own_that_is_gone_does_not_switch_the_webhook_off(
    app: Flask, ada: Person, bob: Person
) -> None:
    with receiving() as others, receiving(then=answering(410)) as program:
        shop = Shop(app, ada, bob, others.url)
        row = pressed(shop.hook, bob, own(program.url))
    assert row["state"] == "dead" and ada.get(f"/api/webhooks/{shop.hook.made['id']}").json["active"]


WRONG: dict[str, tuple[Any, str]] = {
    "an error": (answering(500), "answered with an error (500)"),
    "an address elsewhere": (answering(302, headers={"Location": "http://127.0.0.1/"}), "answered with an error (302)"),
    "a page": (answering(200, b"<!doctype html><p>Hello"), "answer could not be read"),
    "half an answer": (receivers.breaking_off, "could not be reached"),
    "nothing at all": (receivers.resetting, "could not be reached"),
}


@pytest.mark.parametrize("name", WRONG)
def test_who_pressed_hears_where_nothing_came_of_it_and_nobody_else(
    app: Flask, ada: Person, bob: Person, name: str
) -> None:
    behave, words = WRONG[name]
    with receiving(then=behave) as program:
        shop = Shop(app, ada, bob, program.url)
        row = pressed(shop.hook, bob, legacy())
        assert len(program.got) == 1
    (heard,) = alone(bob)
    assert heard.startswith("That button did not work: its program") and words in heard
    assert (alone(ada), texts(shop.hook), row["state"]) == ([], ["Deploy?\nApprove"], "dead")
    assert row["reason"]


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://169.254.169.254/latest", "http://10.0.0.1/"])
def test_an_address_where_nothing_may_be_sent_is_refused_when_it_is_pressed(
    app: Flask, ada: Person, bob: Person, url: str
) -> None:
    shop = Shop(app, ada, bob, "https://bot.example/")
    row = pressed(shop.hook, bob, own(url))
    assert row["state"] == "dead" and row["attempts"][0]["status"] is None
    (heard,) = alone(bob)
    assert "could not be reached" in heard and "169.254" not in heard and "10.0.0" not in heard


def test_who_was_removed_before_it_was_sent_is_not_told_of(app: Flask, ada: Person, bob: Person) -> None:
    with receiving() as program:
        shop = Shop(app, ada, bob, program.url)
        assert press(bob, question(shop.hook, block())).status_code == 204
        assert ada.delete(f"/api/chats/{shop.hook.chat}/members/{bob.id}").status_code == 204
        row = send(asked(shop.hook)[-1])
        assert program.got == []
    assert row["state"] == "dead" and alone(bob) == alone(ada) == []


def test_an_answer_may_come_later_at_the_response_url(app: Flask, ada: Person, bob: Person) -> None:
    with receiving(then=answering(200)) as program:
        shop = Shop(app, ada, bob, program.url)
        pressed(shop.hook, bob, block())
        told = json.loads(parse_qs(program.got[0].body.decode())["payload"][0])
    path = told["response_url"].partition("/hooks/")
    later = shop.hook.client.post(f"/hooks/{path[2]}", json={"text": "later", "replace_original": True})
    assert (later.status_code, later.text, texts(shop.hook)) == (200, "ok", ["later"])


@pytest.fixture(scope="module")
def worker(app: Flask, stores_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A worker of webhooks and its clock, with a Redis that rings for nobody else."""
    Delivery.raw().delete_many({})  # what other tests left waiting
    folder: Path = tmp_path_factory.mktemp("presses")
    port = pick_port()
    env = {
        **stores_environ,
        "MONGODB_DATABASE": "api",
        "REDIS_URL": valkey.redis_url(port),
        "INFITALKS_EGRESS_ALLOW": "127.0.0.0/8",
    }
    with (
        started(valkey.valkey(port, folder / "redis"), folder),
        started(services.worker("webhooks", "webhooks", 16, env, threads=True), folder),
        started(services.beat(folder / "beat", env), folder),
    ):
        yield


@pytest.mark.usefixtures("worker")
def test_a_program_that_hangs_keeps_no_other_press_waiting_and_is_told_of(app: Flask, ada: Person, bob: Person) -> None:
    with (
        receiving(then=receivers.hanging) as deaf,
        receiving(then=said({"text": "done", "response_type": "in_channel"})) as program,
    ):
        stuck, shop = Shop(app, ada, bob, deaf.url), Shop(app, ada, bob, program.url)
        assert press(bob, question(stuck.hook, block())).status_code == 204
        deaf.wait_for(1)
        message = question(shop.hook, block())
        assert [press(bob, message).status_code for _ in range(2)] == [204, 204]
        for got in program.wait_for(2):
            shop.check(got)
        wait_until(lambda: texts(shop.hook) == ["Approve", "done", "done"], "both are answered")
        wait_until(lambda: bool(alone(bob) and asked(stuck.hook)[0]["attempts"]), "who pressed is told", 60)
    assert not any(waited(row, asked(stuck.hook)) for row in asked(shop.hook))
    assert alone(bob) == ["That button did not work: its program did not answer in time."]
