"""The supervisor heals, gives up, stops in order and leaves nothing behind."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from infitalks.local.console import Console
from infitalks.local.process import Service, ServiceError
from infitalks.local.supervisor import Supervisor
from infitalks.local.watchdog import Watchdog
from tests.running import alive, run_async, wait_until

# Says who it is and its process id, has a child of its own in its group, and says when it is told to stop.
PROGRAM = """
import os, signal, subprocess, sys
name, log = sys.argv[1:3]
def tell(what):
    with open(log, "a") as out: out.write(f"{name} {what}\\n")
def stop(*_):
    tell("stopped"); child.kill(); sys.exit(0)
signal.signal(signal.SIGTERM, stop)
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
tell(f"is {os.getpid()} {child.pid}")
print("serving", flush=True)
while True: signal.pause()
"""

PAUSE = 0.01  # seconds before a restart


class Story:
    """What the programs of one test wrote down."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "story"
        self.file.touch()

    def service(self, name: str, program: str = PROGRAM, **options: object) -> Service:
        argv = (sys.executable, "-c", textwrap.dedent(program), name, str(self.file))
        return Service(name, argv, ready_line="serving", **options)  # type: ignore[arg-type]

    def lines(self) -> list[str]:
        return self.file.read_text().splitlines()

    def pids(self, name: str) -> list[list[int]]:
        """The process ids of each life: leader and child."""
        lives = (line.split() for line in self.lines())
        return [[int(pid) for pid in life[2:]] for life in lives if life[:2] == [name, "is"]]

    def has_lived(self, name: str, lives: int) -> bool:
        return len(self.pids(name)) == lives


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


def supervised(scene: Callable[[Supervisor], Awaitable[None]]) -> str:
    """Play a scene with a supervisor, stop it, and return what it showed."""
    shown = io.StringIO()

    async def play() -> None:
        watchdog = Watchdog()
        supervisor = Supervisor(Console({}, shown), watchdog, PAUSE)
        try:
            await scene(supervisor)
        finally:
            await supervisor.stop()
            watchdog.close()

    run_async(play())
    return shown.getvalue()


async def until(true: Callable[[], object], what: str) -> None:
    await asyncio.to_thread(wait_until, true, what)


def test_services_stop_in_the_opposite_order_of_their_start(story: Story) -> None:
    async def scene(supervisor: Supervisor) -> None:
        await supervisor.start([story.service("store"), story.service("cache")])
        await supervisor.start([story.service("web")])

    shown = supervised(scene)
    assert [line for line in story.lines() if line.endswith("stopped")] == [
        "web stopped",
        "cache stopped",
        "store stopped",
    ]
    assert "web      | serving" in shown
    assert "starts again" not in shown


def test_a_killed_leader_is_started_again_and_what_it_left_is_gone(story: Story) -> None:
    async def scene(supervisor: Supervisor) -> None:
        await supervisor.start([story.service("web")])
        os.kill(story.pids("web")[0][0], signal.SIGKILL)
        await until(lambda: len(story.pids("web")) == 2, "a second life")

    shown = supervised(scene)
    assert "ended with SIGKILL, starts again in 0.01 s" in shown
    first, second = story.pids("web")
    assert first[0] != second[0]
    assert not any(map(alive, first + second))


def test_a_program_that_never_starts_is_given_up_with_its_last_words(story: Story) -> None:
    async def scene(supervisor: Supervisor) -> None:
        await supervisor.start([story.service("store"), story.service("web", "raise SystemExit('no such table')")])

    with pytest.raises(ServiceError, match=r"web failed to start 5 times in a row(?s:.)*no such table"):
        supervised(scene)
    assert story.lines()[-1] == "store stopped"


def test_a_program_that_is_gone_from_the_disk_is_given_up_by_name() -> None:
    async def scene(supervisor: Supervisor) -> None:
        await supervisor.start([Service("web", ("no-such-program",), ready_line="serving")])

    with pytest.raises(ServiceError, match="no-such-program: No such file"):
        supervised(scene)


def test_a_crash_after_a_good_start_is_no_failed_start(story: Story) -> None:
    async def scene(supervisor: Supervisor) -> None:
        await supervisor.start([story.service("web")])
        for lives in range(1, 7):
            await until(partial(story.has_lived, "web", lives), "the next life")
            os.kill(story.pids("web")[-1][0], signal.SIGKILL)
        await until(partial(story.has_lived, "web", 7), "a seventh life")

    supervised(scene)


