"""Notifications: decided once when a message is told, stored, told live to whom it concerns, listed, and explained."""

from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId

from infitalks.actions import notifications
from infitalks.models.notifications import Notification
from tests.api.listening import Page, tell
from tests.people import Person
from tests.running import Running


def why(person: Person, message: dict[str, Any]) -> tuple[bool, str]:
    answer = person.get(f"/api/messages/{message['id']}/notification").json
    return answer["notified"], answer["reason"]


def test_a_decision_is_told_live_listed_and_explained_and_stays_when_the_settings_change(
    ada: Person, bob: Person, eve: Person, page: Callable[[Person], Page]
) -> None:
    chat = ada.group(bob, eve)
    eve.patch(f"/api/chats/{chat}", {"level": "mentions"})
    tell(chat)
    his, hers = page(bob), page(eve)
    first = ada.say(chat, "lunch?")
    assert why(bob, first) == (False, "unknown") and why(ada, first) == (False, "own")
    tell(chat)

    assert his.next()[0] == "log"
    name, data = his.next()
    (told,) = data["notifications"]
    assert name == "notify" and told["reason"] == "every_message" and told["text"] == "lunch?"
    assert (told["message_id"], told["chat_name"], told["author"]["id"]) == (first["id"], "Garden", ada.id)
    assert why(bob, first) == (True, "every_message") and why(ada, first) == (False, "own")
    second = bob.say(chat, "yes")
    tell(chat)
    assert why(eve, first) == why(eve, second) == (False, "mentions_only")
    assert eve.get("/api/notifications").json == {"notifications": []}

    eve.patch(f"/api/chats/{chat}", {"level": None})
    bob.patch(f"/api/chats/{chat}", {"level": "none"})
    assert why(bob, first) == (True, "every_message") and why(eve, first) == (False, "mentions_only")
    third = ada.say(chat, "at noon")
    tell(chat)
    assert why(bob, third) == (False, "level_none") and why(eve, third) == (True, "every_message")
    assert hers.entries(third["seq"])
    assert hers.next()[1]["notifications"][0]["message_id"] == third["id"]

    listed = bob.get("/api/notifications").json["notifications"]
    assert listed == [{**told, "read": True}]  # by writing after it
    assert [each["text"] for each in ada.get("/api/notifications").json["notifications"]] == ["yes"]
    mine = eve.get("/api/notifications").json["notifications"]
    assert [(each["text"], each["read"]) for each in mine] == [("at noon", False)]
    eve.post(f"/api/chats/{chat}/read", {"seq": third["seq"]})
    assert eve.get("/api/notifications").json["notifications"][0]["read"]
    assert eve.get(f"/api/notifications?after={third['id']}").json == {"notifications": []}


def test_an_edit_that_calls_somebody_notifies_nobody_anew(
    ada: Person, bob: Person, page: Callable[[Person], Page]
) -> None:
    chat = ada.group(bob)
    bob.patch(f"/api/chats/{chat}", {"level": "mentions"})
    tell(chat)
    opened = page(bob)
    message = ada.say(chat, "look")
    tell(chat)
    called = ada.patch(f"/api/messages/{message['id']}", {"text": f"look, @{bob.username}"})
    assert called.json["mentions"] == [bob.id]  # it is marked as such all the same
    tell(chat)
    assert why(bob, message) == (False, "mentions_only")
    assert bob.get("/api/notifications").json == {"notifications": []}
    asked = ada.say(chat, f"@{bob.username}, have you seen it?")
    tell(chat)
    assert opened.entries(asked["seq"])
    name, data = opened.next()  # the first notification that he hears
    assert (name, [each["message_id"] for each in data["notifications"]]) == ("notify", [asked["id"]])


def test_what_is_asked_for_by_name_reply_and_keyword_notifies_in_a_large_chat(
    ada: Person, bob: Person, eve: Person, gateway_process: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "LARGE_CHAT", 2)
    chat = ada.group(bob, eve)
    eve.patch("/api/users/me/preferences", {"keywords": ["Deploy"]})
    asked = bob.say(chat, "who is there?")
    answer = ada.say(chat, "I am", reply_to=asked["id"])
    keyword = ada.say(chat, "we DEPLOY now")
    mention = ada.say(chat, f"@{eve.username} look")
    everybody = ada.say(chat, "@all hear")
    thread = ada.say(chat, "and on", reply_to=answer["id"])
    tell(chat)
    assert [why(bob, each) for each in (answer, keyword, everybody, thread)] == [
        (True, "reply"),
        (False, "large_chat"),
        (True, "mention_all"),
        (True, "thread"),
    ]
    assert [why(eve, each) for each in (answer, keyword, mention)] == [
        (False, "large_chat"),
        (True, "keyword"),
        (True, "mention"),
    ]
    row = Notification.raw().find_one({"_id": ObjectId(answer["id"])}) or {}
    assert row["rest"] == "large_chat" and ObjectId(eve.id) not in [u for each in row["silent"] for u in each["users"]]
    late = Person(ada.client.application.test_client(), "late")
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [late.id]})
    assert why(late, answer) == (False, "joined_later")


