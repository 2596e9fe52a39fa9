"""Open pages without a browser: the page's own catch-up rules (catchup.py) on a real websocket and real HTTP calls.

Not for: sending (senders.py), nor what a browser shows (tests/browser).
"""

import json
import queue
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from typing import Any

import requests
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.faults import catchup
from tests.faults.history import PageStory
from tests.faults.senders import Person
from tests.running import wait_until

SHOWN = ("message", "member", "chat")  # kinds of entries that have a row of their own
ASKING = 8  # calls that a page may have under way at once
ANY = 0  # an input that is of no particular connection

Input = Mapping[str, Any]


class LivePage:
    """A page of a person's that shows one chat. It runs in a thread of its own from open() to close()."""

    def __init__(self, person: Person, chat: str, pool: ThreadPoolExecutor) -> None:
        self.person, self.chat, self._pool = person, chat, pool
        self.settled: list[int] = []
        self._inputs: queue.SimpleQueue[tuple[int, Input] | None] = queue.SimpleQueue()
        self._connection = self._calls = 0  # how many there have been
        self._live: ClientConnection | None = None
        self._config = self._get("/api/realtime")
        self._page = catchup.begin(self._boot(), _now(), random.random())
        self._note_rows()
        self._thread = threading.Thread(target=self._run, name=f"page of {person.name}", daemon=True)

    def open(self) -> None:
        """Go on by itself, from what it came with."""
        self._reconnect({})
        self._thread.start()

    def close(self) -> None:
        """Go away."""
        self._inputs.put(None)
        self._thread.join()
        self._connection += 1  # nobody listens to it any more
        if self._live:
            self._live.close()

    @property
    def listens(self) -> bool:
        """Whether live events arrive."""
        return self._page.socket == "live"

    @property
    def last(self) -> int:
        """The number of the entry down to which it shows everything."""
        opened = self._page.chats.get(self.chat)
        return opened.log.through if opened and opened.log else 0

    def story(self) -> PageStory:
        """What it showed, beside what a fresh page of this person would."""
        shown = tuple((row.seq, _looks(row.entry, row.message)) for row in catchup.rows_of(self._page, self.chat))
        return PageStory(self.person.id, self.chat, shown, tuple(self._fresh()), tuple(self.settled))

    def _fresh(self) -> Iterable[tuple[int, str]]:
        after, more = 0, True
        while more:
            page = self._get(f"/api/chats/{self.chat}/log?after={after}&limit=100")
            for entry in page["entries"]:
                if entry["kind"] in SHOWN:
                    yield entry["seq"], _looks(entry, entry.get("message"))
            after, more = page["through"], page["has_more"]

    def _boot(self) -> Mapping[str, Any]:
        chats, page = self._get("/api/chats")["chats"], self._get(f"/api/chats/{self.chat}/log?limit=50")
        channels = self._config["channels"]
        return {"chats": chats, "open": self.chat, "page": page, "up_to": None, "channels": channels}

    # The loop: one input after the other.

    def _run(self) -> None:
        while True:
            due = catchup.next_due(self._page)
            try:
                taken = self._inputs.get(timeout=None if due is None else max(0.0, due - _now()) / 1000)
            except queue.Empty:
                taken = (ANY, {"kind": "tick"})
            if taken is None:
                return
            connection, given = taken
            if connection in (ANY, self._connection):
                self._step(given)

    def _step(self, given: Input) -> None:
        self._page, effects = catchup.step(self._page, given, _now(), random.random())
        self._note_rows()
        for effect in effects:
            if effect["do"] == "reconnect":
                self._reconnect(effect)
            elif effect["do"] in _CALLS:
                self._pool.submit(self._ask, effect)

    def _note_rows(self) -> None:
        """Which rows are new: those after the last one that was there before."""
        fresh = []
        for row in reversed(catchup.rows_of(self._page, self.chat)):
            if self.settled and row.seq == self.settled[-1]:
                break
            fresh.append(row.seq)
        self.settled += reversed(fresh)

    # The API.

    def _ask(self, effect: Mapping[str, Any]) -> None:
        make = _CALLS[effect["do"]]
        try:
            given = make(self, effect)
        except requests.RequestException as error:
            status = 0 if error.response is None else error.response.status_code
            given = {"kind": _FAILED[effect["do"]], "chat": effect.get("chat"), "status": status}
            if status == 401:
                self._sign_in()
        self._put(given)

    def _sign_in(self) -> None:
        self._put({"kind": "unauthorised"})
        with suppress(requests.RequestException, KeyError):
            self.person.sign_in()
        self._put({"kind": "signed_in"})

    def _put(self, given: Input) -> None:
        self._inputs.put((ANY, given))

    def _get(self, path: str, method: str = "GET", **options: Any) -> Any:
        self._calls += 1  # in turn to both web processes, as a balancer before them would
        answer = self.person.ask(method, path, at=self._calls, **options)
        answer.raise_for_status()
        return answer.json()

    def _fetch(self, effect: Mapping[str, Any]) -> Input:
        chat, after = effect["chat"], effect.get("after")
        query = "limit=50" if after is None else f"after={after}&limit=100"
        return {"kind": "page", "chat": chat, "after": after, "page": self._get(f"/api/chats/{chat}/log?{query}")}

    def _detail(self, effect: Mapping[str, Any]) -> Input:
        return {"kind": "listed", "chats": [self._get(f"/api/chats/{effect['chat']}?limit=1")]}

    def _sync(self, effect: Mapping[str, Any]) -> Input:
        return {"kind": "synced", **self._get("/api/sync", "POST", json={"chats": effect["chats"]})}

    def _renew(self, _: Mapping[str, Any]) -> Input:
        before, self._config = self._config, self._get("/api/realtime")
        return {"kind": "renewed", "changed": before != self._config, "channels": self._config["channels"]}

    # The live connection.

    def _reconnect(self, _: Mapping[str, Any]) -> None:
        self._connection += 1
        if self._live:
            self._pool.submit(self._live.close)  # it may wait for an answer
        threading.Thread(target=self._listen, args=(self._connection, self._config), daemon=True).start()

    def _listen(self, number: int, config: Mapping[str, Any]) -> None:
        """One connection as pusher-js makes it (Pusher protocol 7), until it ends."""

        def put(given: Input) -> None:
            self._inputs.put((number, given))

        url = f"ws://{config['host']}:{config['port']}/app/{config['key']}?protocol=7"
        with suppress(OSError, WebSocketException, TimeoutError):
            options: dict[str, Any] = {"proxy": None, "ping_interval": None, "close_timeout": 1, "open_timeout": 5}
            with connect(url, **options) as live:
                self._live = live
                waiting = set(config["channels"])
                for frame in live:
                    self._hear(live, json.loads(frame), waiting, put)
        put({"kind": "disconnected"})

    def _hear(self, live: ClientConnection, event: Any, waiting: set[str], put: Callable[[Input], None]) -> None:
        data = json.loads(event["data"]) if isinstance(event.get("data"), str) else event.get("data", {})
        match event["event"]:
            case "pusher:connection_established":
                put({"kind": "connected"})
                self._pool.submit(self._subscribe, live, data["socket_id"], sorted(waiting), put)
            case "pusher_internal:subscription_succeeded":
                waiting.discard(event["channel"])
                if not waiting:
                    put({"kind": "subscribed"})
            case "pusher:ping":
                live.send(json.dumps({"event": "pusher:pong", "data": {}}))
            case "moved":
                put({"kind": "moved"})
            case "log":
                put({"kind": "event", "chat": data.pop("chat_id"), **data})
            case "chats":
                put({"kind": "gone" if data.get("gone") else "changed", "chat": data["chat_id"]})

    def _subscribe(
        self, live: ClientConnection, socket_id: str, channels: Sequence[str], put: Callable[[Input], None]
    ) -> None:
        try:
            for channel in channels:
                form = {"socket_id": socket_id, "channel_name": channel}
                auth = self._get("/api/realtime/auth", "POST", data=form)["auth"]
                live.send(json.dumps({"event": "pusher:subscribe", "data": {"channel": channel, "auth": auth}}))
        except (OSError, WebSocketException):  # also requests'
            put({"kind": "refused"})


