"""The admin's pages: each act, who may, and what is refused; everything that was done stands there with who did it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from flask import Flask
from pymongo.errors import OperationFailure
from werkzeug.test import TestResponse

from infitalks.actions import figures, users
from infitalks.blueprints.openapi import policies
from infitalks.models.database import database
from infitalks.models.deliveries import Delivery
from infitalks.models.log import Entry
from infitalks.models.maintenance import newest_reports
from infitalks.models.sessions import sessions_of
from infitalks.models.site import Site, newest_acts, site
from infitalks.models.users import User
from infitalks.models.webhooks import Webhook
from tests.api.corpus import ID, nothing_changes
from tests.api.signing import log_in, signed_in, stored_user
from tests.people import Person

PAGES = ("", "/users", "/chats", "/webhooks", "/maintenance", "/dead", "/settings")


@pytest.fixture
def admin(ada: Person) -> Iterator[Person]:
    """Ada, who is the only admin."""
    User.objects(is_admin=True).update(set__is_admin=False)
    users.make_admin(ada.username)
    yield ada
    Site.objects(id="settings").delete()


def send(person: Person, path: str, **form: str) -> TestResponse:
    """Press the button of a page's form."""
    return person.client.post(f"/admin{path}", data={"csrf_token": person.csrf, **form})


def last_act() -> tuple[str, str, str]:
    act = next(iter(newest_acts(1)), None)
    return (act.by_name, act.what, act.about) if act else ("", "", "")


def main_of(page: TestResponse) -> str:
    assert page.status_code == 200, page.text[:300]
    return page.text.partition("<main")[2]


def a_webhook(person: Person, chat: str, name: str = "Relay") -> str:
    asked = {"kind": "outgoing", "name": name, "url": "https://receiver.example.org/in", "format": "json"}
    made = person.post(f"/api/chats/{chat}/webhooks", asked)
    assert made.status_code == 201, made.text
    return str(made.json["id"])


def a_dead_delivery(person: Person, hook: str) -> str:
    row = str(person.post(f"/api/webhooks/{hook}/test").json["id"])
    Delivery.raw().update_one({"_id": row}, {"$set": {"state": "dead", "tries": 8}, "$unset": {"due": ""}})
    return row


def test_whoever_is_no_admin_sees_and_does_nothing_here(app: Flask, admin: Person, bob: Person) -> None:
    ids = {"user_id": admin.id, "webhook_id": ID, "entry_id": ID, "chat_id": admin.group(), "name": "expired-sessions"}
    tried = 0
    for rule, policy in policies(app):
        if not rule.rule.startswith("/admin"):
            continue
        assert policy and policy.auth == "admin"
        path = re.sub(r"<(\w+)>", lambda found: ids[found[1]], rule.rule)
        for method in (rule.methods or set()) & {"GET", "POST"}:
            tried += 1
            with nothing_changes():
                refused = bob.client.open(path, method=method, data={"csrf_token": bob.csrf})
                assert refused.status_code == 403, (path, method)
                assert app.test_client().open(path, method=method).status_code in (302, 401), (path, method)
            if method == "POST":
                with nothing_changes():
                    assert admin.client.post(path, data={"csrf_token": bob.csrf}).status_code == 403, path
            else:
                assert admin.client.get(path).status_code == 200, path
    assert tried >= 18


def test_every_page_shows_the_way_to_the_others(admin: Person) -> None:
    for path in PAGES:
        page = main_of(admin.get(f"/admin{path}"))
        assert all(f'href="/admin{other}"' in page for other in PAGES)
        assert f'href="/admin{path}" aria-current="page"' in page


def test_the_overview_names_faults_and_their_cures_and_counts_what_waits(admin: Person) -> None:
    page = main_of(admin.get("/admin"))
    assert "nobody serves the queue" in page and "celery -A worker worker --queues" in page
    assert "MongoDB" in page and "Log entries to be told" in page and "Queue <code>realtime</code>" in page


def test_messages_and_people_are_counted_by_day_and_a_day_that_is_over_once(
    admin: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "DAY_MS", 30_000)  # however slow the machine is now
    before = {day["_id"]: day for day in figures.activity()}
    now = datetime.now(UTC)
    today, long_ago = f"{now:%Y-%m-%d}", f"{now - timedelta(days=3):%Y-%m-%d}"
    assert len(before) == 30
    chat = admin.group(bob)
    for person in (admin, bob, bob):
        person.say(chat, "hello")
    Entry.raw().update_many({"chat": ObjectId(chat), "kind": "message"}, {"$set": {"at": now}})
    day = {day["_id"]: day for day in figures.activity()}[today]
    assert day["messages"] - before[today]["messages"] == 3 and day["people"] - before[today]["people"] == 2
    old = {"$set": {"at": now - timedelta(days=3)}}
    Entry.raw().update_many({"chat": ObjectId(chat), "kind": "message"}, old)
    # That day was counted when it was over.
    assert {day["_id"]: day for day in figures.activity()}[long_ago] == before[long_ago]
    admin.say(chat, "again")
    page = main_of(admin.get("/admin"))
    assert "<rect" in page and "Messages a day" in page


