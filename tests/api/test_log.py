"""The log: numbered without holes whoever writes at once, and applied and told though a writer died halfway."""

import secrets
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import log as chat_log
from infitalks.actions import realtime as fan
from infitalks.actions import summaries, writer
from infitalks.models.chats import Chat, chat_by_id, membership_of
from infitalks.models.log import Entry, entry_by_id
from tests.api.listening import make_due, states
from tests.people import Person


@contextmanager
def dying_writers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Meanwhile writers end between committing an entry and applying it."""
    with monkeypatch.context() as broken:
        broken.setattr(chat_log, "apply", lambda entry: None)
        broken.setattr(summaries, "count_messages", lambda messages: None)
        yield


# Many at once


def test_eight_writers_at_once_leave_no_hole_and_no_repeat(app: Flask, ada: Person, bob: Person) -> None:
    chat = ada.group(bob)

    def send(number: int) -> list[int]:
        who, client = (ada, bob)[number % 2], app.test_client()
        cookie = who.client.get_cookie("infitalks")
        assert cookie
        client.set_cookie("infitalks", cookie.value)
        seqs = []
        for text in range(6):
            body = {"chat_id": chat, "client_id": f"{number}-{text}", "text": f"{number}-{text}"}
            answer = client.post("/api/messages", json=body, headers={"X-CSRF-Token": who.csrf})
            while answer.status_code == 503:  # as it asks: the same once more
                answer = client.post("/api/messages", json=body, headers={"X-CSRF-Token": who.csrf})
            assert answer.status_code in (200, 201), answer.text
            seqs.append(answer.json["seq"])
        return seqs

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(send, range(8)))
    log = ada.get(f"/api/chats/{chat}/log?after=0&limit=100").json["entries"]
    assert [e["seq"] for e in log] == list(range(1, 50))
    assert [e["n"] for e in log] == list(range(49))
    assert sorted(seq for seqs in answered for seq in seqs) == list(range(2, 50))
    assert all(seqs == sorted(seqs) for seqs in answered)  # what one writer sent first stands first
    shown = ada.get(f"/api/chats/{chat}").json
    assert (shown["last_seq"], shown["last_message"]["seq"]) == (49, 49)


def test_one_message_sent_eight_times_at_once_is_one(app: Flask, ada: Person) -> None:
    chat = ada.group()
    body = {"chat_id": chat, "client_id": "once", "text": "hello"}
    cookie = ada.client.get_cookie("infitalks")
    assert cookie

    def send(_: int) -> tuple[int, Any]:
        client = app.test_client()
        client.set_cookie("infitalks", cookie.value)
        answer = client.post("/api/messages", json=body, headers={"X-CSRF-Token": ada.csrf})
        return answer.status_code, answer.json

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert len({answer["id"] for _, answer in answers}) == 1
    assert ada.texts(chat) == ["hello"]


def test_the_same_client_id_is_anothers_own(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    ada.say(chat, "mine", client_id="c1")
    bob.say(chat, "mine too", client_id="c1")
    assert ada.texts(chat) == ["mine", "mine too"]


def test_a_repeat_is_known_after_edit_and_deletion(ada: Person) -> None:
    chat = ada.group()
    body = {"chat_id": chat, "client_id": "c1", "text": "hello"}
    message = ada.post("/api/messages", body).json
    ada.patch(f"/api/messages/{message['id']}", {"text": "changed"})
    again = ada.post("/api/messages", body)
    assert (again.status_code, again.json["text"]) == (200, "changed")
    ada.delete(f"/api/messages/{message['id']}")
    again = ada.post("/api/messages", body)
    assert (again.status_code, again.json["deleted"]) == (200, True)
    assert ada.post("/api/messages", {**body, "text": "other"}).status_code == 409


# A writer that died


def test_an_edit_that_nobody_applied_is_shown_and_then_applied(
    ada: Person, monkeypatch: pytest.MonkeyPatch, no_gateway: None
) -> None:
    chat = ada.group()
    message = ada.say(chat, "helo")
    with dying_writers(monkeypatch):
        ada.patch(f"/api/messages/{message['id']}", {"text": "hello"})
        ada.put(f"/api/messages/{message['id']}/reactions/👍")
    stored = entry_by_id(ObjectId(message["id"]))
    assert stored and stored["text"] == "helo" and not stored["reactions"]
    (shown,) = ada.get(f"/api/messages?chat={chat}").json["messages"]
    assert shown["text"] == "hello" and shown["edited_at"] and shown["reactions"]
    assert ada.get(f"/api/chats/{chat}/log?after=1").json["entries"][0]["message"] == shown
    fan.fan_out(ObjectId(chat))
    stored = entry_by_id(ObjectId(message["id"]))
    assert stored and stored["text"] == "hello" and stored["reactions"]
    assert ada.get(f"/api/messages?chat={chat}").json["messages"] == [shown]
    assert ada.get(f"/api/chats/{chat}").json["last_message"]["text"] == "hello"


def test_a_deletion_that_nobody_applied_is_shown_and_then_applied(
    ada: Person, monkeypatch: pytest.MonkeyPatch, no_gateway: None
) -> None:
    chat = ada.group()
    message = ada.say(chat, "oops")
    with dying_writers(monkeypatch):
        assert ada.delete(f"/api/messages/{message['id']}").status_code == 204
    stored = entry_by_id(ObjectId(message["id"]))
    assert stored and stored["text"] == "oops"
    (shown,) = ada.get(f"/api/messages?chat={chat}").json["messages"]
    assert shown["deleted"] and shown["text"] == "" and shown["html"] == ""
    fan.fan_out(ObjectId(chat))
    assert "oops" not in str(list(Entry.raw().find({"chat": ObjectId(chat)})))
    assert "oops" not in str(chat_by_id(ObjectId(chat)))


def test_an_edit_that_was_underway_leaves_nothing_of_a_deleted_message(ada: Person) -> None:
    chat = ada.group()
    message = ada.say(chat, "oops")
    ada.delete(f"/api/messages/{message['id']}")
    body = {"target": ObjectId(message["id"]), "text": "oops, really", "html": "<p>oops, really</p>"}
    said = [message["id"], "oops, really"]
    late = chat_log.Draft(ObjectId(chat), "edit", ObjectId(ada.id), "late", body, said, chat_log.require_active)
    chat_log.append(late)
    assert "oops" not in str(list(Entry.raw().find({"chat": ObjectId(chat)})))
    (shown,) = ada.get(f"/api/messages?chat={chat}").json["messages"]
    assert shown["deleted"] and not shown["edited_at"]


def test_a_message_whose_writer_died_is_in_the_list_after_the_fan_out(
    ada: Person, monkeypatch: pytest.MonkeyPatch, no_gateway: None
) -> None:
    chat = ada.group()
    with dying_writers(monkeypatch):
        sent = ada.say(chat, "unapplied")
    assert ada.texts(chat) == ["unapplied"]
    fan.fan_out(ObjectId(chat))
    shown = ada.get(f"/api/chats/{chat}").json
    assert (shown["last_seq"], shown["last_message"]["text"]) == (sent["seq"], "unapplied")


def test_a_removal_that_nobody_applied_holds_for_all_that_is_numbered_later(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ada.group(bob)
    with dying_writers(monkeypatch):
        assert ada.delete(f"/api/chats/{chat}/members/{bob.id}").status_code == 204
        refused = bob.post("/api/messages", {"chat_id": chat, "client_id": "b", "text": "still here"})
        assert refused.status_code == 404
        ada.say(chat, "after")
    assert bob.get(f"/api/messages?chat={chat}").status_code == 404
    assert ada.texts(chat) == ["after"]


def test_a_removal_is_applied_though_nobody_can_be_told(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, no_gateway: None
) -> None:
    chat = ada.group(bob)
    with dying_writers(monkeypatch):
        ada.delete(f"/api/chats/{chat}/members/{bob.id}")
    fan.fan_out(ObjectId(chat))
    membership = membership_of(ObjectId(chat), ObjectId(bob.id))
    assert membership and membership["intervals"] == [[1, 2]] and not membership["active"]
    assert states(chat) == ["new", "new"]


def test_a_chat_whose_members_cannot_be_applied_refuses_its_own_senders_alone(ada: Person) -> None:
    broken, well = ObjectId(ada.group()), ObjectId(ada.group())
    Chat.raw().update_one({"_id": broken}, {"$set": {"applied_m": 0}})
    Entry.raw().update_one({"chat": broken, "seq": 1}, {"$unset": {"action": ""}})
    batch = [writer.Waiting(draft_in(chat, ada), "digest", time.monotonic() + 2) for chat in (broken, well)]
    writer._write(batch)
    assert [(each.done.is_set(), each.new) for each in batch] == [(True, False), (True, True)]
    assert isinstance(batch[0].error, KeyError) and ada.texts(str(well)) == ["said"]


def draft_in(chat: ObjectId, author: Person) -> chat_log.Draft:
    body = {"text": "said", "html": "<p>said</p>", "attachments": [], "cards": [], "reactions": {}}
    return chat_log.Draft(chat, "message", ObjectId(author.id), "one", body, ["said"], chat_log.require_active)


def test_the_heir_comes_though_the_writer_died_before(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch, no_gateway: None
) -> None:
    chat = ada.group(bob)
    with monkeypatch.context() as broken:
        broken.setattr("infitalks.actions.chats.keep_an_owner", lambda entry: None)
        assert ada.delete(f"/api/chats/{chat}/members/me").status_code == 204
    assert bob.get(f"/api/chats/{chat}").json["role"] == "member"
    for _ in range(2):
        make_due(chat)
        fan.fan_out(ObjectId(chat))
    assert bob.get(f"/api/chats/{chat}").json["role"] == "owner"
    assert len(states(chat)) == 3


def test_client_ids_of_our_own_making_are_none_that_a_client_can_send(ada: Person) -> None:
    chat = ada.group()
    for client_id in ("s.1", "heir.1", "hook.1", "delete.1", "media.1"):
        body = {"chat_id": chat, "client_id": client_id, "text": secrets.token_hex(2)}
        assert ada.post("/api/messages", body).status_code == 422
