"""Bots that hear each other and answer come to an end, and nobody else is held up by that."""

from collections.abc import Callable

import pytest
from bson import ObjectId

from infitalks.actions import loops
from infitalks.models.deliveries import Budget
from infitalks.models.log import AT_ONCE, Entry
from tests.bots.listener import Bot, texts
from tests.people import Person

Pair = tuple[Bot, Bot]


@pytest.fixture
def pair(ada: Person, bot: Callable[[], Bot]) -> Pair:
    return bot(), bot()


@pytest.fixture
def chat(ada: Person, pair: Pair) -> str:
    chat = ada.group()
    for each in pair:
        each.join(chat)
        each.hear()
    return chat


def answer_all(bots: Pair, chat: str, times: int = 8) -> None:
    """Each says something to all that it hears, so often."""
    for _ in range(times):
        for each in bots:
            for text in texts(each.hear()):
                each.say(chat, f"{text}!")


def said_by(ada: Person, chat: str, bots: Pair) -> list[str]:
    ids = {each.id for each in bots}
    return [
        each["text"] for each in ada.get(f"/api/messages?chat={chat}").json["messages"] if each["author"]["id"] in ids
    ]


def origins(chat: str) -> list[int]:
    found = Entry.raw().find({"chat": ObjectId(chat), "kind": "message"}).sort("seq", 1)
    return [entry.get("origin", {}).get("hops", 0) for entry in found if not entry.get("origin", {}).get("notice")]


def test_two_bots_that_answer_all_they_hear_stop_and_the_chat_shows_why_once(
    ada: Person, pair: Pair, chat: str
) -> None:
    ada.say(chat, "hello")
    answer_all(pair, chat)
    assert max(origins(chat)) == loops.MOST_HOPS
    posted = said_by(ada, chat, pair)
    assert len(posted) < 20
    stopped = [text for text in posted if loops.IN_A_ROW in text]
    assert 1 <= len(stopped) == len(set(stopped)) <= 2  # each says it of itself alone
    before = len(said_by(ada, chat, pair))
    answer_all(pair, chat)
    assert len(said_by(ada, chat, pair)) == before


def test_people_are_answered_on_and_on(ada: Person, pair: Pair, chat: str) -> None:
    for number in range(3):
        ada.say(chat, f"question {number}")
        answer_all(pair, chat)
    posted = said_by(ada, chat, pair)
    assert [f"question {number}!" in posted for number in range(3)] == [True] * 3
    stopped = [text for text in posted if loops.IN_A_ROW in text]
    assert 1 <= len(stopped) == len(set(stopped)) <= 2  # within the hour, once each


def test_a_chain_is_counted_along_answers_to_messages_too(ada: Person, pair: Pair, chat: str) -> None:
    one, other = pair
    answered = ada.say(chat, "hello")["id"]
    for number in range(loops.MOST_HOPS):
        body = {"chat_id": chat, "client_id": f"answer-{number}", "text": "and", "reply_to": answered}
        posted = (one, other)[number % 2].call("POST", "/api/messages", body)
        assert posted.status_code == 201
        answered = posted.json["id"]
    assert origins(chat) == [0, 1, 2, 3]


def test_what_a_bot_says_long_after_it_heard_something_is_its_own(ada: Person, pair: Pair, chat: str) -> None:
    one, _ = pair
    ada.say(chat, "hello")
    assert texts(one.hear()) == ["hello"]
    one.say(chat, "at once")
    Budget.raw().update_one({"_id": f"{one.id}:{chat}"}, {"$set": {"heard_at": AT_ONCE}})
    one.say(chat, "much later")
    assert origins(chat) == [0, 1, 0]


def test_a_bot_that_answers_bots_too_fast_is_told_to_wait_and_its_repeats_are_not(
    ada: Person, pair: Pair, chat: str
) -> None:
    one, other = pair
    other.say(chat, "from a bot")
    ada.say(chat, "by the way")
    answered = next(event["message"]["id"] for event in one.hear() if event["kind"] == "message")

    def answer(number: int) -> int:
        body = {"chat_id": chat, "client_id": f"answer-{number}", "text": "yes", "reply_to": answered}
        return one.call("POST", "/api/messages", body).status_code

    Budget.raw().update_one({"_id": f"{one.id}:{chat}"}, {"$set": {"heard_at": AT_ONCE}})
    Entry.raw().update_one({"_id": ObjectId(answered)}, {"$set": {"origin": {"hops": 1, "bots": []}}})
    codes = [answer(number) for number in range(loops.BURST + 5)]
    assert codes[: loops.BURST] == [201] * loops.BURST and codes[-1] == 429
    assert answer(0) == 200
    one.say(chat, "what is not an answer is free")


def test_an_alert_bot_that_hears_nothing_is_never_held_up(ada: Person, pair: Pair, chat: str) -> None:
    alerts, listener = pair
    for number in range(loops.BURST + 10):
        alerts.say(chat, f"alert {number}")
    assert len(texts(listener.hear())) == loops.BURST + 10
    assert set(origins(chat)) == {0}
