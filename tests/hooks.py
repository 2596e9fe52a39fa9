"""An incoming webhook, and a sender for it."""

import json
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.test import TestResponse

from tests.people import Person


class Hook:
    """A webhook of `owner`'s in `chat`. `post` sends JSON in Slack's format, `send` in any."""

    def __init__(self, app: Flask, owner: Person, chat: str, name: str = "Builds") -> None:
        self.client, self.owner, self.chat = app.test_client(), owner, chat
        answer = owner.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": name})
        assert answer.status_code == 201, answer.text
        self.made: Any = answer.json
        self.path = urlsplit(self.made["url"]).path

    def post(self, payload: Any = None, **options: Any) -> TestResponse:
        return self.client.post(self.path, json=payload, **options)

    def send(self, form: str, payload: Any, headers: dict[str, str] | None = None, query: str = "") -> TestResponse:
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        path = f"{self.path}/{form}{query}"
        return self.client.post(path, data=data, headers=headers, content_type="application/json")

    def rules(self, **rules: str | None) -> None:
        """Its `template` or `signing_secret`."""
        answer = self.owner.patch(f"/api/webhooks/{self.made['id']}", rules)
        assert answer.status_code == 200, answer.text

    def messages(self) -> list[Any]:
        return list(self.owner.get(f"/api/messages?chat={self.chat}&limit=100").json["messages"])

    def entries(self) -> list[Any]:
        return list(self.owner.get(f"/api/chats/{self.chat}/log?after=0&limit=100").json["entries"])
