"""Slash commands for tests, given by people and answered by a real program, which a worker asks when a test says so."""

import json
import secrets
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bson import ObjectId
from werkzeug.test import TestResponse

from infitalks.actions.sending_asks import send_ask
from infitalks.models.deliveries import Delivery
from tests.people import Person
from tests.receivers import Behave, Got, answering


class Command:
    """`/deploy`, or another, of `owner`'s in `chat`; its bot is called Robot."""

    def __init__(self, owner: Person, chat: str, url: str, command: str = "deploy", **more: Any) -> None:
        self.owner, self.chat, self.name = owner, chat, command
        asked = {"kind": "command", "name": "Robot", "command": command, "url": url, **more}
        answer = owner.post(f"/api/chats/{chat}/webhooks", asked)
        assert answer.status_code == 201, answer.text
        self.made: Any = answer.json
        self.id: str = self.made["id"]
        self.path = f"/api/webhooks/{self.id}"

    def give(self, person: Person, text: str = "app 1") -> Any:
        """Let somebody give the command. Returns its delivery, which nobody has sent yet."""
        ran = order(person, self.chat, f"/{self.name} {text}")
        assert (ran.status_code, ran.json) == (200, {"message": None}), ran.text
        return self.rows()[-1]

    def work(self) -> Any:
        """What a worker does at the bell. Returns the last delivery as it stands then."""
        for row in self.rows():
            send_ask(row["_id"])
        return self.rows()[-1]

    def run(self, person: Person, text: str = "app 1") -> Any:
        self.give(person, text)
        return self.work()

    def rows(self) -> list[Any]:
        return list(Delivery.raw().find({"webhook": ObjectId(self.id)}).sort("created_at", 1))


def order(person: Person, chat: str, text: str, client_id: str = "") -> TestResponse:
    """Somebody writes a command."""
    return person.post(f"/api/chats/{chat}/commands", {"text": text, "client_id": client_id or secrets.token_hex(8)})


def alone(person: Person) -> list[Any]:
    """What was said to this person alone, oldest first."""
    return list(person.get("/api/ephemerals").json["ephemerals"])


def told(person: Person) -> list[str]:
    return [each["text"] for each in alone(person)]


def fields(got: Got) -> dict[str, str]:
    """The fields of a form that a program got."""
    return dict(parse_qsl(got.body.decode(), keep_blank_values=True))


def reply_path(got: Got) -> str:
    """The path of the address that a program was given to answer at."""
    return urlsplit(fields(got)["response_url"]).path


def waited(row: Any, hanging: list[Any]) -> bool:
    """Whether a delivery waited for one of those that hang to come to its end: it did so between when the delivery was
    written and when it was sent."""
    ends = [each["at"] + timedelta(milliseconds=each["took_ms"]) for other in hanging for each in other["attempts"]]
    return any(row["created_at"] < end <= row["attempts"][0]["at"] for end in ends)


def saying(payload: Any, status: int = 200) -> Behave:
    return answering(status, json.dumps(payload).encode(), {"Content-Type": "application/json"})
