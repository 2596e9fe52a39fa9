"""The programs of docs/bots.md, taken from the page and run as they stand there, against the whole product."""

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from infitalks.local.ports import pick_port
from infitalks.local.process import Service
from tests.faults.senders import Person
from tests.running import Running, wait_until
from tests.whole import ROOT, WholeRun

pytestmark = pytest.mark.timeout(300)

PAGE = (ROOT / "docs" / "bots.md").read_text()
PROGRAMS = {name: f"# {name}{code}" for name, code in re.findall(r"```python\n# (\w+\.py)(.*?)```", PAGE, re.DOTALL)}
OUTGOING, COMMAND = (json.loads(example) for example in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL))

Start = Callable[..., Running]


class Product:
    """A run that can be started again, with the same data at the same address."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, str(pick_port())
        self.start()

    def start(self) -> None:
        self.run = WholeRun(self.folder, {"INFITALKS_PORT": self.port})
        self.url = self.run.url.rstrip("/")


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    product = Product(tmp_path_factory.mktemp("product"))
    yield product
    product.run.stop()


@pytest.fixture
def ada(product: Product) -> Person:
    return Person([product.url], "ada")


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start("echo.py", {"CHAT": …})` runs that program, which does not end by itself."""
    with ExitStack() as stack:

        def start(name: str, environ: dict[str, str], **options: Any) -> Running:
            argv = (sys.executable, str(written(tmp_path, name)))
            running = Running(Service(name, argv, environ, cwd=tmp_path, **options), tmp_path / f"{name}.log")
            stack.callback(running.kill)
            return running

        yield start


def written(folder: Path, name: str) -> Path:
    (folder / name).write_text(PROGRAMS[name])
    return folder / name


