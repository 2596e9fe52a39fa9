"""The real worker of maintenance: called by name through Celery, and killed in the middle of a task."""

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from bson import ObjectId
from celery import Celery
from flask import Flask

from infitalks.actions import maintenance
from infitalks.actions.maintenance import TASKS
from infitalks.backends import media
from infitalks.local import services, valkey
from infitalks.local.ports import pick_port
from infitalks.models.chats import Chat
from infitalks.models.database import database
from infitalks.models.deliveries import Delivery
from infitalks.models.log import AT_ONCE, Entry
from infitalks.models.maintenance import Lease, Report, newest_reports
from infitalks.models.media import Media, spool
from infitalks.models.sessions import Session
from infitalks.models.site import Day, Site
from infitalks.models.users import User
from tests.api.test_maintenance import LONG_AGO, alone, made_long_ago
from tests.conftest import started
from tests.people import Person
from tests.running import Running, wait_until

ROOT = Path(__file__).parents[2]


class Works(NamedTuple):
    """A worker with a Redis of its own."""

    worker: Running
    env: dict[str, str]
    failpoints: Path
    folder: Path

    def call(self, task: str, *args: Any) -> None:
        """As an admin does at the command line."""
        argv = (*services.CELERY, "call", task, "--args", json.dumps(args))
        environ = {**os.environ, **self.env}
        called = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert called.returncode == 0, called.stderr

    def ring(self, task: str, *args: Any) -> None:
        """The same without a process for it."""
        client = Celery(broker=self.env["REDIS_URL"], set_as_current=False)
        with client.connection_for_write() as connection:
            client.send_task(task, args=args, queue="maintenance", connection=connection, ignore_result=True)

    def run(self, name: str) -> Report:
        """Call the task by its name; its report, once a worker has written it."""
        known = set(Report.raw().distinct("_id"))
        self.call("maintenance.run_named", name)
        wait_until(lambda: set(Report.raw().distinct("_id")) - known, "there is a report")
        (new,) = set(Report.raw().distinct("_id")) - known
        return Report.objects.get(id=new)