def test_a_program_that_does_not_get_ready_in_time_is_ended(story: Story) -> None:
    async def scene(supervisor: Supervisor) -> None:
        await supervisor.start([story.service("web", patience=0.3, ready=lambda: False)])

    with pytest.raises(ServiceError, match="not ready after 0.3 s"):
        supervised(scene)
    assert not any(alive(pid) for life in story.pids("web") for pid in life)


def test_waiting_ends_at_once_where_it_cannot_help(story: Story) -> None:
    def refuse() -> bool:
        raise ServiceError("writes are not journaled")

    async def scene(supervisor: Supervisor) -> None:
        await supervisor.start([story.service("store", ready=refuse)])

    with pytest.raises(ServiceError, match="not journaled"):
        supervised(scene)
    assert len(story.pids("store")) == 1


# It does not listen to the signal that asks it to stop.
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + PROGRAM.replace("SIGTERM", "SIGUSR1")


def test_a_program_deaf_to_polite_signals_is_killed(story: Story) -> None:
    async def scene(supervisor: Supervisor) -> None:
        await supervisor.start([story.service("web", DEAF, stop=((signal.SIGTERM, 0.2),))])

    supervised(scene)
    assert not any(map(alive, story.pids("web")[0]))
    assert "web stopped" not in story.lines()


def test_killing_cuts_an_orderly_stop_short(story: Story) -> None:
    async def scene(supervisor: Supervisor) -> None:
        await supervisor.start([story.service("web", DEAF, stop=((signal.SIGTERM, 3600),))])
        stopping = asyncio.create_task(supervisor.stop())
        await asyncio.sleep(0)  # it has begun
        supervisor.kill()
        await stopping

    supervised(scene)
    assert not any(map(alive, story.pids("web")[0]))


def test_the_watchdog_is_healed_and_knows_its_groups_again(story: Story) -> None:
    async def scene(supervisor: Supervisor) -> None:
        await supervisor.start([story.service("web")])

    supervised(scene)
    watchdog = Watchdog()
    left = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"], start_new_session=True)
    watchdog.watch(left.pid)
    assert not watchdog.revive()
    os.kill(watchdog.pid, signal.SIGKILL)
    wait_until(watchdog.revive, "the watchdog is started again")
    watchdog.close()
    assert left.wait(10) == -signal.SIGKILL


def test_a_job_that_fails_stops_the_start_with_its_status() -> None:
    async def scene(supervisor: Supervisor) -> None:
        await supervisor.run(Service("upgrade", (sys.executable, "-c", "print('migrating')")))
        await supervisor.run(Service("upgrade", (sys.executable, "-c", "raise SystemExit(3)")))

    with pytest.raises(ServiceError, match="upgrade failed with status 3"):
        supervised(scene)


def test_a_line_longer_than_any_buffer_does_not_stop_the_output() -> None:
    program = "print('x' * 3_000_000); print('after')"

    async def scene(supervisor: Supervisor) -> None:
        await supervisor.run(Service("talker", (sys.executable, "-c", program)))

    assert "talker   | after" in supervised(scene)


@pytest.mark.parametrize("watchdog_too", [False, True])
def test_a_killed_supervisor_leaves_no_process(story: Story, tmp_path: Path, watchdog_too: bool) -> None:
    """Grandchildren are the watchdog's work; without it the kernel still ends the children."""
    script = tmp_path / "supervise.py"
    script.write_text(SUPERVISE)
    argv = [sys.executable, str(script), PROGRAM, str(story.file)]
    owner = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    watchdog = int(owner.stdout.readline().split()[-1])
    wait_until(lambda: story.pids("web"), "the program runs")
    leader, child = story.pids("web")[0]
    assert alive(leader) and alive(child)
    if watchdog_too:
        os.kill(watchdog, signal.SIGKILL)
    owner.kill()
    owner.communicate()
    wait_until(lambda: not alive(leader), "the leader is gone")
    if watchdog_too:
        os.kill(child, signal.SIGKILL)  # an orphan, as promised to nobody
    wait_until(lambda: not alive(child), "its child is gone")
    wait_until(lambda: not alive(watchdog), "the watchdog is gone")


SUPERVISE = """
import asyncio, sys
from infitalks.local.console import Console
from infitalks.local.process import Service
from infitalks.local.supervisor import Supervisor
from infitalks.local.watchdog import Watchdog

async def main():
    watchdog = Watchdog()
    print("watchdog", watchdog.pid, flush=True)
    supervisor = Supervisor(Console({}), watchdog)
    await supervisor.start([Service("web", (sys.executable, "-c", sys.argv[1], "web", sys.argv[2]))])
    await asyncio.Event().wait()

asyncio.run(main())
"""
