"""Pressing buttons: who may, what its program is asked and by which address, and what its answers do. Once."""

import json
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs

import pytest
from bson import ObjectId
from flask import Flask
from werkzeug.test import TestResponse

from infitalks.actions.ephemerals import say_to
from infitalks.actions.presses import take_answer
from infitalks.backends.http import Answer
from infitalks.integrations.commands import AnswerUnreadable
from infitalks.integrations.mattermost import parse_mattermost
from infitalks.integrations.slack import parse_slack
from infitalks.models.deliveries import Delivery
from infitalks.models.webhooks import Webhook
from tests.api.corpus import nothing_changes
from tests.api.hooking import Relay
from tests.bots.listener import Bot
from tests.hooks import Hook
from tests.integrations.test_buttons import SECRET, attached, block, legacy, mattermost
from tests.people import Person

PROGRAM = "https://bot.example/pressed"


@pytest.fixture
def hook(app: Flask, ada: Person, bob: Person) -> Hook:
    """One of ada's, in a group with bob, whose buttons post to PROGRAM."""
    hook = Hook(app, ada, ada.group(bob))
    hook.rules(actions_url=PROGRAM)
    return hook


def press(person: Person, message: Any, place: int = 0, **more: Any) -> TestResponse:
    """Press one of the message's buttons, or of a word to one person."""
    buttons = [button for card in message["cards"] for button in card["buttons"]]
    kind = "messages" if "client_id" in message else "ephemerals"
    body = {"button": buttons[place]["id"], "client_id": secrets.token_hex(8), **more}
    return person.post(f"/api/{kind}/{message['id']}/actions", body)


def asked(hook: Hook) -> list[Any]:
    """What the webhook's program is asked, oldest first, as stored."""
    return list(Delivery.raw().find({"webhook": ObjectId(hook.made["id"]), "type": "action"}).sort("created_at", 1))


def body_of(row: Any) -> Any:
    said = row["body"].decode()
    return json.loads(parse_qs(said)["payload"][0] if "form" in row["content_type"] else said)


def question(hook: Hook, payload: Any) -> Any:
    """A message of the webhook's, as shown."""
    assert hook.post(payload).text == "ok"
    return hook.messages()[-1]


# Where it goes, and what is said


def test_a_press_asks_the_program_that_the_webhook_names(hook: Hook, bob: Person) -> None:
    message = question(hook, block())
    assert press(bob, message).status_code == 204
    (row,) = asked(hook)
    assert (row["url"], str(row["user"]), str(row["message"]), row["state"]) == (None, bob.id, message["id"], "new")
    told = body_of(row)
    assert told["type"] == "block_actions" and told["actions"][0]["value"] == SECRET
    assert told["user"]["username"] == bob.username and told["channel"] == {"id": hook.chat, "name": "Garden"}
    assert told["message"]["ts"] == told["container"]["message_ts"] == message["id"]
    assert told["api_app_id"] == hook.made["id"] and "/hooks/reply/" in told["response_url"]
    assert told["token"] == Webhook.objects(id=hook.made["id"]).first().token != ""


def test_mattermosts_own_address_goes_before_the_webhooks(hook: Hook, bob: Person) -> None:
    assert press(bob, question(hook, mattermost())).status_code == 204
    (row,) = asked(hook)
    assert row["url"] == f"https://bot.example/{SECRET}"
    assert body_of(row)["context"]["job"] == SECRET and body_of(row)["user_id"] == bob.id


def test_mattermosts_own_address_needs_no_other(app: Flask, ada: Person) -> None:
    hook = Hook(app, ada, ada.group())
    assert press(ada, question(hook, mattermost())).status_code == 204
    assert asked(hook)[0]["url"] == f"https://bot.example/{SECRET}"