def test_who_was_removed_is_notified_of_nothing_and_finds_nothing(
    ada: Person, bob: Person, page: Callable[[Person], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ada.group(bob)
    tell(chat)
    his = page(bob)
    before = ada.say(chat, "before")
    tell(chat)
    assert [his.next()[0] for _ in range(2)] == ["log", "notify"]
    assert bob.get("/api/notifications").json["notifications"]

    decided = ada.say(chat, "decided, and then removed")

    def remove(name: str) -> None:
        if name == "fan_out.before_send":
            return
        monkeypatch.undo()
        ada.delete(f"/api/chats/{chat}/members/{bob.id}")

    monkeypatch.setattr(notifications, "failpoint", remove)
    tell(chat)
    ada.say(chat, "after")
    tell(chat)
    heard = [his.next()]
    while heard[-1][0] != "chats":
        heard.append(his.next())
    # The message came before the removal, so that it was his to see, but he is not there any more to be notified.
    assert "after" not in str(heard) and "notify" not in [name for name, _ in heard]
    assert bob.get("/api/notifications").json == {"notifications": []}
    for message in (before, decided):
        assert bob.get(f"/api/messages/{message['id']}/notification").status_code == 404


def test_a_worker_that_dies_between_deciding_and_telling_leaves_one_decision_that_is_told_once(
    ada: Person, bob: Person, page: Callable[[Person], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = ada.group(bob)
    tell(chat)
    his = page(bob)

    class Killed(BaseException):
        pass

    def die(name: str) -> None:
        raise Killed

    message = ada.say(chat, "once")
    monkeypatch.setattr(notifications, "failpoint", die)
    with pytest.raises(Killed):
        tell(chat)
    monkeypatch.undo()
    bob.patch(f"/api/chats/{chat}", {"muted": True})  # too late for what is decided
    tell(chat)
    tell(chat)
    ada.say(chat, "then")
    tell(chat)
    assert [his.next()[0] for _ in range(3)] == ["log", "notify", "log"]
    assert why(bob, message) == (True, "every_message")


def test_bots_have_no_notifications_and_deleted_messages_notify_nobody(
    ada: Person, bob: Person, gateway_process: Running
) -> None:
    chat = ada.group(bob)
    gone, kept = ada.say(chat, "oops"), ada.say(chat, "kept")
    ada.delete(f"/api/messages/{gone['id']}")
    tell(chat)
    assert why(bob, kept) == (True, "every_message") and why(bob, gone) == (False, "unknown")
    token = ada.post("/api/bots", {"username": f"{ada.username}-bot", "display_name": "Bot"}).json["token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert ada.client.application.test_client().get("/api/notifications", headers=headers).status_code == 403


def test_the_page_without_script_sets_what_notifies_and_an_empty_field_takes_it_away(ada: Person) -> None:
    form = {"csrf_token": ada.csrf, "desktop": "off", "sound": "on", "time_zone": "Europe/Berlin"}
    full = {**form, "keywords": "Deploy, c++ ,", "quiet_from": "22:00", "quiet_to": "07:00"}
    assert ada.client.post("/settings/notifications", data=full).status_code == 302
    kept = ada.get("/api/users/me/preferences").json
    assert kept["keywords"] == ["Deploy", "c++"] and kept["quiet_from"] == "22:00"
    assert (kept["desktop"], kept["sound"], kept["time_zone"]) == (False, True, "Europe/Berlin")
    assert 'value="Deploy, c++"' in ada.client.get("/settings").text
    refused = ada.client.post("/settings/notifications", data={**full, "time_zone": "Mars/Olympus"})
    assert refused.status_code == 422 and "is no time zone" in refused.text
    assert ada.client.post("/settings/notifications", data=form).status_code == 302
    kept = ada.get("/api/users/me/preferences").json
    assert kept["keywords"] == [] and kept["quiet_from"] is None
    assert ada.client.post("/settings/notifications", data={**form, "time_zone": ""}).status_code == 302
    assert ada.get("/api/users/me/preferences").json["time_zone"] is None  # the browser's, from its next visit on
    paused = ada.patch("/api/users/me/preferences", {"quiet_until": "2026-07-01T12:00:00+02:00"}).json
    assert paused["quiet_until"] == "2026-07-01T10:00:00.000Z"


@pytest.mark.parametrize(
    ("told", "kept"), [("0062-06-20T12:05:07.784Z", "0062-06-20T12:05:07.784Z"), ("0001-01-01T00:00:00+14:00", None)]
)
def test_times_at_the_far_end_are_kept_as_they_are_or_refused_by_name(ada: Person, told: str, kept: str | None) -> None:
    answer = ada.patch("/api/users/me/preferences", {"quiet_until": told})
    if kept:
        assert answer.json["quiet_until"] == kept == ada.get("/api/users/me/preferences").json["quiet_until"]
    else:
        assert answer.status_code == 422 and "quiet_until" in answer.json["error"]["fields"]
