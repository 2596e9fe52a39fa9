"""Who is online: told by the server's signed webhooks, asked for after it died, and only of the current channel."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import presence
from infitalks.models.users import User
from infitalks.tasks.maintenance import repair_presence
from infitalks.tasks.realtime import tell_presence
from tests.api.listening import Page, channel, forget_bells, rung
from tests.people import Person
from tests.running import wait_until


def hook(app: Flask, environ: dict[str, str], body: bytes, **changes: str) -> int:
    signature = hmac.new(environ["PUSHER_SECRET"].encode(), body, hashlib.sha256).hexdigest()
    headers = {"X-Pusher-Key": environ["PUSHER_KEY"], "X-Pusher-Signature": signature} | changes
    client = app.test_client()
    return client.post("/api/realtime/webhook", data=body, headers=headers, content_type="application/json").status_code


def came_and_went(*events: tuple[str, str], age: float = 0) -> bytes:
    listed = [{"name": name, "channel": channel_name} for name, channel_name in events]
    return json.dumps({"time_ms": int((time.time() - age) * 1000), "events": listed}).encode()


def online(asker: Person, chat: str, person: Person) -> bool:
    members = asker.get(f"/api/chats/{chat}").json["members"]
    return bool(next(m["online"] for m in members if m["user"]["id"] == person.id))


def test_presence_follows_the_servers_webhooks(
    app: Flask, ada: Person, bob: Person, pusher_environ: dict[str, str], page: Callable[[Person], Page], redis_url: str
) -> None:
    chat = ada.group(bob)
    opened = page(ada)
    name = channel(bob)
    assert not online(ada, chat, bob)
    assert hook(app, pusher_environ, came_and_went(("channel_occupied", name))) == 200
    assert online(ada, chat, bob)
    wait_until(lambda: rung(redis_url, "realtime.tell_presence", bob.id), "others are to be told")
    tell_presence(bob.id)
    assert opened.next() == ("presence", {"user_id": bob.id, "online": True, "away": False})
    assert bob.call("PUT", "/api/realtime/away", {"away": True}).status_code == 204
    tell_presence(bob.id)
    assert opened.next() == ("presence", {"user_id": bob.id, "online": True, "away": True})
    members = {each["user"]["id"]: each for each in ada.get(f"/api/chats/{chat}").json["members"]}
    assert (members[bob.id]["away"], members[ada.id]["away"]) == (True, False)
    both = came_and_went(("channel_vacated", name), ("channel_occupied", channel(ada)))
    assert hook(app, pusher_environ, both) == 200
    assert (online(ada, chat, bob), online(bob, chat, ada)) == (False, True)


def test_only_the_current_channel_counts_for_presence(
    app: Flask, ada: Person, bob: Person, pusher_environ: dict[str, str]
) -> None:
    chat = ada.group(bob)
    old = channel(bob)
    bob.call("POST", "/settings/sessions/end-others")
    names = [old, "private-user-x-y", f"private-user-{bob.id}", f"presence-user-{bob.id}-x", "", f"a-{old}"]
    assert hook(app, pusher_environ, came_and_went(*(("channel_occupied", name) for name in names))) == 200
    assert not online(ada, chat, bob)


def test_a_webhook_that_the_server_did_not_sign_changes_nothing(
    app: Flask, ada: Person, bob: Person, pusher_environ: dict[str, str]
) -> None:
    chat = ada.group(bob)
    body = came_and_went(("channel_occupied", channel(bob)))
    wrong = [
        hook(app, pusher_environ, body, **{"X-Pusher-Signature": "0" * 64}),
        hook(app, pusher_environ, body, **{"X-Pusher-Signature": ""}),
        hook(app, pusher_environ, body, **{"X-Pusher-Signature": "é"}),
        hook(app, pusher_environ, body, **{"X-Pusher-Key": "another"}),
        hook(app, {**pusher_environ, "PUSHER_SECRET": "another"}, body),
        hook(app, pusher_environ, came_and_went(("channel_occupied", channel(bob)), age=301)),
        hook(app, pusher_environ, b"not JSON"),
        hook(app, pusher_environ, b"\xff"),
        hook(app, pusher_environ, b"[]"),
        hook(app, pusher_environ, b"{}"),
    ]
    assert wrong == [401] * len(wrong)
    assert not online(ada, chat, bob)
    assert hook(app, pusher_environ, body) == 200 and online(ada, chat, bob)


def test_logging_out_says_to_others_that_one_is_offline(
    app: Flask, ada: Person, bob: Person, pusher_environ: dict[str, str], page: Callable[[Person], Page], redis_url: str
) -> None:
    chat = ada.group(bob)
    opened = page(ada)
    hook(app, pusher_environ, came_and_went(("channel_occupied", channel(bob))))
    wait_until(lambda: rung(redis_url, "realtime.tell_presence", bob.id), "it was rung that bob is here")
    forget_bells(redis_url)
    assert online(ada, chat, bob)
    bob.post("/api/auth/logout")  # the end of the old channel does not count any more
    wait_until(lambda: rung(redis_url, "realtime.tell_presence", bob.id), "others are to be told")
    assert not online(ada, chat, bob)
    tell_presence(bob.id)
    assert opened.next() == ("presence", {"user_id": bob.id, "online": False, "away": False})


def show_online(person: Person, online: bool) -> None:
    User.raw().update_one({"_id": ObjectId(person.id)}, {"$set": {"online": online}})


def test_presence_is_mended_after_a_server_that_died(
    app: Flask, ada: Person, bob: Person, page: Callable[[Person], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ada.group(bob)
    page(ada)
    show_online(ada, False)
    show_online(bob, True)
    monkeypatch.setattr(presence, "SECOND_LOOK_SECONDS", 0)
    repair_presence()
    assert (online(bob, chat, ada), online(ada, chat, bob)) == (True, False)


def test_who_is_away_for_a_moment_stays_online(
    app: Flask, ada: Person, bob: Person, page: Callable[[Person], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ada.group(bob)
    show_online(bob, True)
    real, here = time.sleep, threading.current_thread()
    # The driver's threads sleep, too.
    monkeypatch.setattr(
        "time.sleep", lambda seconds: page(bob) if threading.current_thread() is here else real(seconds)
    )
    repair_presence()
    assert online(ada, chat, bob)


def test_without_the_server_presence_stays_as_it_is(app: Flask, ada: Person, bob: Person, no_gateway: None) -> None:
    chat = ada.group(bob)
    show_online(bob, True)
    repair_presence()
    assert online(ada, chat, bob)
