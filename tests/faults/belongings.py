"""All that a member of a chat holds: routes, links, a live socket; and which of what these showed is too late.

Not for: removing them (test_removal_races.py).
"""

import json
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import requests
from websockets.sync.client import ClientConnection, connect

from tests.faults.senders import Person

Doc = dict[str, Any]
Ask = tuple[str, str, dict[str, Any]]  # method, path, options
MARK = re.compile(r"m[0-9a-f]{16}")
NUMBERS = ("seq", "last_seq", "through", "as_of", "read_seq")
BEYOND = 2**53 - 1


def mark() -> str:
    """A client_id that is also what is said under it, so that it is found in whatever shows it."""
    return f"m{secrets.token_hex(8)}"


def message(chat: str, **more: Any) -> Doc:
    """The body of a send."""
    said = mark()
    return {"chat_id": chat, "client_id": said, "text": said, **more}


@dataclass(frozen=True)
class Belongings:
    """What a person can ask in a chat that has somebody's `earlier` message, its `picture`, and one of theirs."""

    chat: str
    earlier: str
    picture: str
    mine: str
    mine_sent: Doc

    def reads(self) -> list[Ask]:
        chat, picture = self.chat, self.picture
        paths = (
            f"/api/chats/{chat}/log?after=0&limit=100",
            f"/api/chats/{chat}/log?before={BEYOND}",
            f"/api/messages?chat={chat}",
            f"/api/messages?chat={chat}&after=0&limit=100",
            f"/api/messages?chat={chat}&ids={self.earlier},{self.mine}",
            f"/api/chats/{chat}",
            f"/c/{chat}",
            f"/c/{chat}/1",
            f"/c/{chat}/settings",
            f"/api/media/{picture}",
            f"/media/{picture}/full",
            f"/media/{picture}/thumb",
        )
        return [("GET", path, {}) for path in paths]

    def writes(self) -> list[Ask]:
        return [
            ("POST", "/api/messages", {"json": self.mine_sent}),  # a repeat
            ("POST", "/api/messages", {"json": message(self.chat, reply_to=self.earlier)}),
            ("PATCH", f"/api/messages/{self.mine}", {"json": {"text": mark()}}),
            ("PUT", f"/api/messages/{self.earlier}/reactions/👍", {}),
            ("DELETE", f"/api/messages/{self.earlier}/reactions/👍", {}),
            ("PATCH", f"/api/chats/{self.chat}", {"json": {"muted": True}}),
            ("POST", f"/api/chats/{self.chat}/read", {"json": {"seq": BEYOND}}),
            ("POST", f"/api/chats/{self.chat}/typing", {}),
        ]

    def lists(self) -> list[Ask]:
        """These answer whoever asks, and leave out what is not theirs."""
        return [
            ("GET", "/api/chats", {}),
            ("POST", "/api/sync", {"json": {"chats": {}}}),
            ("GET", "/api/users?q=ada", {}),
        ]


def ask(person: Person, asked: Ask, at: int) -> requests.Response:
    method, path, options = asked
    return person.ask(method, path, at=at, **options)


class Judge:
    """Knows from a chat's log what is numbered above `last`."""

    def __init__(self, chat: str, entries: list[Doc], last: int) -> None:
        self.chat, self.last = chat, last
        self._said: dict[str, int] = {}
        self._on: dict[tuple[str, str, str], int] = {}
        self._deleted: dict[str, int] = {}
        for entry in entries:
            self._learn(entry, str(entry.get("target")))

    def _learn(self, entry: Doc, target: str) -> None:
        self._said[entry["client_id"]] = entry["seq"]
        for name in entry.get("changes", {}).values():
            self._said[name] = entry["seq"]
        if entry["kind"] == "reaction" and entry["on"]:
            self._on.setdefault((target, entry["emoji"], str(entry["author"])), entry["seq"])
        elif entry["kind"] == "delete":
            self._deleted[target] = entry["seq"]

    def too_late(self, shown: str) -> list[str]:
        """What of an answer or a live event is numbered above `last`."""
        found = [said for said in MARK.findall(shown) if self._said.get(said, 0) > self.last]
        with suppress(ValueError):
            found += self._in_json(json.loads(shown))
        return found

    def _in_json(self, node: Any, within: bool = False) -> Iterator[str]:
        if isinstance(node, list):
            for each in node:
                yield from self._in_json(each, within)
        elif isinstance(node, dict):
            # The log and the messages do not name their chat at the top; their asker knows it.
            names = {node.get("id"), node.get("chat_id")}
            within = within or self.chat in names or "through" in node or "as_of" in node
            if within:
                yield from self._of_this_chat(node)
            for each in node.values():
                yield from self._in_json(each, within)

    def _of_this_chat(self, node: Doc) -> Iterator[str]:
        yield from (f"{key} {node[key]}" for key in NUMBERS if isinstance(node.get(key), int) and node[key] > self.last)
        if node.get("deleted") and self._deleted.get(node["id"], 0) > self.last:
            yield f"the deletion of {node['id']}"
        for reaction in node.get("reactions") or ():
            for user in reaction["users"]:
                if self._on.get((node["id"], reaction["emoji"], user), 0) > self.last:
                    yield f"{reaction['emoji']} of {user}"


class Ear:
    """What is heard on a live socket, as (event, data). Use `listening`."""

    def __init__(self, person: Person, socket: ClientConnection) -> None:
        self.socket, self.heard = socket, list[tuple[str, str]]()
        self.channel: str = person.call("GET", "/api/realtime")["channels"][0]
        self.socket_id: str = json.loads(json.loads(socket.recv(timeout=20))["data"])["socket_id"]
        auth = self.authorize(person, self.channel).json()["auth"]
        socket.send(json.dumps({"event": "pusher:subscribe", "data": {"channel": self.channel, "auth": auth}}))
        assert "subscription_succeeded" in str(socket.recv(timeout=20))

    def authorize(self, person: Person, channel: str) -> requests.Response:
        form = {"socket_id": self.socket_id, "channel_name": channel}
        return person.ask("POST", "/api/realtime/auth", data=form)

    def listen(self) -> None:
        """Until the socket is closed."""
        for frame in self.socket:
            event = json.loads(frame)
            self.heard.append((event["event"], str(event.get("data"))))

    def has_heard(self, said: str) -> bool:
        return any(said in data for _, data in list(self.heard))


@contextmanager
def listening(person: Person) -> Iterator[Ear]:
    """An open page's ear, on its person's live channel."""
    where = person.call("GET", "/api/realtime")
    with connect(f"ws://127.0.0.1:{where['port']}/app/{where['key']}?protocol=7", proxy=None) as socket:
        ear = Ear(person, socket)
        thread = threading.Thread(target=ear.listen, daemon=True)
        thread.start()
        yield ear
    thread.join()
