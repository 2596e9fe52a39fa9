"""Everything that a chat can hold, and one caller of each role before it, for calls made up at random."""

import secrets
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import quote

from bson import ObjectId
from flask import Flask

from infitalks.actions import ephemerals, users
from infitalks.models.media import Media
from infitalks.models.users import User
from tests.api.corpus import ID
from tests.api.listening import channel
from tests.api.signing import COOKIE, cookie_of, tokens
from tests.people import Person

PNG = b"\x89PNG\r\n\x1a\n"


class Caller(NamedTuple):
    """What is sent along, and what no answer to this caller may hold."""

    headers: dict[str, str]
    cookies: dict[str, str]
    hidden: list[str]


class Stage:
    """A group that has seen everything, a direct chat, and a stranger's group. `found` has, for a field's name in
    path, query or body, values that lead somewhere: one's own, others', strangers', and of the wrong kind. But no
    refresh token: a used one that comes again is refused, and ends its session on purpose."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        names = ("ada", "bob", "rex", "dot", "eve", "sam")
        self.ada, self.bob, self.rex, self.dot, self.eve, self.sam = (Person(app.test_client(), n) for n in names)
        users.make_admin(self.dot.username)
        made = self.ada.post("/api/bots", {"username": f"robot-{secrets.token_hex(4)}", "display_name": "Robot"}).json
        self.bot, self.bot_token = made["bot"]["id"], made["token"]
        words = ("late", "strange", "told", "alone")
        self.late, self.strange, self.told, self.alone = (f"{word}{secrets.token_hex(8)}" for word in words)
        self.chat = self.ada.group(self.bob, self.rex, self.dot)
        self._talk()
        self._talk_elsewhere()
        self.found = self._found()

    def _talk(self) -> None:
        ada, bob, chat = self.ada, self.bob, self.chat
        ada.post(f"/api/chats/{chat}/members", {"user_ids": [self.bot]})
        self.hook = ada.post(f"/api/chats/{chat}/webhooks", {"kind": "incoming", "name": "Builds"}).json
        posted = self.app.test_client().post(f"/hooks/{self.hook['url'].rpartition('/')[2]}", json={"text": "built"})
        assert posted.text == "ok"
        self._ask()
        deploy = {"kind": "command", "name": "Robot", "command": "deploy", "url": "https://bot.example/"}
        assert ada.post(f"/api/chats/{chat}/webhooks", deploy).status_code == 201
        said = self.said = ada.say(chat, "hello", client_id="c1")["id"]
        assert bob.patch(f"/api/messages/{bob.say(chat, 'hi', reply_to=said)['id']}", {"text": "hi!"}).json["edited_at"]
        assert bob.put(f"/api/messages/{said}/reactions/{quote('👍')}").status_code == 200
        assert ada.delete(f"/api/messages/{ada.say(chat, 'no')['id']}").status_code == 204
        ada.patch(f"/api/chats/{chat}", {"name": "Yard", "muted": True})
        self.pictures = [self._picture(person, state) for person in (ada, bob) for state in ("processing", "failed")]
        shown = self._picture(ada, "ready")
        ada.say(chat, "look", attachments=[shown])
        assert ada.delete(f"/api/chats/{chat}/members/{self.rex.id}").status_code == 204
        ada.say(chat, self.late, attachments=[self._picture(ada, "ready")])
        bob.say(chat, f"{self.late} from bob")

    def _ask(self) -> None:
        """A question with a button; what it tells its program is shown to those alone who look after the webhook."""
        assert self.ada.patch(f"/api/webhooks/{self.hook['id']}", {"actions_url": "https://bot.example/"}).json[
            "secret"
        ]
        button = {"type": "button", "name": "go", "text": "Go", "value": self.told}
        asked = {"attachments": [{"text": "Go on?", "actions": [button]}]}
        posted = self.app.test_client().post(f"/hooks/{self.hook['url'].rpartition('/')[2]}", json=asked)
        assert posted.text == "ok"
        (self.question,) = [
            message
            for message in self.ada.get(f"/api/messages?chat={self.chat}").json["messages"]
            if message["text"] == "Go on?\nGo"
        ]

    def _say_alone(self) -> str:
        """A word to bob that nobody else is to find."""
        bob, chat, bot = (ObjectId(key) for key in (self.bob.id, self.chat, self.hook["bot_id"]))
        said = ephemerals.say_to(bob, chat, bot, "word", self.alone)
        assert said
        return str(said["_id"])

    def _picture(self, person: Person, state: str) -> str:
        media_id = str(person.upload(PNG).json["id"])
        ready = {"version": 1, "format": "png", "width": 1, "height": 1, "outcome": ObjectId()}
        Media.raw().update_one({"_id": ObjectId(media_id)}, {"$set": {"state": state, **ready}})
        return media_id

    def _talk_elsewhere(self) -> None:
        self.direct = self.ada.post("/api/chats", {"kind": "direct", "user_id": self.bob.id}).json["id"]
        self.ada.say(self.direct, "between us")
        self.others = self.eve.group(name=f"Group {self.strange}")
        self.others_picture = self._picture(self.eve, "ready")
        self.others_message = self.eve.say(self.others, self.strange, attachments=[self.others_picture])["id"]
        made = self.eve.post(f"/api/chats/{self.others}/webhooks", {"kind": "incoming", "name": "Alerts"})
        self.others_hook = made.json["id"]

    def _found(self) -> dict[str, list[Any]]:
        log = self.ada.get(f"/api/chats/{self.chat}/log").json["entries"]
        messages = [self.said] + [entry["message"]["id"] for entry in log if entry["kind"] == "message"]
        chats = [self.chat, self.chat, self.direct, self.others]
        people = [person.id for person in (self.ada, self.bob, self.rex, self.eve)] + [self.bot]
        shown = [entry["message"]["attachments"][0]["id"] for entry in log if _shows_picture(entry)]
        pictures = [*shown, *self.pictures, self.others_picture]
        seqs = [0, 1, len(log), 10**6]
        login = [self.sam.username, self.sam.email.upper()]
        return {
            "chat_id": [*chats, self.bob.id],
            "chat": chats,
            "chats": [{self.chat: 1, self.others: 0, ID: 3}, {self.direct: 10**6}],
            "message_id": [*messages, self.others_message, self.chat],
            "button": [self.question["cards"][0]["buttons"][0]["id"], "b1000"],
            "reply_to": [None, None, *messages[:3], self.others_message],
            "user_id": people,
            "user_ids": [people[:2], [self.eve.id], [self.bot, ID]],
            "member_ids": [people[:4], [self.bob.id]],
            "media_id": pictures,
            "avatar": [None, *pictures],
            "attachments": [
                [],
                [],
                [],
                [pictures[0]],
                [pictures[2]],
                [pictures[1], self.others_picture],
                [pictures[3], ID],
            ],
            "file": [PNG],
            "ephemeral_id": [self._say_alone()],
            "webhook_id": [self.hook["id"], self.hook["id"], self.others_hook],
            "client_id": [*(secrets.token_hex(4) for _ in range(5)), "c1"],
            "emoji": ["👍", "x"],
            **dict.fromkeys(("seq", "after", "before"), seqs),
            **{"login": login, "email": login[1:], "username": login[:1], "password": [self.sam.password, "no"]},
            "socket_id": ["123.456"],
            "channel_name": [channel(person) for person in (self.ada, self.bob, self.rex, self.dot)],
        }

    def _cookie(self, person: Person, *hidden: str) -> Caller:
        sent = {"X-CSRF-Token": person.csrf}
        return Caller(sent, {COOKIE: cookie_of(person.client)}, [self.strange, *hidden, *self._secrets(person)])

    def _bearer(self, token: str, person: Person | None) -> Caller:
        return Caller({"Authorization": f"Bearer {token}"}, {}, [self.strange, *self._secrets(person)])

    def _secrets(self, caller: Person | None) -> Iterator[str]:
        """What was said to bob alone. And of the others here, but Sam whose password is known, addresses and, as
        stored, what opens doors; not of made-up accounts: who happens to name one rightly is signed in to it."""
        if caller is not self.bob:
            yield self.alone
        others = {p.id for p in (self.ada, self.bob, self.rex, self.dot, self.eve)} | {self.bot}
        others -= {caller.id} if caller else set()
        for user in User.raw().find({"_id": {"$in": [ObjectId(other) for other in others]}}):
            yield from (user[field] for field in ("email", "password_hash", "token_hash") if user.get(field))

    def callers(self) -> dict[str, Callable[[], Caller]]:
        """By role; each is made when it is asked for."""
        return {
            "nobody": lambda: self._nobody(self.told, self.late, "between us"),
            "a member": lambda: self._cookie(self.bob, self.told),
            "an owner": lambda: self._cookie(self.ada),
            "an admin": lambda: self._cookie(self.dot, self.told, "between us"),
            "a removed member": lambda: self._cookie(self.rex, self.told, self.late, "between us"),
            "a bot": lambda: self._bearer(self.bot_token, None),
            "a member's token": lambda: self._bearer(tokens(self.bob)["access_token"], self.bob),
        }

    def _nobody(self, *hidden: str) -> Caller:
        client = self.app.test_client()
        csrf = client.get("/api/auth/session").json["csrf_token"]
        return Caller(
            {"X-CSRF-Token": csrf}, {COOKIE: cookie_of(client)}, [self.strange, *hidden, *self._secrets(None)]
        )


def _shows_picture(entry: Any) -> bool:
    return bool(entry["kind"] == "message" and entry["message"]["attachments"])
