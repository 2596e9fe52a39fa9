"""Webhooks' pages as a browser without script sends their forms: what they say, refuse and never show."""

import html
import re
import shlex
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from werkzeug.test import TestResponse

from infitalks.actions import sending_asks
from infitalks.blueprints.webhooks_pages import PAGE, SAMPLES, pretty
from infitalks.integrations.catalogue import FORMATS
from infitalks.models.deliveries import Delivery
from infitalks.models.webhooks import Webhook
from tests.api.corpus import nothing_changes
from tests.api.hooking import Relay, tell
from tests.api.test_requests_kept import kept
from tests.hooks import Hook
from tests.people import Person
from tests.receivers import Receiver

ADDRESS = "https://receiver.example.org/in"


def page_of(hook: Hook) -> str:
    return f"/c/{hook.chat}/settings/webhooks/{hook.made['id']}"


def send(person: Person, path: str, **fields: Any) -> TestResponse:
    return person.call("POST", path, data=fields)


def id_in(answer: TestResponse) -> str:
    found = re.search(r"/settings/webhooks/([0-9a-f]{24})/edit", answer.text)
    assert found, answer.text
    return found[1]


# Making


def test_each_address_that_is_shown_takes_what_stands_beside_it(app: Flask, ada: Person) -> None:
    chat = ada.group()
    made = send(ada, f"/c/{chat}/settings/webhooks", name="Builds")
    assert made.status_code == 200
    lines = [html.unescape(line) for line in re.findall(r"<code>(curl .*?)</code>", made.text)]
    assert len(lines) == 1 + len(FORMATS) and set(SAMPLES) == set(FORMATS)
    for line in lines:
        words = shlex.split(line)
        headers = dict(pair.split(": ") for option, pair in zip(words, words[1:], strict=False) if option == "-H")
        body, path = words[words.index("-d") + 1], words[-1].partition("8000")[2]
        kind = "application/x-www-form-urlencoded"  # as curl calls it
        answer = app.test_client().post(path, data=body.encode(), headers=headers, content_type=kind)
        assert answer.status_code < 300, line
    assert len(ada.texts(chat)) == len(lines)
    again = ada.get(f"/c/{chat}/settings/webhooks/{id_in(made)}")
    assert "/hooks/" not in again.text


def test_an_outgoing_one_is_made_with_its_secret_shown_once(ada: Person) -> None:
    chat = ada.group()
    fields = {"name": "Relay", "url": ADDRESS, "format": "events", "events": ["message.sent", "member.added"]}
    more = {"trigger_words": "hey, you", "trigger_when": "prefix", "on_bots": "1", "actions_url": ""}
    made = send(ada, f"/c/{chat}/settings/webhooks/outgoing", **fields, **more)
    assert made.status_code == 200
    stored = Webhook.objects(id=id_in(made)).first()
    assert (stored.kind, stored.url, stored.format, stored.events) == ("outgoing", ADDRESS, "events", fields["events"])
    assert (stored.trigger_words, stored.trigger_when, stored.on_bots) == (["hey", "you"], "prefix", True)
    assert html.escape(stored.secret) in made.text and stored.token in made.text
    listed = ada.get(f"/c/{chat}/settings")
    assert f"/settings/webhooks/{stored.id}" in listed.text and stored.secret not in listed.text
    again = ada.get(f"/c/{chat}/settings/webhooks/{stored.id}")
    assert again.status_code == 200 and stored.secret not in again.text and stored.token not in again.text


def test_a_command_is_made_with_or_without_its_slash(ada: Person) -> None:
    chat = ada.group()
    for given, command in (("/deploy", "deploy"), ("Restart", "restart")):
        made = send(
            ada,
            f"/c/{chat}/settings/webhooks/command",
            name="Ops",
            command=given,
            url=ADDRESS,
            format="form",
            usage="x",
        )
        stored = Webhook.objects(id=id_in(made)).first()
        assert (stored.kind, stored.command, stored.usage) == ("command", command, "x")
        assert stored.secret in html.unescape(made.text)
    assert "/deploy" in ada.get(f"/c/{chat}/settings").text


