"""F35: an upgrade that is killed, hangs or runs twice ends well, and no version serves what a newer one made.

Each upgrade is a process of its own, `infitalks db upgrade`, on the real mongod.
"""

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.database import Database

from infitalks.actions import migrations
from tests.running import wait_until, watchdog

ROOT = Path(__file__).parents[2]
ALL = migrations.names()
INDEXES = next(name for name in ALL if name.endswith("_indexes"))
LATER = "m2098_01_01_two_steps"
UNKNOWN = "m2099_01_01_from_the_future"
# The CLI of a version that has one migration more, in a folder of the test's.
COMMAND = """
import sys, migrations
migrations.__path__.append(sys.argv[1])
from infitalks.cli import main
sys.exit(main(["db", sys.argv[2]]))
"""
# Repeatable, as all are: each step finds what it has not done yet.
TWO_STEPS = '''
"""Every thing gets a colour, then a shade of it."""

from infitalks.failpoints import failpoint


def upgrade(db):
    db["runs"].insert_one({})
    db["things"].update_many({"colour": None}, {"$set": {"colour": "red"}})
    failpoint("between_steps")
    db["things"].update_many({"shade": None}, [{"$set": {"shade": {"$concat": ["dark ", "$colour"]}}}])
'''


class Upgrades:
    """Upgrades of one database: by processes that may be told to die, hang or wait at a point."""

    def __init__(self, environ: Mapping[str, str], folder: Path, db: Database[dict[str, Any]]) -> None:
        self.db, self.points, self.later = db, folder / "points", folder / "migrations"
        for made in (self.points, self.later):
            made.mkdir()
        (self.later / f"{LATER}.py").write_text(TWO_STEPS)
        db["things"].insert_many([{"_id": number} for number in range(3)])
        self.environ = {
            **os.environ,
            **environ,
            "MONGODB_DATABASE": db.name,
            "INFITALKS_FAILPOINTS": str(self.points),
            "INFITALKS_DATA": str(folder),
        }

    def start(self, command: str = "upgrade") -> subprocess.Popen[str]:
        argv = (sys.executable, "-c", COMMAND, str(self.later), command)
        out = subprocess.PIPE
        process = subprocess.Popen(
            argv, cwd=ROOT, env=self.environ, stdout=out, stderr=out, text=True, start_new_session=True
        )
        watchdog().watch(process.pid)
        return process

    def run(self, command: str = "upgrade") -> tuple[int, str, str]:
        """Exit code, output and errors of one that ends by itself."""
        return ended(self.start(command))

    def order(self, point: str, what: str) -> None:
        (self.points / point).write_text(what)

    def reached(self, point: str) -> None:
        """Wait until a process obeys the order for this point."""
        wait_until(lambda: list(self.points.glob(f"{point}.*")), f"{point} is reached")

    def marked(self) -> list[str]:
        return sorted(doc["_id"] for doc in self.db["migrations"].find())

    def assert_done(self) -> None:
        assert self.marked() == sorted([*ALL, LATER])
        assert [(doc["colour"], doc["shade"]) for doc in self.db["things"].find()] == [("red", "dark red")] * 3
        assert {"chat_1_seq_1", "chat_1_author_1_client_id_1"} <= self.db["log"].index_information().keys()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, errors = process.communicate(timeout=60)
    watchdog().release(process.pid)
    return process.returncode, out, errors


@pytest.fixture
def upgrades(stores_environ: dict[str, str], mongodb_uri: str, tmp_path: Path) -> Iterator[Upgrades]:
    name = f"upgrade_{secrets.token_hex(4)}"
    with MongoClient[dict[str, Any]](mongodb_uri) as client:
        yield Upgrades(stores_environ, tmp_path, client[name])
        client.drop_database(name)


def test_an_upgrade_that_was_killed_is_finished_by_the_next(upgrades: Upgrades) -> None:
    # The first migration is done, but not marked; then it is marked, and the second half done.
    for point, marked in (("migrations.before_mark", []), ("between_steps", ALL)):
        upgrades.order(point, "kill")
        assert upgrades.run()[0] == -signal.SIGKILL
        assert upgrades.marked() == marked
    assert f"pending {LATER}" in upgrades.run("status")[1]
    assert upgrades.run() == (0, f"ran {LATER}\n", "")
    upgrades.assert_done()


def test_of_upgrades_at_once_one_runs_each_migration(upgrades: Upgrades) -> None:
    upgrades.order("between_steps", "sleep 6")  # longer than the lease of one that does not renew it
    processes = [upgrades.start() for _ in range(3)]
    results = [ended(process) for process in processes]
    assert [(code, errors) for code, _, errors in results] == [(0, "")] * 3
    assert sorted("".join(out for _, out, _ in results).split()) == sorted([*ALL, LATER, *["ran"] * (len(ALL) + 1)])
    assert upgrades.db["runs"].count_documents({}) == 1
    upgrades.assert_done()


def test_an_upgrade_that_hung_until_another_took_over_wakes_up_to_no_harm(upgrades: Upgrades) -> None:
    upgrades.order("between_steps", "stop")
    sleeper = upgrades.start()
    upgrades.reached("between_steps")
    code, out, errors = upgrades.run()
    assert (code, errors) == (0, "") and f"ran {LATER}" in out
    at = upgrades.db["migrations"].find_one({"_id": LATER})
    os.kill(sleeper.pid, signal.SIGCONT)
    assert ended(sleeper)[0] == 0
    assert upgrades.db["migrations"].find_one({"_id": LATER}) == at
    upgrades.assert_done()


@pytest.fixture
def dump(upgrades: Upgrades) -> Callable[[], Any]:
    """All that is stored."""
    db = upgrades.db

    def stored() -> Any:
        # Leases are taken and given back by whoever looks.
        names = set(db.list_collection_names()) - {"leases"}
        return {name: (list(db[name].find()), db[name].index_information()) for name in sorted(names)}

    return stored


def test_a_database_of_a_newer_version_is_left_alone_by_an_older_one(
    upgrades: Upgrades, dump: Callable[[], Any]
) -> None:
    upgrades.db["migrations"].insert_one({"_id": UNKNOWN})
    before = dump()
    code, out, errors = upgrades.run("status")
    assert code == 1 and f"unknown {UNKNOWN}\n" in out and f"pending {INDEXES}\n" in out
    for said in (errors, upgrades.run()[2]):
        assert f"the database is newer than this InfiTalks: it has had {UNKNOWN}, unknown here" in said
        assert "Run the version that did this, or a later one" in said and "Traceback" not in said
    assert dump() == before


def test_a_server_refuses_to_serve_a_newer_database(upgrades: Upgrades) -> None:
    production = {
        "INFITALKS_MODE": "production",
        "INFITALKS_FAILPOINTS": "",
        "PUBLIC_URL": "https://chat.example.org",
    }
    # Without the one migration more, which the server's version does not know.
    serve = (sys.executable, "-c", "import wsgi")
    # A worker looks before it takes up any task.
    work = (sys.executable, "-c", "import worker; worker.worker_init.send(None)")

    def served(serve: tuple[str, ...] = serve) -> subprocess.CompletedProcess[str]:
        environ = {**upgrades.environ, **production}
        return subprocess.run(serve, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)

    (upgrades.later / f"{LATER}.py").unlink()
    assert upgrades.run()[0] == 0
    assert served().returncode == served(work).returncode == 0
    upgrades.db["migrations"].insert_one({"_id": LATER})
    for refused in (served(), served(work)):
        assert refused.returncode != 0 and f"newer than this InfiTalks: it has had {LATER}" in refused.stderr
