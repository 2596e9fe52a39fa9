"""Maintenance of what the logs hold and what is derived from them; each task ends the same though it was cut short."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import maintenance
from infitalks.models.chats import Chat, Membership, membership_id
from infitalks.models.database import Doc, database
from infitalks.models.log import Entry
from infitalks.models.maintenance import Report
from infitalks.models.site import Day
from infitalks.models.users import User
from tests.api.test_maintenance import alone, finished, run
from tests.people import Person
from tests.running import Running

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def app(stores_environ: dict[str, str]) -> Iterator[Flask]:
    """The app on a database of its own: in the session's, other tests leave logs that are no chat's."""
    with alone(stores_environ, "maintenance") as app:
        yield app


def log_of(chat: str) -> list[Doc]:
    return list(Entry.raw().find({"chat": ObjectId(chat)}).sort("seq", 1))


def dies_after(number: int, act: Callable[..., Any]) -> Callable[..., Any]:
    """As `act`, but what is called for the so manieth time is cut short, once."""
    calls = iter(range(number + 1))

    def called(*args: Any, **more: Any) -> Any:
        if next(calls, None) == number:
            raise KeyboardInterrupt  # no task catches it: as if its process were gone
        return act(*args, **more)

    return called


def killed(name: str) -> Report:
    """Ask for the task; its worker dies of it, and the lease runs out."""
    report = maintenance.ask(name, "test")
    with pytest.raises(KeyboardInterrupt):
        maintenance.run(report.id)
    assert maintenance.report_of(report.id).state == "running"
    return report


def break_things(chat: str, somebody: str) -> None:
    """Memberships and the chat's own record say what no log did."""
    key = membership_id(ObjectId(chat), ObjectId(somebody))
    Membership.raw().update_one({"_id": key}, {"$set": {"role": "owner", "intervals": [[3, None]], "joined": 3}})
    wrong = {"last_seq": 99, "n": 0, "applied_m": 77, "last_message.text": "never said"}
    Chat.raw().update_one({"_id": ObjectId(chat)}, {"$set": wrong})


def derived(chat: str) -> list[Doc]:
    members = Membership.raw().find({"chat": ObjectId(chat)}).sort("_id", 1)
    return [*Chat.raw().find({"_id": ObjectId(chat)}), *members]


@pytest.fixture
def mended(app: Flask) -> None:
    """What other tests left wrong is not counted here."""
    run("repair")


def a_lively_chat(ada: Person, bob: Person, eve: Person) -> str:
    chat = ada.group(bob, eve)
    ada.say(chat, "hello")
    ada.delete(f"/api/chats/{chat}/members/{bob.id}")
    bob_again = ada.post(f"/api/chats/{chat}/members", {"user_ids": [bob.id]})
    assert bob_again.status_code < 300
    bob.say(chat, "back again")
    return chat


def test_a_site_that_is_well_needs_no_repair(mended: None, ada: Person, bob: Person, eve: Person) -> None:
    before = derived(a_lively_chat(ada, bob, eve))
    report = run("repair")
    assert report.counts["wrong"] == 0 and report.counts["chats"] > 0, report.lines
    assert derived(str(before[0]["_id"])) == before


def test_what_is_derived_is_mended_from_the_log_and_read_positions_stay(
    mended: None, ada: Person, bob: Person, eve: Person
) -> None:
    chat = a_lively_chat(ada, bob, eve)
    right = derived(chat)
    break_things(chat, eve.id)
    Membership.raw().delete_one({"_id": membership_id(ObjectId(chat), ObjectId(bob.id))})
    invented = {**right[1], "_id": membership_id(ObjectId(chat), ObjectId()), "user": ObjectId()}
    Membership.raw().insert_one(invented)
    broken = derived(chat)
    tried = run("repair", dry_run=True)
    assert (tried.counts["wrong"], tried.counts["mended"]) == (1, 0) and chat in tried.lines[0]
    assert derived(chat) == broken
    assert run("repair").counts["mended"] == 1
    now = {row["_id"]: row for row in derived(chat)}
    nobody = now.pop(invented["_id"])
    assert not nobody["active"] and nobody["intervals"] == []
    bobs = membership_id(ObjectId(chat), ObjectId(bob.id))
    assert now.pop(bobs)["intervals"] == next(row for row in right if row["_id"] == bobs)["intervals"]
    assert now == {row["_id"]: row for row in right if row["_id"] != bobs}
    assert run("repair").counts["wrong"] == 0
    assert bob.texts(chat) == ["hello", "back again"]


def test_a_chat_whose_record_is_lost_is_made_anew(mended: None, ada: Person, bob: Person, eve: Person) -> None:
    chat = a_lively_chat(ada, bob, eve)
    for changes in ({"name": "The yard", "topic": "Beds"}, {"retention_days": 4000, "sure": True}, {"topic": "Hedges"}):
        assert ada.patch(f"/api/chats/{chat}", changes).status_code == 200
    right = derived(chat)[0]
    Chat.raw().update_one({"_id": ObjectId(chat)}, {"$set": {"name": "Never so", "retention_days": 1}})
    assert run("repair").counts["mended"] == 1 and derived(chat)[0] == right
    Chat.raw().delete_one({"_id": ObjectId(chat)})
    assert run("repair").counts["mended"] == 1
    assert derived(chat)[0] == right and chat in ada.get("/api/chats").text


