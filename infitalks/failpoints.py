"""Places where a fault test makes a process die, hang or wait, at an exact point. They exist in test mode only.

A test writes a file named after the point into the folder INFITALKS_FAILPOINTS. The first process that comes by takes
the file away (it is then named after the process, too) and does what its text says: `kill`, `stop` (until SIGCONT),
`sleep <seconds>` or `hold` (until the test removes the taken file).
"""

import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

from infitalks.settings import Settings

_folder: Path | None = None


def configure(settings: Settings) -> None:
    """Make the points of this process real where the settings name a folder; `check_complete` refuses that outside
    of test mode."""
    global _folder
    _folder = settings.failpoints if settings.mode == "test" else None


def failpoint(name: str) -> None:
    """Do what a test asked for at this point, once. Nothing, and no look at any file, where there is no test."""
    if _folder is None:
        return
    taken = _folder / f"{name}.{os.getpid()}"
    with suppress(FileNotFoundError):
        (_folder / name).rename(taken)  # only one process wins it
        _obey(taken.read_text(), taken)


def _obey(order: str, taken: Path) -> None:
    match order.split():
        case ["kill"]:
            os.kill(os.getpid(), signal.SIGKILL)
        case ["stop"]:
            # To this very thread: the kernel may let another one take it, and this one would go on for a moment.
            signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
        case ["sleep", seconds]:
            time.sleep(float(seconds))
        case ["hold"]:
            while taken.exists():
                time.sleep(0.02)
        case _:
            raise ValueError(f"no such order for a failpoint: {order!r}")