def run(folder: Path, name: str, environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program that ends by itself."""
    argv = (sys.executable, str(written(folder, name)), *arguments)
    return subprocess.run(
        argv, env={**os.environ, **environ}, cwd=folder, capture_output=True, text=True, timeout=60, check=False
    )


def messages(person: Person, chat: str) -> list[Any]:
    return list(person.call("GET", f"/api/messages?chat={chat}&limit=100")["messages"])


def say(person: Person, chat: str, *said: str) -> None:
    for text in said:
        body = {"chat_id": chat, "client_id": secrets.token_hex(8), "text": text}
        person.call("POST", "/api/messages", json=body)


def test_each_bot_is_under_thirty_lines() -> None:
    assert PROGRAMS.keys() == {"make_bot.py", "echo.py", "alert.py", "questions.py", "roll.py", "release.py"}
    for name, code in PROGRAMS.items():
        assert len([line for line in code.splitlines() if line.strip()]) < 30, name


def test_the_echo_bot_answers_each_message_once_whoever_is_killed(
    product: Product, ada: Person, start: Start, tmp_path: Path
) -> None:
    chat, name = ada.group(), f"{ada.name}-echo"
    login = {"CHAT": product.url, "LOGIN": ada.name, "PASSWORD": "correct horse battery", "BOT": name}
    made = run(tmp_path, "make_bot.py", login)
    assert made.returncode == 0, made.stderr
    bot = ada.call("GET", f"/api/users?q={name}")["users"][0]["id"]
    ada.call("POST", f"/api/chats/{chat}/members", json={"user_ids": [bot]})

    def echoed(*said: str) -> None:
        wait_until(lambda: echoes(messages(ada, chat), bot) == list(said), f"{said} are echoed", 60)

    environ = {"CHAT": product.url, "TOKEN": made.stdout.strip()}
    echo = start("echo.py", environ)
    wait_until((tmp_path / "cursor").exists, "it listens")
    say(ada, chat, "one", "two")
    echoed("one", "two")
    echo.kill()
    say(ada, chat, "three")
    echo.start()
    echoed("one", "two", "three")
    product.run.stop()
    product.start()
    say(ada, chat, "four")
    echoed("one", "two", "three", "four")
    echo.kill()
    (tmp_path / "cursor").unlink()  # what a bot that loses its place hears is what comes
    echo.start()
    wait_until((tmp_path / "cursor").exists, "it listens")
    say(ada, chat, "five")
    echoed("one", "two", "three", "four", "five")
    assert len(messages(ada, chat)) == 10


def echoes(found: list[Any], bot: str) -> list[str]:
    return [message["text"] for message in found if message["author"]["id"] == bot]


def test_the_echo_bot_is_not_held_up_by_what_it_cannot_answer(
    product: Product, ada: Person, start: Start, tmp_path: Path
) -> None:
    chat = ada.group()
    made = ada.call("POST", "/api/bots", json={"username": f"{ada.name}-echo"})
    ada.call("POST", f"/api/chats/{chat}/members", json={"user_ids": [made["bot"]["id"]]})
    echo = start("echo.py", {"CHAT": product.url, "TOKEN": made["token"]})
    wait_until((tmp_path / "cursor").exists, "it listens")
    echo.kill()
    gone = ada.call("POST", "/api/messages", json={"chat_id": chat, "client_id": "gone", "text": "gone"})
    ada.call("DELETE", f"/api/messages/{gone['id']}")
    say(ada, chat, "here")
    echo.start()
    wait_until(lambda: echoes(messages(ada, chat), made["bot"]["id"]) == ["here"], "the next one is echoed")


def test_the_echo_bot_says_why_it_cannot_start(product: Product, tmp_path: Path) -> None:
    done = run(tmp_path, "echo.py", {"CHAT": product.url, "TOKEN": "ifb_nobody"})
    assert done.returncode == 1 and "token is not valid" in done.stderr


def test_the_alert_bot_warns_once_and_only_where_there_is_need(product: Product, ada: Person, tmp_path: Path) -> None:
    chat = ada.group()
    hook = ada.call("POST", f"/api/chats/{chat}/webhooks", json={"kind": "incoming", "name": "Disks"})
    address = product.url + hook["url"][hook["url"].index("/hooks/") :]
    for most in ("101", "0", "0"):
        done = run(tmp_path, "alert.py", {"HOOK": address}, "/", most)
        assert done.returncode == 0, done.stderr
        assert len(messages(ada, chat)) == (most == "0")
    (alert,) = messages(ada, chat)
    assert alert["text"].startswith("/ is nearly full") and alert["author"]["kind"] == "bot"
    _, card = alert["cards"]
    assert (card["title"], card["fields"][1]["text"]) == ("Disk nearly full", "/")
    refused = run(tmp_path, "alert.py", {"HOOK": f"{product.url}/hooks/nobody"}, "/", "0")
    assert refused.returncode == 1 and "not posted: 404 no_service" in refused.stderr


def test_the_question_bot_answers_whom_the_chat_signs_for(product: Product, ada: Person, start: Start) -> None:
    chat, port = ada.group(), pick_port()
    url = f"http://127.0.0.1:{port}/"
    webhook = ada.call("POST", f"/api/chats/{chat}/webhooks", json={**OUTGOING, "url": url})
    environ = {"SECRET": webhook["secret"], "PORT": str(port)}
    start("questions.py", environ, ready_line="Running on")
    say(ada, chat, "hello", "wifi please")
    wait_until(lambda: len(messages(ada, chat)) == 3, "it answers")
    _, question, answer = messages(ada, chat)
    assert "<strong>guest</strong>" in answer["html"] and answer["author"]["kind"] == "bot"
    assert answer["reply_to"] == question["id"]
    ada.call("POST", f"/api/webhooks/{webhook['id']}/test")
    wait_until(lambda: states(ada, webhook["id"]) == ["ok", "ok"], "it takes a test, too")
    assert len(messages(ada, chat)) == 3
    forged = requests.post(url, json={"data": {"message": {"text": "wifi"}}}, timeout=10)
    assert forged.status_code == 401


def test_the_release_bot_writes_down_who_decided(product: Product, ada: Person, start: Start) -> None:
    chat, port = ada.group(), pick_port()
    hook = ada.call("POST", f"/api/chats/{chat}/webhooks", json={"kind": "incoming", "name": "Releases"})
    url = f"http://127.0.0.1:{port}/"
    secret = ada.call("PATCH", f"/api/webhooks/{hook['id']}", json={"actions_url": url})["secret"]
    address = product.url + hook["url"][hook["url"].index("/hooks/") :]
    start("release.py", {"HOOK": address, "SECRET": secret, "PORT": str(port)}, ready_line="Running on")
    (question,) = messages(ada, chat)
    release, _ = question["cards"][0]["buttons"]
    pressed = {"button": release["id"], "client_id": "once"}
    ada.call("POST", f"/api/messages/{question['id']}/actions", json=pressed)
    wait_until(lambda: messages(ada, chat)[0]["edited_at"], "it says who decided")
    (decided,) = messages(ada, chat)
    assert (decided["text"], decided["cards"]) == (f"Release version 7? **released** by {ada.name}", [])
    forged = requests.post(url, data={"payload": "{}"}, timeout=10)
    assert forged.status_code == 401


def test_the_dice_bot_throws_for_all_and_tells_its_caller_alone_what_it_cannot_do(
    product: Product, ada: Person, start: Start
) -> None:
    chat, port = ada.group(), pick_port()
    url = f"http://127.0.0.1:{port}/"
    webhook = ada.call("POST", f"/api/chats/{chat}/webhooks", json={**COMMAND, "url": url})
    roll = start("roll.py", {"SECRET": webhook["secret"], "PORT": str(port)}, ready_line="Running on")

    def order(text: str) -> None:
        body = {"text": text, "client_id": secrets.token_hex(8)}
        assert ada.call("POST", f"/api/chats/{chat}/commands", json=body) == {"message": None}

    def alone() -> list[str]:
        return [each["text"] for each in ada.call("POST", "/api/sync", json={"chats": {}})["ephemerals"]]

    order("/roll 3")
    wait_until(lambda: len(messages(ada, chat)) == 1, "it throws")
    (thrown,) = messages(ada, chat)
    found = re.fullmatch(rf"@{ada.name} rolled (\d) \+ (\d) \+ (\d) = \*\*(\d+)\*\*", thrown["text"])
    assert found and sum(map(int, found.groups()[:3])) == int(found[4])
    assert (thrown["author"]["kind"], thrown["author"]["display_name"]) == ("bot", "Dice")
    order("/roll a house")
    wait_until(lambda: len(alone()) == 1, "it explains itself")
    assert alone() == ["Say how many dice, ten at most: `/roll 3`"] and len(messages(ada, chat)) == 1
    forged = requests.post(url, data={"text": "1", "user_name": "eve"}, timeout=10)
    assert forged.status_code == 401
    roll.kill()
    order("/roll")
    wait_until(lambda: len(alone()) == 2, "its absence is told")
    assert alone()[1] == "`/roll` did not work: its program could not be reached."


def states(owner: Person, webhook: str) -> list[str]:
    return [each["state"] for each in owner.call("GET", f"/api/webhooks/{webhook}/deliveries")["deliveries"]]