def test_a_webhook_that_calls_out_needs_no_address_for_its_buttons(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    relay = Relay(ada, chat, "https://bot.example/events")
    say_to(ObjectId(bob.id), ObjectId(chat), ObjectId(relay.made["bot_id"]), "x", parse_slack(legacy()))
    (aside,) = bob.get("/api/ephemerals").json["ephemerals"]
    assert press(bob, aside).status_code == 204
    row = Delivery.raw().find_one({"webhook": ObjectId(relay.id), "type": "action"})
    assert row and (row["url"], str(row["ephemeral"]), row["message"]) == (None, aside["id"], None)
    told = body_of(row)
    assert told["type"] == "action" and told["data"]["ephemeral"]["id"] == aside["id"]


def test_a_program_learns_of_a_press_the_message_and_who_pressed_and_nothing_else(hook: Hook, bob: Person) -> None:
    word = secrets.token_hex(8)
    hook.owner.say(hook.chat, f"before {word}")
    message = question(hook, legacy())
    bob.say(hook.chat, f"after {word}")
    press(bob, message)
    said = json.dumps(body_of(asked(hook)[0]))
    assert bob.id in said and message["id"] in said
    for hidden in (word, bob.email, hook.owner.username, hook.owner.id, bob.csrf):
        assert hidden not in said


# Once


def test_a_repeat_asks_nothing_anew_and_two_presses_are_two(hook: Hook, bob: Person) -> None:
    message = question(hook, block())
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: press(_copy(bob), message, client_id="same"), range(4)))
    assert {answer.status_code for answer in answers} == {204} and len(asked(hook)) == 1
    assert [press(bob, message).status_code for _ in range(2)] == [204, 204]
    assert press(hook.owner, message, client_id="same").status_code == 204  # somebody else's
    assert len(asked(hook)) == 4


def _copy(person: Person) -> Person:
    """The same person in another browser tab, since a test client is no browser for several threads."""
    copied = object.__new__(Person)
    copied.__dict__.update(person.__dict__)
    copied.client = person.client.application.test_client()
    for cookie in [person.client.get_cookie("infitalks")]:
        assert cookie
        copied.client.set_cookie("infitalks", cookie.value)
    return copied


def edit(hook: Hook, message: Any, payload: Any) -> None:
    """Let the program put something else in the message's place."""
    row = {"_id": f"{ObjectId()}:{hook.made['id']}", "chat": ObjectId(hook.chat), "user": ObjectId(hook.owner.id)}
    row |= {"message": ObjectId(message["id"]), "content_type": "application/json", "body": b'{"type": "action"}'}
    webhook = Webhook.objects(id=hook.made["id"]).first()
    assert take_answer(webhook, row, answer({**payload, "replace_original": True})) == "replaced"


def answer(payload: Any, status: int = 200) -> Answer:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return Answer(status, {}, body, True)


def test_a_repeat_is_one_also_when_the_button_is_gone_meanwhile(hook: Hook, bob: Person) -> None:
    message = question(hook, legacy())
    assert press(bob, message, client_id="same").status_code == 204
    edit(hook, message, {"text": "done"})
    assert press(bob, message, client_id="same").status_code == 204
    assert len(asked(hook)) == 1
    with nothing_changes():
        assert press(bob, message).status_code == 409


def test_a_press_of_what_was_seen_is_never_one_of_what_stands_there_now(hook: Hook, bob: Person) -> None:
    message = question(hook, legacy())
    edit(hook, message, attached({"name": "delete", "text": "Delete all", "value": "!"}))
    with nothing_changes():
        refused = press(bob, message)
    assert refused.status_code == 409 and "not there any more" in refused.json["error"]["message"]
    assert press(bob, hook.messages()[-1]).status_code == 204
    assert body_of(asked(hook)[0])["actions"][0]["value"] == "!"


# Who may


def refuse(ask: Callable[[], TestResponse], status: int) -> str:
    with nothing_changes():
        refused = ask()
    assert refused.status_code == status, refused.text
    return str(refused.json["error"]["message"])


def test_a_button_that_nobody_hears_leads_nowhere(app: Flask, hook: Hook, bob: Person) -> None:
    message = question(hook, {"attachments": [*legacy()["attachments"], *mattermost()["attachments"]]})
    path = f"/api/webhooks/{hook.made['id']}"
    hook.rules(actions_url=None)
    assert refuse(lambda: press(bob, message), 409) == "This button leads nowhere."
    assert hook.owner.patch(path, {"active": False}).status_code == 200
    assert refuse(lambda: press(bob, message, 1), 409) == "This button leads nowhere."
    assert hook.owner.patch(path, {"active": True, "actions_url": PROGRAM}).status_code == 200
    assert [press(bob, message, place).status_code for place in (0, 1)] == [204, 204]
    assert hook.owner.delete(path).status_code == 204
    assert refuse(lambda: press(bob, message), 409) == "This button leads nowhere."