def test_no_figure_of_the_overview_reads_a_whole_collection(admin: Person, bob: Person, eve: Person) -> None:
    admin.post("/api/bots", {"username": f"bot-of-{admin.username}", "display_name": "Bot"})
    users.disable_user(stored_user(eve))
    counts = [figures.site_counts, figures.waiting_counts, figures.dead_counts, figures.activity, figures.stored_bytes]
    database().client.admin.command("setParameter", 1, notablescan=True)
    try:
        with pytest.raises(OperationFailure):  # what is refused is refused
            User.raw().count_documents({"display_name": "Bot"})
        shown = [count() for count in counts][0]
    finally:
        database().client.admin.command("setParameter", 1, notablescan=False)
    there = User.objects(disabled_at=None)
    assert (shown["people"], shown["bots"]) == (there(kind="person").count(), there(kind="bot").count())
    assert shown["bots"] >= 1


def test_users_are_found_by_name_username_and_address(admin: Person, bob: Person) -> None:
    for asked in (bob.username, bob.email, bob.username.upper()):
        assert f"/admin/users/{bob.id}" in main_of(admin.get(f"/admin/users?q={asked}")), asked
    assert f"/admin/users/{bob.id}" not in main_of(admin.get("/admin/users?q=zzz"))
    assert f"/admin/users/{bob.id}" not in main_of(admin.get(f"/admin/users?q={bob.username}&show=admins"))
    assert f"/admin/users/{admin.id}" in main_of(admin.get("/admin/users?show=admins"))


@pytest.mark.parametrize("wrong", ["show=x", "q=%00", "after=" + "x" * 65, "x=1"])
def test_a_list_that_is_asked_for_wrongly_says_so(admin: Person, wrong: str) -> None:
    assert 400 <= admin.get(f"/admin/users?{wrong}").status_code < 500


