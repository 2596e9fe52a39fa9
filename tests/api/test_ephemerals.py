"""Words to one person alone: who gets them, where else they are not, and when they go."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId

from infitalks.actions import ephemerals, realtime
from infitalks.models.ephemerals import Ephemeral
from tests.api.commanding import Command, alone, saying, told
from tests.api.corpus import nothing_changes
from tests.api.hooking import Relay, tell
from tests.api.listening import Page
from tests.api.test_removal import meanwhile
from tests.hooks import Hook
from tests.people import Person
from tests.receivers import receiving

__all__ = ["meanwhile"]


def say(hook: Hook, person: Person, text: str = "to you alone", key: str = "") -> Any:
    """A word of the webhook's bot to this person in its chat; its id, or None."""
    bot = ObjectId(hook.made["bot_id"])
    said = ephemerals.say_to(ObjectId(person.id), ObjectId(hook.chat), bot, key or text, text)
    return str(said["_id"]) if said else None


@pytest.fixture
def hook(app: Any, ada: Person, bob: Person) -> Hook:
    return Hook(app, ada, ada.group(bob))


def test_only_its_one_user_gets_it_by_the_list_and_by_sync(ada: Person, bob: Person, eve: Person, hook: Hook) -> None:
    top = ada.say(hook.chat, "before")["seq"]
    said = say(hook, bob, "**psst**, bob")
    (word,) = alone(bob)
    assert word == bob.post("/api/sync", {"chats": {}}).json["ephemerals"][0]
    assert (word["id"], word["chat_id"], word["seq"], word["via"]) == (said, hook.chat, top, None)
    assert (word["text"], word["html"]) == ("**psst**, bob", "<p><strong>psst</strong>, bob</p>")
    assert word["author"]["id"] == hook.made["bot_id"]
    for other in (ada, eve):
        assert alone(other) == [] and "psst" not in other.post("/api/sync", {"chats": {}}).text
        with nothing_changes():
            assert other.delete(f"/api/ephemerals/{said}").status_code == 404
    for path in (f"/api/chats/{hook.chat}/log?after=0", f"/api/messages?chat={hook.chat}", f"/api/chats/{hook.chat}"):
        assert "psst" not in bob.get(path).text + ada.get(path).text
    assert bob.get(f"/api/chats/{hook.chat}").json["last_seq"] == top
    assert "psst" not in bob.get("/api/chats").text


def test_a_page_comes_with_it(bob: Person, ada: Person, hook: Hook) -> None:
    say(hook, bob, "psst bob")
    assert "psst bob" in bob.get(f"/c/{hook.chat}").text
    assert "psst bob" not in ada.get(f"/c/{hook.chat}").text


def test_a_repeat_says_nothing_anew_whatever_it_says_also_at_once_and_when_dismissed(bob: Person, hook: Hook) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda n: say(hook, bob, f"version {n}", "key"), range(8)))
    assert len(ids) == 1 and len(told(bob)) == 1
    assert bob.delete(f"/api/ephemerals/{ids.pop()}").status_code == 204
    say(hook, bob, "once more", "key")
    assert told(bob) == []
    say(hook, bob, "another", "another key")
    assert told(bob) == ["another"]


def test_what_is_dismissed_is_gone_and_blank(bob: Person, hook: Hook) -> None:
    said, kept = say(hook, bob, "read and gone"), say(hook, bob, "kept")
    assert told(bob) == ["read and gone", "kept"]
    assert bob.delete(f"/api/ephemerals/{said}").status_code == 204
    assert told(bob) == ["kept"] and bob.post("/api/sync", {"chats": {}}).json["ephemerals"][0]["id"] == kept
    assert bob.delete(f"/api/ephemerals/{said}").status_code == 404
    assert "read and gone" not in str(Ephemeral.raw().find_one({"_id": ObjectId(said)}))


def test_after_a_day_it_is_gone_before_it_is_removed(bob: Person, hook: Hook) -> None:
    said = say(hook, bob)
    row: Any = Ephemeral.raw().find_one({"_id": ObjectId(said)})
    assert timedelta(hours=23, minutes=59) < row["expires_at"] - datetime.now(UTC) <= timedelta(hours=24)
    Ephemeral.raw().update_one({"_id": row["_id"]}, {"$set": {"expires_at": datetime.now(UTC)}})
    assert alone(bob) == [] and bob.delete(f"/api/ephemerals/{said}").status_code == 404
    indexes = Ephemeral.raw().index_information().values()
    assert any(index.get("expireAfterSeconds") == 0 and index["key"] == [("expires_at", 1)] for index in indexes)


def test_the_newest_fifty_are_shown_oldest_first(bob: Person, hook: Hook) -> None:
    for number in range(53):
        say(hook, bob, str(number))
    assert told(bob) == [str(number) for number in range(3, 53)]


# Removal


def test_who_was_removed_gets_none_by_any_way(ada: Person, bob: Person, hook: Hook) -> None:
    said = say(hook, bob)
    assert told(bob) == ["to you alone"]
    ada.delete(f"/api/chats/{hook.chat}/members/{bob.id}")
    assert alone(bob) == [] and bob.post("/api/sync", {"chats": {}}).json["ephemerals"] == []
    assert bob.delete(f"/api/ephemerals/{said}").status_code == 404
    with nothing_changes():
        assert say(hook, bob, "later") is None
        assert not ephemerals.replace_ephemeral(ObjectId(said), ObjectId(hook.made["bot_id"]), "later")
    ada.post(f"/api/chats/{hook.chat}/members", {"user_ids": [bob.id]})
    assert told(bob) == ["to you alone"]  # of the time when he was in it


