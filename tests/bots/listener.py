"""A bot on Flask's test client, which listens as its documentation says."""

import secrets
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from tests.people import Person


class Bot:
    """`owner`'s. `cursor` is where it stands."""

    def __init__(self, app: Flask, owner: Person) -> None:
        self.client, self.owner = app.test_client(), owner
        made = owner.post("/api/bots", {"username": f"robot-{secrets.token_hex(5)}"})
        assert made.status_code == 201, made.text
        self.id: str = made.json["bot"]["id"]
        self.headers = {"Authorization": f"Bearer {made.json['token']}"}
        self.cursor: str = self.ask().json["cursor"]

    def call(self, method: str, path: str, json: Any = None) -> TestResponse:
        return self.client.open(path, method=method, json=json, headers=self.headers)

    def ask(self, **query: Any) -> TestResponse:
        return self.client.get("/api/bots/events", query_string=query, headers=self.headers)

    def heard(self, after: str | None = None, wait: int = 0) -> Any:
        answer = self.ask(after=after or self.cursor, wait=wait)
        assert answer.status_code == 200, answer.text
        return answer.json

    def hear(self) -> list[Any]:
        """The next events, which it has dealt with then."""
        heard = self.heard()
        self.cursor = heard["cursor"]
        return list(heard["events"])

    def join(self, chat: str) -> None:
        added = self.owner.post(f"/api/chats/{chat}/members", {"user_ids": [self.id]})
        assert added.status_code == 200, added.text

    def leave(self, chat: str) -> None:
        assert self.owner.delete(f"/api/chats/{chat}/members/{self.id}").status_code == 204

    def say(self, chat: str, text: str) -> None:
        body = {"chat_id": chat, "client_id": secrets.token_hex(8), "text": text}
        assert self.call("POST", "/api/messages", body).status_code == 201


def texts(events: list[Any]) -> list[str]:
    return [event["message"]["text"] for event in events if event["kind"] == "message"]
