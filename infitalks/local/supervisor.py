"""Keeps processes alive: readiness, restart with back-off, giving up, and an orderly stop.

Not for: which processes there are (services.py), nor signals from outside (run.py).
"""

import asyncio
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import suppress
from signal import Signals

from infitalks.local.console import Console
from infitalks.local.process import Service, ServiceError, kill_group, popen_options, tethered
from infitalks.local.watchdog import Watchdog

FAILED_STARTS = 5  # in a row, then it is given up
FIRST_PAUSE = 0.25  # seconds before a restart; doubles with every failed start
POLL = 0.05  # seconds between two looks at whether a process is ready
LONGEST_LINE = 1 << 20  # bytes


class Kept:
    """One service and the process that it is at the moment."""

    def __init__(self, service: Service, console: Console, watchdog: Watchdog) -> None:
        self.service = service
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()
        self._console, self._watchdog = console, watchdog
        self._process: Process | None = None
        self._said_so = asyncio.Event()  # it printed its `ready_line`
        self._last_lines: deque[str] = deque(maxlen=20)

    async def keep(self) -> None:
        """Start it again and again until told to stop. Raises ServiceError when it is given up."""
        failures = 0
        while not self.stopping.is_set():
            status = await self.live()
            if self.stopping.is_set():
                return
            failures = 0 if self.ready.is_set() else failures + 1
            if failures == FAILED_STARTS:
                raise ServiceError(self._complaint(f"{failures} times in a row, last with {told(status)}"))
            pause = FIRST_PAUSE * 2**failures
            self._console.line(self.service.name, f"ended with {told(status)}, starts again in {pause:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause)

    async def live(self) -> int:
        """One life, from its start until its whole group is gone. Returns the exit status."""
        self._begin_anew()
        self._process = process = await self._spawn()
        self._watchdog.watch(process.pid)
        ready, output, ended = map(
            asyncio.ensure_future, (self._become_ready(process), self._show_output(process), process.wait())
        )
        try:
            await asyncio.wait({ready, ended}, return_when=asyncio.FIRST_COMPLETED)
            if ready.done():
                ready.result()  # raises where waiting will not help
            await ended
        finally:
            ready.cancel()
            kill_group(process.pid)  # what a killed leader left behind
            await asyncio.wait({ended, output}, timeout=5)
            output.cancel()
            self._watchdog.release(process.pid)
        return process.returncode or 0

    async def stop(self, keeping: asyncio.Task[None]) -> None:
        """End it by the service's signals, then by SIGKILL; returns when its whole group is gone."""
        self.stopping.set()
        for number, seconds in self.service.stop:
            if self._process and self._process.returncode is None:
                self._process.send_signal(number)
            await asyncio.wait({keeping}, timeout=seconds)
            if keeping.done():
                return
        self.kill()
        await asyncio.wait({keeping})

    def kill(self) -> None:
        """SIGKILL, for good."""
        self.stopping.set()
        if self._process and self._process.returncode is None:
            kill_group(self._process.pid)

    def _begin_anew(self) -> None:
        self.ready.clear()
        self._said_so.clear()
        self._last_lines.clear()

    async def _spawn(self) -> Process:
        options = popen_options(self.service)
        process = await asyncio.create_subprocess_exec(
            *tethered(self.service), stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, limit=LONGEST_LINE, **options
        )
        if self.stopping.is_set():  # told so while it was being started
            kill_group(process.pid)
        return process

    async def _become_ready(self, process: Process) -> None:
        try:
            async with asyncio.timeout(self.service.patience):
                await self._said_so.wait()
                while not await asyncio.to_thread(self.service.ready):
                    await asyncio.sleep(POLL)
            self.ready.set()
        except TimeoutError:
            self._last_lines.append(f"(not ready after {self.service.patience:g} s)")
            kill_group(process.pid)
            await process.wait()

    async def _show_output(self, process: Process) -> None:
        if not self.service.ready_line:
            self._said_so.set()
        async for line in lines_of(process):
            self._last_lines.append(line)
            if self.service.ready_line in line:
                self._said_so.set()
            shown = self.service.shown(line)
            if shown is not None:
                self._console.line(self.service.name, shown)

    def _complaint(self, how: str) -> str:
        said = "\n".join(f"  {line}" for line in self._last_lines) or "  (nothing)"
        return f"{self.service.name} failed to start {how}. Its last words:\n{said}"


class Supervisor:
    """The services of a run, in the order of their start."""

    def __init__(self, console: Console, watchdog: Watchdog) -> None:
        self._console, self._watchdog = console, watchdog
        self._kept: dict[Kept, asyncio.Task[None]] = {}

    async def start(self, services: Iterable[Service]) -> None:
        """Start them side by side; returns when all are ready. Raises ServiceError where one is given up."""
        fresh = [Kept(service, self._console, self._watchdog) for service in services]
        self._kept |= {kept: asyncio.create_task(kept.keep()) for kept in fresh}
        await first(_all_ready(fresh), self._failure())

    async def run(self, service: Service) -> None:
        """Run a program to its end. Raises ServiceError unless that was a success."""
        status = await Kept(service, self._console, self._watchdog).live()
        if status:
            raise ServiceError(
                f"{service.name} failed with {told(status)}; nothing can be started without it"
            )

    async def watch(self) -> None:
        """Keep all of them, and the watchdog, alive. Ends only with the ServiceError of one given up."""
        await first(self._failure(), self._keep_watchdog())

    async def stop(self) -> None:
        """End all, one after the other, in the opposite order of their start."""
        for kept, keeping in reversed(self._kept.items()):
            await kept.stop(keeping)

    def kill(self) -> None:
        """End all at once."""
        for kept in self._kept:
            kept.kill()

    async def _failure(self) -> None:
        done, _ = await asyncio.wait(self._kept.values(), return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()

    async def _keep_watchdog(self) -> None:
        while True:
            await asyncio.sleep(1)
            self._watchdog.revive()


async def first(*coroutines: Coroutine[object, object, object]) -> None:
    """Wait for the one that ends first, raise what it raised, and cancel the others."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


async def _all_ready(services: Iterable[Kept]) -> None:
    for kept in services:
        await kept.ready.wait()


async def lines_of(process: Process) -> AsyncIterator[str]:
    """What it prints, line by line; a line that is too long is dropped, not a reason to stop reading."""
    assert process.stdout is not None
    while True:
        try:
            line = await process.stdout.readline()
        except ValueError:
            continue
        if not line:
            return
        yield line.decode(errors="replace").rstrip()


def told(status: int) -> str:
    """An exit status in words."""
    return f"status {status}" if status >= 0 else Signals(-status).name
