"""Maintenance tasks: what they find, that a dry run changes nothing, and that running twice is harmless."""

from datetime import UTC, datetime, timedelta

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import maintenance, users
from infitalks.errors import NotFound
from infitalks.models.database import database
from infitalks.models.maintenance import Report, newest_reports
from infitalks.models.media import Media, spool
from infitalks.models.sessions import Session, sessions_of
from tests.api.signing import stored_user
from tests.people import Person

LONG_AGO = datetime.now(UTC) - timedelta(days=100)


def run(name: str, *, dry_run: bool = False) -> Report:
    """Ask for the task and do a worker's part."""
    report = maintenance.ask(name, "test", dry_run=dry_run)
    maintenance.run(report.id)
    return maintenance.report_of(report.id)


def test_an_unknown_task_is_refused_with_the_names_there_are(app: Flask) -> None:
    before = len(newest_reports(1000))
    with pytest.raises(NotFound, match="expired-sessions"):
        maintenance.ask("no-such-task", "test")
    assert len(newest_reports(1000)) == before


def test_expired_sessions_are_forgotten_and_others_stay(ada: Person) -> None:
    run("expired-sessions")  # other tests' are not counted here
    (fresh,) = sessions_of(ObjectId(ada.id))
    old = Session(id="old", user=fresh.user, kind="browser", created_at=LONG_AGO, seen_at=LONG_AGO, expires_at=LONG_AGO)
    old.save(force_insert=True)
    heard_on = stored_user(ada).epoch
    tried = run("expired-sessions", dry_run=True)
    assert (tried.state, tried.counts["expired"], tried.counts["ended"]) == ("done", 1, 0)
    assert Session.objects(id="old") and stored_user(ada).epoch == heard_on
    assert run("expired-sessions").counts == {"expired": 1, "ended": 1}
    assert stored_user(ada).epoch != heard_on  # its pages hear nothing more
    assert not Session.objects(id="old") and ada.get("/api/users/me").status_code == 200
    assert run("expired-sessions").counts == {"expired": 0, "ended": 0}


def test_bytes_without_a_picture_are_dropped_after_a_day(ada: Person, picture: bytes) -> None:
    database()["spool.files"].update_many({}, {"$set": {"uploadDate": LONG_AGO}})
    run("spooled-files")  # other tests' are not counted here
    kept = ObjectId(ada.upload(picture).json["id"])
    left = spool().upload_from_stream("upload", b"nobody's")
    database()["spool.files"].update_many({}, {"$set": {"uploadDate": LONG_AGO}})
    fresh = spool().upload_from_stream("upload", b"of this moment")
    assert run("spooled-files", dry_run=True).counts == {"left behind": 1, "dropped": 0}
    assert run("spooled-files").counts == {"left behind": 1, "dropped": 1}
    ids = set(database()["spool.files"].distinct("_id"))
    assert left not in ids and fresh in ids
    media = Media.raw().find_one({"_id": kept})
    assert media and media["spool"] in ids


def test_a_report_runs_once_however_often_its_bell_rings(app: Flask) -> None:
    report = run("expired-sessions")
    maintenance.run(report.id)
    assert maintenance.report_of(report.id).finished_at == report.finished_at


def test_a_task_that_breaks_leaves_a_report_that_says_why(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(dry_run: bool) -> dict[str, int]:
        raise RuntimeError("the disk is full")

    broken = maintenance.Task("expired-sessions", "", breaks)
    monkeypatch.setitem(maintenance.TASKS, "expired-sessions", broken)
    report = maintenance.ask("expired-sessions", "test")
    with pytest.raises(RuntimeError):
        maintenance.run(report.id)
    report = maintenance.report_of(report.id)
    assert report.state == "failed" and "the disk is full" in report.message


def test_only_admins_see_the_admin_page_and_run_tasks(ada: Person, bob: Person) -> None:
    users.make_admin(ada.username)
    before = len(newest_reports(1000))
    assert bob.get("/admin").status_code == 403
    refused = bob.client.post("/admin/maintenance/expired-sessions/run", data={"csrf_token": bob.csrf})
    assert refused.status_code == 403 and len(newest_reports(1000)) == before
    assert "expired-sessions" in ada.get("/admin").text
    run_it = ada.client.post("/admin/maintenance/expired-sessions/run", data={"csrf_token": ada.csrf, "dry_run": "1"})
    assert run_it.status_code == 302
    newest = newest_reports(1)[0]
    assert (newest.task, newest.by, newest.dry_run, newest.state) == ("expired-sessions", ada.username, True, "queued")


def test_the_clock_asks_for_the_daily_tasks(app: Flask) -> None:
    maintenance.ask_daily()
    asked = {report.task for report in newest_reports(len(maintenance.DAILY)) if report.by == "beat"}
    assert asked == set(maintenance.DAILY)
