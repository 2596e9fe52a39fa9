"""What receivers answer is posted once, and bots that answer one another come to an end that the chat sees."""

import json
from typing import Any

import pytest
from bson import ObjectId

from infitalks.actions import loops, sending
from infitalks.models.deliveries import Budget, Delivery
from infitalks.models.log import AT_ONCE, Entry
from tests.api.hooking import Relay, tell
from tests.people import Person
from tests.receivers import Behave, answering, receiving

pytestmark = pytest.mark.usefixtures("loopback")


def saying(payload: Any, status: int = 200) -> Behave:
    return answering(status, json.dumps(payload).encode(), {"Content-Type": "application/json"})


def messages(person: Person, chat: str) -> list[Any]:
    return list(person.get(f"/api/messages?chat={chat}").json["messages"])


def asked(ada: Person, answer: Behave, **more: Any) -> tuple[Relay, list[Any]]:
    """A webhook whose receiver answered one message, and what was posted after that message."""
    chat = ada.group()
    with receiving(then=answer) as receiver:
        relay = Relay(ada, chat, receiver.url, **more)
        ada.say(chat, "what time is it?")
        tell(chat, relay)
        assert len(receiver.got) == 1
    return relay, messages(ada, chat)[1:]


@pytest.mark.parametrize("form", ["json", "form", "events"])
def test_an_answer_is_posted_by_the_bot(ada: Person, form: str) -> None:
    relay, (reply,) = asked(ada, saying({"text": "**noon**", "username": "Clock"}), format=form)
    assert (reply["text"], reply["html"]) == ("**noon**", "<p><strong>noon</strong></p>")
    assert reply["author"]["id"] == relay.made["bot_id"] and reply["author"]["kind"] == "bot"
    assert (reply["via"]["name"], reply["reply_to"]) == ("Clock", None)
    assert relay.deliveries()[0]["attempts"][0]["reply"] == "posted"


def test_a_comment_answers_the_message(ada: Person) -> None:
    relay, (reply,) = asked(ada, saying({"text": "noon", "response_type": "comment"}))
    assert reply["reply_to"] == messages(ada, relay.chat)[0]["id"]


def test_attachments_become_cards(ada: Person) -> None:
    _, (reply,) = asked(
        ada, saying({"attachments": [{"title": "Clock", "text": "noon", "color": "good"}]}), format="json"
    )
    assert [card["title"] for card in reply["cards"]] == ["Clock"]


SILENT: dict[str, Behave] = {
    "nothing": answering(200),
    "204": answering(204),
    "ok": answering(200, b"ok"),
    "a list": saying([{"text": "x"}]),
    "no text": saying({}),
    "an empty text": saying({"text": "  "}),
    "something else": saying({"success": True}),
    "no UTF-8": answering(200, b'{"text": "\xff"}'),
    "half of a pair": answering(200, b'{"text": "\\ud800"}'),
    "a text of brackets": answering(200, b"[" * 60_000),
    "too much": answering(200, b'{"text": "' + b"x" * 70_000 + b'"}'),
    "compressed": answering(200, b'{"text": "x"}', {"Content-Encoding": "br"}),
    "a text that is a number": saying({"text": 5}),
    "a word to one person alone": saying({"text": "psst", "response_type": "ephemeral"}),
}


@pytest.mark.parametrize("answer", SILENT.values(), ids=SILENT)
def test_what_says_nothing_to_all_posts_nothing_and_has_arrived(ada: Person, answer: Behave) -> None:
    relay, posted = asked(ada, answer)
    assert posted == []
    assert relay.deliveries()[0]["state"] == "ok"


def test_a_repeated_delivery_posts_no_second_answer_whatever_it_is_answered_with(ada: Person) -> None:
    chat = ada.group()
    with receiving(saying({"text": "one"}), saying({"text": "one"}), saying({"text": "another"})) as receiver:
        relay = Relay(ada, chat, receiver.url)
        ada.say(chat, "hello")
        tell(chat, relay)
        for _ in range(2):
            path = f"{relay.path}/deliveries/{relay.deliveries()[0]['id']}/redeliver"
            assert ada.post(path).status_code == 200
            relay.work()
        assert len(receiver.got) == 3
    assert ada.texts(chat) == ["hello", "one"]


