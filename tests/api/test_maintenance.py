"""How maintenance runs: by name, in turns, one at a time, with a report; and the tasks that clear away."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import maintenance, migrations
from infitalks.actions.turns import Task, Turn
from infitalks.app import create_app
from infitalks.errors import NotFound, Unavailable
from infitalks.models.database import connect_database, database, disconnect_database
from infitalks.models.deliveries import Delivery
from infitalks.models.log import AT_ONCE, Entry
from infitalks.models.maintenance import OPEN, Report, newest_reports, quiet_reports
from infitalks.models.media import Media, spool
from infitalks.models.sessions import Session, sessions_of
from infitalks.settings import load_settings
from tests.api.signing import stored_user
from tests.people import Person

LONG_AGO = datetime.now(UTC) - timedelta(days=100)


@contextmanager
def alone(environ: dict[str, str], name: str) -> Iterator[Flask]:
    """The app on a database of this name, which nobody else uses; then on the session's again."""
    environ = {**environ, "INFITALKS_RATE_LIMITS": "off"}
    disconnect_database()
    app = create_app(load_settings({**environ, "MONGODB_DATABASE": name}))
    migrations.upgrade()
    yield app
    disconnect_database()
    connect_database(load_settings({**environ, "MONGODB_DATABASE": "api"}))


def finished(report_id: ObjectId) -> Report:
    """The report after as many turns as it takes, those of earlier ones of its task included."""
    while (report := maintenance.report_of(report_id)).is_open:
        maintenance.run(report_id)
    return report


def run(name: str, *, dry_run: bool = False) -> Report:
    """Ask for the task and do a worker's part."""
    return finished(maintenance.ask(name, "test", dry_run=dry_run).id)


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


Steps = Callable[[Turn], Iterator[Any]]


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Callable[[Steps], str]:
    """`counting(work)` puts a task of the test's own among the others; its name."""

    def put(work: Steps) -> str:
        name = f"counting-{secrets.token_hex(4)}"
        monkeypatch.setitem(maintenance.TASKS, name, Task(name, "", work))
        return name

    return put


def to_five(turn: Turn) -> Iterator[int]:
    for number in range(turn.after or 0, 5):
        turn.count(counted=1)
        yield number + 1


def test_a_task_that_breaks_leaves_a_report_that_says_why_and_what_it_did(
    app: Flask, counting: Callable[[Steps], str]
) -> None:
    def breaks(turn: Turn) -> Iterator[int]:
        turn.count(done=3)
        yield 1
        raise RuntimeError("the disk is full")

    report = maintenance.ask(counting(breaks), "test")
    with pytest.raises(RuntimeError):
        maintenance.run(report.id)
    report = maintenance.report_of(report.id)
    assert report.state == "failed" and "the disk is full" in report.message and report.counts == {"done": 3}


