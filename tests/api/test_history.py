"""What a message said before: for its author and owners, until it is deleted."""

from bson import ObjectId

from infitalks.models.database import database
from infitalks.models.log import Entry
from tests.people import Person


def versions(person: Person, message_id: str) -> list[str]:
    answer = person.get(f"/api/messages/{message_id}/history")
    assert answer.status_code == 200, answer.json
    return [version["text"] for version in answer.json["versions"]]


def test_its_author_and_owners_see_what_a_message_was_and_nobody_else(ada: Person, bob: Person, eve: Person) -> None:
    chat = ada.group(bob, eve)
    message = bob.say(chat, "$text **one**")["id"]
    assert versions(bob, message) == ["$text **one**"]
    for text in ("$html two", "three"):
        assert bob.patch(f"/api/messages/{message}", {"text": text}).status_code == 200
    for person in (bob, ada):
        assert versions(person, message) == ["$text **one**", "$html two", "three"]
    assert "<strong>one</strong>" in ada.get(f"/api/messages/{message}/history").json["versions"][0]["html"]
    assert eve.get(f"/api/messages/{message}").json["text"] == "three"
    assert eve.get(f"/api/messages/{message}/history").status_code == 403


def test_a_deleted_message_has_no_past_and_its_words_are_nowhere(ada: Person) -> None:
    chat = ada.group()
    message = ada.say(chat, "the secret of old")["id"]
    ada.patch(f"/api/messages/{message}", {"text": "the newer secret"})
    assert len(versions(ada, message)) == 2
    ada.delete(f"/api/messages/{message}")
    assert versions(ada, message) == []
    assert "secret" not in str(list(Entry.raw().find({"chat": ObjectId(chat)})))


def test_what_is_not_there_for_somebody_has_no_past_for_them(ada: Person, bob: Person) -> None:
    message = ada.say(ada.group(), "hello")["id"]
    for path in (f"/api/messages/{message}", f"/api/messages/{message}/history"):
        assert ada.get(path).status_code == 200
        assert bob.get(path).status_code == 404


def test_edits_are_found_by_an_index_that_holds_no_messages(ada: Person) -> None:
    message = ada.say(ada.group(), "first")["id"]
    ada.patch(f"/api/messages/{message}", {"text": "second"})
    for target in (ObjectId(message), {"$in": [ObjectId(message)]}):
        query = {"target": target, "kind": {"$in": ["edit", "delete"]}}
        ran = database().command("explain", {"find": "log", "filter": query}, verbosity="executionStats")
        assert "about_message" in str(ran["queryPlanner"]["winningPlan"])
        assert ran["executionStats"]["totalKeysExamined"] <= 3
    assert database()["log"].index_information()["about_message"]["partialFilterExpression"]
