"""What a bot hears: everything of its chats, in order, at least once, and nothing that is not for it."""

from collections.abc import Callable

import pytest
from bson import ObjectId

from infitalks.actions import bots, chats, messages
from infitalks.models.bots import Cursor
from infitalks.models.users import User
from tests.api.corpus import ID, nothing_changes
from tests.api.test_removal import Meanwhile
from tests.bots.listener import Bot, texts
from tests.people import Person


def test_it_hears_what_happens_after_now_as_the_log_has_it(ada: Person, bob: Person, robot: Bot) -> None:
    chat = ada.group(bob)
    robot.join(chat)
    ada.say(chat, "before")
    robot.cursor = robot.ask().json["cursor"]
    assert robot.hear() == []
    message = ada.say(chat, "hello")["id"]
    ada.patch(f"/api/messages/{message}", {"text": "hello!"})
    bob.put(f"/api/messages/{message}/reactions/👍")
    ada.patch(f"/api/chats/{chat}", {"name": "Yard"})
    bob.delete(f"/api/chats/{chat}/members/me")
    ada.delete(f"/api/messages/{message}")
    log = robot.call("GET", f"/api/chats/{chat}/log?after=0&limit=100").json["entries"]
    heard = robot.hear()
    assert [event["kind"] for event in heard] == ["message", "edit", "reaction", "chat", "member", "delete"]
    assert heard == log[-6:]
    assert robot.hear() == []


def test_what_it_has_not_dealt_with_it_hears_again(ada: Person, robot: Bot) -> None:
    chat = ada.group()
    robot.join(chat)
    ada.say(chat, "one")
    first, again = robot.heard(), robot.heard()
    assert texts(first["events"]) == ["one"] and again["events"] == first["events"]
    ada.say(chat, "two")
    assert texts(robot.heard(first["cursor"])["events"]) == ["two"]
    assert texts(robot.heard()["events"]) == ["one", "two"]


def test_much_in_one_chat_does_not_hold_up_the_others_and_all_of_it_comes_in_order(ada: Person, robot: Bot) -> None:
    busy, quiet = ada.group(), ada.group()
    for chat in (busy, quiet):
        robot.join(chat)
    robot.hear()
    for number in range(230):
        ada.say(busy, f"busy {number}")
    for number in range(3):
        ada.say(quiet, f"quiet {number}")
    answers = []
    while events := robot.hear():
        answers.append(events)
    assert len(answers) == 3 and max(len(events) for events in answers) <= bots.MOST_EVENTS
    assert "quiet 2" in texts(answers[0]) and "busy 49" in texts(answers[0])
    said = texts([event for events in answers for event in events])
    assert [text for text in said if text.startswith("busy")] == [f"busy {number}" for number in range(230)]
    assert [text for text in said if text.startswith("quiet")] == [f"quiet {number}" for number in range(3)]


def test_it_does_not_hear_itself_but_other_bots(ada: Person, bot: Callable[[], Bot]) -> None:
    robot, other = bot(), bot()
    chat = ada.group()
    robot.join(chat)
    other.join(chat)
    robot.hear()
    for number in range(bots.MOST_EVENTS + 5):
        robot.say(chat, f"mine {number}")
    other.say(chat, "from another bot")
    assert texts(robot.hear()) == ["from another bot"]  # found at once, beyond more than one answer's worth
    robot.say(chat, "mine again")
    began = robot.cursor
    assert robot.hear() == [] and robot.cursor != began  # passed over for good


def test_it_hears_of_a_chat_from_the_entry_that_added_it(ada: Person, robot: Bot) -> None:
    chat = ada.group()
    ada.say(chat, "before its time")
    robot.join(chat)
    ada.say(chat, "welcome")
    added, said = robot.hear()
    assert (added["action"], added["user"]["id"]) == ("added", robot.id)
    assert said["message"]["text"] == "welcome"


