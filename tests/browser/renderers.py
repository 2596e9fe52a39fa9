"""What runs a tab's script, as processes: they can be killed like in a crash, or held like in a sleep."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser

from tests.running import wait_until


def crash(browser: Browser) -> None:
    """kill -9 of every tab's process; returns when the browser knows of it, and gives none of them to a new tab."""
    killed = _renderers(browser)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not set(killed) & set(_renderers(browser)), "the browser has noticed")


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
