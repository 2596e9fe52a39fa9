"""A process as data: what to start, when it is ready, how it stops. The supervisor and the tests share it.

Not for: keeping processes alive (supervisor.py), or which ones a run needs (services.py).
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TypedDict

from infitalks.local import tether

Stop = tuple[tuple[signal.Signals, float], ...]


class ServiceError(Exception):
    """A process cannot be run as it has to be; the text says which one, why and what to do."""


def always() -> bool:
    """The readiness of a process that has nothing to wait for."""
    return True


@dataclass(frozen=True)
class Service:
    """One program to run."""

    name: str
    argv: tuple[str, ...]
    # Set on top of the caller's environment.
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: Path | None = None
    # True once it serves; asked again and again. Raises ServiceError where waiting will not help.
    ready: Callable[[], bool] = always
    # A piece of its output that it has to print before `ready` is asked: for programs that listen nowhere.
    ready_line: str = ""
    # How long it may take to become ready, in seconds.
    patience: float = 60
    # Signals to its leader, each with the seconds that it gets; then SIGKILL to the whole group.
    stop: Stop = ((signal.SIGTERM, 10),)
    # What of its output a person should see; None hides a line.
    shown: Callable[[str], str | None] = str


class PopenOptions(TypedDict):
    """What asyncio's and the blocking Popen both take."""

    env: dict[str, str]
    cwd: Path | None
    start_new_session: bool


def popen_options(service: Service) -> PopenOptions:
    """Options that put a service in a process group of its own, away from the terminal's Ctrl-C."""
    return {"env": {**os.environ, **service.env}, "cwd": service.cwd, "start_new_session": True}


def tethered(service: Service) -> tuple[str, ...]:
    """The command that starts a service which the kernel kills when this process dies (Linux).

    To be started from the main thread: the kernel takes the end of the starting thread for ours.
    """
    return (sys.executable, "-I", "-S", tether.__file__, "SIGKILL", str(os.getpid()), *service.argv)


def kill_group(leader: int) -> None:
    """SIGKILL to a leader and to everything that it left in its process group."""
    with suppress(ProcessLookupError, PermissionError):  # macOS says EPERM when only zombies are left
        os.killpg(leader, signal.SIGKILL)


def answers_http(host: str, port: int, path: str = "/healthz") -> bool:
    """True where a GET is answered 200 within two seconds, never through a proxy."""
    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def without_proxy(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that keep the local services out of a proxy's way, added to what is excepted already."""
    excepted = environ.get("no_proxy") or environ.get("NO_PROXY")
    names = ",".join(filter(None, (excepted, "127.0.0.1", "localhost")))
    return {"NO_PROXY": names, "no_proxy": names}
