"""Bots' programs on loopback, as slash commands and buttons call them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

from tests.browser.visitors import Visitor
from tests.receivers import Got, Handler, Receiver, answering, receiving

Asked = dict[str, Any]


def asked_in(got: Got) -> Asked:
    """The fields of a command, or what a press carries in `payload`."""
    form = dict(parse_qsl(got.body.decode(), keep_blank_values=True))
    return json.loads(form["payload"]) if "payload" in form else form


@contextmanager
def running(answer: Callable[[Asked], object]) -> Iterator[Receiver]:
    """A program that answers each call with JSON; None: with nothing."""

    def behave(handler: Handler) -> None:
        answered = answer(asked_in(handler.server.got[-1]))
        body = b"" if answered is None else json.dumps(answered).encode()
        answering(200, body, {"Content-Type": "application/json"})(handler)

    with receiving(then=behave) as receiver:
        yield receiver


def add_command(visitor: Visitor, chat: str, command: str, url: str, **more: str) -> Any:
    """The webhook of a new slash command; its bot is called Robot."""
    asked = {"kind": "command", "name": "Robot", "command": command, "url": url, **more}
    return visitor.call("POST", f"/api/chats/{chat}/webhooks", asked)
