"""People who send messages over HTTP and never give up on one: same client_id, again and again, until it is answered.

Not for: what they see (pages.py), nor whether it was right (history.py).
"""

import json
import math
import secrets
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import requests

from tests.faults.history import Attempt
from tests.running import wait_until

PASSWORD = "correct horse battery"
PATIENCE = 25  # seconds until a call without an answer counts as lost; the page waits 20
RETRY = 0.25  # seconds between two attempts at the same message


class Person:
    """Somebody with an account, who calls the API with a bearer token, on one kept connection for each thread."""

    def __init__(self, urls: Sequence[str], name: str) -> None:
        self.urls, self.name, self._local = list(urls), f"{name}-{secrets.token_hex(4)}", threading.local()
        with requests.Session() as browser:
            csrf = browser.get(f"{urls[0]}/api/auth/session", timeout=PATIENCE).json()["csrf_token"]
            account = {"email": f"{self.name}@example.org", "username": self.name, "password": PASSWORD}
            made = browser.post(
                f"{urls[0]}/api/auth/register", json=account, headers={"X-CSRF-Token": csrf}, timeout=PATIENCE
            )
        self.id: str = made.json()["user"]["id"]
        self.sign_in()

    def sign_in(self) -> None:
        """Get a token, good for 15 minutes."""
        login = {"login": self.name, "password": PASSWORD}
        answer = requests.post(f"{self.urls[0]}/api/auth/tokens", json=login, timeout=PATIENCE)
        self.token: str = answer.json()["access_token"]

    def ask(self, method: str, path: str, *, at: int = 0, **options: Any) -> requests.Response:
        """One call to web process number `at`, whatever is answered. Raises requests.RequestException."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self._session().request(
            method, self.urls[at % len(self.urls)] + path, headers=headers, **{"timeout": PATIENCE, **options}
        )

    def call(self, method: str, path: str, **options: Any) -> Any:
        """The JSON of a call that has to succeed."""
        answer = self.ask(method, path, **options)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def group(self, *others: "Person") -> str:
        """A new group; its id."""
        asked = {"kind": "group", "name": "Garden", "member_ids": [other.id for other in others]}
        chat: str = self.call("POST", "/api/chats", json=asked)["id"]
        return chat

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = False
        session: requests.Session = self._local.session
        return session


class Log:
    """All attempts, in memory and as lines of JSON in a file that tells the story of a failed run."""

    def __init__(self, file: Path) -> None:
        self.attempts: list[Attempt] = []
        self._lock, self._out = threading.Lock(), file.open("a")

    def add(self, attempt: Attempt) -> None:
        with self._lock:
            self.attempts.append(attempt)
            self._out.write(json.dumps(asdict(attempt)) + "\n")
            self._out.flush()

    def close(self) -> None:
        self._out.close()


def send(person: Person, chat: str, client_id: str, text: str, at: int = 0) -> Attempt:
    """Try once. A status of 0: no answer, so the outcome is unknown."""
    begin, status, seq, message, retry_after, error = time.monotonic(), 0, 0, "", "", ""
    body = {"chat_id": chat, "client_id": client_id, "text": text}
    try:
        answer = person.ask("POST", "/api/messages", at=at, json=body)
        status, retry_after = answer.status_code, answer.headers.get("Retry-After", "")
        if answer.ok:
            message, seq = answer.json()["id"], answer.json()["seq"]
    except requests.RequestException as failure:
        error = str(failure)
    end = time.monotonic()
    return Attempt(chat, person.id, client_id, text, begin, end, status, seq, message, retry_after, at, error)


class Load:
    """Senders that talk at a pace until the block ends; each then goes on until its last message is answered."""

    def __init__(self, log: Log, speakers: Sequence[tuple[Person, str]], each_per_second: float) -> None:
        """`speakers`: who talks in which chat; one thread each, with one message under way at a time."""
        self.log, self._pause = log, 1 / each_per_second
        self.ended = math.inf  # when the block ended, by the monotonic clock; some wait for their last answer after it
        self._over, self._give_up = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._talk, args=(number, *speaker), daemon=True)
            for number, speaker in enumerate(speakers)
        ]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self.ended = time.monotonic()
        self._over.set()
        if kind:
            self._give_up.set()
        for thread in self._threads:
            thread.join()

    def answered(self) -> int:
        """How many attempts have been acknowledged."""
        return sum(attempt.acknowledged for attempt in list(self.log.attempts))

    def flow(self, count: int, seconds: float = 60) -> None:
        """Return when so many more have been acknowledged."""
        before = self.answered()
        wait_until(lambda: self.answered() >= before + count, f"{count} messages are answered", seconds)

    def _talk(self, number: int, person: Person, chat: str) -> None:
        count, due = 0, time.monotonic()
        while not self._over.wait(max(0.0, due - time.monotonic())):
            due = max(due + self._pause, time.monotonic())
            count += 1
            self._insist(person, chat, f"{number} says {count}", number + count)

    def _insist(self, person: Person, chat: str, text: str, at: int) -> None:
        client_id = secrets.token_hex(8)
        while not self._give_up.is_set():
            attempt = send(person, chat, client_id, text, at)
            self.log.add(attempt)
            if attempt.status == 401:
                with suppress(requests.RequestException, KeyError):
                    person.sign_in()
            elif 200 <= attempt.status < 500 and attempt.status != 429:
                return
            at += 1
            self._give_up.wait(RETRY)
