"""A tiny process that outlives a killed supervisor just long enough to end everything that it had started.

A parent-death signal reaches children only; the pools of Celery and granian are grandchildren.
Run as a program, it needs the standard library alone.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

KILLING = 2.0  # seconds that killed groups get to be gone


class Watchdog:
    """The owner's end: tell it which process groups are ours. It dies after the owner, however that ends."""

    def __init__(self, hold: tuple[int, ...] = ()) -> None:
        """`hold`: descriptors, such as a lock, that stay open until every group is gone."""
        self._hold = hold
        self._groups: set[int] = set()
        self._start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def watch(self, group: int) -> None:
        """End this process group when the owner dies."""
        self._groups.add(group)
        self._tell(f"+{group}\n")

    def release(self, group: int) -> None:
        """The group is gone, its number may come to belong to somebody else."""
        self._groups.discard(group)
        self._tell(f"-{group}\n")

    def close(self) -> None:
        """End what is still watched, then the watchdog; returns when both are gone."""
        os.close(self._pipe)
        self._process.wait()

    def revive(self) -> bool:
        """Start it again if it died; True if so."""
        if self._process.poll() is None:
            return False
        os.close(self._pipe)
        self._start()
        return True

    def _start(self) -> None:
        reader, self._pipe = os.pipe()
        argv = [sys.executable, "-I", "-S", __file__]
        self._process = subprocess.Popen(
            argv, stdin=reader, pass_fds=self._hold, start_new_session=True, stdout=subprocess.DEVNULL
        )
        os.close(reader)
        for group in self._groups:
            self._tell(f"+{group}\n")

    def _tell(self, line: str) -> None:
        with contextlib.suppress(BrokenPipeError):  # dead: revive() tells the next one everything
            os.write(self._pipe, line.encode())


def _read_groups() -> set[int]:
    groups: set[int] = set()
    for line in sys.stdin:  # ends when every copy of the writing end is closed, so with the owner
        number = int(line[1:])
        (groups.add if line[0] == "+" else groups.discard)(number)
    return groups


def _still_there(groups: set[int]) -> set[int]:
    left = set()
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
            left.add(group)
    return left


def main() -> None:
    """Wait for the owner's end, then kill until nothing is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    left = _read_groups()
    deadline = time.monotonic() + KILLING
    while (left := _still_there(left)) and time.monotonic() < deadline:
        select.select([], [], [], 0.02)


if __name__ == "__main__":
    main()