def test_a_long_list_goes_on_on_another_page(admin: Person, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infitalks.blueprints.admin_pages.PAGE", 2)
    some = sorted((Person(app.test_client(), "zoe") for _ in range(3)), key=lambda person: person.username)
    first = main_of(admin.get("/admin/users?q=zoe-"))
    following = re.search(r'href="(/admin/users\?[^"]*after=[^"]*)"', first)
    assert following
    second = main_of(admin.get(following[1].replace("&amp;", "&")))
    shown = [person.username in first for person in some], [person.username in second for person in some]
    assert shown[0].count(True) == 2 and shown[1] == [not there for there in shown[0]]
    chats = [admin.group(name=f"Long list {number}") for number in range(3)]
    first = main_of(admin.get("/admin/chats"))
    following = re.search(r'href="(/admin/chats\?before=[^"]*)"', first)
    assert following and chats[2] in first and chats[0] not in first
    assert chats[0] in main_of(admin.get(following[1]))


def test_a_disabled_account_is_signed_out_and_cannot_sign_in_until_it_is_enabled(
    app: Flask, admin: Person, bob: Person
) -> None:
    assert signed_in(bob.client)
    assert send(admin, f"/users/{bob.id}/disable").status_code == 302
    assert last_act() == (admin.username, "disabled", bob.username)
    assert not signed_in(bob.client) and log_in(app.test_client(), bob.email, bob.password).status_code == 401
    assert f"/admin/users/{bob.id}" in main_of(admin.get(f"/admin/users?show=disabled&q={bob.username}"))
    assert send(admin, f"/users/{bob.id}/enable").status_code == 302
    assert last_act() == (admin.username, "enabled", bob.username)
    assert log_in(app.test_client(), bob.email, bob.password).status_code == 200


def test_an_account_that_its_owner_closed_stays_closed(admin: Person, bob: Person) -> None:
    assert bob.delete("/api/users/me", {"password": bob.password}).status_code == 204
    assert "cannot be brought back" in main_of(admin.get(f"/admin/users/{bob.id}"))
    with nothing_changes():
        assert send(admin, f"/users/{bob.id}/enable").status_code == 409


def test_an_admin_is_made_and_unmade(admin: Person, bob: Person) -> None:
    assert send(admin, f"/users/{bob.id}/promote").status_code == 302
    assert last_act() == (admin.username, "made admin", bob.username)
    assert bob.get("/admin/users").status_code == 200
    assert send(bob, f"/users/{admin.id}/demote").status_code == 302
    assert last_act() == (bob.username, "made no admin any more", admin.username)
    assert admin.get("/admin/users").status_code == 403


@pytest.mark.parametrize("act", ["demote", "disable"])
def test_the_last_admin_stays_one(admin: Person, bob: Person, act: str) -> None:
    before = last_act(), stored_user(admin).to_mongo()
    refused = send(admin, f"/users/{admin.id}/{act}")
    assert refused.status_code == 409 and "the only admin" in refused.text
    assert (last_act(), stored_user(admin).to_mongo()) == before and signed_in(admin.client)
    users.make_admin(bob.username)
    send(admin, f"/users/{bob.id}/disable")  # a disabled admin is none to count on
    assert send(admin, f"/users/{admin.id}/{act}").status_code == 409
    assert stored_user(admin).is_admin and not stored_user(admin).disabled_at


def test_the_last_admin_cannot_close_their_account_and_a_closed_one_is_no_admin(admin: Person, bob: Person) -> None:
    users.make_admin(bob.username)
    password = stored_user(bob).password_hash
    User.objects(id=bob.id).update(unset__password_hash=True)  # nobody can sign in to it: none to count on
    asked = {"password": admin.password}
    refused = admin.delete("/api/users/me", asked)
    assert refused.status_code == 409 and "the only admin" in refused.json["error"]["message"]
    assert stored_user(admin).is_admin and signed_in(admin.client)
    User.objects(id=bob.id).update(set__password_hash=password)
    assert admin.delete("/api/users/me", asked).status_code == 204
    assert not stored_user(admin).is_admin and stored_user(bob).is_admin


def test_only_people_whose_account_is_open_become_admins(admin: Person, bob: Person) -> None:
    bot = admin.post("/api/bots", {"username": f"robot-{bob.username}"}).json["bot"]["id"]
    send(admin, f"/users/{bob.id}/disable")
    with nothing_changes():
        assert send(admin, f"/users/{bot}/promote").status_code == 409
        assert send(admin, f"/users/{bob.id}/promote").status_code == 409
        assert send(admin, f"/users/{ID}/promote").status_code == 404


def test_somebody_is_signed_out_everywhere(admin: Person, bob: Person) -> None:
    heard_on = stored_user(bob).epoch
    assert send(admin, f"/users/{bob.id}/end-sessions").status_code == 302
    assert last_act() == (admin.username, "signed out everywhere", bob.username)
    assert not sessions_of(ObjectId(bob.id)) and not signed_in(bob.client)
    assert stored_user(bob).epoch != heard_on


def test_chats_are_listed_by_name_and_size_without_what_is_said(admin: Person, bob: Person, eve: Person) -> None:
    chat = bob.group(eve, name="Secret garden")
    bob.say(chat, "under the old oak")
    direct = bob.post("/api/chats", {"kind": "direct", "user_id": eve.id}).json["id"]
    bob.say(direct, "just between us")
    page = main_of(admin.get("/admin/chats"))
    assert "Secret garden" in page and "2 members · 1 message · 2 entries" in page and direct in page
    everything = "".join(admin.get(f"/admin{path}").text for path in PAGES)
    assert "old oak" not in everything and "between us" not in everything


def test_a_webhook_is_switched_off_and_on(admin: Person, bob: Person) -> None:
    hook = a_webhook(bob, bob.group(name="Yard"), "Forwarder")
    page = main_of(admin.get("/admin/webhooks"))
    assert "Forwarder" in page and "Yard" in page
    assert send(admin, f"/webhooks/{hook}/switch").status_code == 302
    assert last_act() == (admin.username, "switched off", "webhook Forwarder")
    assert f"/admin/webhooks/{hook}/switch" in main_of(admin.get("/admin/webhooks?show=off"))
    with nothing_changes():
        assert send(admin, f"/webhooks/{hook}/redeliver").status_code == 409
    assert send(admin, f"/webhooks/{hook}/switch", on="1").status_code == 302
    assert f"/admin/webhooks/{hook}/switch" not in main_of(admin.get("/admin/webhooks?show=off"))
    Webhook.objects(id=hook).update(set__failing_since=datetime.now(UTC))
    assert f"/admin/webhooks/{hook}/switch" in main_of(admin.get("/admin/webhooks?show=failing"))


def test_what_a_webhook_did_not_take_is_shown_as_given_up_and_sent_again(admin: Person, bob: Person) -> None:
    hook = a_webhook(bob, bob.group(), "Lost post")
    row = a_dead_delivery(bob, hook)
    assert "Lost post" in main_of(admin.get("/admin/dead"))
    assert send(admin, f"/webhooks/{hook}/redeliver").status_code == 302
    assert last_act() == (admin.username, "redelivered", "webhook Lost post")
    assert (Delivery.raw().find_one({"_id": row}) or {})["state"] == "new"
    assert "Lost post" not in main_of(admin.get("/admin/dead"))


def test_an_entry_that_was_set_aside_is_told_once_more(admin: Person, bob: Person) -> None:
    said = bob.say(bob.group(name="Set aside"), "not for admins")["id"]
    path = f"/dead/{said}/replay"
    with nothing_changes():
        assert send(admin, path).status_code == 404
    Entry.raw().update_one({"_id": ObjectId(said)}, {"$set": {"out.state": "dead", "out.tries": 3}})
    page = main_of(admin.get("/admin/dead"))
    assert "Set aside" in page and path in page and "not for admins" not in page
    assert send(admin, path).status_code == 302
    assert (Entry.raw().find_one({"_id": ObjectId(said)}) or {})["out"]["state"] == "new"
    assert last_act()[:2] == (admin.username, "replayed")


def test_a_task_is_run_and_tried_from_the_page(admin: Person) -> None:
    assert send(admin, "/maintenance/expired-sessions/run", dry_run="1").status_code == 302
    newest = newest_reports(1)[0]
    assert (newest.task, newest.by, newest.dry_run, newest.state) == (
        "expired-sessions",
        admin.username,
        True,
        "queued",
    )
    assert last_act() == (admin.username, "tried maintenance", "expired-sessions")
    page = admin.get("/admin/maintenance?follow=1").text
    assert 'http-equiv="refresh"' in page and "Only counted" in page
    assert 'http-equiv="refresh"' not in admin.get("/admin/maintenance").text
    with nothing_changes():
        unknown = send(admin, "/maintenance/no-such-task/run")
        assert unknown.status_code == 404 and "expired-sessions" in unknown.text


def test_what_takes_away_is_asked_about_first(admin: Person, bob: Person) -> None:
    asked = re.compile(r'<details class="confirm"[^>]*>.*?action="([^"]+)"', re.S)
    tasks = asked.findall(main_of(admin.get("/admin/maintenance")))
    assert "/admin/maintenance/retention/run" in tasks and "/admin/maintenance/storage/run" not in tasks
    acts = asked.findall(main_of(admin.get(f"/admin/users/{bob.id}")))
    assert {path.rpartition("/")[2] for path in acts} == {"end-sessions", "promote", "disable"}


def test_how_long_messages_are_kept_changes_while_it_runs_and_only_where_that_is_meant(admin: Person) -> None:
    said = admin.say(admin.group(), "long ago")["id"]
    old = {"at": datetime.now(UTC) - timedelta(days=50)}
    Entry.raw().update_one({"_id": ObjectId(said)}, {"$set": old})
    with nothing_changes():
        asked = send(admin, "/settings", retention_days="30", inactive_days="60")
        assert asked.status_code == 422 and "blanked for ever" in asked.text and 'name="sure"' in asked.text
    assert send(admin, "/settings", retention_days="30", inactive_days="60", sure="1").status_code == 302
    assert (site().retention_days, site().inactive_days) == (30, 60)
    assert last_act() == (admin.username, "changed the settings", "messages are kept 30 days, inactive after 60 days")
    assert send(admin, "/settings", retention_days="40", inactive_days="60").status_code == 302  # nothing is lost
    assert send(admin, "/settings", inactive_days="60").status_code == 302
    assert site().retention_days is None


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "x", "9" * 30])
def test_a_number_of_days_is_one(admin: Person, wrong: str) -> None:
    with nothing_changes():
        for fields in ({"retention_days": wrong, "inactive_days": "60"}, {"inactive_days": wrong}):
            assert send(admin, "/settings", **fields, sure="1").status_code == 422
        assert send(admin, "/settings", inactive_days="60", password="x").status_code == 422


def test_what_was_done_stands_on_the_overview_with_who_did_it(admin: Person, bob: Person) -> None:
    send(admin, f"/users/{bob.id}/end-sessions")
    page = main_of(admin.get("/admin"))
    assert f"{admin.username}</span> signed out everywhere: {bob.username}" in page