def test_a_long_task_is_done_in_turns_that_begin_where_the_last_one_ended(
    app: Flask, counting: Callable[[Steps], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "TURN_SECONDS", 0)  # one batch each
    report = maintenance.ask(counting(to_five), "test")
    for turn in range(1, 6):
        maintenance.run(report.id)
        halted = maintenance.report_of(report.id)
        assert (halted.state, halted.after, halted.counts) == ("running", turn, {"counted": turn})
    maintenance.run(report.id)
    assert maintenance.report_of(report.id).state == "done"


def test_the_same_task_asked_for_twice_runs_once_at_a_time_and_in_order(
    app: Flask, counting: Callable[[Steps], str]
) -> None:
    at_work = []

    def look(turn: Turn) -> Iterator[int]:
        maintenance.run(second.id)  # another worker, in the middle of it
        at_work.append(maintenance.report_of(second.id).state)
        yield 1

    name = counting(look)
    first, second = maintenance.ask(name, "test"), maintenance.ask(name, "test")
    maintenance.run(second.id)  # whichever bell is heard
    assert maintenance.report_of(first.id).state == "done" and at_work == ["queued"]
    assert maintenance.report_of(second.id).state == "queued"
    maintenance.run(second.id)
    assert maintenance.report_of(second.id).state == "done"


def test_what_waits_for_a_service_says_so_and_goes_on_however_often_it_came_to_nothing(
    app: Flask, counting: Callable[[Steps], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    away = True

    def halts(turn: Turn) -> Iterator[int]:
        if away:
            raise Unavailable("The media service is away.")
        yield from to_five(turn)

    report = maintenance.ask(counting(halts), "test")
    for _ in range(maintenance.MOST_TRIES + 2):
        maintenance.run(report.id)
        waits = maintenance.report_of(report.id)
        assert waits.state == "running" and waits.message.endswith("goes on later. The media service is away.")
    away = False
    assert finished(report.id).state == "done" and not maintenance.report_of(report.id).message
    away = True
    report = maintenance.ask(report.task, "test")
    maintenance.run(report.id)
    monkeypatch.setattr(maintenance, "PATIENCE", timedelta(0))  # as if a day were over
    maintenance.run(report.id)
    ended = maintenance.report_of(report.id)
    assert (ended.state, ended.message) == ("failed", "The media service is away.")


def test_what_its_worker_dies_of_again_and_again_ends(app: Flask, counting: Callable[[Steps], str]) -> None:
    def dies(turn: Turn) -> Iterator[int]:
        yield from ()
        raise KeyboardInterrupt  # no task catches it: as if its process were gone

    report = maintenance.ask(counting(dies), "test")
    for _ in range(maintenance.MOST_TRIES):
        with pytest.raises(KeyboardInterrupt):
            maintenance.run(report.id)
        assert maintenance.report_of(report.id).state == "running"
    maintenance.run(report.id)
    ended = maintenance.report_of(report.id)
    assert ended.state == "failed" and "died again and again" in ended.message


def test_a_report_that_nobody_works_on_is_rung_for_again(app: Flask, counting: Callable[[Steps], str]) -> None:
    lost = maintenance.ask(counting(to_five), "test")
    assert lost.id not in {report.id for report in quiet_reports(lost.queued_at)}
    assert lost.id in {report.id for report in quiet_reports(lost.queued_at + maintenance.QUIET)}
    maintenance.run(lost.id)
    assert lost.id not in {report.id for report in quiet_reports(lost.queued_at + timedelta(days=1))}


def test_a_task_that_this_version_does_not_know_ends_with_a_word(app: Flask) -> None:
    report = maintenance.ask("storage", "test")
    report.update(set__task="from-a-later-version")
    maintenance.run(report.id)
    report = maintenance.report_of(report.id)
    assert report.state == "failed" and "knows no such task" in report.message


@contextmanager
def made_long_ago() -> Iterator[None]:
    """The site is older than a day."""
    oldest = database()["migrations"].find_one(sort=[("at", 1)])
    assert oldest
    database()["migrations"].update_one({"_id": oldest["_id"]}, {"$set": {"at": LONG_AGO}})
    yield
    database()["migrations"].update_one({"_id": oldest["_id"]}, {"$set": {"at": oldest["at"]}})


def test_the_clock_asks_for_the_daily_tasks_once_a_day_and_not_for_what_is_still_under_way(app: Flask) -> None:
    for report in Report.objects(state__in=OPEN):
        finished(report.id)
    maintenance.ask_daily()
    assert not Report.objects(by="beat")  # the site is new
    daily = {task.name for task in maintenance.TASKS.values() if task.daily}
    assert {"retention", "expired-sessions"} <= daily
    with made_long_ago():
        with ThreadPoolExecutor(4) as beats:
            for _ in range(4):
                beats.submit(maintenance.ask_daily)
        asked = list(Report.objects(by="beat"))
        assert {report.task for report in asked} == daily and len(asked) == len(daily)
        for report in asked:
            report.update(set__queued_at=LONG_AGO)
        maintenance.ask_daily()  # still under way
        assert Report.objects(by="beat").count() == len(asked)
        for report in asked:
            finished(report.id)
        for _ in range(2):
            maintenance.ask_daily()
        assert Report.objects(by="beat").count() == 2 * len(asked)  # the next day's, once
    for report in Report.objects(state__in=OPEN):
        finished(report.id)
    Report.objects(by="beat").delete()


def test_what_was_set_aside_is_told_once_more(ada: Person) -> None:
    run("dead-entries")
    said = ObjectId(ada.say(ada.group(), "hello")["id"])
    Entry.raw().update_one({"_id": said}, {"$set": {"out.state": "dead", "out.tries": 3}})
    assert run("dead-entries", dry_run=True).counts == {"dead": 1, "replayed": 0}
    assert (Entry.raw().find_one({"_id": said}) or {})["out"]["state"] == "dead"
    assert run("dead-entries").counts == {"dead": 1, "replayed": 1}
    out = (Entry.raw().find_one({"_id": said}) or {})["out"]
    assert (out["state"], out["tries"], out["due"]) == ("new", 0, AT_ONCE)
    assert run("dead-entries").counts == {"dead": 0, "replayed": 0}


def test_what_a_webhook_did_not_take_is_sent_once_more_unless_it_is_off(ada: Person) -> None:
    Delivery.raw().delete_many({"state": "dead"})
    chat = ada.group()
    rows = []
    for name in ("On", "Off"):
        asked = {"kind": "outgoing", "name": name, "url": "https://receiver.example.org/in", "format": "json"}
        hook = ada.post(f"/api/chats/{chat}/webhooks", asked).json["id"]
        rows.append(ada.post(f"/api/webhooks/{hook}/test").json["id"])
    ada.patch(f"/api/webhooks/{hook}", {"active": False})
    Delivery.raw().update_many({"_id": {"$in": rows}}, {"$set": {"state": "dead", "tries": 8}, "$unset": {"due": ""}})
    assert run("dead-deliveries", dry_run=True).counts == {"failed": 2, "sent again": 0, "kept": 0}
    assert run("dead-deliveries").counts == {"failed": 2, "sent again": 1, "kept": 1}
    states = {row["_id"]: row["state"] for row in Delivery.raw().find({"_id": {"$in": rows}})}
    assert states == {rows[0]: "new", rows[1]: "dead"}