def test_who_is_removed_hears_nothing_later_and_goes_on_when_it_is_back(ada: Person, robot: Bot) -> None:
    chat, other = ada.group(), ada.group()
    for each in (chat, other):
        robot.join(each)
    robot.hear()
    ada.say(chat, "for all")
    assert texts(robot.heard()["events"]) == ["for all"]
    robot.leave(chat)
    ada.say(chat, "not for it")
    ada.say(other, "elsewhere")
    assert texts(robot.hear()) == ["elsewhere"]
    robot.join(chat)
    # It may read all of the chat again, by the chat's own rule for newcomers.
    assert texts(robot.hear()) == ["for all", "not for it"]


@pytest.mark.parametrize("name", ["entries_after", "entries_out"])
def test_who_is_removed_while_an_answer_is_made_hears_nothing_of_that_chat(
    ada: Person, robot: Bot, meanwhile: Meanwhile, name: str
) -> None:
    chat, other = ada.group(), ada.group()
    for each in (chat, other):
        robot.join(each)
    robot.hear()
    ada.say(chat, "for all")
    ada.say(other, "elsewhere")
    assert set(texts(robot.heard()["events"])) == {"for all", "elsewhere"}

    def remove_and_go_on() -> None:  # not by her client, which would be a request within the bot's
        chats.remove_member(ObjectId(ada.id), chat, robot.id)
        messages.send_message(ObjectId(ada.id), ObjectId(chat), "later", text="not for it")

    meanwhile(bots, name, remove_and_go_on)
    assert texts(robot.hear()) == ["elsewhere"]
    assert texts(robot.hear()) == []
    robot.join(chat)
    assert texts(robot.hear()) == ["for all", "not for it"]  # nothing was passed over either


def test_people_have_no_cursors(ada: Person) -> None:
    with nothing_changes():
        answer = ada.get("/api/bots/events")
        assert (answer.status_code, answer.json["error"]["code"]) == (403, "forbidden")
        assert ada.client.application.test_client().get("/api/bots/events").status_code == 401


def test_a_cursor_that_is_not_the_bots_own_is_refused_by_name(ada: Person, bot: Callable[[], Bot]) -> None:
    robot, other = bot(), bot()
    assert robot.ask(after=robot.cursor, wait=0).status_code == 200
    with nothing_changes():
        for after in (ID, other.cursor, "1", "", robot.cursor.upper() + "Z"):
            answer = robot.ask(after=after, wait=0)
            assert answer.status_code == 422 and "after" in answer.json["error"]["fields"], after
        for wait in ("-1", "26", "1.5", "", "x"):
            answer = robot.ask(after=robot.cursor, wait=wait)
            assert answer.status_code == 422 and "wait" in answer.json["error"]["fields"], wait


def test_few_cursors_are_kept_and_among_them_the_one_that_is_asked_with(ada: Person, robot: Bot) -> None:
    chat = ada.group()
    robot.join(chat)
    forgotten = robot.ask().json["cursor"]
    for _ in range(bots.MOST_CURSORS + 3):  # it falls over each answer, and begins again where it was
        assert len(robot.heard()["events"]) == 1
    assert Cursor.raw().count_documents({"bot": ObjectId(robot.id)}) == bots.MOST_CURSORS
    assert robot.ask(after=forgotten, wait=0).status_code == 422
    assert robot.ask(after=robot.cursor, wait=0).status_code == 200


def test_nothing_is_written_where_nothing_happened(ada: Person, robot: Bot) -> None:
    count = Cursor.raw().count_documents({})
    assert robot.heard()["cursor"] == robot.cursor
    assert Cursor.raw().count_documents({}) == count


def test_a_disabled_bot_hears_nothing_even_in_the_middle_of_an_answer(
    ada: Person, robot: Bot, meanwhile: Meanwhile
) -> None:
    chat = ada.group()
    robot.join(chat)

    def disable() -> None:
        User.objects(id=robot.id).update(set__disabled_at=User.objects(id=robot.id).first().created_at)

    meanwhile(bots, "entries_after", disable)
    answer = robot.ask(after=robot.cursor, wait=0)
    assert (answer.status_code, answer.json["error"]["code"]) == (401, "unauthenticated")
