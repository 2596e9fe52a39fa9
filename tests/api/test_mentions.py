"""Names that are called in messages: shown as such, stored with the message, counted as long as they are unread."""

from bson import ObjectId
from flask import Flask

from infitalks.actions.repair_messages import _as_told, _wrong_fields
from infitalks.models.database import Doc, database
from infitalks.models.log import Entry, entry_by_id
from tests.people import Person


def chip(who: str, name: str) -> str:
    return f'<span class="mention" data-user="{who}">@{name}</span>'


def waiting(person: Person, chat: str) -> int:
    """How many unread mentions the list and the chat itself show this person."""
    (listed,) = [each["mentions"] for each in person.get("/api/chats").json["chats"] if each["id"] == chat]
    assert person.get(f"/api/chats/{chat}").json["mentions"] == listed
    return int(listed)


def test_a_member_who_is_called_is_marked_and_named_and_nobody_else_is(ada: Person, bob: Person, eve: Person) -> None:
    chat = ada.group(bob)
    name = bob.username
    said = ada.say(chat, f"@{name}, @{name.upper()}. and `@{name}` and [@{name}](https://example.org) @{eve.username}")
    assert said["mentions"] == [bob.id] and said["mentions_all"] is False
    assert said["html"].startswith(f"<p>{chip(bob.id, name)}, {chip(bob.id, name.upper())}. and <code>@{name}</code>")
    assert said["html"].count("data-user") == 2  # neither in code nor in a link, and Eve is not here
    nobody = ada.say(chat, f"mail{name}@{name} /@{name} @nobody-at-all")
    assert (nobody["mentions"], nobody["html"].count("span")) == ([], 0)
    everybody = ada.say(chat, "@here: look")
    assert (everybody["mentions"], everybody["mentions_all"]) == ([], True)
    assert everybody["html"] == f"<p>{chip('all', 'here')}: look</p>"


def test_a_mention_cannot_be_forged_by_what_is_written(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    for text in (
        f'<span class="mention" data-user="{bob.id}">@{bob.username}x</span>',
        '<span class="send" onclick="alert(1)">x</span>',
        f'[x](https://example.org "{chip(bob.id, "x")}")',
    ):
        said = ada.say(chat, text)
        assert said["mentions"] == [] and "<span" not in said["html"], said["html"]


def test_unread_mentions_are_counted_until_they_are_read_or_gone(ada: Person, bob: Person, eve: Person) -> None:
    chat = ada.group(bob)
    first = ada.say(chat, f"@{bob.username}: that he has read")
    for text in (f"@{bob.username}", "@all of you", f"both @{bob.username} and @all", "nobody"):
        ada.say(chat, text)
    assert (waiting(bob, chat), waiting(ada, chat)) == (4, 0)
    bob.post(f"/api/chats/{chat}/read", {"seq": first["seq"]})
    assert waiting(bob, chat) == 3
    last = ada.say(chat, f"once more, @{bob.username}")
    assert waiting(bob, chat) == 4
    ada.delete(f"/api/messages/{last['id']}")
    assert waiting(bob, chat) == 3
    edited = ada.say(chat, "to whom?")
    answer = ada.patch(f"/api/messages/{edited['id']}", {"text": f"to @{bob.username}!"}).json
    assert answer["mentions"] == [bob.id] and waiting(bob, chat) == 4
    assert ada.patch(f"/api/messages/{edited['id']}", {"text": "to nobody"}).json["mentions"] == []
    assert waiting(bob, chat) == 3
    bob.post(f"/api/chats/{chat}/read", {"seq": bob.get(f"/api/chats/{chat}").json["last_seq"]})
    assert waiting(bob, chat) == 0
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [eve.id]})
    assert waiting(eve, chat) == 0  # what came before her calls her not


def test_mentions_are_counted_by_an_index_alone(app: Flask, ada: Person, bob: Person) -> None:
    chat = ObjectId(ada.group(bob))
    for wanted, index in (({"mentions": ObjectId(bob.id)}, "mentions"), ({"mentions_all": True}, "mentions_all")):
        query = {"chat": chat, "seq": {"$gt": 0}, **wanted}
        plan = database()["log"].find(query).explain()["queryPlanner"]["winningPlan"]
        assert index in _indexes(plan), plan


def _indexes(plan: Doc) -> list[str]:
    below = [plan[name] for name in ("inputStage", "queryPlan") if name in plan]
    return ([plan["indexName"]] if "indexName" in plan else []) + [name for each in below for name in _indexes(each)]


def test_maintenance_leaves_marked_names_as_they_are_and_mends_what_lost_them(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    said = ada.say(chat, f"@{bob.username} and @all")
    message = entry_by_id(ObjectId(said["id"])) or {}
    assert _wrong_fields(message, _as_told(message, [])) == []
    damaged = {**message, "html": "<p>?</p>"}
    assert _as_told(damaged, [])["html"] == said["html"]
    Entry.raw().database["users"].update_one({"_id": ObjectId(bob.id)}, {"$set": {"username": f"gone-{bob.id}"}})
    assert _wrong_fields(message, _as_told(message, [])) == []


def test_what_is_deleted_names_nobody_any_more(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    said = ada.say(chat, "x")
    ada.patch(f"/api/messages/{said['id']}", {"text": f"@{bob.username} and @all"})
    ada.delete(f"/api/messages/{said['id']}")
    for doc in Entry.raw().find({"chat": ObjectId(chat)}):
        assert not doc.get("mentions") and not doc.get("mentions_all"), doc
