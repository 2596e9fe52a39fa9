"""The slash commands that every chat has: what each does, once, and what it says where it does not."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask

from tests.api.commanding import Command, alone, order
from tests.api.corpus import nothing_changes
from tests.api.signing import bearer, copied
from tests.people import Person

PROGRAM = "https://bot.example/deploy"


def changes(person: Person, chat: str) -> list[Any]:
    entries = person.get(f"/api/chats/{chat}/log?after=0").json["entries"]
    return [entry["changes"] for entry in entries if entry["kind"] == "chat"]


def actions(person: Person, chat: str) -> list[tuple[str, str]]:
    entries = person.get(f"/api/chats/{chat}/log?after=1").json["entries"]
    return [(entry["action"], entry["user"]["username"]) for entry in entries if entry["kind"] == "member"]


def direct(ada: Person, bob: Person) -> str:
    return str(ada.post("/api/chats", {"kind": "direct", "user_id": bob.id}).json["id"])


# Which there are


def test_the_list_has_those_of_every_chat_and_then_those_of_its_bots(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    Command(ada, chat, PROGRAM, "Weather", usage="place", description="Tells whether it rains")
    Command(ada, chat, PROGRAM, "alarm")
    off, gone = Command(ada, chat, PROGRAM, "off"), Command(ada, chat, PROGRAM, "gone")
    Command(ada, ada.group(), PROGRAM, "elsewhere")
    assert ada.patch(off.path, {"active": False}).status_code == 200
    assert ada.delete(f"/api/chats/{chat}/members/{gone.made['bot_id']}").status_code == 204
    listed = bob.get(f"/api/chats/{chat}/commands").json["commands"]
    assert [each["name"] for each in listed] == ["invite", "leave", "me", "shrug", "topic", "alarm", "weather"]
    assert [each["bot"] for each in listed[:5]] == [None] * 5
    assert all(each["description"] for each in listed[:5])
    assert (listed[6]["usage"], listed[6]["description"]) == ("place", "Tells whether it rains")
    assert (listed[6]["bot"]["display_name"], listed[6]["bot"]["kind"]) == ("Robot", "bot")


def test_a_direct_chat_has_only_what_makes_sense_there(ada: Person, bob: Person) -> None:
    chat = direct(ada, bob)
    Command(bob, chat, PROGRAM)
    names = [each["name"] for each in ada.get(f"/api/chats/{chat}/commands").json["commands"]]
    assert names == ["me", "shrug", "deploy"]
    for name in ("invite", "leave", "topic"):
        with nothing_changes():
            answer = order(ada, chat, f"/{name} @{bob.username}")
        assert answer.status_code == 422 and "is for groups" in answer.json["error"]["fields"]["text"]


def test_who_is_not_in_the_chat_learns_and_runs_nothing(ada: Person, bob: Person, eve: Person) -> None:
    chat = ada.group(bob)
    Command(ada, chat, PROGRAM)
    assert bob.get(f"/api/chats/{chat}/commands").status_code == 200
    assert ada.delete(f"/api/chats/{chat}/members/{bob.id}").status_code == 204
    for person in (bob, eve):
        with nothing_changes():
            assert person.get(f"/api/chats/{chat}/commands").status_code == 404
            for text in ("/deploy", "/shrug", "/leave", "/invite @x", "/topic x", "/nothing"):
                assert order(person, chat, text).status_code == 404, text


def test_bots_give_no_commands(app: Flask, ada: Person) -> None:
    chat = ada.group()
    made = ada.post("/api/bots", {"username": f"{ada.username}-bot"}).json
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [made["bot"]["id"]]})
    path = f"/api/chats/{chat}/commands"
    assert bearer(app.test_client(), made["token"], path).status_code == 200
    with nothing_changes():
        body = {"text": "/shrug", "client_id": "c1"}
        assert bearer(app.test_client(), made["token"], path, "POST", json=body).status_code == 403


# What they do


SAID = {
    "/shrug": "¯\\_(ツ)_/¯",
    "/shrug who _knows": "who _knows ¯\\_(ツ)_/¯",
    "/SHRUG *oh*": "<em>oh</em> ¯\\_(ツ)_/¯",
    "/me waves at_all of you": "<em>waves at_all of you</em>",
    "  /me  waves\n\nand goes  ": "<em>waves and goes</em>",
}


@pytest.mark.parametrize("text", SAID)
def test_shrug_and_me_are_ordinary_messages(ada: Person, bob: Person, text: str) -> None:
    chat = ada.group(bob)
    ran = order(bob, chat, text, "mine")
    assert ran.status_code == 200
    message = ran.json["message"]
    assert message["html"] == f"<p>{SAID[text]}</p>"
    assert (message["client_id"], message["author"]["id"]) == ("mine", bob.id)
    assert ada.get(f"/api/messages?chat={chat}").json["messages"] == [message]
    assert order(bob, chat, text, "mine").json == {"message": message}
    assert order(bob, chat, f"{text} again", "mine").status_code == 409
    assert len(ada.texts(chat)) == 1


def test_invite_brings_people_in(ada: Person, bob: Person, eve: Person) -> None:
    chat = ada.group()
    ran = order(ada, chat, f"/invite @{bob.username.upper()}, {eve.username} @{ada.username}")
    assert (ran.status_code, ran.json) == (200, {"message": None})
    assert actions(ada, chat) == [("added", bob.username), ("added", eve.username)]
    assert bob.get(f"/api/chats/{chat}").status_code == 200


def test_an_invitation_that_is_sent_again_brings_nobody_back(ada: Person, bob: Person) -> None:
    chat = ada.group()
    text = f"/invite {bob.username}"
    assert order(ada, chat, text, "once").status_code == 200
    bob.delete(f"/api/chats/{chat}/members/me")
    assert order(ada, chat, text, "once").status_code == 200
    assert bob.get(f"/api/chats/{chat}").status_code == 404
    assert order(ada, chat, text).status_code == 200
    assert bob.get(f"/api/chats/{chat}").status_code == 200


def test_the_topic_is_set_once_and_seen_by_all(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    assert bob.get(f"/api/chats/{chat}").json["topic"] == ""
    assert order(ada, chat, "/topic  Beds and  hedges ", "t1").json == {"message": None}
    assert bob.get(f"/api/chats/{chat}").json["topic"] == "Beds and hedges"
    assert ada.patch(f"/api/chats/{chat}", {"topic": ""}).json["topic"] == ""
    assert order(ada, chat, "/topic  Beds and  hedges ", "t1").status_code == 200
    assert bob.get("/api/chats").json["chats"][0]["topic"] == ""
    assert changes(bob, chat) == [{"topic": "Beds and hedges"}, {"topic": ""}]


def test_leave_leaves_once_and_says_so_again(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    assert order(bob, chat, "/leave", "bye").json == {"message": None}
    assert bob.get(f"/api/chats/{chat}").status_code == 404
    assert order(bob, chat, "/leave", "bye").json == {"message": None}
    assert order(bob, chat, "/leave").status_code == 404
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [bob.id]})
    assert order(bob, chat, "/leave", "bye").json == {"message": None}
    assert bob.get(f"/api/chats/{chat}").status_code == 200
    assert actions(ada, chat) == [("left", bob.username), ("added", bob.username)]


def test_of_many_at_once_with_one_client_id_one_counts(app: Flask, ada: Person) -> None:
    chat = ada.group()
    command = Command(ada, chat, PROGRAM)
    twins = [copied(app, ada) for _ in range(8)]

    def give(number: int, text: str) -> int:
        body = {"text": text, "client_id": "same"}
        headers = {"X-CSRF-Token": ada.csrf}
        return twins[number].post(f"/api/chats/{chat}/commands", json=body, headers=headers).status_code

    for text in ("/shrug", "/topic all of us", "/deploy app 1"):
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(give, range(8), [text] * 8)) == {200}
    assert len(ada.texts(chat)) == 1 and len(changes(ada, chat)) == 1 and len(command.rows()) == 1


# What is refused


REFUSED: dict[str, tuple[str, str]] = {
    "no command": ("hello", "a slash and its name"),
    "a path": ("/etc/passwd", "a slash and its name"),
    "a slash": ("/", "a slash and its name"),
    "a number": ("/5 x", "a slash and its name"),
    "unknown": ("/nothing here", "no command /nothing"),
    "nobody to invite": ("/invite @", "name somebody"),
    "a stranger": ("/invite @nobody-at-all", "nobody is called nobody-at-all"),
    "too many": ("/invite " + "a b " * 60, "100 at most"),
    "leaving somebody else": ("/leave bob", "stands alone"),
    "doing nothing": ("/me  ", "say what you do"),
    "no topic": ("/topic", "say what it is about"),
    "a long topic": ("/topic " + "x" * 251, "250 characters"),
    "a topic that turns letters": ("/topic a\u202eb", "250 characters"),
    "a shrug too long": ("/shrug " + "x" * 15_990, "16000 characters"),
    "a switched-off one": ("/off", "switched off"),
    "one whose bot was taken out": ("/gone", "bot of /gone is not in this chat"),
    "another chat's": ("/elsewhere", "no command /elsewhere"),
}


@pytest.fixture(scope="module")
def yard(app: Flask) -> tuple[Person, str]:
    """Somebody's group, with commands that cannot be given, which stays as it is."""
    ada = Person(app.test_client(), "ada")
    chat = ada.group()
    off, gone = Command(ada, chat, PROGRAM, "off"), Command(ada, chat, PROGRAM, "gone")
    Command(ada, ada.group(), PROGRAM, "elsewhere")
    ada.patch(off.path, {"active": False})
    ada.delete(f"/api/chats/{chat}/members/{gone.made['bot_id']}")
    return ada, chat


