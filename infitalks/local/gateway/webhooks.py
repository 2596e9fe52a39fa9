"""Tells the app by signed webhooks when a channel gets its first subscriber and loses its last.

Not for deciding what that means. Sent from a thread of its own: a slow receiver must not hold up a socket.
"""

import asyncio
import http.client
import itertools
import json
import logging
import queue
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from infitalks.local.gateway.signatures import App

VACATED_DELAY = 3  # seconds in which a client may come back unnoticed, as on a page load
GIVE_UP_AFTER = 300  # seconds; receivers refuse older ones
POST_TIMEOUT = 5  # seconds
MAX_WAITING = 10_000  # events
MAX_BATCH = 100  # events in one POST

log = logging.getLogger(__name__)


class Webhooks:
    """The events of all channels, in order, to one URL. Make it, and call it, in the event loop."""

    def __init__(self, app: App, url: str) -> None:
        self._leaving: dict[str, asyncio.TimerHandle] = {}
        self._loop = asyncio.get_running_loop()
        self._waiting: queue.Queue[dict[str, str]] = queue.Queue(MAX_WAITING)
        self._url = urlsplit(url)
        self._target = urlunsplit(("", "", self._url.path or "/", self._url.query, ""))
        self._app = app
        # A daemon: a receiver that hangs must not keep the gateway from stopping.
        threading.Thread(target=self._work, name="webhooks", daemon=True).start()

    def occupied(self, channel: str) -> None:
        leaving = self._leaving.pop(channel, None)
        if leaving:
            leaving.cancel()
        else:
            self._put("channel_occupied", channel)

    def vacated(self, channel: str) -> None:
        self._leaving[channel] = self._loop.call_later(VACATED_DELAY, self._gone, channel)

    def _gone(self, channel: str) -> None:
        del self._leaving[channel]
        self._put("channel_vacated", channel)

    def _put(self, name: str, channel: str) -> None:
        try:
            self._waiting.put_nowait({"name": name, "channel": channel})
        except queue.Full:
            log.warning("webhook %s for %s is dropped: %d are waiting", name, channel, MAX_WAITING)

    def _work(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while len(batch) < MAX_BATCH and not self._waiting.empty():
                batch.append(self._waiting.get())
            self._deliver(batch)

    def _deliver(self, events: list[dict[str, str]]) -> None:
        body = json.dumps({"time_ms": int(time.time() * 1000), "events": events}).encode()
        give_up_at = time.monotonic() + GIVE_UP_AFTER
        for wait in _waits():
            failure = self._post(body)
            if failure is None:
                return
            if time.monotonic() + wait > give_up_at:
                return log.warning("%d webhook events are given up: %s", len(events), failure)
            time.sleep(wait)

    def _post(self, body: bytes) -> str | None:
        """Send once; what went wrong, or None."""
        secure = self._url.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(self._url.hostname or "", self._url.port, timeout=POST_TIMEOUT)
        try:
            connection.request("POST", self._target, body, self._headers(body))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()
        return None if 200 <= status < 300 else f"answered {status}"

    def _headers(self, body: bytes) -> dict[str, str]:
        return {
            "Content-Type": "application/json",
            "X-Pusher-Key": self._app.key,
            "X-Pusher-Signature": self._app.sign(body),
        }


def _waits() -> Iterator[float]:
    """Seconds before each further try: half a second, doubling up to 15, for ever."""
    return (min(0.5 * 2**tries, 15.0) for tries in itertools.count())
