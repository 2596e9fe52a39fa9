"""Live events through the real gateway: who hears what, in what order, and which channels nobody may join."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import realtime, sessions, users
from infitalks.models.users import live_channels
from infitalks.tasks.realtime import tell_moved, tell_presence, tell_read, tell_typing
from tests.api.listening import Page, ask, channel, rung, tell
from tests.api.signing import bearer, log_in, signed_in, stored_user, tokens
from tests.people import Person
from tests.running import wait_until

# Who hears what


def test_a_page_is_told_where_and_on_which_channel_to_listen(ada: Person, pusher_environ: dict[str, str]) -> None:
    told = ada.get("/api/realtime").json
    assert told == {
        "key": pusher_environ["PUSHER_KEY"],
        "cluster": None,
        "host": "127.0.0.1",
        "port": int(pusher_environ["PUSHER_PORT"]),
        "tls": False,
        "channels": [f"private-user-{ada.id}-{stored_user(ada).epoch}"],
    }
    assert pusher_environ["PUSHER_SECRET"] not in str(told)


def test_everybody_in_the_chat_hears_every_entry_in_order(
    ada: Person, bob: Person, page: Callable[[Person], Page]
) -> None:
    chat = ada.group(bob)
    pages = [page(ada), page(bob), page(bob)]
    message = ada.say(chat, "helo")
    ada.patch(f"/api/messages/{message['id']}", {"text": "hello"})
    bob.put(f"/api/messages/{message['id']}/reactions/👍")
    bob.say(chat, "hi")
    tell(chat)
    log = ada.get(f"/api/chats/{chat}/log?after=0").json["entries"]
    for opened in pages:
        assert opened.entries(5) == log


def test_others_hear_nothing_of_it(ada: Person, bob: Person, eve: Person, page: Callable[[Person], Page]) -> None:
    chat, own = ada.group(bob), eve.group()
    stranger = page(eve)
    tell(own)
    assert [e["chat_id"] for e in stranger.entries(1)] == [own]
    ada.say(chat, "not for eve")
    tell(chat)
    eve.say(own, "for eve")
    tell(own)
    while (heard := stranger.next())[0] != "log":
        assert heard == ("chats", {"chat_id": own})
    assert [e["chat_id"] for e in heard[1]["entries"]] == [own]


def test_a_removed_member_hears_of_the_removal_and_of_nothing_later(
    ada: Person, bob: Person, page: Callable[[Person], Page]
) -> None:
    chat, marker = ada.group(bob), bob.group()
    tell(chat)
    tell(marker)
    opened = page(bob)
    ada.say(chat, "before")
    tell(chat)
    ada.delete(f"/api/chats/{chat}/members/{bob.id}")
    ada.say(chat, "after")
    tell(chat)
    bob.say(marker, "that is all")
    tell(marker)
    heard = []
    while not heard or heard[-1] != (marker, 2):
        name, data = opened.next()
        heard += [(e["chat_id"], e["seq"]) for e in data["entries"]] if name == "log" else []
    assert heard == [(chat, 2), (chat, 3), (marker, 2)]


def test_a_message_that_is_too_large_for_an_event_is_announced_by_number(
    ada: Person, page: Callable[[Person], Page]
) -> None:
    chat = ada.group()
    tell(chat)
    opened = page(ada)
    large = ada.say(chat, "é" * 12_000)
    tell(chat)
    assert opened.next() == ("log", {"chat_id": chat, "last_seq": large["seq"]})
    fetched = ada.get(f"/api/chats/{chat}/log?after=1").json
    assert fetched["entries"][0]["message"]["text"] == "é" * 12_000


def test_many_entries_come_in_few_events_of_the_allowed_size(ada: Person, page: Callable[[Person], Page]) -> None:
    chat = ada.group()
    tell(chat)
    opened = page(ada)
    texts = [str(number) + "👍" * 300 for number in range(12)]
    for text in texts:
        ada.say(chat, text)
    tell(chat)
    assert [e["message"]["text"] for e in opened.entries(13)] == texts


def test_members_hear_who_types_reads_and_joins(ada: Person, bob: Person, page: Callable[[Person], Page]) -> None:
    chat = ada.group(bob)
    tell(chat)
    opened = page(ada)
    tell_typing(chat, bob.id)
    assert opened.next() == ("typing", {"chat_id": chat, "user_id": bob.id})
    bob.post(f"/api/chats/{chat}/read", {"seq": 1})
    tell_read(chat, bob.id)
    assert opened.next() == ("read", {"chat_id": chat, "user_id": bob.id, "seq": 1})
    bob.delete(f"/api/chats/{chat}/members/me")
    tell(chat)
    assert [e["action"] for e in opened.entries(2)] == ["left"]
    assert opened.next() == ("chats", {"chat_id": chat})
    tell_typing(chat, bob.id)
    tell_typing(chat, ada.id)  # the first thing heard after: bob's typing was nobody's
    assert opened.next() == ("typing", {"chat_id": chat, "user_id": ada.id})


def test_how_far_one_has_read_is_told_to_ones_own_pages_alone_where_one_wants_that(
    ada: Person, bob: Person, page: Callable[[Person], Page]
) -> None:
    chat = ada.group(bob)
    tell(chat)
    others, own = page(ada), page(bob)
    first, second = (ada.say(chat, text) for text in ("one", "two"))
    tell(chat)
    for opened in (others, own):
        opened.entries(second["seq"])
    assert own.next()[0] == "notify"

    def read(message: Any, receipts: bool) -> dict[str, Any]:
        assert bob.patch("/api/users/me/preferences", {"read_receipts": receipts}).status_code == 200
        assert bob.post(f"/api/chats/{chat}/read", {"seq": message["seq"]}).status_code < 300
        tell_read(chat, bob.id)
        return {"chat_id": chat, "user_id": bob.id, "seq": message["seq"]}

    hidden, shown = read(first, False), read(second, True)
    assert [own.next() for _ in range(2)] == [("read", hidden), ("read", shown)]
    assert others.next() == ("read", shown)  # the first thing heard


def test_in_a_large_chat_all_hear_what_is_said_and_only_ones_own_pages_who_reads_types_and_comes(
    ada: Person, bob: Person, eve: Person, page: Callable[[Person], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime, "LARGE_CHAT", 2)
    chat = ada.group(bob, eve)
    tell(chat)
    others, own = page(ada), page(bob)
    message = bob.say(chat, "hello")
    bob.post(f"/api/chats/{chat}/read", {"seq": message["seq"]})
    tell_typing(chat, bob.id)
    tell_read(chat, bob.id)
    tell_presence(bob.id)
    assert [own.next()[0] for _ in range(3)] == ["typing", "read", "presence"]
    tell(chat)
    assert others.next()[0] == "log"  # the first thing heard
    small = ada.group(bob)
    tell(small)
    others.entries(1)
    assert others.next()[0] == "chats"
    tell_presence(bob.id)
    assert others.next() == ("presence", {"user_id": bob.id, "online": False, "away": False})


# Channels that nobody may join


def test_only_ones_own_current_channel_is_signed(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    own, foreign = channel(ada), channel(bob)
    assert ask(ada, "123.456", own).status_code == 200
    epoch = own.rpartition("-")[2]
    refused = [
        foreign,
        own.replace("private-user", "presence-user"),
        own.replace("private-user", "private-encrypted-user"),
        own.removeprefix("private-"),
        f"private-user-{bob.id}-{epoch}",
        own[:-1],
        own + "0",
        own.upper(),
        own.rpartition("-")[0],
        f"{own},{foreign}",
        f"{own}\n{foreign}",
        f" {own}",
        f"private-chat-{chat}-1",
        f"#server-to-user-{bob.id}",
        "x" * 200,
        "",
        "private-",
    ]
    for name in refused:
        answer: Any = ask(ada, "123.456", name)
        assert answer.status_code == 403, name
        assert "auth" not in answer.json


def test_a_socket_id_cannot_carry_another_channel(ada: Person, bob: Person) -> None:
    own = channel(ada)
    for socket_id in (
        f"1.1:{channel(bob)}",
        "1.1\n",
        "1.1:",
        "",
        "1",
        "x.y",
        "1.1 ",
        " 1.1",
        "1.1\n2.2",
        "²³.¹",
        "1" * 5000,
    ):
        assert ask(ada, socket_id, own).status_code == 400, socket_id


def test_one_call_asks_for_one_channel(ada: Person, bob: Person) -> None:
    own = channel(ada)
    for form in (
        [("socket_id", "1.1"), ("channel_name", own), ("channel_name", channel(bob))],
        [("socket_id", "1.1"), ("socket_id", "2.2"), ("channel_name", own)],
        [("socket_id", "1.1")],
        [("channel_name", own)],
    ):
        data = "&".join(f"{name}={value}" for name, value in form)
        kind = "application/x-www-form-urlencoded"
        answer = ada.call("POST", "/api/realtime/auth", data=data, content_type=kind)
        assert answer.status_code == 400
    assert ada.post("/api/realtime/auth", {"socket_id": "1.1", "channel_name": own}).status_code == 400


def test_a_signature_for_one_socket_opens_no_other(ada: Person, page: Callable[[Person], Page]) -> None:
    one, other = page(ada), page(ada)
    assert one.socket_id != other.socket_id
    auth = ask(ada, one.socket_id, one.channel).json["auth"]
    other.connection.send(json.dumps({"event": "pusher:unsubscribe", "data": {"channel": other.channel}}))
    assert other.subscribe(auth) == "pusher:subscription_error"


def test_a_token_signs_too(app: Flask, ada: Person) -> None:
    form = {"socket_id": "1.1", "channel_name": channel(ada)}
    token = tokens(ada)["access_token"]
    assert bearer(app.test_client(), token, "/api/realtime/auth", "POST", data=form).status_code == 200


# The end of a channel


def test_logging_out_ends_the_channel_and_says_so_without_content(
    app: Flask, ada: Person, page: Callable[[Person], Page], redis_url: str
) -> None:
    opened = page(ada)
    chat = ada.group()
    ada.post("/api/auth/logout")
    wait_until(lambda: rung(redis_url, "realtime.tell_moved", opened.channel), "the old channel's end was rung")
    tell(chat)
    tell_moved(opened.channel)
    assert opened.next() == ("moved", {})  # the chat's entry went to the new channel
    back = app.test_client()
    ada.client, ada.csrf = back, log_in(back, ada.email, ada.password).json["csrf_token"]
    assert channel(ada) != opened.channel
    assert ask(ada, "1.1", opened.channel).status_code == 403
    assert ask(ada, "1.1", channel(ada)).status_code == 200


def test_the_channel_ends_with_any_session_the_password_and_the_account(app: Flask, ada: Person) -> None:
    seen = [channel(ada)]

    def check_new() -> None:
        epoch = stored_user(ada).epoch
        assert epoch not in "".join(seen)
        seen.append(epoch)

    phone = app.test_client()
    csrf = log_in(phone, ada.email, ada.password).json["csrf_token"]
    phone.post("/api/auth/logout", headers={"X-CSRF-Token": csrf})
    check_new()
    ada.call("POST", "/settings/password", data={"current_password": ada.password, "password": "a new password"})
    check_new()
    ada.call("POST", "/settings/sessions/end-others")
    check_new()
    users.disable_user(stored_user(ada))
    check_new()


def test_a_disabled_member_hears_nothing(ada: Person, bob: Person, page: Callable[[Person], Page]) -> None:
    chat = ada.group(bob)
    tell(chat)
    opened = page(bob)
    users.disable_user(stored_user(bob))
    ada.say(chat, "not for bob")
    tell(chat)
    realtime.tell_moved(opened.channel)
    assert opened.next() == ("moved", {})


@pytest.mark.parametrize("way", ["logging out", "a new password"])
def test_no_ended_session_goes_on_listening_where_its_end_was_cut_short(
    app: Flask, ada: Person, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    before, real, calls = channel(ada), sessions.change_epoch, []

    def dies_the_second_time(user_id: ObjectId) -> None:
        calls.append(user_id)
        if len(calls) > 1:
            raise ConnectionError
        real(user_id)

    for module in (sessions, users):
        monkeypatch.setattr(module, "change_epoch", dies_the_second_time)
    if way == "logging out":
        assert ada.post("/api/auth/logout").status_code == 500
    else:
        with pytest.raises(ConnectionError):
            users.change_password(stored_user(ada), ada.password, "a new one for ada", kept=None)
    assert not signed_in(ada.client)
    assert before not in live_channels([ObjectId(ada.id)])
