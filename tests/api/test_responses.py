"""Answers that come later, at the address a program was given: how often, how long, to whom, and what they change."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from slack_sdk.webhook import WebhookClient
from werkzeug.test import TestResponse

from infitalks.models.ephemerals import Ephemeral
from infitalks.models.responses import Response
from tests.api.commanding import Command, alone, reply_path, told
from tests.api.corpus import nothing_changes
from tests.people import Person
from tests.receivers import Behave, answering, receiving

pytestmark = pytest.mark.usefixtures("loopback")


class Open:
    """An address to answer at, of a command that bob gave in a group of ada's."""

    def __init__(self, app: Flask, ada: Person, bob: Person, answer: Behave | None = None, **more: Any) -> None:
        self.client, self.chat = app.test_client(), ada.group(bob)
        with receiving(then=answer or answering(200)) as receiver:
            self.command = Command(ada, self.chat, receiver.url, **more)
            self.command.run(bob)
        self.path = reply_path(receiver.got[0])

    def post(self, payload: Any, key: str = "", path: str = "") -> TestResponse:
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post(path or self.path, json=payload, headers=headers)

    def row(self) -> Any:
        return Response.raw().find_one({"webhook": ObjectId(self.command.id)})


@pytest.fixture
def opened(app: Flask, ada: Person, bob: Person) -> Open:
    return Open(app, ada, bob)


def check(answer: TestResponse, status: int, words: bytes) -> None:
    assert (answer.status_code, answer.data, answer.mimetype) == (status, words, "text/plain")


def test_five_answers_are_taken_and_no_sixth(opened: Open, ada: Person, bob: Person) -> None:
    for number in range(5):
        kind = "in_channel" if number % 2 else "ephemeral"
        check(opened.post({"text": f"answer {number}", "response_type": kind}), 200, b"ok")
    with nothing_changes():
        check(opened.post({"text": "answer 6"}), 404, b"used_url")
    assert told(bob) == ["answer 0", "answer 2", "answer 4"]
    assert alone(ada) == [] and ada.texts(opened.chat) == ["answer 1", "answer 3"]
    (first, _) = ada.get(f"/api/messages?chat={opened.chat}").json["messages"]
    assert first["author"]["id"] == opened.command.made["bot_id"]


def test_of_many_at_once_five_are_taken(opened: Open, app: Flask, bob: Person) -> None:
    def post(number: int) -> int:
        return app.test_client().post(opened.path, json={"text": str(number)}).status_code

    with ThreadPoolExecutor(10) as pool:
        assert sorted(pool.map(post, range(10))) == [200] * 5 + [404] * 5
    assert len(told(bob)) == 5


def test_a_repeat_counts_once(opened: Open, app: Flask, ada: Person, bob: Person) -> None:
    for number in range(4):
        opened.post({"text": str(number)})
    payload = {"text": "all", "response_type": "in_channel"}

    def post(_: int) -> int:
        headers = {"Idempotency-Key": "once"}
        return app.test_client().post(opened.path, json=payload, headers=headers).status_code

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(post, range(6))) == [200] * 6
    check(opened.post(payload, key="once"), 200, b"ok")
    assert ada.texts(opened.chat) == ["all"]
    with nothing_changes():
        assert opened.post({**payload, "text": "other"}, key="once").status_code == 409
        check(opened.post(payload, key="another"), 404, b"used_url")
    assert opened.row()["uses"] == 5


def test_after_half_an_hour_it_is_over(opened: Open, bob: Person) -> None:
    left = opened.row()["expires_at"] - datetime.now(UTC)
    assert timedelta(minutes=29) < left <= timedelta(minutes=30)
    check(opened.post({"text": "in time"}), 200, b"ok")
    Response.raw().update_one({"_id": opened.row()["_id"]}, {"$set": {"expires_at": datetime.now(UTC)}})
    with nothing_changes():
        check(opened.post({"text": "late"}), 404, b"expired_url")
        check(opened.post({"text": "nowhere"}, path="/hooks/reply/nobody"), 404, b"expired_url")
    assert told(bob) == ["in time"]
    assert any(index.get("expireAfterSeconds") == 0 for index in Response.raw().index_information().values())


def test_the_token_is_not_kept(opened: Open) -> None:
    assert opened.path.rpartition("/")[2] not in str(opened.row())


@pytest.mark.parametrize("who", ["asker", "left", "bot", "off", "deleted"])
def test_nobody_who_is_gone_is_told_or_speaks(opened: Open, ada: Person, bob: Person, who: str) -> None:
    check(opened.post({"text": "before"}), 200, b"ok")
    members = f"/api/chats/{opened.chat}/members"
    if who == "asker":
        ada.delete(f"{members}/{bob.id}")
    elif who == "left":
        bob.delete(f"{members}/me")
    elif who == "bot":
        ada.delete(f"{members}/{opened.command.made['bot_id']}")
    elif who == "off":
        ada.patch(opened.command.path, {"active": False})
    else:
        ada.delete(opened.command.path)
    with nothing_changes():
        for payload in (
            {"text": "after"},
            {"text": "after", "response_type": "in_channel"},
            {"text": "after", "replace_original": True},
            {"delete_original": True},
        ):
            check(opened.post(payload), 404, b"expired_url")
    assert ada.texts(opened.chat) == []
    assert told(bob) == ([] if who in ("asker", "left") else ["before"])
    if who == "asker":
        ada.post(members, {"user_ids": [bob.id]})
        check(opened.post({"text": "back"}), 200, b"ok")
        assert told(bob) == ["before", "back"]


