"""The doors to maintenance know every task, show how far it is, and refuse what is not one; without MongoDB or Redis
they say so, and nothing is half done.
"""

import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from flask import Flask
from pymongo.errors import AutoReconnect, ExecutionTimeout

from infitalks.actions import maintenance, users
from infitalks.cli import main
from infitalks.errors import Invalid, NotFound, Unavailable
from infitalks.local.ports import pick_port
from infitalks.models.maintenance import Report, newest_reports
from infitalks.models.site import Site
from infitalks.tasks.maintenance import run_named
from tests.api.corpus import nothing_changes
from tests.api.test_maintenance import alone, made_long_ago
from tests.people import Person
from tests.running import wait_until, watchdog

ROOT = Path(__file__).parents[2]
ALL = sorted(maintenance.TASKS)


@pytest.fixture(scope="module")
def app(stores_environ: dict[str, str]) -> Iterator[Flask]:
    """The app on a database of its own, where no worker is."""
    with alone(stores_environ, "doors") as app:
        yield app


@pytest.fixture
def environ(app: Flask, stores_environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return {**stores_environ, "MONGODB_DATABASE": "doors", "INFITALKS_DATA": str(tmp_path), "TERM": "xterm"}


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`command("list", NAME=value)`: exit code, output and errors of `infitalks maintenance list`."""
    monkeypatch.setattr("infitalks.cli.FOLLOW_SECONDS", 0)  # nobody works here

    def run(*arguments: str, **changed: str) -> tuple[int, str, str]:
        for name, value in {**environ, **changed}.items():
            monkeypatch.setenv(name, value)
        try:
            code = main(("maintenance", *arguments))
        except SystemExit as end:  # argparse's
            code = int(str(end.code))
        return code, *capsys.readouterr()

    return run


def test_every_task_can_be_asked_for_at_every_door(ada: Person, command: Run) -> None:
    users.make_admin(ada.username)
    page = ada.get("/admin/maintenance").text
    listed = [line.split()[0] for line in command("list")[1].splitlines()]
    assert sorted(listed) == ALL
    for name in ALL:
        known = Report.objects.count()
        assert command("run", name, "--dry-run")[1].startswith(f"queued {name} as ")
        assert f'action="/admin/maintenance/{name}/run"' in page
        form = {"csrf_token": ada.csrf, "dry_run": "1"}
        assert ada.client.post(f"/admin/maintenance/{name}/run", data=form).status_code == 302
        run_named(name, True)  # as `celery call` has it done
        asked = newest_reports(3)
        assert Report.objects.count() == known + 3 and {report.task for report in asked} == {name}
        assert {report.by for report in asked} >= {ada.username, "celery"} and all(r.dry_run for r in asked)
        assert name in command("history")[1]
        Report.objects(task=name).delete()
    assert set(ALL) > maintenance.daily_tasks() == {name for name in ALL if maintenance.TASKS[name].daily}
    for name in ALL:
        form = {"csrf_token": ada.csrf, "on": "" if name == "check-log" else "1"}
        assert ada.client.post(f"/admin/maintenance/{name}/daily", data=form).status_code == 302
    with made_long_ago():
        maintenance.ask_daily()
    assert sorted({*(report.task for report in Report.objects(by="beat")), "check-log"}) == ALL
    assert "check-log" not in maintenance.daily_tasks() and "storage: every day" in ada.get("/admin").text
    Report.objects.delete()
    Site.objects.delete()


def test_what_is_no_task_or_no_argument_of_one_is_refused_at_every_door(ada: Person, command: Run) -> None:
    users.make_admin(ada.username)
    with nothing_changes():
        code, _, errors = command("run", "no-such-task")
        assert code == 1 and "There is no maintenance task 'no-such-task'" in errors and "check-log" in errors
        for wrong in (("run",), ("run", "check-log", "--fast"), ("run", "check-log", "storage"), ("no-such",), ()):
            code, _, errors = command(*wrong)
            assert code == 2 and errors.startswith("usage: infitalks"), wrong
        for no_task in ("no-such-task", "", None, 7, ["check-log"]):
            with pytest.raises(NotFound, match="check-log"):
                run_named(no_task)
        for neither in ("no", 0, None, [True]):
            with pytest.raises(Invalid, match="dry_run"):
                run_named("check-log", neither)
        for form in ("run", "daily"):
            assert ada.client.post(f"/admin/maintenance/x/{form}", data={"csrf_token": ada.csrf}).status_code == 404


def test_without_mongodb_a_command_says_so_and_without_redis_the_task_waits_in_the_database(
    environ: dict[str, str], command: Run
) -> None:
    nowhere = {**os.environ, **environ, "MONGODB_URI": f"mongodb://127.0.0.1:{pick_port()}/?replicaSet=rs0"}
    argv = (sys.executable, "-m", "infitalks.cli", "maintenance", "run", "storage")
    away = subprocess.run(argv, cwd=ROOT, env=nowhere, capture_output=True, text=True, timeout=60, check=False)
    assert away.returncode == 1 and away.stderr.startswith("MongoDB: ") and "`infitalks doctor`" in away.stderr
    assert "Traceback" not in away.stderr
    before = Report.objects.count()
    code, printed, errors = command("run", "storage", REDIS_URL=f"redis://127.0.0.1:{pick_port()}/0")
    assert code == 1 and "queued storage" in printed and "infitalks maintenance history" in printed and not errors
    assert Report.objects.count() == before + 1  # which `resume` rings for when Redis is back
    assert command("list")[0] == 0


@pytest.mark.parametrize(
    "away", [Unavailable("busy"), AutoReconnect("connection closed"), ExecutionTimeout("too slow")]
)
def test_what_a_task_needs_and_is_away_is_named_in_its_report(
    app: Flask, away: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = maintenance.TASKS["storage"]

    def halts(turn: object) -> Iterator[None]:
        yield from ()
        raise away

    monkeypatch.setitem(maintenance.TASKS, "storage", type(task)("storage", "", halts))
    Report.objects.delete()
    report = maintenance.ask("storage", "test")
    maintenance.run(report.id)
    report.reload()
    assert report.state == "running" and str(away) in report.message


class Followed:
    """`infitalks maintenance run` in a process of its own; the test does the worker's part, in the report."""

    def __init__(self, environ: dict[str, str], out: int) -> None:
        argv = (sys.executable, "-m", "infitalks.cli", "maintenance", "run", "repair-messages")
        known = {report.id for report in Report.objects}
        environ = {**os.environ, **environ, "COLUMNS": "60"}
        self.process = subprocess.Popen(argv, cwd=ROOT, env=environ, stdout=out, stderr=out, start_new_session=True)
        watchdog().watch(self.process.pid)
        wait_until(lambda: [report for report in Report.objects if report.id not in known], "the task is queued")
        (self.report,) = [report for report in Report.objects if report.id not in known]

    def end(self) -> int:
        counts = {"wrong": 7, "mended": 7}
        lines = ["Chat x: text."]
        self.report.update(set__state="done", set__counts=counts, set__lines=lines, set__message="")
        code = self.process.wait(30)
        watchdog().release(self.process.pid)
        return code


def test_on_a_terminal_a_bar_shows_how_far_the_task_is(environ: dict[str, str]) -> None:
    screen, terminal = pty.openpty()
    os.set_blocking(screen, False)
    printed = ""

    def shown(pattern: str) -> bool:
        nonlocal printed
        with suppress(BlockingIOError, OSError):
            printed += os.read(screen, 65536).decode()
        return bool(re.search(pattern, printed))

    followed = Followed(environ, terminal)
    wait_until(lambda: shown("\rqueued"), "it waits")
    followed.report.update(set__state="running", set__total=1000, set__seen=250, set__counts={"wrong": 3})
    wait_until(lambda: shown("\r█{6}░{18}  25% 250 of 1,000 wrong=3\x1b"), "a quarter is done")
    followed.report.update(set__seen=1000, set__message="It waits and goes on later. " + "x" * 200)
    wait_until(lambda: shown("\r█{24} 100% 1,000 of 1,000 It waits"), "all of it is")
    assert followed.end() == 0
    wait_until(lambda: shown("done wrong=7 mended=7"), "the end")
    assert "x" * 60 not in printed and "Chat x: text." in printed
    os.close(screen)
    os.close(terminal)


def test_elsewhere_plain_lines_tell_it_in_tenths(environ: dict[str, str], tmp_path: Path) -> None:
    log = tmp_path / "printed"
    with log.open("wb") as out:
        followed = Followed(environ, out.fileno())
    for seen in (250, 260, 270, 500):
        followed.report.update(set__state="running", set__total=1000, set__seen=seen)
        wait_until(lambda seen=seen: f"running {seen // 100}0 %" in log.read_text(), "it tells so")  # type: ignore[misc]
    assert followed.end() == 0
    first, *rest = log.read_text().splitlines()
    assert first.startswith("queued repair-messages as ") and "\r" not in "".join(rest) + first
    rest = [line for line in rest if not line.startswith("queued;")]
    assert [line.strip() for line in rest] == ["running 20 %", "running 50 %", "Chat x: text.", "done wrong=7 mended=7"]
