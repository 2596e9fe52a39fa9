"""Finds a Chromium for the browser tests, or installs one. A missing browser fails the run.

As a program it prints the path: the set-up does so before the tests, because an installation takes a while.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "microsoft-edge")


def find_browser() -> str:
    """The path of a Chromium that starts. Raises RuntimeError where none is found nor can be installed."""
    for candidate in _candidates():
        if candidate and _starts(candidate):
            return candidate
    raise RuntimeError(
        "no Chromium found, and none could be installed. Install one, or set INFITALKS_BROWSER to its path."
    )


def _candidates() -> Iterator[str | None]:
    """Lazily, as the later ones cost minutes."""
    yield os.environ.get("INFITALKS_BROWSER")
    yield os.environ.get("CHROME_PATH")
    yield from map(shutil.which, NAMES)
    yield _playwrights_own()
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _try("apt-get", "update")
        _try("apt-get", "install", "-y", "chromium")
        yield shutil.which("chromium")
    with_system_packages = ("--with-deps",) if os.geteuid() == 0 else ()
    _try(sys.executable, "-m", "playwright", "install", *with_system_packages, "chromium")
    yield _playwrights_own()


def _starts(path: str) -> bool:
    """Some distributions put a note where the browser should be."""
    command = (path, "--version")
    try:
        return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _playwrights_own() -> str:
    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


def _try(*command: str) -> None:
    print("Looking for a browser:", *command, file=sys.stderr, flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(command, check=False, stdout=sys.stderr, env=environ)


if __name__ == "__main__":
    sys.stdout.write(find_browser() + "\n")