# What was said at first


def saying(payload: Any) -> Behave:
    return answering(200, json.dumps(payload).encode(), {"Content-Type": "application/json"})


@pytest.mark.parametrize("first", ["at once", "here"])
@pytest.mark.parametrize("kind", ["ephemeral", "in_channel"])
def test_what_was_answered_first_is_replaced_and_deleted(
    app: Flask, ada: Person, bob: Person, first: str, kind: str
) -> None:
    payload = {"text": "Working …", "response_type": kind}
    opened = Open(app, ada, bob, saying(payload) if first == "at once" else None)
    if first == "here":
        check(opened.post(payload), 200, b"ok")

    def shown() -> list[str]:
        return told(bob) if kind == "ephemeral" else ada.texts(opened.chat)

    assert shown() == ["Working …"]
    check(opened.post({"text": "*Done*", "replace_original": True}), 200, b"ok")
    assert shown() == ["**Done**"]
    check(opened.post({"text": "", "delete_original": "true"}), 200, b"ok")
    assert shown() == ([] if kind == "ephemeral" else [""])
    if kind == "in_channel":
        with nothing_changes():
            check(opened.post({"text": "x", "replace_original": True}, key="k"), 404, b"unknown_message")


def test_where_nothing_was_said_a_replacement_is_said_and_nothing_is_deleted(opened: Open, bob: Person) -> None:
    with nothing_changes():
        check(opened.post({"delete_original": True}), 404, b"unknown_message")
    check(opened.post({"text": "new", "replace_original": True}), 200, b"ok")
    assert told(bob) == ["new"]


def test_one_that_its_user_dismissed_is_not_brought_back_but_said_anew(opened: Open, bob: Person) -> None:
    opened.post({"text": "Working …"})
    assert bob.delete(f"/api/ephemerals/{alone(bob)[0]['id']}").status_code == 204
    check(opened.post({"text": "Done", "replace_original": True}), 200, b"ok")
    assert told(bob) == ["Done"]
    assert Ephemeral.raw().count_documents({"user": ObjectId(bob.id)}) == 2


def test_an_answer_for_all_can_stand_in_a_thread_of_the_chat_only(opened: Open, ada: Person) -> None:
    other = ada.group()
    ada.post(f"/api/chats/{other}/members", {"user_ids": [opened.command.made["bot_id"]]})
    here, elsewhere = ada.say(opened.chat, "here")["id"], ada.say(other, "there")["id"]
    for thread in (here, elsewhere, "1405894322.002768", "nowhere"):
        payload = {"text": "reply", "response_type": "in_channel", "thread_ts": thread}
        check(opened.post(payload), 200, b"ok")
    found = ada.get(f"/api/messages?chat={opened.chat}").json["messages"]
    assert [message["reply_to"] for message in found[1:]] == [here, None, None, None]


# What is taken


def test_slacks_own_library_answers(opened: Open, bob: Person) -> None:
    """Its body, with the type that it gives it."""
    client = WebhookClient("https://chat.example" + opened.path)
    sent: list[Any] = []
    client._perform_http_request = lambda **request: sent.append(request)  # type: ignore[method-assign,assignment]
    client.send(text="It *rains*.", response_type="ephemeral", replace_original=False)
    answer = opened.client.post(opened.path, json=sent[0]["body"], headers=sent[0]["headers"])
    check(answer, 200, b"ok")
    assert told(bob) == ["It **rains**."]


def test_a_form_is_taken_too(opened: Open, bob: Person) -> None:
    check(opened.client.post(opened.path, data={"payload": json.dumps({"text": "by form"})}), 200, b"ok")
    assert told(bob) == ["by form"]


BAD: dict[str, tuple[bytes, int, bytes]] = {
    "nothing": (b"", 400, b"invalid_payload"),
    "half a JSON": (b'{"text": "x', 400, b"invalid_payload"),
    "a list": (b"[]", 400, b"invalid_payload"),
    "a number": (b'{"text": 5}', 400, b"invalid_payload"),
    "no text": (b"{}", 400, b"no_text"),
    "NUL": (b'{"text": "a\\u0000"}', 400, b"invalid_payload"),
    "deep": (b"[" * 60_000, 400, b"invalid_payload"),
    "too large": (b'{"text": "' + b"x" * 1_100_000 + b'"}', 413, b"invalid_payload"),
    "for one person": (b'{"text": "x", "channel": "@bob"}', 400, b"user_not_found"),
}


def test_what_cannot_be_taken_is_no_use_of_it(opened: Open, bob: Person) -> None:
    with nothing_changes():
        for name, (body, status, words) in BAD.items():
            answer = opened.client.post(opened.path, data=body, content_type="application/json")
            assert (answer.status_code, answer.data) == (status, words), name
    check(opened.post({"text": "good"}), 200, b"ok")
    assert told(bob) == ["good"] and opened.row()["uses"] == 1


def test_only_a_post_answers(opened: Open, ada: Person, bob: Person) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        assert opened.client.open(opened.path, method=method, json={"text": "x"}).status_code in (404, 405), method
    assert alone(bob) == [] and ada.texts(opened.chat) == []
