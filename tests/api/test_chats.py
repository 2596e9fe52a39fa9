"""Chats: making them, who is in them, who may change that, and that a removal is exact."""

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions.sessions import change_epoch
from infitalks.tasks.realtime import tell_own_chat
from tests.api.listening import Page
from tests.people import Person


def members(person: Person, chat: str) -> dict[str, str]:
    """Role by user id."""
    return {m["user"]["id"]: m["role"] for m in person.get(f"/api/chats/{chat}").json["members"]}


def add(person: Person, chat: str, *others: Person) -> int:
    return person.post(f"/api/chats/{chat}/members", {"user_ids": [o.id for o in others]}).status_code


def remove(person: Person, chat: str, other: Person) -> int:
    return person.delete(f"/api/chats/{chat}/members/{other.id}").status_code


def leave(person: Person, chat: str) -> int:
    return person.delete(f"/api/chats/{chat}/members/me").status_code


def listed(person: Person) -> dict[str, Any]:
    return {chat["id"]: chat for chat in person.get("/api/chats").json["chats"]}


def synced(person: Person, known: dict[str, int]) -> tuple[Any, Any]:
    """What changed and what is gone, where these chats are known up to these numbers."""
    answer = person.post("/api/sync", {"chats": known}).json
    return answer["changed"], answer["gone"]


def direct(person: Person, other: Person) -> Any:
    answer = person.post("/api/chats", {"kind": "direct", "user_id": other.id})
    assert answer.status_code in (200, 201), answer.text
    return answer.json


def entries(person: Person, chat: str) -> list[Any]:
    return list(person.get(f"/api/chats/{chat}/log?after=0&limit=100").json["entries"])


# Making chats


def test_a_groups_maker_owns_it_and_all_named_are_in_it(ada: Person, bob: Person, eve: Person) -> None:
    chat = ada.group(bob, eve, ada)
    assert members(bob, chat) == {ada.id: "owner", bob.id: "member", eve.id: "member"}
    shown = bob.get(f"/api/chats/{chat}").json
    assert (shown["kind"], shown["name"], shown["member_count"], shown["role"]) == ("group", "Garden", 3, "member")


def test_a_group_with_somebody_unknown_is_not_made(ada: Person) -> None:
    answer = ada.post("/api/chats", {"kind": "group", "name": "x", "member_ids": ["0" * 24]})
    assert answer.status_code == 422 and "member_ids" in answer.json["error"]["fields"]
    assert listed(ada) == {}


def test_two_people_have_one_direct_chat_whoever_opens_it(ada: Person, bob: Person) -> None:
    first = ada.post("/api/chats", {"kind": "direct", "user_id": bob.id})
    again = bob.post("/api/chats", {"kind": "direct", "user_id": ada.id})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json["id"] == again.json["id"]
    assert (first.json["name"], again.json["name"]) == ("bob", "ada")
    assert first.json["other"]["id"] == bob.id


def test_opened_from_both_sides_at_once_it_is_still_one(app: Flask, ada: Person, bob: Person) -> None:
    ways = [(ada, bob), (bob, ada)] * 6
    start = threading.Barrier(len(ways))

    def open_it(way: tuple[Person, Person]) -> tuple[int, str]:
        me, other = way
        client = app.test_client()
        cookie = me.client.get_cookie("infitalks")
        assert cookie
        client.set_cookie("infitalks", cookie.value)
        start.wait(30)
        asked = {"kind": "direct", "user_id": other.id}
        answer = client.post("/api/chats", json=asked, headers={"X-CSRF-Token": me.csrf})
        return answer.status_code, answer.json["id"]

    with ThreadPoolExecutor(len(ways)) as pool:
        answers = list(pool.map(open_it, ways))
    assert len({chat for _, chat in answers}) == 1
    assert sorted(status for status, _ in answers) == [200] * 11 + [201]
    assert [e["action"] for e in entries(ada, answers[0][1])] == ["created"]


def test_a_direct_chat_needs_somebody_else_and_stays_between_two(ada: Person, bob: Person, eve: Person) -> None:
    assert ada.post("/api/chats", {"kind": "direct", "user_id": ada.id}).status_code == 422
    chat = direct(ada, bob)["id"]
    assert add(ada, chat, eve) == 409
    assert leave(ada, chat) == 409
    assert remove(ada, chat, bob) == 409
    assert ada.patch(f"/api/chats/{chat}", {"name": "Ours"}).status_code == 409
    assert ada.patch(f"/api/chats/{chat}/members/{bob.id}", {"role": "owner"}).status_code == 409
    assert members(bob, chat) == {ada.id: "member", bob.id: "member"}


