"""Tells the app by signed webhooks who came and went: channels' first and last subscribers, channels' members.

Not for deciding what that means. Sent from a thread of its own: a slow receiver must not hold up a socket.
"""

import asyncio
import http.client
import itertools
import json
import logging
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

from infitalks.local.gateway.signatures import App

GONE_DELAY = 3  # seconds in which a client may come back unnoticed, as on a page load
GIVE_UP_AFTER = 240  # seconds; receivers refuse what is older than 300
POST_TIMEOUT = 5  # seconds
MAX_BATCH = 100  # events in one POST

# A channel, and a user_id where it is about a member of it.
Key = tuple[str, str | None]

log = logging.getLogger(__name__)


class Ledger:
    """What the app has been told, and what it has to be told next. For several threads.

    A channel that comes and goes while the app is away costs one line, not one for each time, and none where nothing
    has changed in the end. So it never holds more than there are channels and members, and always ends in the truth.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._told: dict[Key, bool | None] = {}  # missing: that it is gone; None: nobody knows what arrived
        self._due: dict[Key, bool] = {}  # in the order of the events

    def note(self, key: Key, here: bool) -> None:
        """It came, or it went."""
        with self._changed:
            self._due.pop(key, None)
            if self._told.get(key, False) is not here:
                self._due[key] = here
                self._changed.notify()

    def take(self, most: int) -> dict[Key, bool]:
        """Wait for the next changes, and count them as told."""
        with self._changed:
            self._changed.wait_for(lambda: self._due)
            taken = dict(itertools.islice(self._due.items(), most))
            for key, here in taken.items():
                del self._due[key]
                if here:
                    self._told[key] = True
                else:
                    self._told.pop(key, None)
            return taken

    def put_back(self, taken: dict[Key, bool]) -> None:
        """These were perhaps not heard: what is true by now is told again."""
        with self._changed:
            for key, here in taken.items():
                self._told[key] = None
                self._due.setdefault(key, here)


class Webhooks:
    """The events of all channels whose names start with `prefix`, in order, to one URL. To be made, and called, in the
    event loop."""

    def __init__(self, app: App, url: str, prefix: str = "") -> None:
        self._leaving: dict[Key, asyncio.TimerHandle] = {}
        self._loop = asyncio.get_running_loop()
        self._ledger = Ledger()
        self._prefix = prefix
        self._url = urlsplit(url)
        self._target = urlunsplit(("", "", self._url.path or "/", self._url.query, ""))
        self._app = app
        # A daemon: a receiver that hangs must not keep the gateway from stopping.
        threading.Thread(target=self._work, name="webhooks", daemon=True).start()

    def came(self, channel: str, user_id: str | None) -> None:
        leaving = self._leaving.pop((channel, user_id), None)
        if leaving:
            leaving.cancel()
        elif channel.startswith(self._prefix):
            self._ledger.note((channel, user_id), True)

    def went(self, channel: str, user_id: str | None) -> None:
        if channel.startswith(self._prefix):
            key = channel, user_id
            self._leaving[key] = self._loop.call_later(GONE_DELAY, self._gone, key)

    def _gone(self, key: Key) -> None:
        del self._leaving[key]
        self._ledger.note(key, False)

    def _work(self) -> None:
        while True:
            taken = self._ledger.take(MAX_BATCH)
            if not self._deliver([_event(key, here) for key, here in taken.items()]):
                self._ledger.put_back(taken)

    def _deliver(self, events: list[dict[str, str]]) -> bool:
        """Send until it is taken; False where it has become too old for that."""
        body = json.dumps({"time_ms": int(time.time() * 1000), "events": events}).encode()
        give_up_at = time.monotonic() + GIVE_UP_AFTER
        for wait in _waits():
            failure = self._post(body)
            if failure is None:
                return True
            if time.monotonic() + wait > give_up_at:
                break
            time.sleep(wait)
        log.warning("%d webhook events are not taken, and made anew: %s", len(events), failure)
        return False

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


def _event(key: Key, here: bool) -> dict[str, str]:
    channel, user_id = key
    if user_id is None:
        return {"name": "channel_occupied" if here else "channel_vacated", "channel": channel}
    return {"name": "member_added" if here else "member_removed", "channel": channel, "user_id": user_id}


def _waits() -> Iterator[float]:
    """Seconds before each further try: half a second, doubling up to 15, for ever."""
    return (min(0.5 * 2**tries, 15.0) for tries in itertools.count())