@pytest.mark.parametrize("step", ["_mend_member", "_mend_chat", "failpoint"])
def test_repair_that_was_cut_short_comes_to_the_same_when_it_goes_on(
    mended: None, ada: Person, bob: Person, eve: Person, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    chats = [a_lively_chat(ada, bob, eve) for _ in range(3)]
    right = [derived(chat) for chat in chats]
    for chat in chats:
        break_things(chat, eve.id)
    where = f"infitalks.actions.{'maintenance' if step == 'failpoint' else 'repair'}.{step}"
    module: Any = maintenance if step == "failpoint" else __import__("infitalks.actions.repair", fromlist=[step])
    monkeypatch.setattr(where, dies_after(1, getattr(module, step)))
    report = killed("repair")
    monkeypatch.undo()
    assert finished(report.id).state == "done"
    assert [derived(chat) for chat in chats] == right


@pytest.mark.parametrize("name", sorted(maintenance.TASKS))
def test_every_task_goes_on_after_its_worker_died_and_can_be_tried_without_a_change(
    media_process: Running, ada: Person, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infitalks.actions.maintenance._finish", dies_after(0, lambda *_: None))
    report = killed(name)
    monkeypatch.undo()
    assert finished(report.id).state == "done"
    before = database().command("dbHash", collections=["log", "chats", "memberships", "media", "users"])["md5"]
    tried = run(name, dry_run=True)
    assert tried.state == "done" and tried.message == "Nothing was changed."
    assert database().command("dbHash", collections=["log", "chats", "memberships", "media", "users"])["md5"] == before


def test_a_log_that_is_whole_has_no_faults(mended: None, ada: Person, bob: Person, eve: Person) -> None:
    a_lively_chat(ada, bob, eve)
    report = run("check-log")
    assert report.counts["faults"] == 0 and report.counts["entries"] > 0, report.lines


FAULTS: dict[str, tuple[Callable[[list[Doc]], None], str]] = {
    "a gap": (lambda log: _drop(log[2]), "there is no entry 3"),
    "a count that does not go on": (lambda log: _set(log[4], n=9), "entry 5 does not go on counting messages"),
    "a wrong last change of members": (lambda log: _set(log[1], m=2), "entry 2 does not name the last change"),
    "an edit of nothing": (lambda log: _drop_target(log), "names a message that is not there"),
    "a membership against the log": (
        lambda log: _promote(log[0]["chat"]),
        "is not what the log says",
    ),
}


def _set(entry: Doc, **fields: Any) -> None:
    Entry.raw().update_one({"_id": entry["_id"]}, {"$set": fields})


def _drop(entry: Doc) -> None:
    Entry.raw().delete_one({"_id": entry["_id"]})


def _drop_target(log: list[Doc]) -> None:
    _set(log[3], target=ObjectId())


def _promote(chat: ObjectId) -> None:
    Membership.raw().update_one({"chat": chat, "role": "member"}, {"$set": {"role": "owner"}})


@pytest.mark.parametrize("batch", [1000, 2])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_log_is_named_with_its_chat_and_nothing_is_changed(
    mended: None, ada: Person, bob: Person, fault: str, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infitalks.actions.inspection.ENTRIES_AT_ONCE", batch)
    monkeypatch.setattr(maintenance, "TURN_SECONDS", 20 if batch > 2 else 0)
    chat = ada.group(bob)
    said = ada.say(chat, "one")["id"]
    ada.say(chat, "two")
    ada.patch(f"/api/messages/{said}", {"text": "one!"})
    ada.say(chat, "three")
    spoil, words = FAULTS[fault]
    spoil(log_of(chat))
    before = log_of(chat), derived(chat)
    report = run("check-log")
    mine = [line for line in report.lines if chat in line]
    assert any(words in line for line in mine), report.lines
    assert (log_of(chat), derived(chat)) == before
    Entry.raw().delete_many({"chat": ObjectId(chat)})
    for collection in (Chat, Membership):
        collection.raw().delete_many({"$or": [{"_id": ObjectId(chat)}, {"chat": ObjectId(chat)}]})


def test_people_who_were_not_here_for_long_are_listed_and_left_alone(ada: Person, bob: Person, eve: Person) -> None:
    long_ago = {"created_at": NOW - timedelta(days=200)}
    User.raw().update_many({"_id": {"$in": [ObjectId(p.id) for p in (ada, bob, eve)]}}, {"$set": long_ago})
    chat = bob.group()
    bob.say(chat, "hello")
    for person in (ada, bob):
        person.post("/api/auth/logout")
    lines = run("inactive-accounts").lines
    named = [person for person in (ada, bob, eve) if any(line.startswith(f"{person.username},") for line in lines)]
    assert named == [ada]  # Bob wrote, Eve is signed in


def test_what_is_stored_is_weighed(ada: Person, picture: bytes) -> None:
    before = run("storage").counts
    ada.upload(picture)
    after = run("storage")
    assert after.counts["picture bytes"] - before["picture bytes"] == len(picture)
    assert any(line.startswith("log: ") for line in after.lines) and after.counts["disk bytes"] > 0


def test_each_day_that_is_over_is_counted_once(app: Flask) -> None:
    Day.raw().delete_many({})
    assert run("activity", dry_run=True).counts == {"days": 30} and Day.objects.count() == 0
    assert run("activity").counts == {"days": 30} and Day.objects.count() == 30
    assert run("activity").counts == {"days": 0}