def test_a_bot_in_a_direct_chat_is_not_the_other_one(ada: Person, bob: Person) -> None:
    chat = direct(ada, bob)["id"]
    made = ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Aardvark"})
    assert made.status_code == 201
    assert listed(ada)[chat]["other"]["id"] == bob.id
    assert listed(bob)[chat]["other"]["id"] == ada.id
    assert ada.post("/api/chats", {"kind": "direct", "user_id": bob.id}).json["name"] == "bob"


def test_a_direct_chat_put_away_comes_back_with_a_message(ada: Person, bob: Person) -> None:
    chat = direct(ada, bob)["id"]
    ada.say(chat, "one")
    assert ada.delete(f"/api/chats/{chat}").status_code == 204
    assert chat not in listed(ada) and chat in listed(bob)
    assert synced(ada, {chat: 1}) == ([], [chat])
    bob.say(chat, "two")
    assert chat in listed(ada)
    assert [c["id"] for c in ada.post("/api/sync", {"chats": {}}).json["changed"]] == [chat]
    assert ada.texts(chat) == ["one", "two"]
    ada.delete(f"/api/chats/{chat}")
    assert direct(ada, bob)["id"] == chat and chat in listed(ada)


# Rights


def test_members_add_people_and_only_owners_do_the_rest(ada: Person, bob: Person, eve: Person) -> None:
    chat = ada.group(bob)
    assert add(bob, chat, eve) == 200
    asked: list[Callable[[Person], int]] = [
        lambda who: who.patch(f"/api/chats/{chat}", {"name": "Yard"}).status_code,
        lambda who: who.patch(f"/api/chats/{chat}/members/{eve.id}", {"role": "owner"}).status_code,
        lambda who: who.patch(f"/api/chats/{chat}/members/{eve.id}", {"role": "member"}).status_code,
        lambda who: who.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "x"}).status_code,
        lambda who: remove(who, chat, eve),
        lambda who: who.delete(f"/api/chats/{chat}").status_code,
    ]
    before = entries(ada, chat)
    assert [ask(bob) for ask in asked] == [403] * 6
    assert entries(ada, chat) == before
    assert [ask(ada) for ask in asked] == [200, 200, 200, 201, 204, 204]


