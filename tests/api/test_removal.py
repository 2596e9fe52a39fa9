"""Removals and role changes that come in the middle of something: what was under way shows and does nothing later."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from bson import ObjectId

from infitalks import access, events
from infitalks.actions import chats, memberships, messages
from infitalks.blueprints import chats as chats_doors
from infitalks.blueprints import messages as messages_doors
from infitalks.models.chats import membership_of
from infitalks.models.database import Doc
from tests.api.listening import Page, tell
from tests.people import Person

Meanwhile = Callable[[ModuleType, str, Callable[[], object]], None]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """`meanwhile(module, name, happens)`: somebody else is quicker than the next call of that function."""

    def patch(module: ModuleType, name: str, happens: Callable[[], object]) -> None:
        real, waiting = getattr(module, name), [happens]

        def after_it(*args: Any, **options: Any) -> Any:
            if waiting:
                waiting.pop()()
            return real(*args, **options)

        monkeypatch.setattr(module, name, after_it)

    return patch


def remove_and_go_on(ada: Person, bob: Person, chat: str, earlier: str) -> Callable[[], object]:
    """Ada removes bob, then writes and edits what he must not see. Not by her client, which would be a request
    within his."""

    def happens() -> None:
        chats.remove_member(ObjectId(ada.id), chat, bob.id)
        messages.send_message(ObjectId(ada.id), ObjectId(chat), "later", text="not for bob")
        messages.edit_message(ObjectId(ada.id), earlier, "not for bob", None)

    return happens


# Reading

WAYS = {
    "the log after a number": ("/api/chats/{}/log?after=0", chats_doors, "entries_after"),
    "the log before a number": ("/api/chats/{}/log?before=99", chats_doors, "entries_before"),
    "the chat": ("/api/chats/{}", chats_doors, "entries_before"),
    "messages": ("/api/messages?chat={}", messages_doors, "entries_before"),
    "messages after a number": ("/api/messages?chat={}&after=0", messages_doors, "entries_after"),
}


@pytest.mark.parametrize(("path", "module", "read"), WAYS.values(), ids=WAYS)
def test_who_is_removed_while_an_answer_is_read_gets_none(
    ada: Person, bob: Person, meanwhile: Meanwhile, path: str, module: ModuleType, read: str
) -> None:
    chat = ada.group(bob)
    earlier = ada.say(chat, "for all")["id"]
    assert "for all" in bob.get(path.format(chat)).text
    meanwhile(module, read, remove_and_go_on(ada, bob, chat, earlier))
    answer = bob.get(path.format(chat))
    assert answer.status_code == 404 and "not for bob" not in answer.text
    assert "not for bob" in ada.get(path.format(chat)).text


def test_who_is_removed_while_an_answer_is_put_together_gets_none(
    ada: Person, bob: Person, meanwhile: Meanwhile
) -> None:
    for path, module, name in (
        ("/api/chats/{}/log?after=0", chats_doors, "entries_out"),
        ("/api/chats/{}", chats_doors, "messages_out"),
        ("/api/messages?chat={}", messages_doors, "messages_out"),
    ):
        chat = ada.group(bob)
        earlier = ada.say(chat, "for all")["id"]
        meanwhile(module, name, remove_and_go_on(ada, bob, chat, earlier))
        assert bob.get(path.format(chat)).status_code == 404, path


def renamed_too(ada: Person, chat: str, happens: Callable[[], object]) -> Callable[[], object]:
    def both() -> None:
        happens()
        chats.change_chat(ObjectId(ada.id), chat, changes={"name": "not for bob"}, muted=None)

    return both


DEEDS: dict[str, tuple[str, str, Any, ModuleType, str]] = {
    "a reaction": ("PUT", "/api/messages/{message}/reactions/👍", None, messages_doors, "_now"),
    "muting": ("PATCH", "/api/chats/{chat}", {"muted": True}, chats_doors, "_one"),
    "muting, read by half": ("PATCH", "/api/chats/{chat}", {"muted": True}, chats_doors, "chats_out"),
    "reading": ("POST", "/api/chats/{chat}/read", {"seq": 2}, chats_doors, "chat_by_id"),
    "the settings": ("GET", "/c/{chat}/settings", None, access, "chat_by_id"),
}


@pytest.mark.parametrize(("method", "path", "body", "module", "name"), DEEDS.values(), ids=DEEDS)
def test_the_answer_to_a_deed_shows_nothing_later_than_ones_removal(
    ada: Person, bob: Person, meanwhile: Meanwhile, method: str, path: str, body: Any, module: ModuleType, name: str
) -> None:
    chat = ada.group(bob)
    earlier = ada.say(chat, "for all")["id"]
    path = path.format(chat=chat, message=earlier)
    assert bob.call(method, path, body).status_code == 200
    meanwhile(module, name, renamed_too(ada, chat, remove_and_go_on(ada, bob, chat, earlier)))
    answer = bob.call(method, path, body)
    assert answer.status_code == 404 and "not for bob" not in answer.text
    assert "not for bob" in ada.get(f"/api/chats/{chat}").text


@pytest.mark.parametrize("again", [False, True], ids=["an edit", "a repeat"])
def test_ones_own_message_is_not_shown_with_what_came_after_ones_removal(
    ada: Person, bob: Person, meanwhile: Meanwhile, again: bool
) -> None:
    chat = ada.group(bob)
    body = {"chat_id": chat, "client_id": "same", "text": "mine"}
    mine = bob.post("/api/messages", body).json["id"]

    def happens() -> None:
        chats.remove_member(ObjectId(ada.id), chat, bob.id)
        messages.set_reaction(ObjectId(ada.id), mine, "🎉", on=True)

    meanwhile(messages_doors, "_now", happens)
    answer = bob.post("/api/messages", body) if again else bob.patch(f"/api/messages/{mine}", {"text": "changed"})
    assert answer.status_code == 404
    (shown,) = ada.get(f"/api/messages?chat={chat}").json["messages"]
    assert shown["reactions"]


def test_the_lists_leave_out_a_chat_that_one_was_just_removed_from(
    ada: Person, bob: Person, meanwhile: Meanwhile
) -> None:
    for read, ask in (
        ("newest_chats", lambda: bob.get("/api/chats")),
        ("chats_beyond", lambda: bob.post("/api/sync", {"chats": {}})),
    ):
        chat, kept = ada.group(bob), ada.group(bob)
        earlier = ada.say(chat, "for all")["id"]
        assert chat in ask().text
        meanwhile(chats_doors, read, remove_and_go_on(ada, bob, chat, earlier))
        answer = ask()
        assert chat not in answer.text and "not for bob" not in answer.text
        assert answer.status_code == 200 and kept in answer.text


# Hearing


def heard_before(marker: str, opened: Page) -> list[Any]:
    """The entries that the page was told, up to the first one of the chat `marker`."""
    heard: list[Any] = []
    while not heard or heard[-1]["chat_id"] != marker:
        name, data = opened.next()
        heard += data["entries"] if name == "log" else []
    return heard[:-1]


@pytest.mark.parametrize("when", ["before it is told", "while it is told"])
def test_what_waited_is_not_told_to_who_was_removed_since(
    ada: Person, bob: Person, page: Callable[[Person], Page], meanwhile: Meanwhile, when: str
) -> None:
    chat, marker = ada.group(bob), bob.group()
    tell(chat)
    tell(marker)
    his, hers = page(bob), page(ada)
    happens = remove_and_go_on(ada, bob, chat, ada.say(chat, "for all")["id"])
    if when == "before it is told":
        happens()
    else:
        meanwhile(events, "log_events", happens)
    tell(chat)
    bob.say(marker, "that is all")
    tell(marker)
    (removal,) = heard_before(marker, his)
    assert (removal["chat_id"], removal["action"], removal["user"]["id"]) == (chat, "removed", bob.id)
    assert [e["kind"] for e in hers.entries(5)] == ["message", "member", "message", "edit"]


# Doing


def test_an_owner_who_was_just_made_a_member_deletes_nobodys_message(
    ada: Person, bob: Person, meanwhile: Meanwhile
) -> None:
    chat = ada.group(bob)
    message, other = ada.say(chat, "stays")["id"], ada.say(chat, "goes")["id"]
    ada.patch(f"/api/chats/{chat}/members/{bob.id}", {"role": "owner"})
    assert bob.delete(f"/api/messages/{other}").status_code == 204
    meanwhile(messages, "append", lambda: chats.set_role(ObjectId(ada.id), chat, bob.id, "member"))
    assert bob.delete(f"/api/messages/{message}").status_code == 403
    assert ada.texts(chat) == ["stays", ""]
    assert ada.delete(f"/api/messages/{message}").status_code == 204


def test_a_new_role_does_not_take_back_what_was_read_meanwhile(
    ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ada.group(bob)
    seq = ada.say(chat, "read this")["seq"]
    real = memberships.next_membership

    def read_now(before: Doc | None, entry: Doc, change: Doc) -> Doc:
        after = real(before, entry, change)
        chats.read_to(ObjectId(bob.id), chat, seq)
        return after

    monkeypatch.setattr(memberships, "next_membership", read_now)
    ada.patch(f"/api/chats/{chat}/members/{bob.id}", {"role": "owner"})
    now = membership_of(ObjectId(chat), ObjectId(bob.id))
    assert now and (now["role"], now["read_seq"], now["read_n"]) == ("owner", seq, 1)
    assert bob.get(f"/api/chats/{chat}").json["unread"] == 0
