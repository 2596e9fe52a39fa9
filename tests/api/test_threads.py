"""Threads: a view of the chat's one log, by the first message of each chain of answers."""

from collections.abc import Callable
from typing import Any

from bson import ObjectId

from infitalks.actions import migrations, threads
from infitalks.actions.log import apply
from infitalks.models.database import database
from infitalks.models.log import Entry, entry_by_id
from infitalks.models.threads import count_replies
from tests.people import Person


def thread(person: Person, message: str, query: str = "") -> Any:
    return person.get(f"/api/messages/{message}/thread{query}").json


def shown(person: Person, chat: str, message: str) -> Any:
    return next(m for m in person.get(f"/api/messages?chat={chat}").json["messages"] if m["id"] == message)


def test_answers_to_answers_are_one_thread_that_stays_in_the_chat(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    root = ada.say(chat, "lunch?")
    first = bob.say(chat, "yes", reply_to=root["id"])
    second = ada.say(chat, "where?", reply_to=first["id"])
    ada.say(chat, "of something else")
    assert (root["thread"], first["thread"], second["thread"]) == (None, root["id"], root["id"])
    assert second["reply_to"] == first["id"]
    for named in (root, first, second):
        found = thread(bob, named["id"])
        assert found["id"] == root["id"] and found["root"]["text"] == "lunch?"
        assert [m["text"] for m in found["messages"]] == ["yes", "where?"] and not found["has_more"]
    assert ada.texts(chat) == ["lunch?", "yes", "where?", "of something else"]
    newest = thread(ada, root["id"], "?limit=1")
    assert [m["text"] for m in newest["messages"]] == ["where?"] and newest["has_more"]
    older = thread(ada, root["id"], f"?before={second['seq']}")
    assert [m["text"] for m in older["messages"]] == ["yes"] and not older["has_more"]
    later = thread(ada, root["id"], f"?after={first['seq']}&limit=1")
    assert [m["text"] for m in later["messages"]] == ["where?"] and not later["has_more"]


def test_the_first_message_says_how_many_answered_less_those_that_were_deleted(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    root = ada.say(chat, "lunch?")["id"]
    assert shown(ada, chat, root)["replies"] is None
    said = [bob.say(chat, "yes", reply_to=root), bob.say(chat, "no", reply_to=root), ada.say(chat, "ok", reply_to=root)]
    replies = shown(bob, chat, root)["replies"]
    assert (replies["count"], [user["id"] for user in replies["users"]]) == (3, [bob.id, ada.id])
    assert replies["last_at"] == said[2]["created_at"] and replies["as_of"] == said[2]["seq"]
    log = bob.get(f"/api/chats/{chat}/log").json["entries"]
    assert next(e["message"] for e in log if e["seq"] == said[0]["seq"] - 1)["replies"] == replies
    ada.delete(f"/api/messages/{said[2]['id']}")
    replies = shown(bob, chat, root)["replies"]
    assert (replies["count"], len(replies["users"]), replies["last_at"]) == (2, 1, said[1]["created_at"])
    assert [m["deleted"] for m in thread(ada, root)["messages"]] == [False, False, True]
    for each in said[:2]:
        bob.delete(f"/api/messages/{each['id']}")
    assert shown(bob, chat, root)["replies"] is None


def test_a_thread_is_seen_as_far_as_its_chat_is(ada: Person, bob: Person, eve: Person) -> None:
    chat = ada.group(bob)
    root = ada.say(chat, "lunch?")["id"]
    ada.say(chat, "before eve", reply_to=root)
    for method in (eve.get, lambda path: eve.patch(path, {"follow": True})):
        assert method(f"/api/messages/{root}/thread").status_code == 404
    database()["chats"].update_one({"_id": ObjectId(chat)}, {"$set": {"history": False}})
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [eve.id]})
    assert eve.get(f"/api/messages/{root}/thread").status_code == 404
    reply = ada.say(chat, "after eve", reply_to=root)["id"]
    found = thread(eve, reply)
    assert found["root"] is None and [m["text"] for m in found["messages"]] == ["after eve"]
    assert shown(ada, chat, root)["replies"]["count"] == 2
    bob.delete(f"/api/chats/{chat}/members/me")
    assert bob.get(f"/api/messages/{root}/thread").status_code == 404
    ada.say(chat, "without bob", reply_to=root)
    ada.post(f"/api/chats/{chat}/members", {"user_ids": [bob.id]})
    assert shown(bob, chat, root)["replies"]["count"] == 2, "what was said while he was away is not counted for him"
    assert [m["text"] for m in thread(bob, root)["messages"]] == ["before eve", "after eve"]


