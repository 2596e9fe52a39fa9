"""Keeps processes alive: readiness, restart with back-off, giving up, and an orderly stop.

Not for: which processes there are (services.py), nor signals from outside (run.py).
"""

import asyncio
import os
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections import deque
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from signal import Signals

from infitalks.local.console import Console
from infitalks.local.process import Service, ServiceError, kill_group, popen_options, tethered
from infitalks.local.watchdog import Watchdog

FAILED_STARTS = 5  # in a row, then it is given up
POLL = 0.05  # seconds between two looks at whether a process is ready
LONGEST_LINE = 1 << 20  # bytes


class Kept:
    """One service and the process that it is at the moment."""

    def __init__(self, service: Service, console: Console, watchdog: Watchdog, pause: float) -> None:
        self.service, self._pause = service, pause
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
            pause = self._pause * 2**failures
            self._console.line(self.service.name, f"ended with {told(status)}, starts again in {pause:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), pause)

    async def live(self) -> int:
        """One life, from its start until its whole group is gone. Returns the exit status."""
        self._begin_anew()
        process, printed = await self._spawn()
        self._process = process
        self._watchdog.watch(process.pid)
        ready, output, ended = map(
            asyncio.ensure_future, (self._become_ready(process), self._show(printed), process.wait())
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

    async def _spawn(self) -> tuple[Process, asyncio.StreamReader]:
        """The process and what it prints. Through a pipe of our own: asyncio's would make the end of a killed
        leader wait for the children that it left."""
        options = popen_options(self.service)
        reader, writer = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *tethered(self.service), stdin=DEVNULL, stdout=writer, stderr=STDOUT, **options
            )
        finally:
            os.close(writer)
        if self.stopping.is_set():  # told so while it was being started
            kill_group(process.pid)
        return process, await reading(reader)

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

    async def _show(self, printed: asyncio.StreamReader) -> None:
        if not self.service.ready_line:
            self._said_so.set()
        async for line in lines_of(printed):
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

    def __init__(self, console: Console, watchdog: Watchdog, pause: float = 0.25) -> None:
        """`pause`: seconds before a restart; it doubles with every failed start in a row."""
        self._new = partial(Kept, console=console, watchdog=watchdog, pause=pause)
        self._watchdog = watchdog
        self._kept: dict[Kept, asyncio.Task[None]] = {}

    async def start(self, services: Iterable[Service]) -> None:
        """Start them side by side; returns when all are ready. Raises ServiceError where one is given up."""
        fresh = [self._new(service) for service in services]
        self._kept |= {kept: asyncio.create_task(kept.keep()) for kept in fresh}
        if fresh:
            await first(_all_ready(fresh), self._failure())

    async def run(self, service: Service) -> None:
        """Run a program to its end. Raises ServiceError unless that was a success."""
        status = await self._new(service).live()
        if status:
            raise ServiceError(f"{service.name} failed with {told(status)}; nothing can be started without it")

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


async def reading(descriptor: int) -> asyncio.StreamReader:
    """A reader of the pipe, which it closes in the end."""
    reader = asyncio.StreamReader(limit=LONGEST_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, pipe)
    return reader


async def lines_of(printed: asyncio.StreamReader) -> AsyncIterator[str]:
    """What a program prints, line by line; one that is too long is dropped, not a reason to stop reading."""
    while True:
        try:
            line = await printed.readline()
        except ValueError:
            continue
        if not line:
            return
        yield line.decode(errors="replace").rstrip()


def told(status: int) -> str:
    """An exit status in words."""
    return f"status {status}" if status >= 0 else Signals(-status).name
