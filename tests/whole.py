"""The whole product, as a newcomer starts it: `infitalks run` with a data folder of its own."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from infitalks.local.ports import pick_port
from infitalks.local.process import without_proxy
from tests.running import wait_until, watchdog

ROOT = Path(__file__).resolve().parent.parent
READY = re.compile(r"InfiTalks is ready: (\S+)")


class WholeRun:
    """A running product; `url` is where its pages are, `log` what it printed."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self.log = folder / "run.log"
        variables = {**os.environ, **without_proxy(os.environ), "INFITALKS_DATA": str(folder / "data")}
        # Without limits: all the tests' people come from one address.
        variables |= {"INFITALKS_PORT": str(pick_port()), "INFITALKS_RATE_LIMITS": "off", **(environ or {})}
        self.environ = variables
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                (sys.executable, "-m", "infitalks.cli", "run"),
                cwd=ROOT,
                env=variables,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        watchdog().watch(self.process.pid)
        self.url = self._wait_until_ready()

    def command(self, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
        """An admin's command on this run's data; `said` goes to its standard input."""
        return subprocess.run(
            (sys.executable, "-m", "infitalks.cli", *arguments),
            cwd=ROOT,
            env=self.environ,
            input=said,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def printed(self) -> str:
        return self.log.read_text(errors="replace")

    def _wait_until_ready(self) -> str:
        wait_until(lambda: READY.search(self.printed()) or self.process.poll() is not None, "the run is ready", 90)
        found = READY.search(self.printed())
        assert found, self.printed()
        return found[1]

    def stop(self) -> int:
        """Ctrl-C; returns the exit status once everything is gone."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=60)
        watchdog().release(self.process.pid)
        return status
