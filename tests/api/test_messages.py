"""Sending and reading messages through the API: once, in order, and only for those in the chat."""

import secrets
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import messages
from infitalks.models.chats import Chat
from infitalks.models.database import Doc
from infitalks.models.log import Entry, last_message_in
from tests.people import Person


def test_a_message_is_read_by_the_other_member(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    sent = ada.say(chat, "**hello**")
    assert sent["html"] == "<p><strong>hello</strong></p>"
    (read,) = bob.get(f"/api/messages?chat={chat}").json["messages"]
    assert read == sent
    assert read["author"]["id"] == ada.id


def test_a_repeat_gets_the_same_message_and_other_content_is_refused(ada: Person) -> None:
    chat = ada.group()
    body = {"chat_id": chat, "client_id": secrets.token_hex(8), "text": "once"}
    first, again = ada.post("/api/messages", body), ada.post("/api/messages", body)
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json == first.json
    refused = ada.post("/api/messages", {**body, "text": "twice"})
    assert refused.status_code == 409
    assert "client_id" in refused.json["error"]["fields"]
    assert ada.texts(chat) == ["once"]


def test_the_log_is_numbered_without_holes_through_every_kind_of_entry(ada: Person, bob: Person) -> None:
    chat = ada.group()
    message = ada.say(chat, "hello")
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [bob.id]})
    ada.patch(f"/api/messages/{message['id']}", {"text": "hello all"})
    bob.put(f"/api/messages/{message['id']}/reactions/👍")
    bob.put(f"/api/messages/{message['id']}/pin")
    ada.patch(f"/api/chats/{chat}", {"name": "Yard"})
    ada.delete(f"/api/messages/{message['id']}")
    entries = ada.get(f"/api/chats/{chat}/log?after=0").json["entries"]
    assert [entry["seq"] for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry["kind"] for entry in entries] == [
        "member",
        "message",
        "member",
        "edit",
        "reaction",
        "pin",
        "chat",
        "delete",
    ]


def test_an_edit_and_a_reaction_show_and_a_deletion_blanks_them(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    message = ada.say(chat, "helo")
    ada.patch(f"/api/messages/{message['id']}", {"text": "hello"})
    bob.put(f"/api/messages/{message['id']}/reactions/👍")
    (shown,) = bob.get(f"/api/messages?chat={chat}").json["messages"]
    assert shown["text"] == "hello" and shown["edited_at"]
    assert shown["reactions"] == [{"emoji": "👍", "users": [bob.id]}]
    bob.delete(f"/api/messages/{message['id']}/reactions/👍")
    assert ada.delete(f"/api/messages/{message['id']}").status_code == 204
    (shown,) = bob.get(f"/api/messages?chat={chat}").json["messages"]
    assert shown["deleted"] and not shown["text"] and not shown["html"] and not shown["reactions"]


def test_history_pages_by_number_both_ways(ada: Person) -> None:
    chat = ada.group()
    for number in range(7):
        ada.say(chat, str(number))
    newest = ada.get(f"/api/messages?chat={chat}&limit=3").json
    assert [m["text"] for m in newest["messages"]] == ["4", "5", "6"] and newest["has_more"]
    older = ada.get(f"/api/messages?chat={chat}&limit=10&before={newest['messages'][0]['seq']}").json
    assert [m["text"] for m in older["messages"]] == ["0", "1", "2", "3"] and not older["has_more"]
    later = ada.get(f"/api/messages?chat={chat}&limit=2&after={older['messages'][-1]['seq']}").json
    assert [m["text"] for m in later["messages"]] == ["4", "5"] and later["has_more"]


def test_messages_are_read_by_their_ids_and_what_one_may_not_see_is_left_out(
    ada: Person, bob: Person, eve: Person
) -> None:
    chat, other = ada.group(bob), ada.group(bob, name="Other")
    early, gone, elsewhere = ada.say(chat, "early"), ada.say(chat, "gone"), ada.say(other, "elsewhere")
    Chat.raw().update_one({"_id": ObjectId(chat)}, {"$set": {"history": False}})
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [eve.id]})
    late = ada.say(chat, "late")
    ada.patch(f"/api/messages/{early['id']}", {"text": "earlier"})
    ada.delete(f"/api/messages/{gone['id']}")
    joined = Entry.raw().find_one({"kind": "member", "chat": ObjectId(chat)})
    assert joined
    ids = ",".join([late["id"], gone["id"], early["id"], elsewhere["id"], str(joined["_id"]), "0" * 24, late["id"]])
    asked: Any = bob.get(f"/api/messages?chat={chat}&ids={ids}").json
    assert [(m["text"], m["deleted"]) for m in asked["messages"]] == [("earlier", False), ("", True), ("late", False)]
    assert asked["messages"][2] == late and not asked["has_more"]
    assert asked["as_of"] == bob.get(f"/api/chats/{chat}").json["last_seq"]
    assert [m["text"] for m in bob.get(f"/api/messages?chat={other}&ids={ids}").json["messages"]] == ["elsewhere"]
    assert [m["text"] for m in eve.get(f"/api/messages?chat={chat}&ids={ids}").json["messages"]] == ["late"]
    nothing = {**asked, "messages": []}
    for unseen in (early["id"], "0" * 24):
        assert eve.get(f"/api/messages?chat={chat}&ids={unseen}").json == nothing
    assert eve.get(f"/api/messages?chat={other}&ids={ids}").status_code == 404
    ada.delete(f"/api/chats/{chat}/members/{bob.id}")
    assert bob.get(f"/api/messages?chat={chat}&ids={ids}").status_code == 404


