"""How long messages are kept: by the site and by each chat, who decides it, and what is blanked then."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import log as chat_log
from infitalks.actions import maintenance, retention, users
from infitalks.actions.turns import Turn
from infitalks.models.chats import Chat
from infitalks.models.deliveries import Delivery
from infitalks.models.log import Entry
from infitalks.models.media import Media
from infitalks.models.site import Site
from infitalks.models.webhooks import Webhook
from tests.api.corpus import nothing_changes
from tests.api.test_maintenance import alone, finished, run
from tests.api.test_maintenance_log import dies_after, killed, log_of
from tests.people import Person

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def app(stores_environ: dict[str, str]) -> Iterator[Flask]:
    """The app on a database of its own, since all old messages are counted here."""
    with alone(stores_environ, "retention") as app:
        yield app


@pytest.fixture
def month(app: Flask) -> Iterator[None]:
    """Messages are kept for 30 days."""
    Site(id="settings", retention_days=30).save()
    run("retention")  # other tests' are not counted here
    yield
    Site.objects(id="settings").delete()


def make_old(chat: str, *texts: str, days: int = 40) -> list[ObjectId]:
    """These messages of the chat were sent so long ago; their ids."""
    found = {"chat": ObjectId(chat), "kind": "message", "text": {"$in": list(texts)}}
    ids = Entry.raw().distinct("_id", found)
    Entry.raw().update_many({"_id": {"$in": ids}}, {"$set": {"at": datetime.now(UTC) - timedelta(days=days)}})
    return ids


def test_without_a_number_of_days_messages_are_kept_for_ever(ada: Person) -> None:
    chat = ada.group()
    ada.say(chat, "old")
    make_old(chat, "old", days=4000)
    report = run("retention")
    assert report.counts == {"messages": 0, "blanked": 0, "deliveries": 0} and "off" in report.lines[0]
    assert ada.texts(chat) == ["old"]


def test_old_messages_are_blanked_with_all_that_they_said_and_the_log_stays_whole(
    month: None, ada: Person, bob: Person, picture: bytes
) -> None:
    chat = ada.group(bob)
    shown = ada.upload(picture).json["id"]
    old = ada.say(chat, "old secret", attachments=[shown])
    bob.put(f"/api/messages/{old['id']}/reactions/%F0%9F%91%8D")
    ada.patch(f"/api/messages/{old['id']}", {"text": "old edited secret"})
    bob.say(chat, "young", reply_to=old["id"])
    make_old(chat, "old edited secret")
    before = log_of(chat)
    assert run("retention", dry_run=True).counts == {"messages": 1, "blanked": 0, "deliveries": 0}
    assert log_of(chat) == before
    assert run("retention").counts == {"messages": 1, "blanked": 1, "deliveries": 0}
    after = log_of(chat)
    assert "secret" not in str(after) and [entry["seq"] for entry in after] == list(range(1, len(before) + 2))
    kept = ("chat", "seq", "n", "m", "kind", "at", "author", "client_id", "hash")
    assert [[entry[name] for name in kept] for entry in after[:-1]] == [[e[name] for name in kept] for e in before]
    blank = next(m for m in bob.get(f"/api/messages?chat={chat}").json["messages"] if m["id"] == old["id"])
    assert blank["deleted"] and not blank["text"] and not blank["attachments"] and not blank["reactions"]
    assert (Media.raw().find_one({"_id": ObjectId(shown)}) or {"dropped": True})["dropped"]
    caught_up = bob.get(f"/api/chats/{chat}/log?after={len(before)}").json["entries"]
    assert [(entry["kind"], entry["message"]["deleted"]) for entry in caught_up] == [("delete", True)]
    assert run("retention").counts == {"messages": 0, "blanked": 0, "deliveries": 0}
    assert run("check-log").counts["faults"] == 0


def test_what_webhooks_were_told_of_old_messages_is_forgotten_too(month: None, ada: Person) -> None:
    chat = ada.group()
    asked = {"kind": "outgoing", "name": "Relay", "url": "https://receiver.example.org/in", "format": "json"}
    hook = ada.post(f"/api/chats/{chat}/webhooks", asked).json["id"]
    told, waiting, fresh = (ada.post(f"/api/webhooks/{hook}/test").json["id"] for _ in range(3))
    old = {"created_at": NOW - timedelta(days=40)}
    Delivery.raw().update_many({"_id": {"$in": [told, waiting]}}, {"$set": old})
    Delivery.raw().update_many({"_id": {"$in": [told, fresh]}}, {"$set": {"state": "ok"}, "$unset": {"due": ""}})
    assert run("retention").counts["deliveries"] == 1
    assert set(Delivery.raw().distinct("_id", {"webhook": ObjectId(hook)})) == {waiting, fresh}


def test_deliveries_are_forgotten_from_the_webhook_on_that_the_last_turn_came_to(month: None) -> None:
    hooks = sorted(ObjectId() for _ in range(3))
    made = [Webhook.raw().insert_one({"_id": hook, "chat": ObjectId()}).inserted_id for hook in hooks]
    try:
        task = maintenance.get_task("retention")
        through = [at["webhook"] for at in task.work(Turn(False, {"webhook": hooks[0]})) if isinstance(at, dict)]
        assert through == hooks[1:]
    finally:
        Webhook.raw().delete_many({"_id": {"$in": made}})


@pytest.mark.parametrize(
    "where", ["infitalks.actions.writer.failpoint", "infitalks.actions.log.apply", "infitalks.actions.retention._blank"]
)
def test_retention_that_was_cut_short_comes_to_the_same_when_it_goes_on(
    month: None, ada: Person, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    chat = ada.group()
    texts = [f"old {number}" for number in range(5)]
    for text in texts:
        ada.say(chat, text)
    ids = make_old(chat, *texts)
    if where.endswith("log.apply"):  # appended, and not applied any more
        monkeypatch.setattr("infitalks.actions.log.apply", dies_after(2, chat_log.apply))
    elif where.endswith("_blank"):
        monkeypatch.setattr(retention, "_blank", dies_after(2, retention._blank))
    else:  # after a batch, before it is kept how far it came
        monkeypatch.setattr("infitalks.actions.maintenance.failpoint", dies_after(0, lambda name: None))
    report = killed("retention")
    monkeypatch.undo()
    assert finished(report.id).state == "done"
    assert ada.texts(chat) == [""] * 5
    deletions = [entry["target"] for entry in log_of(chat) if entry["kind"] == "delete"]
    assert sorted(deletions) == sorted(ids)  # each once


@pytest.fixture
def decided(app: Flask) -> Iterator[None]:
    """What is decided about chats holds for this test alone."""
    Chat.raw().update_many({"retention_days": {"$ne": None}}, {"$set": {"retention_days": None}})
    yield
    Chat.raw().update_many({"retention_days": {"$ne": None}}, {"$set": {"retention_days": None}})


def keep(owner: Person, chat: str, days: int | None) -> None:
    assert owner.patch(f"/api/chats/{chat}", {"retention_days": days, "sure": True}).status_code == 200


def settings_of(person: Person, chat: str) -> str:
    page = person.get(f"/c/{chat}/settings")
    assert page.status_code == 200
    return page.text.partition("<main")[2]


def test_a_groups_owner_says_how_long_it_keeps_messages_and_only_where_that_is_meant(
    decided: None, ada: Person, bob: Person
) -> None:
    chat = ada.group(bob)
    ada.say(chat, "old")
    make_old(chat, "old")
    asked = {"retention_days": 30, "name": "Short memory"}
    with nothing_changes():
        refused = ada.patch(f"/api/chats/{chat}", asked)
        assert refused.status_code == 422 and refused.json["error"]["fields"]["sure"].startswith("1 messages")
        assert bob.patch(f"/api/chats/{chat}", {**asked, "sure": True}).status_code == 403
        for wrong in (0, -1, 1.5, "30", 36_501, True):
            assert ada.patch(f"/api/chats/{chat}", {"retention_days": wrong, "sure": True}).status_code == 422, wrong
    assert "Messages vanish" not in settings_of(bob, chat)
    assert ada.patch(f"/api/chats/{chat}", {**asked, "sure": True}).json["retention_days"] == 30
    assert log_of(chat)[-1]["changes"] == {"name": "Short memory", "retention_days": 30}
    assert bob.get(f"/api/chats/{chat}").json["retention_days"] == 30
    seen = settings_of(bob, chat)
    assert "30 days after they were sent" in seen and "settings/retention" not in seen
    assert ada.patch(f"/api/chats/{chat}", {"retention_days": 90}).json["retention_days"] == 90  # nothing is lost
    assert ada.patch(f"/api/chats/{chat}", {"retention_days": None}).json["retention_days"] is None
    direct = ada.post("/api/chats", {"kind": "direct", "user_id": bob.id}).json["id"]
    with nothing_changes():
        assert ada.patch(f"/api/chats/{direct}", {"retention_days": 30, "sure": True}).status_code == 409


def test_the_settings_page_asks_whether_it_is_meant_and_the_site_says_it_where_it_keeps_less(
    decided: None, month: None, ada: Person, bob: Person
) -> None:
    chat = ada.group(bob)

    def send(person: Person, **form: str) -> tuple[int, str]:
        answer = person.client.post(
            f"/c/{chat}/settings/retention",
            data={"csrf_token": person.csrf, **form},
            headers={"Sec-Fetch-Site": "none"},
        )
        return answer.status_code, answer.text.partition("<main")[2]

    status, page = send(ada, retention_days="7")
    assert status == 422 and "blanked for ever" in page and 'name="sure"' in page and 'value="7"' in page
    with nothing_changes():
        assert send(bob, retention_days="7", sure="1")[0] == 403
    assert send(ada, retention_days="7", sure="1")[0] == 302
    assert "7 days after they were sent" in settings_of(bob, chat)
    assert send(ada, retention_days="90")[0] == 302  # as long as the site allows, and no longer
    assert "30 days after they were sent" in settings_of(bob, chat) and "whole site" in settings_of(bob, chat)
    assert send(ada, as_site="1")[0] == 302
    before = log_of(chat)
    assert send(ada, as_site="1")[0] == 302 and log_of(chat) == before  # it is so already
    with nothing_changes():
        assert send(ada)[0] == send(ada, retention_days="7", as_site="1")[0] == 422
    assert "whole site" in settings_of(bob, chat)


def test_an_admin_says_it_of_every_chat_and_its_members_are_told_by_whom(
    decided: None, ada: Person, bob: Person, eve: Person
) -> None:
    users.make_admin(eve.username)
    chat = ada.post("/api/chats", {"kind": "direct", "user_id": bob.id}).json["id"]
    form = {"csrf_token": eve.csrf, "retention_days": "30"}
    place = f"/admin/chats/{chat}"
    with nothing_changes():
        assert "blanked for ever" in eve.client.post(f"{place}/retention", data=form).text
        assert eve.client.post(f"/admin/chats/{ObjectId()}/retention", data=form).status_code == 404
    assert eve.client.post(f"{place}/retention", data={**form, "sure": "1"}).status_code == 302
    assert "30 days" in eve.get(place).text and "Kept 30 days" in eve.get("/admin/chats").text
    told = bob.get(f"/api/chats/{chat}/log").json["entries"][-1]
    assert (told["changes"], told["author"]["id"]) == ({"retention_days": 30}, eve.id)
    assert "30 days after they were sent" in settings_of(ada, chat)
    assert f"messages of {chat} are kept 30 days" in eve.get("/admin").text
    assert eve.get(f"/api/chats/{chat}").status_code == 404  # and is no member for it


def test_of_the_site_and_the_chat_whoever_keeps_messages_for_less_long_decides(
    decided: None, month: None, ada: Person
) -> None:
    short, long, plain = (ada.group() for _ in range(3))
    keep(ada, short, 5)
    keep(ada, long, 4000)
    for chat in (short, long, plain):
        for text, days in (("new", 1), ("of last week", 10), ("of long ago", 40)):
            ada.say(chat, text)
            make_old(chat, text, days=days)
    hook = ada.post(
        f"/api/chats/{short}/webhooks",
        {"kind": "outgoing", "name": "Relay", "url": "https://receiver.example.org/in", "format": "json"},
    ).json["id"]
    told = ada.post(f"/api/webhooks/{hook}/test").json["id"]
    ended = {"$set": {"state": "ok", "created_at": NOW - timedelta(days=10)}, "$unset": {"due": ""}}
    Delivery.raw().update_one({"_id": told}, ended)
    assert run("retention", dry_run=True).counts == {"messages": 4, "blanked": 0, "deliveries": 0}
    report = run("retention")
    assert report.counts == {"messages": 4, "blanked": 4, "deliveries": 1} and report.seen == report.total
    assert ada.texts(short) == ["new", "", ""] and ada.texts(long) == ada.texts(plain) == ["new", "of last week", ""]
    assert run("check-log").counts["faults"] == 0
    assert run("retention").counts == {"messages": 0, "blanked": 0, "deliveries": 0}


def test_chats_of_their_own_days_are_gone_through_in_turns_and_go_on_after_a_kill(
    decided: None, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    chats = [ada.group() for _ in range(3)]
    for chat in chats:
        keep(ada, chat, 5)
        ada.say(chat, "old")
        make_old(chat, "old")
    monkeypatch.setattr(maintenance, "TURN_SECONDS", 0)  # one batch each
    monkeypatch.setattr(retention, "_blank", dies_after(1, retention._blank))
    report = maintenance.ask("retention", "test")
    maintenance.run(report.id)
    with pytest.raises(KeyboardInterrupt):
        maintenance.run(report.id)
    monkeypatch.undo()
    assert finished(report.id).counts == {"messages": 3, "blanked": 3, "deliveries": 0}
    assert [ada.texts(chat) for chat in chats] == [[""]] * 3