@pytest.mark.parametrize("path", ["/api/ephemerals", "/api/sync"])
def test_who_is_removed_while_the_list_is_read_is_not_shown_it(
    ada: Person, bob: Person, hook: Hook, meanwhile: Any, path: str
) -> None:
    from infitalks.actions import chats

    say(hook, bob)
    meanwhile(ephemerals, "memberships_of", lambda: chats.remove_member(ObjectId(ada.id), hook.chat, bob.id))
    answer = bob.get(path) if path == "/api/ephemerals" else bob.post(path, {"chats": {}})
    assert answer.status_code == 200 and answer.json["ephemerals"] == []


def test_a_bot_that_was_taken_out_says_nothing(ada: Person, bob: Person, hook: Hook) -> None:
    assert say(hook, bob, "in it")
    ada.delete(f"/api/chats/{hook.chat}/members/{hook.made['bot_id']}")
    with nothing_changes():
        assert say(hook, bob, "out of it") is None
    assert told(bob) == ["in it"]


def test_the_event_says_that_there_is_something_to_its_user_alone(
    ada: Person, bob: Person, hook: Hook, page: Callable[[Person], Page]
) -> None:
    his, hers = page(bob), page(ada)
    chat = ObjectId(hook.chat)

    def ring(*people: Person) -> None:
        for person in people:
            realtime.tell_ephemeral(ObjectId(person.id), chat)

    said = say(hook, bob, "psst")
    ring(bob)
    assert his.next() == ("ephemeral", {"chat_id": hook.chat})
    bob.delete(f"/api/ephemerals/{said}")
    ring(bob)
    assert his.next() == ("ephemeral", {"chat_id": hook.chat})
    ada.delete(f"/api/chats/{hook.chat}/members/{bob.id}")
    ring(bob, ada)
    assert hers.next() == ("ephemeral", {"chat_id": hook.chat})
    marker = bob.group()
    bob.say(marker, "that is all")
    realtime.fan_out(ObjectId(marker))
    heard = [his.next()[0]]
    while heard[-1] != "log":
        heard.append(his.next()[0])
    assert "ephemeral" not in heard


# Changing


def test_only_its_author_replaces_it_and_takes_it_away(bob: Person, hook: Hook) -> None:
    said, bot = ObjectId(say(hook, bob, "one")), ObjectId(hook.made["bot_id"])
    with nothing_changes():
        assert not ephemerals.replace_ephemeral(said, ObjectId(bob.id), "two")
        assert not ephemerals.delete_ephemeral(said, ObjectId(bob.id))
    assert ephemerals.replace_ephemeral(said, bot, "two")
    (word,) = alone(bob)
    assert (word["id"], word["text"], word["html"]) == (str(said), "two", "<p>two</p>")
    assert ephemerals.delete_ephemeral(said, bot) and not ephemerals.delete_ephemeral(said, bot)
    assert alone(bob) == [] and not ephemerals.replace_ephemeral(said, bot, "three")


# Outgoing webhooks


@pytest.mark.usefixtures("loopback")
def test_an_outgoing_webhook_answers_the_author_of_a_message_alone_and_once(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    with receiving(then=saying({"text": "Only you, *bob*.", "response_type": "ephemeral"})) as receiver:
        relay = Relay(ada, chat, receiver.url, format="json", events=["message.sent"])
        bob.say(chat, "who?")
        tell(chat, relay)
        assert ada.post(f"{relay.path}/deliveries/{relay.deliveries()[0]['id']}/redeliver").status_code == 200
        relay.work()
        assert len(receiver.got) == 2
    assert told(bob) == ["Only you, **bob**."] and alone(ada) == []
    assert ada.texts(chat) == ["who?"]
    assert relay.deliveries()[0]["attempts"][0]["reply"] == "said to the author alone"


@pytest.mark.usefixtures("loopback")
def test_an_outgoing_webhook_says_nothing_alone_to_bots_and_to_those_who_left(
    app: Any, ada: Person, bob: Person
) -> None:
    chat = ada.group(bob)
    hook = Hook(app, ada, chat)
    with receiving(then=saying({"text": "psst", "response_type": "ephemeral"})) as receiver:
        relay = Relay(ada, chat, receiver.url, format="json", events=["message.sent"], on_bots=True)
        hook.post({"text": "I am a bot"})
        tell(chat, relay)
        bob.say(chat, "bye")
        tell(chat)
        ada.delete(f"/api/chats/{chat}/members/{bob.id}")
        relay.work()
        assert len(receiver.got) == 2
    replies = [each["attempts"][0]["reply"] for each in relay.deliveries()]
    assert replies == [
        "not posted: the author is not in the chat any more",
        "not posted: only people are told something alone",
    ]
    assert Ephemeral.raw().count_documents({"chat": ObjectId(chat)}) == 0


@pytest.mark.usefixtures("loopback")
def test_what_a_card_of_it_does_is_told_to_no_page(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "a", "value": "hidden-value"}
    with receiving(then=saying({"blocks": [{"type": "actions", "elements": [button]}]})) as receiver:
        Command(ada, chat, receiver.url).run(bob)
    (word,) = alone(bob)
    assert word["cards"][0]["buttons"][0]["text"] == "Go"
    assert "hidden-value" not in json.dumps(word) + bob.get(f"/c/{chat}").text