WRONG: dict[str, tuple[str, dict[str, Any], str]] = {
    "an incoming one without a name": ("", {"name": " "}, "webhooks-name"),
    "an address inside": ("/outgoing", {"name": "x", "url": "http://169.254.169.254/"}, "outgoing-url"),
    "two formats": ("/outgoing", {"name": "x", "url": ADDRESS, "format": "both"}, "outgoing-format"),
    "events that the form has no words for": (
        "/outgoing",
        {"name": "x", "url": ADDRESS, "format": "json", "events": ["member.left"]},
        "outgoing-events",
    ),
    "an unknown event": (
        "/outgoing",
        {"name": "x", "url": ADDRESS, "format": "json", "events": ["message.read"]},
        "outgoing-events",
    ),
    "words beside a mention": (
        "/outgoing",
        {"name": "x", "url": ADDRESS, "format": "json", "trigger_words": "a", "trigger_when": "mention"},
        "outgoing-trigger_words",
    ),
    "a command that every chat has": ("/command", {"name": "x", "url": ADDRESS, "command": "me"}, "command-command"),
    "a command of two words": ("/command", {"name": "x", "url": ADDRESS, "command": "a b"}, "command-command"),
    "a command without an address": ("/command", {"name": "x", "command": "deploy"}, "command-url"),
}


