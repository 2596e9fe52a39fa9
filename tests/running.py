"""Starts real processes for tests and benchmarks. None outlives them, not even when they are killed."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from infitalks.local.process import Service, ServiceError, kill_group, popen_options, tethered
from infitalks.local.watchdog import Watchdog

T = TypeVar("T")

_watchdogs: list[Watchdog] = []


def watchdog() -> Watchdog:
    """This process's one watchdog."""
    if not _watchdogs:
        _watchdogs.append(Watchdog())
    return _watchdogs[0]


def wait_until(true: Callable[[], object], what: str, seconds: float = 30) -> None:
    """Return as soon as `true()` is true; raise AssertionError, naming `what`, after `seconds`."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def run_async(coroutine: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result. In a thread of its own: the browser tests' driver keeps a loop in the main one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(coroutine)).result()


def alive(pid: int) -> bool:
    """True where the process runs; one that only waits to be collected does not."""
    state = subprocess.run(("ps", "-o", "stat=", "-p", str(pid)), capture_output=True, text=True, check=False)
    return bool(state.stdout.strip()) and not state.stdout.startswith("Z")


def descendants(ancestor: int) -> list[tuple[int, str]]:
    """(process id, command line) of a process's children, their children and so on."""
    # -ww: else a COLUMNS in the environment cuts the command lines.
    listed = subprocess.run(("ps", "-ww", "-eo", "pid=,ppid=,args="), capture_output=True, text=True, check=True)
    rows = [
        (int(pid), int(parent), rest) for pid, parent, rest in (x.split(None, 2) for x in listed.stdout.splitlines())
    ]
    family = {ancestor}
    while found := {pid for pid, parent, _ in rows if parent in family} - family:
        family |= found
    return [(pid, command) for pid, _, command in rows if pid in family - {ancestor}]


class Running:
    """A service that runs. Its output is in the file `log`."""

    def __init__(self, service: Service, log: Path) -> None:
        self.service, self.log = service, log
        self.start()

    def start(self) -> None:
        """Start it and return when it is ready. Raises ServiceError with its output where it is not."""
        self.log.touch()
        self._earlier = self.log.stat().st_size  # what former lives printed
        with self.log.open("ab") as out:
            options = popen_options(self.service)
            self.process = subprocess.Popen(tethered(self.service), stdout=out, stderr=out, **options)
        watchdog().watch(self.process.pid)
        try:
            wait_until(self._is_ready, f"{self.service.name} is ready", self.service.patience)
        except BaseException:
            self.kill()
            raise

    def output(self) -> str:
        """What it printed since it was started last."""
        return self.log.read_bytes()[self._earlier :].decode(errors="replace")

    def kill(self) -> None:
        """kill -9 of it and its children; returns when the leader is gone."""
        kill_group(self.process.pid)
        self.process.wait()
        watchdog().release(self.process.pid)

    def stop(self) -> None:
        """The orderly stop, then as kill()."""
        for number, seconds in self.service.stop:
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
                break
            except subprocess.TimeoutExpired:
                continue
        self.kill()

    def pause(self) -> None:
        """SIGSTOP to all of it: it hangs."""
        os.killpg(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Ends pause()."""
        os.killpg(self.process.pid, signal.SIGCONT)

    def _is_ready(self) -> bool:
        if self.process.poll() is not None:
            raise ServiceError(f"{self.service.name} ended with {self.process.returncode}:\n{self.output()}")
        return self.service.ready_line in self.output() and self.service.ready()