def test_whoever_writes_in_a_thread_follows_it_and_may_choose(
    ada: Person, bob: Person, eve: Person, person: Callable[[str], Person]
) -> None:
    chat = ada.group(bob, eve)
    root = ada.say(chat, "lunch?")["id"]
    assert threads.followers(ObjectId(root)) == set()
    reply = bob.say(chat, "yes", reply_to=root)
    assert threads.followers(ObjectId(root)) == {ObjectId(ada.id), ObjectId(bob.id)}
    assert eve.patch(f"/api/messages/{reply['id']}/thread", {"follow": True}).json["follow"]
    assert not bob.patch(f"/api/messages/{root}/thread", {"follow": False}).json["follow"]
    bob.say(chat, "yes!", reply_to=root)
    assert threads.followers(ObjectId(root)) == {ObjectId(ada.id), ObjectId(eve.id)}, "his choice stays"
    entry = entry_by_id(ObjectId(reply["id"]))
    before = list(database()["follows"].find().sort("_id", 1))
    apply(entry or {})
    assert list(database()["follows"].find().sort("_id", 1)) == before


def test_unread_threads_are_those_followed_and_read_nowhere(ada: Person, bob: Person) -> None:
    chat = ada.group(bob)
    roots = [ada.say(chat, text)["id"] for text in ("one", "two", "three")]
    said = [bob.say(chat, "well", reply_to=root) for root in roots]
    bob.say(chat, "well, well", reply_to=roots[0])
    listed = ada.get("/api/threads").json
    assert [(each["id"], each["unread"]) for each in listed["threads"]] == [
        (roots[0], 2),
        (roots[2], 1),
        (roots[1], 1),
    ]
    assert listed["unread"] == 3 and listed["threads"][0]["root"]["replies"]["count"] == 2
    first = ada.get("/api/threads?limit=2").json
    rest = ada.get(f"/api/threads?limit=2&cursor={first['next']}").json
    assert [each["id"] for each in rest["threads"]] == [roots[1]] and rest["next"] is None
    assert bob.get("/api/threads").json["unread"] == 0, "one's own are read"

    read = ada.patch(f"/api/messages/{roots[0]}/thread", {"read_seq": said[0]["seq"]}).json
    assert (read["unread"], read["read_seq"], read["follow"]) == (1, said[0]["seq"], True)
    assert ada.patch(f"/api/messages/{roots[0]}/thread", {"read_seq": 1}).json["read_seq"] == said[0]["seq"]
    bob.delete(f"/api/messages/{said[1]['id']}")
    assert ada.get("/api/threads").json["unread"] == 2
    ada.patch(f"/api/messages/{roots[2]}/thread", {"follow": False})
    assert ada.get("/api/threads").json["unread"] == 1
    ada.post(f"/api/chats/{chat}/read", {"seq": 2**40})
    assert ada.get("/api/threads").json["unread"] == 0, "whoever read the chat has read its threads"
    bob.say(chat, "more", reply_to=roots[0])
    assert ada.get("/api/threads").json["unread"] == 1
    ada.delete(f"/api/chats/{chat}/members/me")
    assert ada.get("/api/threads").json == {"threads": [], "next": None, "unread": 0}


def test_replies_of_earlier_versions_are_put_into_their_threads_twice_the_same(ada: Person) -> None:
    chat = ada.group()
    root = ada.say(chat, "root")["id"]
    last, made = root, []
    for number in range(5):
        last = ada.say(chat, str(number), reply_to=last)["id"]
        made.append(ObjectId(last))
    name = "m2026_11_23_threads"
    for _ in range(2):
        Entry.raw().update_many({"_id": {"$in": made}}, {"$unset": {"thread": ""}})
        Entry.raw().update_one({"_id": made[1]}, {"$set": {"thread": ObjectId(root)}})  # where one was killed
        database()["migrations"].delete_one({"_id": name})
        assert migrations.upgrade() == [name]
        assert Entry.raw().distinct("thread", {"_id": {"$in": made}}) == [ObjectId(root)]
        assert Entry.raw().count_documents({"thread": ObjectId(root)}) == 5


def test_counting_replies_reads_the_index_alone(ada: Person) -> None:
    chat = ada.group()
    root = ada.say(chat, "root")["id"]
    for number in range(4):
        ada.say(chat, str(number), reply_to=root)
    database().command("profile", 2)
    try:
        assert count_replies(ObjectId(chat), [ObjectId(root)], {"$or": [{"seq": {"$gte": 1}}]}, 3)[0]["count"] == 1
        (seen,) = database()["system.profile"].find({"command.aggregate": "log"}).sort("ts", -1).limit(1)
    finally:
        database().command("profile", 0)
    assert seen["docsExamined"] == 0 and seen["keysExamined"] <= 6
