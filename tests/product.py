"""The whole product as `infitalks run` starts it, for tests that need all of it.

Not for: tests that can do with single services (conftest.py).
"""

import signal
import subprocess
import sys
from pathlib import Path

from infitalks.local.ports import pick_port
from infitalks.local.process import Service
from infitalks.local.services import ROOT
from tests.running import Running

# A piece of each leader's command line.
MARKS = {
    "mongod": "mongod --dbpath",
    "redis": "-server ",  # it rewrites its own command line
    "media": "infitalks.local.media",
    "gateway": "infitalks.local.gateway",
    "realtime": "-n realtime@",
    "pictures": "-n pictures@",
    "beat": " beat -s ",
    "web": "granian",
}


class Product(Running):
    """One run with its data in `folder`. More settings are given by their names in the environment."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.data, self.port = folder / "data", int(environ.get("INFITALKS_PORT") or pick_port())
        self.url = f"http://127.0.0.1:{self.port}"
        own = {"INFITALKS_DATA": str(self.data), "INFITALKS_PORT": str(self.port), "INFITALKS_MODE": "local"}
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(product_service({**own, **environ}), folder / "product.log")

    def processes(self) -> dict[int, str]:
        """Process id and command line of everything that belongs to this run, however it came about (Linux)."""
        mark = f"INFITALKS_DATA={self.data}\0".encode()
        return {pid: words for pid, words, environ in running_processes() if mark in environ + b"\0"}

    def leaders(self) -> dict[str, int]:
        """Process id of each service."""
        listed = ("ps", "-ww", "-o", "pid=,args=", "--ppid", str(self.process.pid))
        lines = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.splitlines()
        named = ((name, line.split()[0]) for line in lines for name, mark in MARKS.items() if mark in line)
        return {name: int(pid) for name, pid in named}


def product_service(environ: dict[str, str]) -> Service:
    """`infitalks run` as a service: its orderly stop is Ctrl-C."""
    return Service(
        name="infitalks",
        argv=(sys.executable, "-m", "infitalks.cli", "run"),
        env=environ,
        cwd=ROOT,
        ready_line="InfiTalks is ready",
        patience=100,
        stop=((signal.SIGINT, 60),),
    )


def running_processes() -> list[tuple[int, str, bytes]]:
    """Process id, command line and environment of every process that we may look at."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found.append((int(folder.name), words, (folder / "environ").read_bytes()))
        except OSError:  # it ended meanwhile, or is somebody else's
            continue
    return found