@pytest.mark.parametrize(("text", "why"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_run_is_refused_with_the_reason(yard: tuple[Person, str], text: str, why: str) -> None:
    with nothing_changes():
        answer = order(*yard, text)
    assert answer.status_code == 422, answer.text
    assert why in answer.json["error"]["fields"]["text"]


def test_only_owners_set_the_topic_and_only_a_fitting_one(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    path, between_two = f"/api/chats/{chat}", f"/api/chats/{direct(ada, bob)}"
    with nothing_changes():
        assert order(bob, chat, "/topic mine").status_code == 403
        assert bob.patch(path, {"topic": "mine"}).status_code == 403
        for topic in (None, "x" * 251, "a\x07b", 5):
            answer = ada.patch(path, {"topic": topic})
            assert answer.status_code == 422 and "topic" in answer.json["error"]["fields"], topic
        assert ada.patch(between_two, {"topic": "us"}).status_code == 409
    ada.patch(f"/api/chats/{chat}/members/{bob.id}", {"role": "owner"})
    assert order(bob, chat, "/topic mine").status_code == 200
    assert ada.get(path).json["topic"] == "mine"


def test_a_command_says_nothing_to_anybody_by_itself(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    Command(ada, chat, PROGRAM).give(bob, "secret words")
    assert ada.texts(chat) == [] and alone(ada) == alone(bob) == []
    assert "secret words" not in ada.get(f"/api/chats/{chat}/log?after=0").text


# Making them


def test_a_command_has_its_name_once_in_a_chat_and_no_built_in_one(ada: Person) -> None:
    chat = ada.group()
    made = Command(ada, chat, PROGRAM, "Deploy")
    assert made.made["command"] == "deploy" and made.made["format"] == "form"
    assert made.made["secret"].startswith("whsec_") and made.made["token"]
    assert made.made["secret"] not in ada.get(made.path).text
    other = Command(ada, chat, PROGRAM, "other")
    asked = {"kind": "command", "name": "Robot", "url": PROGRAM}
    with nothing_changes():
        again = ada.post(f"/api/chats/{chat}/webhooks", {**asked, "command": "DEPLOY"})
        assert again.status_code == 409 and again.json["error"]["fields"] == {"command": "is taken in this chat"}
        assert ada.patch(other.path, {"command": "deploy"}).status_code == 409
        for name in ("me", "Invite", "/x", "5x", "a b", "", "x" * 33, None):
            answer = ada.post(f"/api/chats/{chat}/webhooks", {**asked, "command": name})
            assert answer.status_code == 422 and "command" in answer.json["error"]["fields"], name
    Command(ada, ada.group(), PROGRAM, "deploy")
    assert ada.patch(other.path, {"command": "third", "usage": "x"}).json["command"] == "third"
    assert ada.delete(made.path).status_code == 204
    Command(ada, chat, PROGRAM, "deploy")


def test_of_two_who_make_the_same_command_at_once_one_gets_it(app: Flask, ada: Person) -> None:
    chat = ada.group()
    twins = [copied(app, ada) for _ in range(6)]
    asked = {"kind": "command", "name": "Robot", "command": "deploy", "url": PROGRAM}

    def make(number: int) -> int:
        headers = {"X-CSRF-Token": ada.csrf}
        return twins[number].post(f"/api/chats/{chat}/webhooks", json=asked, headers=headers).status_code

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(make, range(6))) == [201, *[409] * 5]
    assert len(ada.get(f"/api/chats/{chat}").json["members"]) == 2


FOREIGN: dict[str, dict[str, Any]] = {
    "a command's name for an outgoing one": {"kind": "outgoing", "url": PROGRAM, "format": "json", "command": "x"},
    "a usage for an incoming one": {"kind": "incoming", "usage": "x"},
    "events for a command": {"kind": "command", "url": PROGRAM, "command": "x", "events": ["message.sent"]},
    "a command without an address": {"kind": "command", "command": "x"},
    "an address inside for a command": {"kind": "command", "command": "x", "url": "http://169.254.169.254/"},
    "an address inside for buttons": {"kind": "incoming", "actions_url": "http://10.0.0.1/"},
    "a usage of two lines": {"kind": "command", "command": "x", "url": PROGRAM, "usage": "a\x0bb\x07"},
}


@pytest.mark.parametrize("asked", FOREIGN.values(), ids=FOREIGN)
def test_fields_that_do_not_fit_a_kind_are_refused(yard: tuple[Person, str], asked: dict[str, Any]) -> None:
    ada, chat = yard
    with nothing_changes():
        answer = ada.post(f"/api/chats/{chat}/webhooks", {"name": "Odd", **asked})
    assert answer.status_code == 422 and answer.json["error"]["fields"], answer.text


def test_an_incoming_webhook_signs_as_soon_as_it_has_an_address_for_its_buttons(ada: Person) -> None:
    chat = ada.group()
    plain = ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Plain"}).json
    path = f"/api/webhooks/{plain['id']}"
    assert plain["secret"] is None and plain["token"] is None
    given = ada.patch(path, {"actions_url": PROGRAM}).json
    assert given["secret"].startswith("whsec_") and given["token"] and given["actions_url"] == PROGRAM
    assert ada.patch(path, {"actions_url": f"{PROGRAM}/2"}).json["secret"] is None
    assert given["secret"] not in ada.get(path).text
    rotated = ada.post(f"{path}/rotate").json
    assert rotated["secret"] not in (None, given["secret"]) and rotated["url"] != plain["url"]
    assert ada.patch(path, {"actions_url": None}).json["actions_url"] is None
    both = ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Both", "actions_url": PROGRAM}).json
    assert both["secret"].startswith("whsec_") and "/hooks/" in both["url"]