def test_only_who_may_read_a_message_presses_its_buttons(app: Flask, hook: Hook, bob: Person, eve: Person) -> None:
    message = question(hook, block())
    robot = Bot(app, hook.owner)
    robot.join(hook.chat)
    assert press(bob, message).status_code == 204
    refuse(lambda: press(eve, message), 404)
    body = {"button": message["cards"][0]["buttons"][0]["id"], "client_id": "c1"}
    refuse(lambda: robot.call("POST", f"/api/messages/{message['id']}/actions", body), 403)
    assert hook.owner.delete(f"/api/chats/{hook.chat}/members/{bob.id}").status_code == 204
    refuse(lambda: press(bob, message), 404)
    assert press(hook.owner, message).status_code == 204
    assert hook.owner.delete(f"/api/messages/{message['id']}").status_code == 204
    refuse(lambda: press(hook.owner, message), 404)


def test_words_to_one_person_have_buttons_for_that_person_alone(hook: Hook, bob: Person) -> None:
    bot = ObjectId(hook.made["bot_id"])
    say_to(ObjectId(bob.id), ObjectId(hook.chat), bot, "x", parse_slack(block()))
    (aside,) = bob.get("/api/ephemerals").json["ephemerals"]
    refuse(lambda: press(hook.owner, aside), 404)
    assert press(bob, aside).status_code == 204
    told = body_of(asked(hook)[0])
    assert told["container"] == {
        "type": "message",
        "message_ts": aside["id"],
        "channel_id": hook.chat,
        "is_ephemeral": True,
    }
    assert bob.delete(f"/api/ephemerals/{aside['id']}").status_code == 204
    refuse(lambda: press(bob, aside), 404)


def test_what_is_no_button_is_refused(hook: Hook, bob: Person) -> None:
    message = question(hook, {"text": "x", **block(value="v" * 2001)})
    said = bob.say(hook.chat, "no buttons")
    for button, status in (("b0000", 409), ("", 422), ("x" * 33, 422), (5, 422), (None, 422)):
        refuse(lambda button=button: press(bob, message, button=button), status)  # type: ignore[misc]
    refuse(lambda: bob.post(f"/api/messages/{said['id']}/actions", {"button": "b0000", "client_id": "c"}), 409)
    refuse(lambda: press(bob, message, button="b0000", more=1), 422)
    entry = next(entry for entry in hook.entries() if entry["kind"] == "member")
    assert (
        entry and bob.post(f"/api/messages/{ObjectId()}/actions", {"button": "b0", "client_id": "c"}).status_code == 404
    )


# What is answered


class Answers:
    """A press of bob's, and what its program answers to it."""

    def __init__(self, hook: Hook, bob: Person, payload: Any) -> None:
        self.hook, self.bob = hook, bob
        message = question(hook, payload)
        assert press(bob, message).status_code == 204
        self.row = asked(hook)[-1]

    def take(self, payload: Any) -> str | None:
        return take_answer(Webhook.objects(id=self.hook.made["id"]).first(), self.row, answer(payload))

    def texts(self) -> list[str]:
        return [message["text"] for message in self.hook.messages() if not message["deleted"]]

    def alone(self) -> list[tuple[str, str]]:
        """What each of the two is told alone."""
        people = (self.hook.owner, self.bob)
        return [(p.username[:3], e["text"]) for p in people for e in p.get("/api/ephemerals").json["ephemerals"]]


OLD = "Deploy?\nApprove"
# what was pressed, what is answered, the messages then, what bob is told alone, and what became of it
ANSWERED: dict[str, tuple[Any, Any, list[str], list[str], str | None]] = {
    "nothing": (block(), b"", ["Approve"], [], None),
    "ok": (legacy(), b"ok", [OLD], [], None),
    "a list": (legacy(), [1], [OLD], [], None),
    "JSON by another name": (legacy(), b' {"text": "done"}', ["done"], [], "replaced"),
    "no text": (legacy(), {"ok": True}, [OLD], [], None),
    "the older kind's new content": (legacy(), {"text": "*done*"}, ["**done**"], [], "replaced"),
    "the newer kind's answer to one": (block(), {"text": "done"}, ["Approve"], ["done"], "said to who asked"),
    "an answer to all": (block(), {"text": "done", "response_type": "in_channel"}, ["Approve", "done"], [], "posted"),
    "a new content": (block(), {"text": "done", "replace_original": True}, ["done"], [], "replaced"),
    "an end": (block(), {"delete_original": True}, [], [], "deleted"),
    "mattermost's update": (
        mattermost(),
        {"update": {"message": "done", "props": {}}, "ephemeral_text": "thanks"},
        ["done"],
        ["thanks"],
        "said to who asked, replaced",
    ),
    "mattermost's update of words": (mattermost(), {"update": {"message": "wait"}}, [f"wait\n\n{OLD}"], [], "replaced"),
    "mattermost's error": (mattermost(), {"error": {"message": "no"}}, [OLD], ["no"], "said to who asked"),
    "an update of nothing": (mattermost(), {"update": {"props": {}}}, [OLD], [], None),
}


