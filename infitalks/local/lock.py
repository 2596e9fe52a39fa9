"""One run per data folder.

Not for: locks between processes of a run; those are in the database.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infitalks.local.process import ServiceError

# A killed run's watchdog holds the lock until the last of its processes is gone.
PATIENCE = 4.0  # seconds


@contextmanager
def hold(folder: Path) -> Iterator[int]:
    """Hold the folder, made if it is not there. Yields the lock's descriptor.

    Raises ServiceError, naming the process that has it, where another run does.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _wait_for(descriptor, folder)
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                owner = os.pread(descriptor, 20, 0).decode()
                raise ServiceError(
                    f"it already runs on the data in {folder}, as process {owner}. "
                    "For a second one, set INFITALKS_DATA to another folder."
                ) from None
            time.sleep(0.05)
