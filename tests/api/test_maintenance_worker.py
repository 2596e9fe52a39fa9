"""The real worker of maintenance: called by name through Celery, and killed in the middle of a task."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.local import services, valkey
from infitalks.local.ports import pick_port
from infitalks.models.chats import Chat
from infitalks.models.log import AT_ONCE, Entry
from infitalks.models.maintenance import OPEN, Lease, Report
from infitalks.models.site import Site
from tests.conftest import started
from tests.people import Person
from tests.running import Running, wait_until

ROOT = Path(__file__).parents[2]


class Works(NamedTuple):
    """A worker with a Redis of its own."""

    worker: Running
    env: dict[str, str]
    failpoints: Path

    def call(self, task: str, *args: Any) -> None:
        """As an admin does at the command line."""
        argv = (*services.CELERY, "call", task, "--args", json.dumps(args))
        environ = {**os.environ, **self.env}
        called = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert called.returncode == 0, called.stderr

    def run(self, name: str) -> Report:
        """Call the task by its name; its report, once a worker has written it."""
        known = set(Report.raw().distinct("_id"))
        self.call("maintenance.run_named", name)
        wait_until(lambda: set(Report.raw().distinct("_id")) - known, "there is a report")
        (new,) = set(Report.raw().distinct("_id")) - known
        return Report.objects.get(id=new)


@pytest.fixture(scope="module")
def works(app: Flask, stores_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Works]:
    Report.objects(state__in=OPEN).delete()  # what other tests only asked for
    folder = tmp_path_factory.mktemp("works")
    (failpoints := folder / "failpoints").mkdir()
    port = pick_port()
    env = {
        **stores_environ,
        "MONGODB_DATABASE": "api",
        "REDIS_URL": valkey.redis_url(port),
        "INFITALKS_FAILPOINTS": str(failpoints),
    }
    with (
        started(valkey.valkey(port, folder / "redis"), folder),
        started(services.worker("maintenance", "maintenance", 1, env), folder) as worker,
    ):
        yield Works(worker, env, failpoints)


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


def old_messages(ada: Person) -> ObjectId:
    Site(id="settings", retention_days=30).save()
    chat = ObjectId(ada.group())
    for text in ("one", "two"):
        ada.say(str(chat), text)
    Entry.raw().update_many({"chat": chat}, {"$set": {"at": AT_ONCE}})
    return chat


def a_broken_chat(ada: Person) -> ObjectId:
    chat = ObjectId(ada.group())
    ada.say(str(chat), "hello")
    Chat.raw().update_one({"_id": chat}, {"$set": {"last_seq": 99, "n": 50}})
    return chat


def an_entry_set_aside(ada: Person) -> ObjectId:
    chat = ObjectId(ada.group())
    ada.say(str(chat), "hello")
    Entry.raw().update_many({"chat": chat}, {"$set": {"out.state": "dead"}})
    return chat


def ends(chat: ObjectId) -> list[Any]:
    """What the tasks below are to come to."""
    log = list(Entry.raw().find({"chat": chat}).sort("seq", 1))
    row = Chat.raw().find_one({"_id": chat}) or {}
    texts = [(entry["text"], entry.get("deleted_seq")) for entry in log if entry["kind"] == "message"]
    return [len(log), texts, {entry["out"]["state"] for entry in log}, row["last_seq"], row["n"]]


RETAINED: list[Any] = [5, [("", 4), ("", 5)], {"new"}, 5, 2]
CUT_SHORT = [
    ("retention", old_messages, "append.after_insert", RETAINED),
    ("retention", old_messages, "append.before_apply", RETAINED),
    ("retention", old_messages, "maintenance.before_keep", RETAINED),
    ("repair", a_broken_chat, "maintenance.before_keep", [2, [("hello", None)], {"new"}, 2, 1]),
    ("dead-entries", an_entry_set_aside, "maintenance.before_keep", [2, [("hello", None)], {"new"}, 2, 1]),
]


@pytest.mark.parametrize(("name", "prepare", "point", "end"), CUT_SHORT)
def test_a_task_whose_worker_was_killed_goes_on_and_comes_to_the_same(
    works: Works, ada: Person, name: str, prepare: Callable[[Person], ObjectId], point: str, end: list[Any]
) -> None:
    chat = prepare(ada)
    (works.failpoints / point).write_text("kill")
    report = works.run(name)
    wait_until(lambda: not (works.failpoints / point).exists(), "the worker's process is killed")
    report.reload()
    assert report.state == "running"
    # As if the time were over that a dead worker's place is kept for.
    Lease.raw().update_one({"_id": f"maintenance:{name}"}, {"$set": {"until": AT_ONCE}})
    report.update(set__touched_at=AT_ONCE)
    works.call("maintenance.resume")
    wait_until(lambda: is_done(report), "the task is done")
    assert ends(chat) == end
    Site.objects(id="settings").delete()