def test_up_to_a_hundred_ids_are_asked_for_at_once_and_nothing_else_with_them(app: Flask, ada: Person) -> None:
    path = f"/api/messages?chat={ada.group()}&ids="
    assert ada.get(path + ",".join(["0" * 24] * 100)).status_code == 200
    assert app.test_client().get(path + "0" * 24).status_code == 401
    for bad in (",".join(["0" * 24] * 101), "", "0" * 23, "0" * 24 + ",", "A" * 24, "[$ne]"):
        refused = ada.get(path + bad)
        assert refused.status_code == 422 and list(refused.json["error"]["fields"]) == ["ids"], bad
    for more in ("before=9", "after=0", "limit=5"):
        assert ada.get(f"{path}{'0' * 24}&{more}").status_code == 422


def test_a_log_page_says_how_far_it_reaches(ada: Person) -> None:
    chat = ada.group()
    for number in range(5):
        ada.say(chat, str(number))
    page = ada.get(f"/api/chats/{chat}/log?after=2&limit=2").json
    assert (page["through"], page["has_more"], page["last_seq"]) == (4, True, 6)
    page = ada.get(f"/api/chats/{chat}/log?after=4").json
    assert (page["through"], page["has_more"]) == (6, False)
    page = ada.get(f"/api/chats/{chat}/log?limit=2").json
    assert ([e["seq"] for e in page["entries"]], page["through"], page["has_more"]) == ([5, 6], 5, True)


def test_only_its_author_edits_and_only_author_or_owner_deletes(ada: Person, bob: Person, eve: Person) -> None:
    chat = ada.group(bob)
    message = bob.say(chat, "mine")
    assert ada.patch(f"/api/messages/{message['id']}", {"text": "yours"}).status_code == 403
    assert eve.patch(f"/api/messages/{message['id']}", {"text": "yours"}).status_code == 404
    own = ada.say(chat, "the owner's")
    assert bob.delete(f"/api/messages/{own['id']}").status_code == 403
    assert ada.delete(f"/api/messages/{message['id']}").status_code == 204


def test_a_reaction_that_was_tried_and_taken_back_can_be_set_again(ada: Person) -> None:
    message = ada.say(ada.group(), "many")["id"]
    emojis = [chr(0x1F600 + number) for number in range(21)]
    for emoji in emojis[:20]:
        for change in (ada.put, ada.delete):
            assert change(f"/api/messages/{message}/reactions/{emoji}").status_code == 200
    assert ada.put(f"/api/messages/{message}/reactions/{emojis[20]}").status_code == 409
    again = ada.put(f"/api/messages/{message}/reactions/{emojis[0]}")
    assert again.status_code == 200 and again.json["reactions"] == [{"emoji": emojis[0], "users": [ada.id]}]


def test_unread_counts_messages_after_the_read_position_which_only_moves_forward(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    seqs = [ada.say(chat, text)["seq"] for text in "abc"]
    assert bob.get(f"/api/chats/{chat}").json["unread"] == 3
    assert ada.get(f"/api/chats/{chat}").json["unread"] == 0
    assert bob.post(f"/api/chats/{chat}/read", {"seq": seqs[1]}).json == {"read_seq": seqs[1], "unread": 1}
    assert bob.post(f"/api/chats/{chat}/read", {"seq": seqs[0]}).json == {"read_seq": seqs[1], "unread": 1}


@pytest.mark.parametrize("path", ["/api/chats/{}", "/api/chats/{}/log", "/api/messages?chat={}"])
def test_a_stranger_finds_no_chat(ada: Person, eve: Person, path: str) -> None:
    chat = ada.group()
    assert ada.get(path.format(chat)).status_code == 200
    assert eve.get(path.format(chat)).status_code == 404
    nothing = eve.get(path.format("0" * 24))
    assert nothing.json == eve.get(path.format(chat)).json


def test_an_answer_names_a_message_of_the_same_chat(ada: Person, bob: Person) -> None:
    chat, other = ada.group(bob), ada.group(name="Other")
    first = bob.say(chat, "question")
    assert ada.say(chat, "answer", reply_to=first["id"])["reply_to"] == first["id"]
    body = {"chat_id": other, "client_id": "x1", "text": "answer", "reply_to": first["id"]}
    refused = ada.post("/api/messages", body)
    assert refused.status_code == 422 and "reply_to" in refused.json["error"]["fields"]


def test_a_deleted_text_does_not_come_back_with_an_edit_that_was_late(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ada.group()
    message = ada.say(chat, "first")["id"]
    calls: list[Doc | None] = []

    def slow(chat_id: ObjectId) -> Doc | None:
        found = last_message_in(chat_id)
        calls.append(found)
        if len(calls) == 1:  # the edit has read what it will write
            messages.delete_message(ObjectId(ada.id), message)
        return found

    monkeypatch.setattr("infitalks.actions.summaries.last_message_in", slow)
    assert ada.patch(f"/api/messages/{message}", {"text": "second"}).status_code in (200, 404)
    assert len(calls) > 1
    (listed,) = [each for each in ada.get("/api/chats").json["chats"] if each["id"] == chat]
    assert listed["last_message"]["deleted"] and "second" not in str(listed)
