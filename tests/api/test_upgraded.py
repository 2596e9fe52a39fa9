"""A database with all that people left in it, in the form that an earlier version gave it, is brought to this one's,
though the upgrade was killed half-way. How upgrades run at all: tests/faults/test_upgrade.py.
"""

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from infitalks.actions import maintenance, migrations
from infitalks.models.database import database
from tests.api.test_maintenance import alone, run
from tests.people import Person
from tests.running import watchdog

ROOT = Path(__file__).parents[2]
NAMES = migrations.names()
OF_THIS_VERSION = {
    "chats": {"retention_days": ""},
    "memberships": {"favourite": ""},
    "log": {"out.request": "", "thread": ""},
}


@pytest.fixture(scope="module")
def app(stores_environ: dict[str, str]) -> Iterator[Flask]:
    with alone(stores_environ, "upgraded") as app:
        yield app


def indexes() -> dict[str, Any]:
    names = sorted(set(database().list_collection_names()) - {"migrations", "leases"})
    return {name: database()[name].index_information() for name in names}


def take_back_to(version: int) -> None:
    """The form that the first so many migrations give, and none of the fields that are newer."""
    for name in database().list_collection_names():
        if not name.startswith("spool."):  # GridFS makes its own
            database()[name].drop_indexes()
    database()["migrations"].delete_many({})
    webhooks = list(database()["webhooks"].find())  # of which the first form does not take all
    database()["webhooks"].delete_many({})
    for name in NAMES[:version]:
        importlib.import_module(f"migrations.{name}").upgrade(database())
        database()["migrations"].insert_one({"_id": name})
    if webhooks:
        database()["webhooks"].insert_many(webhooks)
    for collection, fields in OF_THIS_VERSION.items():
        database()[collection].update_many({}, {"$unset": fields})


def upgrade(environ: dict[str, str]) -> tuple[int, list[str]]:
    """`infitalks db upgrade`: its exit code, and which migrations it says it ran."""
    argv = (sys.executable, "-m", "infitalks.cli", "db", "upgrade")
    process = subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, start_new_session=True)
    watchdog().watch(process.pid)
    printed, _ = process.communicate(timeout=90)
    watchdog().release(process.pid)
    return process.returncode, [line.removeprefix("ran ") for line in printed.splitlines()]


# The very first form, and the one before the last change.
@pytest.mark.parametrize("version", [1, len(NAMES) - 1], ids=["first", "previous"])
def test_what_an_earlier_version_stored_is_all_there_after_an_upgrade_that_was_killed_once(
    app: Flask, ada: Person, bob: Person, stores_environ: dict[str, str], tmp_path: Path, picture: bytes, version: int
) -> None:
    chat = ada.group(bob)
    said = ada.say(chat, "hello", attachments=[ada.upload(picture).json["id"]])
    bob.say(chat, "old", reply_to=said["id"])
    ada.patch(f"/api/messages/{said['id']}", {"text": "hello, all"})
    bob.put(f"/api/messages/{said['id']}/reactions/%F0%9F%91%8D")
    asked = {"kind": "incoming", "name": "Builds"}
    if version > 1:  # the first knew no others
        asked = {"kind": "outgoing", "name": "Relay", "url": "https://receiver.example.org/in", "format": "json"}
    hook = ada.post(f"/api/chats/{chat}/webhooks", asked).json["id"]
    ada.post(f"/api/webhooks/{hook}/test")
    shown = [f"/api/chats/{chat}/log", f"/api/messages?chat={chat}", f"/api/webhooks/{hook}/deliveries"]
    before, form = [bob.get(shown[0]).json, bob.get(shown[1]).json, ada.get(shown[2]).json], indexes()
    take_back_to(version)
    assert indexes() != form
    environ = {**os.environ, **stores_environ, "MONGODB_DATABASE": "upgraded", "INFITALKS_DATA": str(tmp_path)}
    environ["INFITALKS_FAILPOINTS"] = str(tmp_path)
    (tmp_path / "migrations.before_mark").write_text("kill")
    assert upgrade(environ)[0] == -signal.SIGKILL
    assert migrations.pending() == NAMES[version:]  # done, perhaps, and not marked
    assert upgrade(environ) == (0, NAMES[version:]) and not migrations.pending()
    assert indexes() == form
    after = [bob.get(shown[0]).json, bob.get(shown[1]).json, ada.get(shown[2]).json]
    assert after == before
    ada.say(chat, "and on it goes")
    for task in ("check-log", "repair", "repair-messages"):
        counts = run(task).counts
        assert not counts.get("faults") and not counts.get("wrong"), task
    assert {run(name, dry_run=True).state for name in ("retention", "dead-deliveries", "storage")} == {"done"}
    assert maintenance.history(1)[0].state == "done"
