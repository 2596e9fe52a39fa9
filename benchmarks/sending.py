"""How fast messages are sent and delivered on a whole run, beside what the same MongoDB takes in bare inserts.

`python -m benchmarks.sending`: two people in one chat; one sends over HTTP, the other hears on the live socket.
"""

import json
import os
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from statistics import quantiles

import requests
from pymongo import MongoClient
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.whole import WholeRun

SECONDS, PACED, SENDERS = 8, 20, 8  # length of each part; sends a second in the paced one; threads in the other
TEXT = "x" * 100


class Client:
    """A person who calls the API with a bearer token, on one kept connection for each thread."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self._local = url, threading.local()
        account = {"email": f"{name}@example.org", "username": name, "password": "correct horse battery"}
        browser = requests.Session()
        csrf = browser.get(f"{url}/api/auth/session").json()["csrf_token"]
        made = browser.post(f"{url}/api/auth/register", json=account, headers={"X-CSRF-Token": csrf}).json()
        self.id = made["user"]["id"]
        login = {"login": name, "password": account["password"]}
        self.token = requests.post(f"{url}/api/auth/tokens", json=login).json()["access_token"]

    def call(self, method: str, path: str, **options):
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.headers["Authorization"] = f"Bearer {self.token}"
        answer = self._local.session.request(method, self.url + path, **options)
        answer.raise_for_status()
        return answer.json()

    def send(self, chat: str) -> tuple[str, float]:
        """One message; its client_id and how long the answer took, in seconds."""
        client_id, begin = os.urandom(8).hex(), time.perf_counter()
        self.call("POST", "/api/messages", json={"chat_id": chat, "client_id": client_id, "text": TEXT})
        return client_id, time.perf_counter() - begin


def listen(client: Client, heard: dict[str, float]) -> None:
    """Note when each message arrives on the client's live channel."""
    where = client.call("GET", "/api/realtime")
    channel = where["channels"][0]
    with (
        suppress(ConnectionClosed),
        connect(f"ws://127.0.0.1:{where['port']}/app/{where['key']}?protocol=7", proxy=None) as socket,
    ):
        socket_id = json.loads(json.loads(socket.recv())["data"])["socket_id"]
        form = {"socket_id": socket_id, "channel_name": channel}
        auth = client.call("POST", "/api/realtime/auth", data=form)["auth"]
        socket.send(json.dumps({"event": "pusher:subscribe", "data": {"channel": channel, "auth": auth}}))
        for frame in socket:
            event = json.loads(frame)
            if event["event"] == "log":
                for entry in json.loads(event["data"]).get("entries", []):
                    heard.setdefault((entry.get("message") or {}).get("client_id", ""), time.perf_counter())


def show(name: str, seconds: list[float]) -> None:
    cuts = quantiles(seconds, n=100)
    print(f"{name:44}{cuts[49] * 1e3:8.1f}{cuts[98] * 1e3:8.1f} ms")


def paced(sender: Client, chat: str, heard: dict[str, float]) -> None:
    """One sender at a steady pace: how long an answer takes, and until the other has the message."""
    sent = {}
    begin = time.perf_counter()
    for number in range(SECONDS * PACED):
        time.sleep(max(0.0, begin + number / PACED - time.perf_counter()))
        at = time.perf_counter()
        client_id, took = sender.send(chat)
        sent[client_id] = (at, took)
    time.sleep(2)
    show(f"answer, {PACED}/s", [took for _, took in sent.values()])
    show(f"delivery, {PACED}/s", [heard[key] - at for key, (at, _) in sent.items()])


def flood(name: str, once, threads: int) -> None:
    """As many calls as `threads` callers make, each one after the other."""
    until = time.perf_counter() + SECONDS

    def work(_: int) -> int:
        count = 0
        while time.perf_counter() < until:
            once()
            count += 1
        return count

    with ThreadPoolExecutor(threads) as pool:
        print(f"{name:44}{sum(pool.map(work, range(threads))) / SECONDS:8.0f} /s")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = WholeRun(Path(folder))
        try:
            ada, bob = Client(run.url, "ada"), Client(run.url, "bob")
            group = {"kind": "group", "name": "Benchmark", "member_ids": [bob.id]}
            chat = ada.call("POST", "/api/chats", json=group)["id"]
            heard: dict[str, float] = {}
            threading.Thread(target=listen, args=(bob, heard), daemon=True).start()
            time.sleep(2)
            print(f"{'':44}{'p50':>8}{'p99':>8}")
            paced(ada, chat, heard)
            for threads in (1, SENDERS):
                flood(f"messages, {threads} at once", lambda: ada.send(chat), threads)
            ports = json.loads((Path(folder) / "data" / "ports.json").read_text())
            store = MongoClient(f"mongodb://127.0.0.1:{ports['mongod']}", w="majority", journal=True)["limit"]["bare"]
            for threads in (1, SENDERS):
                flood(f"bare inserts, {threads} at once (the limit)", lambda: store.insert_one({"text": TEXT}), threads)
        finally:
            run.stop()


if __name__ == "__main__":
    main()