def test_a_member_cannot_make_itself_owner(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    assert bob.patch(f"/api/chats/{chat}/members/me", {"role": "owner"}).status_code == 403
    assert members(ada, chat)[bob.id] == "member"


def test_everybody_mutes_and_favours_for_themselves(ada: Person, bob: Person, page: Callable[[Person], Page]) -> None:
    chat = ada.group(bob)
    opened = page(bob)
    changed = bob.patch(f"/api/chats/{chat}", {"muted": True, "favourite": True}).json
    assert (changed["muted"], changed["favourite"]) == (True, True)
    assert bob.patch(f"/api/chats/{chat}", {"favourite": False}).json["muted"] is True
    seen = ada.get(f"/api/chats/{chat}").json
    assert (seen["muted"], seen["favourite"]) == (False, False)
    tell_own_chat(chat, bob.id)
    assert opened.next() == ("chats", {"chat_id": chat})


def test_a_new_name_shows_to_all_and_stands_in_the_log(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    assert ada.patch(f"/api/chats/{chat}", {"name": "  The   yard "}).json["name"] == "The yard"
    assert listed(bob)[chat]["name"] == "The yard"
    assert entries(bob, chat)[-1]["changes"] == {"name": "The yard"}


def test_an_owner_can_be_made_and_unmade_but_not_the_last_one(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    assert ada.patch(f"/api/chats/{chat}/members/me", {"role": "member"}).status_code == 409
    assert ada.patch(f"/api/chats/{chat}/members/{bob.id}", {"role": "owner"}).status_code == 200
    assert ada.patch(f"/api/chats/{chat}/members/me", {"role": "member"}).status_code == 200
    assert members(ada, chat) == {ada.id: "member", bob.id: "owner"}


def test_roles_and_removals_of_somebody_who_is_not_there_name_nothing(ada: Person, eve: Person) -> None:
    chat = ada.group()
    assert ada.patch(f"/api/chats/{chat}/members/{eve.id}", {"role": "owner"}).status_code == 404
    assert remove(ada, chat, eve) == 404
    assert add(ada, chat, ada) == 200
    assert len(entries(ada, chat)) == 1


def test_when_the_last_owner_leaves_the_longest_standing_person_owns_it(ada: Person, bob: Person, eve: Person) -> None:
    chat = ada.group()
    ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "The bot came first"})
    add(ada, chat, bob)
    add(ada, chat, eve)
    assert leave(ada, chat) == 204
    roles = members(bob, chat)
    assert (roles[bob.id], roles[eve.id]) == ("owner", "member")
    assert [e["action"] for e in entries(bob, chat)][-2:] == ["left", "role"]
    assert leave(bob, chat) == 204 and members(eve, chat)[eve.id] == "owner"
    assert leave(eve, chat) == 204


def test_two_owners_who_leave_at_once_leave_one_behind(app: Flask, person: Callable[[str], Person]) -> None:
    one, two, heir = person("one"), person("two"), person("heir")
    for _ in range(3):
        chat = one.group(two, heir)
        one.patch(f"/api/chats/{chat}/members/{two.id}", {"role": "owner"})
        with ThreadPoolExecutor(2) as pool:
            assert list(pool.map(lambda who, chat=chat: leave(who, chat), (one, two))) == [204, 204]
        assert members(heir, chat) == {heir.id: "owner"}


def test_a_closed_group_is_nobodys(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    assert ada.delete(f"/api/chats/{chat}").status_code == 204
    for who in (ada, bob):
        assert who.get(f"/api/chats/{chat}").status_code == 404 and chat not in listed(who)


# Removal


def test_a_removed_member_gets_nothing_that_came_later(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    seen = ada.say(chat, "before")
    assert bob.texts(chat) == ["before"] and chat in listed(bob)
    assert remove(ada, chat, bob) == 204
    later = ada.say(chat, "after")
    ways = {
        "chat": bob.get(f"/api/chats/{chat}"),
        "page": bob.get(f"/c/{chat}"),
        "log": bob.get(f"/api/chats/{chat}/log?after=0"),
        "messages": bob.get(f"/api/messages?chat={chat}"),
        "send": bob.post("/api/messages", {"chat_id": chat, "client_id": "b", "text": "still here"}),
        "edit": bob.patch(f"/api/messages/{seen['id']}", {"text": "x"}),
        "delete": bob.delete(f"/api/messages/{later['id']}"),
        "react": bob.put(f"/api/messages/{seen['id']}/reactions/👍"),
        "read": bob.post(f"/api/chats/{chat}/read", {"seq": 9}),
        "typing": bob.post(f"/api/chats/{chat}/typing"),
        "add": bob.post(f"/api/chats/{chat}/members", {"user_ids": [bob.id]}),
        "leave": bob.delete(f"/api/chats/{chat}/members/me"),
        "mute": bob.patch(f"/api/chats/{chat}", {"muted": True}),
        "webhooks": bob.get(f"/api/chats/{chat}/webhooks"),
    }
    assert {name: answer.status_code for name, answer in ways.items()} == dict.fromkeys(ways, 404)
    assert listed(bob) == {}
    assert synced(bob, {chat: 1}) == ([], [chat])
    assert ada.texts(chat) == ["before", "after"]


def test_no_message_of_the_removed_one_stands_after_the_removal(app: Flask, ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    cookie = bob.client.get_cookie("infitalks")
    assert cookie
    underway = threading.Semaphore(0)

    def send_until_refused(_: int) -> list[int]:
        client, seqs = app.test_client(), []
        client.set_cookie("infitalks", cookie.value)
        while True:
            body = {"chat_id": chat, "client_id": secrets.token_hex(8), "text": "again"}
            answer = client.post("/api/messages", json=body, headers={"X-CSRF-Token": bob.csrf})
            underway.release()
            if answer.status_code not in (201, 503):
                assert answer.status_code == 404
                return seqs
            if answer.status_code == 201:
                seqs.append(answer.json["seq"])

    with ThreadPoolExecutor(6) as pool:
        sending = [pool.submit(send_until_refused, number) for number in range(6)]
        for _ in range(12):
            assert underway.acquire(timeout=30)
        assert remove(ada, chat, bob) == 204
        answered = sorted(seq for future in sending for seq in future.result(60))
    log: list[Any] = []
    while not log or log[-1]["seq"] < ada.get(f"/api/chats/{chat}").json["last_seq"]:
        log += ada.get(f"/api/chats/{chat}/log?after={len(log)}&limit=100").json["entries"]
    (removal,) = [e["seq"] for e in log if e.get("action") == "removed"]
    assert [e["seq"] for e in log] == list(range(1, len(log) + 1))
    assert answered == [e["seq"] for e in log if e["kind"] == "message"]
    assert answered and max(answered) < removal


def test_one_who_comes_back_sees_everything_again_and_is_counted_from_then(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    ada.say(chat, "before")
    remove(ada, chat, bob)
    ada.say(chat, "meanwhile")
    assert add(ada, chat, bob) == 200
    assert bob.texts(chat) == ["before", "meanwhile"]
    assert listed(bob)[chat]["unread"] == 0
    ada.say(chat, "now")
    assert listed(bob)[chat]["unread"] == 1
    assert bob.say(chat, "back")["author"]["id"] == bob.id


def test_newcomers_see_what_was_said_before_them(ada: Person, bob: Person) -> None:
    chat = ada.group()
    ada.say(chat, "welcome")
    add(ada, chat, bob)
    assert bob.texts(chat) == ["welcome"]
    assert listed(bob)[chat]["unread"] == 0


def test_who_leaves_comes_back_only_when_added(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    assert leave(bob, chat) == 204
    assert leave(bob, chat) == 404
    assert chat not in listed(bob)
    assert entries(ada, chat)[-1]["action"] == "left"
    assert entries(ada, chat)[-1]["user"]["id"] == bob.id
    add(ada, chat, bob)
    assert chat in listed(bob)


# Lists


def test_the_list_pages_through_all_chats_once_the_newest_first(ada: Person, bob: Person) -> None:
    chats = [ada.group(bob, name=str(number)) for number in range(5)]
    ada.say(chats[1], "now the newest")
    seen: list[str] = []
    path = "/api/chats?limit=2"
    while True:
        page = ada.get(path).json
        seen += [chat["id"] for chat in page["chats"]]
        if not page["next"]:
            break
        assert len(page["chats"]) == 2
        path = f"/api/chats?limit=2&cursor={page['next']}"
    assert seen == [chats[1], chats[4], chats[3], chats[2], chats[0]]


def test_the_list_shows_the_last_message_as_it_now_is(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    ada.say(chat, "first")
    last = bob.say(chat, "second")
    shown = listed(ada)[chat]["last_message"]
    assert (shown["text"], shown["author"]["id"], shown["seq"]) == ("second", bob.id, last["seq"])
    bob.patch(f"/api/messages/{last['id']}", {"text": "second, mended"})
    assert listed(ada)[chat]["last_message"]["text"] == "second, mended"
    bob.delete(f"/api/messages/{last['id']}")
    shown = listed(ada)[chat]["last_message"]
    assert (shown["text"], shown["deleted"]) == ("", True)


def test_sync_names_what_changed_and_what_is_gone(ada: Person, bob: Person) -> None:
    quiet, busy, left, new = (ada.group(bob, name=name) for name in ("quiet", "busy", "left", "new"))
    known = {chat: ada.get(f"/api/chats/{chat}").json["last_seq"] for chat in (quiet, busy, left)}
    assert synced(ada, {**known, new: 1}) == ([], [])
    bob.say(busy, "hello")
    leave(ada, left)
    answer = ada.post("/api/sync", {"chats": {**known, "0" * 24: 3}}).json
    assert {chat["id"] for chat in answer["changed"]} == {busy, new}
    assert set(answer["gone"]) == {left, "0" * 24}
    (shown,) = [chat for chat in answer["changed"] if chat["id"] == busy]
    assert shown == listed(ada)[busy] and shown["unread"] == 1


def test_sync_names_the_channels_to_listen_on_also_after_they_moved(ada: Person) -> None:
    def told() -> list[str]:
        channels: list[str] = ada.post("/api/sync", {"chats": {}}).json["channels"]
        assert channels == ada.get("/api/realtime").json["channels"]
        return channels

    before = told()
    change_epoch(ObjectId(ada.id))
    assert before and told() != before


def test_a_stranger_is_told_of_no_chat_by_any_list(ada: Person, eve: Person) -> None:
    chat = ada.group()
    assert chat in listed(ada)
    assert listed(eve) == {}
    assert synced(eve, {chat: 0}) == ([], [chat])


@pytest.mark.parametrize("query", ["ad", "ADA", "lovel"])
def test_people_are_found_by_how_their_names_begin(ada: Person, bob: Person, query: str) -> None:
    ada.patch("/api/users/me", {"display_name": f"Ada Lovelace {ada.username}"})
    found = bob.get(f"/api/users?limit=50&q={query}").json["users"]
    assert found and all(
        any(word.lower().startswith(query.lower()) for word in [u["username"], *u["display_name"].split()])
        for u in found
    )
