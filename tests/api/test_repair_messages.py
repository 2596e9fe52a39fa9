"""What messages show of their edits, reactions and deletions is mended from the entries about them, and only that."""

from collections.abc import Iterator
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import repair_messages
from infitalks.integrations.markdown import render_markdown
from infitalks.models.chats import Chat
from infitalks.models.database import Doc
from infitalks.models.log import Entry
from infitalks.models.media import Media
from tests.api.test_maintenance import alone, finished, run
from tests.api.test_maintenance_log import dies_after, killed, log_of
from tests.people import Person

THUMB, HEART = "%F0%9F%91%8D", "%E2%9D%A4%EF%B8%8F"


@pytest.fixture(scope="module")
def app(stores_environ: dict[str, str]) -> Iterator[Flask]:
    """The app on a database of its own, whose messages are all looked at here."""
    with alone(stores_environ, "repair_messages") as app:
        yield app


class Said:
    """A chat with a message that was edited twice and reacted to, a plain one, and one that was edited and deleted."""

    def __init__(self, ada: Person, bob: Person) -> None:
        self.chat = ada.group(bob)
        self.edited, self.plain, self.deleted = (ada.say(self.chat, f"*{name}*")["id"] for name in ("a", "b", "c"))
        for number in (1, 2):
            assert ada.patch(f"/api/messages/{self.edited}", {"text": f"edit **{number}**"}).status_code == 200
        ada.patch(f"/api/messages/{self.deleted}", {"text": "soon gone"})
        for person, call, emoji in (
            (ada, "put", THUMB),
            (bob, "put", THUMB),
            (bob, "put", HEART),
            (bob, "delete", THUMB),
        ):
            assert getattr(person, call)(f"/api/messages/{self.edited}/reactions/{emoji}").status_code == 200
        assert bob.put(f"/api/messages/{self.edited}/pin").status_code == 200
        assert ada.delete(f"/api/messages/{self.deleted}").status_code == 204
        # As an import leaves it: reactions and an edit that no entry tells of.
        brought = {f"reactions.{ObjectId()}": {"❤️": {"k": -1, "on": True}}, "edited_at": log_of(self.chat)[0]["at"]}
        of_all = {"text": "*b* @here", "html": render_markdown("*b* @here"), "mentions_all": False}
        self.set(self.plain, **brought, **of_all)
        self.picture = ObjectId()
        Media.raw().insert_one({"_id": self.picture, "message": ObjectId(self.deleted), "state": "ready"})

    def set(self, message_id: str, **fields: Any) -> None:
        Entry.raw().update_one({"_id": ObjectId(message_id)}, {"$set": fields})

    def spoil(self) -> None:
        """Each derived field of each message, in another way."""
        edited = log_of(self.chat)[1]
        marks = {user: {e: {**m, "on": not m["on"]} for e, m in of.items()} for user, of in edited["reactions"].items()}
        self.set(
            self.edited, text="edit **1**", html="<p>x</p>", edit_seq=edited["edit_seq"] - 1, reactions=marks, pin=None
        )
        self.set(self.plain, html="<script>alert(1)</script>")
        self.set(self.deleted, text="soon gone", html="<p>soon gone</p>", deleted_seq=None)
        self.set(self.deleted, attachments=[self.picture])
        Entry.raw().update_many({"target": ObjectId(self.deleted), "kind": "edit"}, {"$set": {"text": "soon gone"}})

    def stored(self) -> list[Doc]:
        return [*log_of(self.chat), *Chat.raw().find({"_id": ObjectId(self.chat)})]


@pytest.fixture
def said(ada: Person, bob: Person) -> Said:
    run("repair-messages")  # what another test left is not counted here
    return Said(ada, bob)


def test_messages_that_are_well_need_no_repair_and_what_no_entry_tells_of_stays(said: Said) -> None:
    before = said.stored()
    report = run("repair-messages")
    assert report.counts == {"wrong": 0, "mended": 0}, report.lines
    assert report.seen == report.total == Entry.objects(kind="message").count() and said.stored() == before


def test_what_a_message_shows_is_mended_from_the_entries_about_it(said: Said) -> None:
    right = said.stored()
    said.spoil()
    broken = said.stored()
    tried = run("repair-messages", dry_run=True)
    assert tried.counts == {"wrong": 3, "mended": 0} and said.stored() == broken
    named = [line.partition(", ")[2] for line in tried.lines]
    assert named == [
        "message 2: text, html, reactions, pin, edit_seq.",
        "message 3: html.",
        "message 4: text, html, attachments, deleted_seq, its edits still say what was deleted.",
    ]
    assert run("repair-messages").counts == {"wrong": 3, "mended": 3}
    assert said.stored() == right
    assert Media.raw().find_one({"_id": said.picture}, {"dropped": 1, "message": 1}) == {
        "_id": said.picture, "dropped": True, "message": None,
    }  # fmt: skip
    assert run("repair-messages").counts == {"wrong": 0, "mended": 0}


def test_repair_that_was_killed_comes_to_the_same_when_it_goes_on(said: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    right = said.stored()
    said.spoil()
    monkeypatch.setattr(repair_messages, "_mend", dies_after(1, repair_messages._mend))
    report = killed("repair-messages")
    monkeypatch.undo()
    assert finished(report.id).state == "done" and said.stored() == right


def test_who_changes_a_message_while_it_is_mended_is_right(
    said: Said, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    said.set(said.plain, html="<p>x</p>")
    mend = repair_messages._mend

    def meanwhile(message: Doc, change: Doc, about: list[Doc]) -> bool:
        assert ada.patch(f"/api/messages/{said.plain}", {"text": "newer"}).status_code == 200
        return mend(message, change, about)

    monkeypatch.setattr(repair_messages, "_mend", meanwhile)
    assert run("repair-messages").counts == {"wrong": 1, "mended": 0}
    monkeypatch.undo()
    assert [m["html"] for m in bob.get(f"/api/messages?chat={said.chat}").json["messages"]][1] == "<p>newer</p>"
    assert run("repair-messages").counts == {"wrong": 0, "mended": 0}
