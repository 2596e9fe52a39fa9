"""Pinned messages, which all members see, and saved ones, which are somebody's own."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bson import ObjectId

from infitalks.actions import messages, realtime, saved
from infitalks.actions.exports import export_user
from infitalks.actions.log import apply
from infitalks.models.database import database
from infitalks.models.log import Entry
from infitalks.models.saved import Saved
from tests.api.listening import Page, tell
from tests.people import Person


def pins(person: Person, chat: str) -> list[str]:
    return [message["text"] for message in person.get(f"/api/chats/{chat}/pins").json["messages"]]


def keeps(person: Person) -> list[str]:
    return [row["message"]["text"] for row in person.get("/api/saved").json["saved"]]


def test_any_member_pins_and_unpins_for_all_and_doing_it_again_changes_nothing(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    first, second = (ada.say(chat, text)["id"] for text in ("first", "second"))
    assert first and ada.get(f"/api/messages/{first}").json["pinned"] is None and pins(ada, chat) == []
    pinned = bob.put(f"/api/messages/{first}/pin").json["pinned"]
    assert pinned["by"]["id"] == bob.id
    ada.put(f"/api/messages/{second}/pin")
    top = ada.get(f"/api/chats/{chat}").json["last_seq"]
    again = ada.put(f"/api/messages/{first}/pin")
    assert again.status_code == 200 and again.json["pinned"] == pinned
    assert pins(ada, chat) == pins(bob, chat) == ["second", "first"]
    assert ada.delete(f"/api/messages/{first}/pin").json["pinned"] is None
    assert ada.delete(f"/api/messages/{first}/pin").status_code == 200
    assert pins(bob, chat) == ["second"]
    kinds = [
        (entry["kind"], entry["author"]["id"])
        for entry in bob.get(f"/api/chats/{chat}/log?after={top}").json["entries"]
    ]
    assert kinds == [("pin", ada.id)]


def test_pages_are_told_live_of_a_pin_and_one_that_its_writer_did_not_apply_shows(
    ada: Person, bob: Person, page: Callable[[Person], Page], monkeypatch: Any
) -> None:
    chat = ada.group(bob)
    message = ada.say(chat, "first")
    tell(chat)
    hers = page(bob)
    ada.put(f"/api/messages/{message['id']}/pin")
    tell(chat)
    (entry,) = hers.entries(message["seq"] + 1)
    assert entry["kind"] == "pin" and entry["message"]["pinned"]["by"]["id"] == ada.id
    # As if the writer had died between its entry and the message.
    Entry.raw().update_one({"_id": ObjectId(message["id"])}, {"$set": {"pin": None}})
    Entry.raw().update_one({"target": ObjectId(message["id"])}, {"$set": {"out.state": "new"}})
    (shown,) = bob.get(f"/api/messages?chat={chat}").json["messages"]
    assert shown["pinned"]["by"]["id"] == ada.id
    tell(chat)
    assert pins(bob, chat) == ["first"]
    old = Entry.raw().find_one({"target": ObjectId(message["id"])})
    bob.delete(f"/api/messages/{message['id']}/pin")
    apply(old or {})
    assert pins(bob, chat) == []


def test_a_deleted_message_is_neither_pinned_nor_shown_as_saved(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    message = ada.say(chat, "soon gone")["id"]
    bob.put(f"/api/messages/{message}/pin")
    assert bob.put(f"/api/messages/{message}/saved").status_code == 204
    assert (pins(bob, chat), keeps(bob)) == (["soon gone"], ["soon gone"])
    ada.delete(f"/api/messages/{message}")
    assert (pins(bob, chat), keeps(bob)) == ([], [])
    assert bob.put(f"/api/messages/{message}/pin").status_code == 404
    assert bob.put(f"/api/messages/{message}/saved").status_code == 404


def test_only_members_who_see_a_message_pin_save_and_list_it(ada: Person, bob: Person, eve: Person) -> None:
    chat = ada.group(eve)
    message = ada.say(chat, "inside")["id"]
    eve.put(f"/api/messages/{message}/saved")
    ada.put(f"/api/messages/{message}/pin")
    assert (pins(eve, chat), keeps(eve)) == (["inside"], ["inside"])
    for outsider in (bob,):
        for call, deed in (("put", "pin"), ("delete", "pin"), ("put", "saved")):
            assert getattr(outsider, call)(f"/api/messages/{message}/{deed}").status_code == 404
        assert outsider.get(f"/api/chats/{chat}/pins").status_code == 404
    ada.delete(f"/api/chats/{chat}/members/{eve.id}")
    assert eve.get(f"/api/chats/{chat}/pins").status_code == 404 and keeps(eve) == []
    assert eve.put(f"/api/messages/{message}/pin").status_code == 404
    # Forgetting what is one's own needs no membership.
    assert eve.delete(f"/api/messages/{message}/saved").status_code == 204
    assert eve.get("/api/saved/ids").json == {"ids": []}


def test_who_does_not_see_what_was_before_them_neither_lists_nor_sets_its_pins(
    ada: Person, bob: Person, eve: Person
) -> None:
    chat = ada.group(bob)
    database()["chats"].update_one({"_id": ObjectId(chat)}, {"$set": {"history": False}})
    early, later = (ada.say(chat, text)["id"] for text in ("a secret", "another secret"))
    ada.put(f"/api/messages/{early}/pin")
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [eve.id]})
    ada.put(f"/api/messages/{later}/pin")
    assert (pins(bob, chat), pins(eve, chat)) == (["another secret", "a secret"], [])
    for deed in ("pin", "saved"):
        assert bob.put(f"/api/messages/{later}/{deed}").status_code < 300
        assert eve.put(f"/api/messages/{later}/{deed}").status_code == 404


def test_what_is_saved_is_listed_last_saved_first_page_by_page_and_is_nobody_elses(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    said = [ada.say(chat, f"number {number}")["id"] for number in range(5)]
    for message in (*said, said[0]):
        assert bob.put(f"/api/messages/{message}/saved").status_code == 204
    assert bob.get("/api/saved/ids").json["ids"] == said[::-1] and keeps(ada) == []
    found, query = [], "?limit=2"
    while query:
        page = bob.get(f"/api/saved{query}").json
        found += [row["message"]["id"] for row in page["saved"]]
        query = page["next"] and f"?limit=2&cursor={page['next']}"
    assert found == said[::-1]
    bob.delete(f"/api/messages/{said[1]}/saved")
    assert bob.delete(f"/api/messages/{said[1]}/saved").status_code == 204
    assert keeps(bob) == ["number 4", "number 3", "number 2", "number 0"]


def test_ones_other_pages_are_told_that_something_was_saved(ada: Person, page: Callable[[Person], Page]) -> None:
    message = ada.say(ada.group(), "for later")["id"]
    hers = page(ada)
    ada.put(f"/api/messages/{message}/saved")
    realtime.tell_saved(ObjectId(ada.id))
    assert hers.next() == ("saved", {})


def test_pins_and_saved_messages_are_bounded(ada: Person, monkeypatch: Any) -> None:
    chat = ada.group()
    one, two = (ada.say(chat, text)["id"] for text in ("one", "two"))
    monkeypatch.setattr(messages, "MOST_PINNED", 1)
    monkeypatch.setattr(saved, "MOST_SAVED", 1)
    for deed in ("pin", "saved"):
        assert ada.put(f"/api/messages/{one}/{deed}").status_code < 300
        refused = ada.put(f"/api/messages/{two}/{deed}")
        assert refused.status_code == 409 and "At most 1 " in refused.json["error"]["message"]
        assert ada.put(f"/api/messages/{one}/{deed}").status_code < 300
    assert (pins(ada, chat), keeps(ada)) == (["one"], ["one"])
    ada.delete(f"/api/messages/{one}")  # what is gone takes no room
    for deed in ("pin", "saved"):
        assert ada.put(f"/api/messages/{two}/{deed}").status_code < 300
    assert (pins(ada, chat), keeps(ada)) == (["two"], ["two"])


def test_what_is_saved_is_in_ones_export_and_goes_with_the_account(ada: Person, bob: Person, tmp_path: Path) -> None:
    chat = ada.group(bob)
    message = ada.say(chat, "for later")["id"]
    bob.put(f"/api/messages/{message}/saved")
    export_user(bob.username, tmp_path / "bob.zip", lambda line: None)
    with zipfile.ZipFile(tmp_path / "bob.zip") as archive:
        (row,) = json.loads(archive.read("user.json"))["saved"]
    assert (row["message_id"], row["chat_id"]) == (message, chat)
    assert bob.delete("/api/users/me", {"password": bob.password}).status_code == 204
    assert Saved.raw().count_documents({"user": ObjectId(bob.id)}) == 0
