"""What runs a tab's script, as processes: they can be killed like in a crash, or held like in a sleep."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser


def crash(browser: Browser) -> None:
    """kill -9 of every tab's process."""
    for pid in _renderers(browser):
        os.kill(pid, signal.SIGKILL)


@contextmanager
def asleep(browser: Browser) -> Iterator[None]:
    """No tab's script runs while the block does. What people do without a page goes on."""
    held = _renderers(browser)
    for pid in held:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in held:
            os.kill(pid, signal.SIGCONT)


def _renderers(browser: Browser) -> list[int]:
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    return [process["id"] for process in processes if process["type"] == "renderer"]