def test_a_worker_that_died_after_the_answer_delivers_again_under_the_same_id_and_posts_once(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(name: str) -> None:
        if name == "webhooks.before_mark":
            raise SystemExit("killed")

    chat = ada.group()
    with receiving(then=saying({"text": "noon"})) as receiver:
        relay = Relay(ada, chat, receiver.url)
        ada.say(chat, "hello")
        with monkeypatch.context() as broken, pytest.raises(SystemExit):
            broken.setattr(sending, "failpoint", dies)
            tell(chat, relay)
        relay.work()
        assert len(receiver.got) == 1  # it is still claimed
        Delivery.raw().update_many({"webhook": ObjectId(relay.id)}, {"$set": {"due": AT_ONCE}})  # 30 s later
        relay.work()
        first, second = receiver.got
        assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)
    assert ada.texts(chat) == ["hello", "noon"]
    assert relay.deliveries()[0]["state"] == "ok"


# Loops


def test_its_own_posts_and_without_asking_other_bots_trigger_nothing(ada: Person) -> None:
    chat = ada.group()
    with receiving(then=saying({"text": "me too"})) as receiver:
        relay = Relay(ada, chat, receiver.url, on_bots=True)
        deaf = Relay(ada, chat, receiver.url)
        hook = ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Builds"}).json
        path = hook["url"].partition("8000")[2]
        assert ada.client.post(path, json={"text": "from a bot"}).status_code == 200
        tell(chat, relay, deaf)
        tell(chat, relay, deaf)
        assert len(receiver.got) == 1 and deaf.deliveries() == []
    assert ada.texts(chat) == ["from a bot", "me too"]


def test_two_bots_that_answer_each_other_stop_and_the_chat_shows_why_once(ada: Person) -> None:
    chat = ada.group()
    with receiving(then=saying({"text": "ping"})) as one, receiving(then=saying({"text": "pong"})) as other:
        left = Relay(ada, chat, one.url, name="Left")
        right = Relay(ada, chat, other.url, name="Right", on_bots=True)
        ada.patch(left.path, {"on_bots": True})
        for text in ("first", "second"):
            ada.say(chat, text)
            for _ in range(8):
                tell(chat, left, right)
        posted = messages(ada, chat)
    # To each of the two, bots answer it, then each other: three posts in a row, and no more.
    assert sum(m["author"]["kind"] == "bot" and m["text"] in ("ping", "pong") for m in posted) == 2 * (2 + 2 + 2)
    notices = [m for m in posted if "was not told" in m["text"]]
    assert sorted(m["author"]["display_name"] for m in notices) == ["Left", "Right"]
    assert "3 times in a row" in notices[0]["text"]
    for relay in (left, right):
        assert {"3 times in a row" in delivery["reason"] for delivery in relay.deliveries("dead")} == {True}
    stored: Any = Entry.raw().find_one({"_id": ObjectId([m for m in posted if m["text"] == "ping"][-1]["id"])})
    assert stored["origin"]["hops"] == 3 and len(stored["origin"]["bots"]) == 3


def test_what_was_stopped_goes_on_when_somebody_wants_it(ada: Person) -> None:
    chat = ada.group()
    with receiving() as receiver:
        relay = Relay(ada, chat, receiver.url, on_bots=True)
        hook = ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Builds"}).json
        ada.client.post(hook["url"].partition("8000")[2], json={"text": "tired"})
        Budget.raw().insert_one({"_id": f"{relay.made['bot_id']}:{chat}", "level": 0.2, "at": AT_ONCE})
        Budget.raw().update_one({"_id": f"{relay.made['bot_id']}:{chat}"}, [{"$set": {"at": "$$NOW"}}])
        tell(chat, relay)
        assert receiver.got == []
        assert "faster" in relay.deliveries("dead")[0]["reason"]
        assert ada.post(f"{relay.path}/deliveries/redeliver").json == {"redelivered": 1}
        relay.work()
        assert len(receiver.got) == 1


def test_a_flood_of_a_bots_posts_is_told_up_to_the_budget_and_people_are_not_limited(ada: Person) -> None:
    chat = ada.group()
    with receiving() as receiver:
        relay = Relay(ada, chat, receiver.url, on_bots=True)
        hook = ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Builds"}).json
        for number in range(loops.BURST + 15):
            ada.client.post(hook["url"].partition("8000")[2], json={"text": str(number)})
        tell(chat, relay)
        assert loops.BURST <= len(receiver.got) < loops.BURST + 10
        assert len(relay.deliveries("dead")) == loops.BURST + 15 - len(receiver.got)
        told = len(receiver.got)
        for number in range(5):
            ada.say(chat, str(number))
        tell(chat, relay)
        assert len(receiver.got) == told + 5
    assert sum("was not told" in text for text in ada.texts(chat)) == 1
