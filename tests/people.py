"""People who call the app, on real databases, through Flask's test client."""

import io
import itertools
import secrets
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

_numbers = itertools.count(1)


class Person:
    """Somebody with an account and a browser. `get`, `post` … call the API with cookie and CSRF token."""

    def __init__(self, client: FlaskClient, name: str) -> None:
        self.client = client
        self.username = f"{name}-{next(_numbers)}"
        self.email = f"{self.username}@example.org"
        self.password = secrets.token_urlsafe(12)
        self.csrf = client.get("/api/auth/session").json["csrf_token"]
        asked = {
            "email": self.email,
            "username": self.username,
            "password": self.password,
            "display_name": name,
        }
        answer = self.post("/api/auth/register", asked)
        assert answer.status_code == 201, answer.text
        self.csrf, self.user = answer.json["csrf_token"], answer.json["user"]
        self.id: str = self.user["id"]

    def call(self, method: str, path: str, json: Any = None, **options: Any) -> TestResponse:
        headers = {"X-CSRF-Token": self.csrf, **options.pop("headers", {})}
        return self.client.open(path, method=method, json=json, headers=headers, **options)

    def get(self, path: str) -> TestResponse:
        return self.call("GET", path)

    def post(self, path: str, json: Any = None, **options: Any) -> TestResponse:
        return self.call("POST", path, json, **options)

    def patch(self, path: str, json: Any) -> TestResponse:
        return self.call("PATCH", path, json)

    def put(self, path: str) -> TestResponse:
        return self.call("PUT", path)

    def delete(self, path: str, json: Any = None) -> TestResponse:
        return self.call("DELETE", path, json)

    def group(self, *others: "Person", name: str = "Garden") -> str:
        """A new group of this person's with `others`; its id."""
        answer = self.post("/api/chats", {"kind": "group", "name": name, "member_ids": [o.id for o in others]})
        assert answer.status_code == 201, answer.text
        return answer.json["id"]

    def say(self, chat: str, text: str, **more: Any) -> Any:
        """Send a message; the answer's JSON."""
        body = {"chat_id": chat, "client_id": secrets.token_hex(8), "text": text, **more}
        answer = self.post("/api/messages", body)
        assert answer.status_code == 201, answer.text
        return answer.json

    def upload(self, data: bytes, name: str = "sky.png") -> TestResponse:
        return self.post("/api/media", data={"file": (io.BytesIO(data), name)})

    def texts(self, chat: str) -> list[str]:
        return [m["text"] for m in self.get(f"/api/messages?chat={chat}").json["messages"]]