@pytest.fixture(scope="module")
def app(stores_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The app with a database and a media service of its own: all that is in them is counted here."""
    url = services.cloudinary_url("key", "f" * 32, port := pick_port())
    folder = tmp_path_factory.mktemp("media")
    with (
        started(services.media(port, folder / "media", {"CLOUDINARY_URL": url}), folder),
        alone({**stores_environ, "CLOUDINARY_URL": url}, "works") as app,
    ):
        app.config.update(CLOUDINARY_URL=url, MEDIA_FOLDER=folder / "media")
        yield app
    media.configure(stores_environ["CLOUDINARY_URL"])


@pytest.fixture(scope="module")
def works(app: Flask, stores_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    folder = tmp_path_factory.mktemp("works")
    (failpoints := folder / "failpoints").mkdir()
    port = pick_port()
    env = {
        **stores_environ,
        "MONGODB_DATABASE": "works",
        "CLOUDINARY_URL": app.config["CLOUDINARY_URL"],
        "REDIS_URL": valkey.redis_url(port),
        "INFITALKS_FAILPOINTS": str(failpoints),
    }
    with (
        started(valkey.valkey(port, folder / "redis"), folder),
        started(services.worker("maintenance", "maintenance", 1, env), folder) as worker,
    ):
        yield Works(worker, env, failpoints, folder)


def is_done(report: Report) -> bool:
    report.reload()
    assert report.state != "failed", report.message
    return bool(report.state == "done")


def test_a_task_is_called_by_its_name_and_its_report_is_in_the_history(works: Works) -> None:
    report = works.run("storage")
    wait_until(lambda: is_done(report), "the task is done")
    assert report.by == "celery" and report.counts["documents"] > 0


def test_a_name_that_no_task_has_is_told_and_changes_nothing(works: Works) -> None:
    before = Report.objects.count()
    works.call("maintenance.run_named", "no-such-task")
    wait_until(lambda: "There is no maintenance task 'no-such-task'" in works.worker.output(), "the worker says so")
    assert "expired-sessions" in works.worker.output() and Report.objects.count() == before


def test_beat_asks_for_what_runs_every_day_and_the_worker_does_it(works: Works, ada: Person) -> None:
    daily = {task.name for task in TASKS.values() if task.daily}
    with made_long_ago(), started(services.beat(works.folder, works.env), works.folder):
        wait_until(lambda: {r.task for r in Report.objects(by="beat", state="done")} == daily, "all is done", 60)
    assert Report.objects(by="beat").count() == len(daily)
    assert {report.task for report in newest_reports(len(daily))} == daily


Look = Callable[[Report], Any]


class Case(NamedTuple):
    """`prepare(ada, picture)` makes something to do; what it returns looks at what came of it, which is to be `end`."""

    prepare: Callable[[Person, bytes], Look]
    end: Any


def an_old_session(ada: Person, picture: bytes) -> Look:
    times = {"created_at": LONG_AGO, "seen_at": LONG_AGO, "expires_at": LONG_AGO}
    Session(id=f"old-{ada.id}", user=ObjectId(ada.id), kind="browser", **times).save(force_insert=True)
    return lambda _: Session.objects(id=f"old-{ada.id}").count()


def stored(picture: bytes, name: str) -> str:
    return media.store().upload(picture, f"infitalks/{name}-{ObjectId()}").public_id


def is_stored(public_id: str) -> bool:
    return bool(media.store().list_assets("image", prefix=public_id)[0])


def an_orphan(ada: Person, picture: bytes) -> Look:
    row = {"_id": ObjectId(), "public_id": stored(picture, "orphan"), "state": "ready", "created_at": LONG_AGO}
    Media.raw().insert_one(row)
    return lambda _: (Media.raw().count_documents({"_id": row["_id"]}), is_stored(str(row["public_id"])))


def an_unknown_picture(ada: Person, picture: bytes) -> Look:
    public_id = stored(picture, "unknown")
    with sqlite3.connect(ada.client.application.config["MEDIA_FOLDER"] / "assets.sqlite3", timeout=20) as assets:
        aged = "UPDATE assets SET record = json_set(record, '$.created_at', '2020-01-01T00:00:00Z') WHERE public_id = ?"
        assert assets.execute(aged, (public_id,)).rowcount == 1
    return lambda _: is_stored(public_id)


def bytes_left_behind(ada: Person, picture: bytes) -> Look:
    left = spool().upload_from_stream("upload", b"nobody's")
    database()["spool.files"].update_one({"_id": left}, {"$set": {"uploadDate": LONG_AGO}})
    return lambda _: database()["spool.files"].count_documents({"_id": left})


def a_failed_picture(ada: Person, picture: bytes) -> Look:
    failed = ObjectId(ada.upload(picture).json["id"])
    Media.raw().update_one({"_id": failed}, {"$set": {"state": "failed", "reason": "The service was away."}})
    return lambda _: Media.objects.get(id=failed).state


def old_messages(ada: Person, picture: bytes) -> Look:
    Site(id="settings", retention_days=30).save()
    chat = a_chat(ada, "one", "two")
    Entry.raw().update_many({"chat": chat}, {"$set": {"at": AT_ONCE}})
    return lambda _: ends(chat)


def a_broken_chat(ada: Person, picture: bytes) -> Look:
    chat = a_chat(ada, "hello")
    Chat.raw().update_one({"_id": chat}, {"$set": {"last_seq": 99, "n": 50}})
    return lambda _: ends(chat)


def a_broken_message(ada: Person, picture: bytes) -> Look:
    chat = a_chat(ada, "hello")
    Entry.raw().update_many({"chat": chat, "kind": "message"}, {"$set": {"html": "<p>never said</p>"}})
    return lambda _: Entry.raw().distinct("html", {"chat": chat, "kind": "message"})


def an_entry_set_aside(ada: Person, picture: bytes) -> Look:
    chat = a_chat(ada, "hello")
    Entry.raw().update_many({"chat": chat}, {"$set": {"out.state": "dead"}})
    return lambda _: ends(chat)


def a_failed_delivery(ada: Person, picture: bytes) -> Look:
    asked = {"kind": "outgoing", "name": "Relay", "url": "https://receiver.example.org/in", "format": "json"}
    hook = ada.post(f"/api/chats/{ada.group()}/webhooks", asked).json["id"]
    row = ada.post(f"/api/webhooks/{hook}/test").json["id"]
    Delivery.raw().update_one({"_id": row}, {"$set": {"state": "dead", "tries": 8}, "$unset": {"due": ""}})
    return lambda _: Delivery.objects.get(id=row).state


def counts_what(of: Callable[[], dict[str, int]]) -> Callable[[Person, bytes], Look]:
    """A task that changes nothing: nothing is left out, and nothing counted twice."""

    def prepare(ada: Person, picture: bytes) -> Look:
        a_chat(ada, "hello")
        return lambda report: {name: report.counts[name] - number for name, number in of().items()}

    return prepare


def a_chat(ada: Person, *texts: str) -> ObjectId:
    chat = ObjectId(ada.group())
    for text in texts:
        ada.say(str(chat), text)
    return chat


def ends(chat: ObjectId) -> list[Any]:
    log = list(Entry.raw().find({"chat": chat}).sort("seq", 1))
    row = Chat.raw().find_one({"_id": chat}) or {}
    texts = [(entry["text"], entry.get("deleted_seq")) for entry in log if entry["kind"] == "message"]
    return [len(log), texts, {entry["out"]["state"] for entry in log}, row["last_seq"], row["n"]]


HELLO: list[Any] = [2, [("hello", None)], {"new"}, 2, 1]
CASES = {
    "expired-sessions": Case(an_old_session, 0),
    "orphaned-pictures": Case(an_orphan, (0, False)),
    "unknown-pictures": Case(an_unknown_picture, False),
    "spooled-files": Case(bytes_left_behind, 0),
    "failed-pictures": Case(a_failed_picture, "processing"),
    "retention": Case(old_messages, [5, [("", 4), ("", 5)], {"new"}, 5, 2]),
    "dead-entries": Case(an_entry_set_aside, HELLO),
    "dead-deliveries": Case(a_failed_delivery, "new"),
    "repair": Case(a_broken_chat, HELLO),
    "repair-messages": Case(a_broken_message, ["<p>hello</p>"]),
    "check-log": Case(
        counts_what(lambda: {"faults": 0, "entries": Entry.objects.count()}), {"faults": 0, "entries": 0}
    ),
    "inactive-accounts": Case(counts_what(lambda: {"people": User.objects(kind="person").count()}), {"people": 0}),
    "storage": Case(counts_what(lambda: {"pictures": Media.objects.count()}), {"pictures": 0}),
    "activity": Case(lambda ada, picture: lambda _: Day.objects.count(), 30),
}
# Where exactly: for every task between a batch and the note of how far it came; retention writes to logs besides.
KILLED = [(name, "maintenance.before_keep") for name in TASKS]
KILLED += [("retention", "append.after_insert"), ("retention", "append.before_apply")]


@pytest.mark.parametrize(("name", "point"), KILLED)
def test_every_task_whose_worker_was_killed_goes_on_and_comes_to_the_same(
    works: Works, ada: Person, picture: bytes, name: str, point: str
) -> None:
    case = CASES[name]  # a new task needs one
    Day.objects.delete()
    look = case.prepare(ada, picture)
    (works.failpoints / point).write_text("kill")
    report = maintenance.ask(name, "test")  # whose bell nobody hears
    works.ring("maintenance.run", str(report.id))
    wait_until(lambda: not (works.failpoints / point).exists(), "the worker's process is killed")
    report.reload()
    assert report.state == "running"
    # As if the time were over that a dead worker's place is kept for.
    Lease.raw().update_one({"_id": f"maintenance:{name}"}, {"$set": {"until": AT_ONCE}})
    report.update(set__touched_at=AT_ONCE)
    works.ring("maintenance.resume")
    wait_until(lambda: is_done(report), "the task is done")
    assert look(report) == case.end
    assert report.id in {each.id for each in newest_reports(3)}
    Site.objects(id="settings").delete()