@pytest.mark.parametrize(("form", "fields", "field"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_said_at_its_field_and_what_was_written_stays(
    ada: Person, form: str, fields: dict[str, Any], field: str
) -> None:
    chat = ada.group()
    with nothing_changes():
        answer = send(ada, f"/c/{chat}/settings/webhooks{form}", **fields)
    assert answer.status_code == 422
    assert f'id="{field}-error"' in answer.text and answer.text.count('<p class="error"') == 1
    if form:
        assert '<details class="make" open>' in answer.text and 'value="x"' in answer.text


# Looking after it


def test_only_what_the_form_says_anew_is_changed(ada: Person, receiver: Receiver) -> None:
    relay = Relay(ada, ada.group(), receiver.url, trigger_words=["hey"], on_bots=True)
    Webhook.raw().update_one({"_id": ObjectId(relay.id)}, {"$set": {"misses": 3}})
    path = f"/c/{relay.chat}/settings/webhooks/{relay.id}/edit"
    same = {"url": receiver.url, "format": "events", "events": "message.sent", "trigger_when": "exact"}
    answer = send(ada, path, name="Ear", **same, trigger_words="hey", on_bots="1")
    assert answer.status_code == 302
    stored = Webhook.raw().find_one({"_id": ObjectId(relay.id)})
    assert stored and (stored["name"], stored["misses"], stored["trigger_words"]) == ("Ear", 3, ["hey"])
    assert send(ada, path, name="Ear", **same).status_code == 302
    stored = Webhook.raw().find_one({"_id": ObjectId(relay.id)})
    assert stored and (stored["trigger_words"], stored["on_bots"], stored["misses"]) == ([], False, 3)
    with nothing_changes():
        wrong = send(ada, path, name="Ear", **{**same, "url": ""})
        assert wrong.status_code == 422 and 'id="edit-url-error"' in wrong.text


def test_an_incoming_ones_rules_are_set_kept_and_taken_away(hook: Hook) -> None:
    ada, path = hook.owner, f"{page_of(hook)}/edit"
    signing = "a shared secret"
    assert send(ada, path, name="Builds", template="{{a}}!", signing_secret=signing, actions_url="").status_code == 302
    assert hook.send("json", {"a": 1}).status_code == 403
    shown = ada.get(page_of(hook)).text
    assert "{{a}}!" in shown and signing not in shown
    assert send(ada, path, name="Builds", template="{{a}}?", signing_secret="").status_code == 302
    assert hook.send("json", {"a": 1}).status_code == 403
    assert send(ada, path, name="Builds", template="", signing_secret="", unsigned="1").status_code == 302
    assert hook.send("json", {"text": "free"}).status_code == 200
    assert hook.messages()[0]["text"] == "free"


def test_an_address_for_buttons_brings_a_secret_that_is_shown_once(hook: Hook) -> None:
    answer = send(hook.owner, f"{page_of(hook)}/edit", name="Builds", actions_url=ADDRESS)
    stored = Webhook.objects(id=hook.made["id"]).first()
    assert answer.status_code == 200 and stored.secret in html.unescape(answer.text)
    again = hook.owner.get(page_of(hook))
    assert ADDRESS in again.text and stored.secret not in html.unescape(again.text)


def test_it_is_switched_rotated_tested_and_deleted(hook: Hook) -> None:
    ada, base = hook.owner, page_of(hook)
    assert send(ada, f"{base}/test").status_code == 302 and len(hook.messages()) == 1
    assert send(ada, f"{base}/switch", on="0").status_code == 302
    off = ada.get(base).text
    assert "nothing is kept" in off and f"{base}/test" not in off and hook.post({"text": "x"}).status_code == 404
    assert send(ada, f"{base}/test").status_code == 409
    assert send(ada, f"{base}/switch", on="1").status_code == 302 and hook.post({"text": "x"}).status_code == 200
    rotated = send(ada, f"{base}/rotate")
    found = re.search(r"8000(/hooks/[\w-]+)", rotated.text)
    assert found and hook.post({"text": "x"}).status_code == 404
    hook.path = found[1]
    assert hook.post({"text": "x"}).status_code == 200
    assert send(ada, f"{base}/delete").headers["Location"].endswith("/settings#webhooks")
    assert ada.get(base).status_code == hook.post({"text": "x"}).status_code == 404


# Its deliveries


def test_a_delivery_shows_its_request_answer_reason_and_time(hook: Hook) -> None:
    hook.send("github", {"zen": "<script>alert(1)</script>"}, {"X-GitHub-Event": "ping", "Authorization": "Bearer key"})
    hook.post({"text": ""})
    kept(hook, 2)
    page = hook.owner.get(page_of(hook)).text
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page and "Bearer key" not in page
    for shown in ("post.github", "X-GitHub-Event", "No text specified.", "no_text", ">400<"):
        assert shown in page, shown


def test_deliveries_are_chosen_by_state_and_turned_page_by_page(hook: Hook) -> None:
    for number in range(PAGE + 3):
        hook.post({"text": f"number {number}"})
        hook.post({})
    kept(hook, 2 * PAGE + 6)
    base = page_of(hook)

    def count(query: str) -> tuple[int, str]:
        page = hook.owner.get(f"{base}{query}").text
        older = re.search(r'href="([^"]*before=[^"]*)"', page)
        return page.count('<details class="delivery'), html.unescape(older[1]) if older else ""

    assert count("")[0] == PAGE
    shown, older = count("?show=done")
    assert shown == PAGE and count(older.removeprefix(base).partition("#")[0]) == (3, "")
    assert 'class="delivery failed"' not in hook.owner.get(f"{base}?show=done").text
    assert hook.owner.get(f"{base}?show=failed").text.count('class="delivery failed"') == PAGE
    for wrong in ("?show=x", "?before=x", "?more=1"):
        assert hook.owner.get(base + wrong).status_code == 422


def test_one_and_all_failed_are_delivered_again_from_the_page(ada: Person, receiver: Receiver) -> None:
    relay = Relay(ada, ada.group(), receiver.url)
    for text in ("one", "two", "three"):
        ada.say(relay.chat, text)
    tell(relay.chat)
    Delivery.raw().update_many({"webhook": ObjectId(relay.id)}, {"$set": {"state": "dead"}, "$unset": {"due": ""}})
    base = f"/c/{relay.chat}/settings/webhooks/{relay.id}"
    assert "all failed again" in ada.get(base).text
    newest = relay.deliveries()[0]["id"]
    assert send(ada, f"{base}/deliveries/{newest}/redeliver").status_code == 302
    relay.work()
    assert "on its way again" in ada.get(base).text
    assert [got.headers["webhook-id"] for got in receiver.got] == [newest]
    assert send(ada, f"{base}/redeliver").status_code == 302
    assert "2 were delivered again." in ada.get(base).text
    relay.work()
    assert len(receiver.got) == 3 and "all failed again" not in ada.get(base).text


def test_what_somebody_asked_is_asked_again_one_by_one_only(ada: Person, receiver: Receiver) -> None:
    relay = Relay(ada, ada.group(), receiver.url, kind="command", command="deploy", format="form")
    assert send(ada, f"/c/{relay.chat}/settings/webhooks/{relay.id}/test").status_code == 302
    relay.work()
    assert b"This+is+a+test" in receiver.got[0].body
    asked = ada.post(f"/api/chats/{relay.chat}/commands", {"text": "/deploy now", "client_id": "c1"})
    assert asked.status_code == 200
    mine = {"webhook": ObjectId(relay.id), "type": "command"}
    Delivery.raw().update_one(mine, {"$set": {"state": "dead", "reason": "x"}, "$unset": {"due": ""}})
    base = f"/c/{relay.chat}/settings/webhooks/{relay.id}"
    page = ada.get(base).text
    assert "all failed again" not in page and "Deliver it again" in page
    assert ada.post(f"{relay.path}/deliveries/redeliver").json == {"redelivered": 0}
    (dead,) = relay.deliveries("dead")
    assert send(ada, f"{base}/deliveries/{dead['id']}/redeliver").status_code == 302
    sending_asks.send_ask(dead["id"])
    assert b"text=now" in receiver.got[1].body and relay.deliveries("dead") == []


def test_a_refusal_to_receive_again_is_said_on_the_page(hook: Hook) -> None:
    hook.rules(signing_secret="a shared secret")
    hook.post({"text": "x"})
    (row,) = kept(hook)
    answer = send(hook.owner, f"{page_of(hook)}/deliveries/{row['id']}/redeliver")
    assert answer.status_code == 409 and "did not prove" in answer.text


BODIES = {
    '{"b":1,"a":[{"c":"ü"}]}': ("application/json", '{\n  "b": 1,\n  "a": [\n    {\n      "c": "ü"\n    }\n  ]\n}'),
    '{"half': ("application/json", '{"half'),
    "a=1&b=&payload=%7B%22x%22%3A1%7D": ("application/x-www-form-urlencoded", 'a = 1\npayload = {\n  "x": 1\n}'),
    "disk & hose": ("text/plain", "disk & hose"),
    '{"text":"\\ud83d"}': ("application/json", '{"text":"\\ud83d"}'),
    "[" * 30_000: ("application/json", "[" * 30_000),
    "[" * 500 + "]" * 500: ("application/json", "[" * 500 + "]" * 500),  # in lines it would be a megabyte of spaces
}


@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
def test_a_body_is_shown_as_readable_as_it_can_be(body: str) -> None:
    content_type, shown = BODIES[body]
    assert pretty(body, content_type) == shown


def test_a_body_with_half_of_a_surrogate_pair_is_shown_as_it_came(hook: Hook) -> None:
    hook.client.post(f"{hook.path}/slack", data=b'{"text":"\\ud83d"}', content_type="application/json")
    kept(hook)
    answer = hook.owner.get(page_of(hook))
    assert answer.status_code == 200 and '{"text":"\\ud83d"}' in html.unescape(answer.text)


# Who may


def test_nobody_but_those_who_look_after_it_gets_to_its_pages(hook: Hook, bob: Person, eve: Person) -> None:
    hook.post({"text": "x"})
    (row,) = kept(hook)
    hook.owner.post(f"/api/chats/{hook.chat}/members", {"user_ids": [bob.id]})
    base = page_of(hook)
    made = f"/c/{hook.chat}/settings/webhooks"
    doors = [("GET", base)] + [("POST", f"{base}/{deed}") for deed in ("edit", "switch", "rotate", "test", "redeliver")]
    doors += [("POST", f"{base}/deliveries/{row['id']}/redeliver"), ("POST", f"{base}/delete")]
    with nothing_changes():
        for method, path in doors:
            assert bob.call(method, path, data={"name": "x", "on": "0"}).status_code == 403, path
            assert eve.call(method, path, data={"name": "x", "on": "0"}).status_code == 404, path
        for path in (made, f"{made}/outgoing", f"{made}/command"):
            good = {"name": "x", "url": ADDRESS, "format": "json", "command": "x"}
            assert send(bob, path, **good).status_code == 403 and send(eve, path, **good).status_code == 404
    assert hook.owner.get(base).status_code == 200


def test_a_webhook_is_found_by_its_own_chats_page_only(hook: Hook) -> None:
    ada = hook.owner
    other = page_of(hook).replace(hook.chat, ada.group())
    with nothing_changes():
        assert ada.get(other).status_code == 404
        for deed in ("edit", "switch", "rotate", "test", "redeliver", "delete"):
            assert send(ada, f"{other}/{deed}", name="x").status_code == 404