@pytest.mark.parametrize("name", ANSWERED)
def test_an_answer_is_done_once_however_often_it_comes(hook: Hook, bob: Person, name: str) -> None:
    pressed, payload, messages, alone, became = ANSWERED[name]
    answers = Answers(hook, bob, pressed)
    assert answers.take(payload) == became
    assert (answers.texts(), answers.alone()) == (messages, [("bob", text) for text in alone])
    answers.take(payload)
    answers.take({"text": "other", "response_type": "in_channel"} if became == "posted" else payload)
    assert (answers.texts(), answers.alone()) == (messages, [("bob", text) for text in alone])


UNREADABLE = {
    "half an answer": Answer(200, {}, b'{"text": "x"}', False),
    "broken JSON": answer(b'{"text": '),
    "a page": answer(b"<!doctype html><p>Not found"),
    "other bytes": answer(b"\xff\xfe"),
    "NUL": answer({"text": "a\x00b"}),
    "too deep": answer(b'{"text": ' * 40 + b"1" + b"}" * 40),
    "one for somebody else": answer({"text": "x", "channel": "@eve"}),
    "too much": answer({"attachments": [{"text": "x"}] * 101}),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_answer_that_makes_no_sense_does_nothing_and_is_told_apart(hook: Hook, bob: Person, name: str) -> None:
    answers = Answers(hook, bob, legacy())
    with pytest.raises(AnswerUnreadable):
        take_answer(Webhook.objects(id=hook.made["id"]).first(), answers.row, UNREADABLE[name])
    assert (answers.texts(), answers.alone()) == ([OLD], [])


def test_an_answer_may_bring_new_buttons(hook: Hook, bob: Person) -> None:
    answers = Answers(hook, bob, legacy())
    assert answers.take(attached({"name": "undo", "text": "Undo", "value": "7"})) == "replaced"
    (message,) = hook.messages()
    assert message["edited_at"] and press(bob, message).status_code == 204
    assert body_of(asked(hook)[-1])["actions"] == [{"name": "undo", "type": "button", "value": "7"}]


def test_an_answer_about_words_to_one_person_changes_these(hook: Hook, bob: Person) -> None:
    bot, chat = ObjectId(hook.made["bot_id"]), ObjectId(hook.chat)
    say_to(ObjectId(bob.id), chat, bot, "x", parse_slack(legacy()))
    say_to(ObjectId(bob.id), chat, bot, "y", parse_mattermost(mattermost()))
    webhook = Webhook.objects(id=hook.made["id"]).first()
    for aside in bob.get("/api/ephemerals").json["ephemerals"]:
        assert press(bob, aside).status_code == 204
    first, second = asked(hook)
    assert take_answer(webhook, first, answer({"text": "done"})) == "replaced"
    assert take_answer(webhook, second, answer({"update": {"message": "wait"}})) == "replaced"
    assert [e["text"] for e in bob.get("/api/ephemerals").json["ephemerals"]] == ["done", f"wait\n\n{OLD}"]
    assert take_answer(webhook, first, answer({"delete_original": True})) == "deleted"
    assert len(bob.get("/api/ephemerals").json["ephemerals"]) == 1
    assert hook.messages() == [] and hook.owner.get("/api/ephemerals").json["ephemerals"] == []


def test_who_was_removed_is_told_nothing_and_changes_nothing(hook: Hook, bob: Person) -> None:
    for payload in ({"text": "x"}, {"ephemeral_text": "x"}, {"text": "x", "response_type": "in_channel"}):
        answers = Answers(hook, bob, block())
        assert hook.owner.delete(f"/api/chats/{hook.chat}/members/{bob.id}").status_code == 204
        assert (answers.take(payload) or "").startswith("not done")
        assert hook.owner.post(f"/api/chats/{hook.chat}/members", {"user_ids": [bob.id]}).status_code == 200
        assert set(answers.texts()) == {"Approve"} and answers.alone() == []


def test_an_answer_about_a_deleted_message_says_so_in_the_delivery(hook: Hook, bob: Person) -> None:
    answers = Answers(hook, bob, legacy())
    assert hook.owner.delete(f"/api/messages/{hook.messages()[0]['id']}").status_code == 204
    assert (answers.take({"text": "done"}) or "").startswith("not done")
    assert answers.texts() == []