_CALLS: dict[str, Callable[[LivePage, Mapping[str, Any]], Input]] = {
    "fetch": LivePage._fetch,
    "newest": LivePage._fetch,
    "detail": LivePage._detail,
    "sync": LivePage._sync,
    "renew": LivePage._renew,
}
_FAILED = {
    "fetch": "fetch_failed",
    "newest": "fetch_failed",
    "detail": "detail_failed",
    "sync": "sync_failed",
    "renew": "renew_failed",
}


class Pages:
    """Several open pages, while the block runs."""

    def __init__(self, looking: Sequence[tuple[Person, str]]) -> None:
        """`looking`: who looks at which chat."""
        self._looking, self._stack = looking, ExitStack()
        self.all: list[LivePage] = []

    def __enter__(self) -> "Pages":
        pool = self._stack.enter_context(ThreadPoolExecutor(ASKING * len(self._looking)))
        for person, chat in self._looking:
            page = LivePage(person, chat, pool)
            self.all.append(page)
            page.open()
            self._stack.callback(page.close)
        wait_until(lambda: all(page.listens for page in self.all), "all pages listen")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def wait_complete(self, tops: Mapping[str, int], seconds: float = 60, since: float | None = None) -> float:
        """Return when each page shows its chat up to the given number; the seconds from `since` (now) till then."""
        begin = time.monotonic() if since is None else since
        wait_until(lambda: all(page.last >= tops[page.chat] for page in self.all), "the pages are complete", seconds)
        return time.monotonic() - begin

    def stories(self) -> tuple[PageStory, ...]:
        return tuple(page.story() for page in self.all)


def _looks(entry: Mapping[str, Any], message: Mapping[str, Any] | None) -> str:
    """All that a row shows, to be compared."""
    about = message or {key: value for key, value in entry.items() if key != "message"}
    return json.dumps(about, sort_keys=True)


def _now() -> float:
    return time.monotonic() * 1000
