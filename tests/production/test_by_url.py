"""The production form: each service started by hand and given by URL, each process by the command of docs/deploy.md.

What works here hangs on URLs and keys alone, not on what `infitalks run` starts.
"""

import io
import json
import os
import re
import secrets
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image
from pymongo import MongoClient
from websockets.sync.client import ClientConnection, connect

from infitalks.local import mongod, services, valkey
from infitalks.local.ports import pick_port
from infitalks.local.process import Service, answers_http, without_proxy
from infitalks.local.services import ROOT
from tests.conftest import started
from tests.production.test_settings import standalone
from tests.running import Running, wait_until

COMMANDS = re.findall(r"^(?:granian|celery|python -m) .*", (ROOT / "docs" / "deploy.md").read_text(), re.MULTILINE)
DATABASE = "talks"


class Deployment:
    """A machine of one's own: what its processes are told, and the page's commands with its ports and folders."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("web", "mongod", "redis", "gateway", "media")
        self.ports = dict(zip(names, (pick_port() for _ in names), strict=True))
        self.url = f"http://127.0.0.1:{self.ports['web']}"
        key, secret = secrets.token_hex(8), secrets.token_hex(16)
        self.environ = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "INFITALKS_MODE": "production",
            "INFITALKS_DATA": str(folder / "of-no-use"),
            "SECRET_KEY": secrets.token_urlsafe(48),
            "PUBLIC_URL": self.url,
            "MONGODB_URI": f"mongodb://127.0.0.1:{self.ports['mongod']}/{DATABASE}?replicaSet={mongod.REPLICA_SET}",
            "REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/3",
            "PUSHER_APP_ID": "4711",
            "PUSHER_KEY": secrets.token_hex(10),
            "PUSHER_SECRET": secrets.token_hex(10),
            "PUSHER_HOST": "127.0.0.1",
            "PUSHER_PORT": str(self.ports["gateway"]),
            "PUSHER_TLS": "false",
            "CLOUDINARY_URL": services.cloudinary_url(key, secret, self.ports["media"]),
            **without_proxy(os.environ),
        }

    def argv(self, start: str) -> tuple[str, ...]:
        """The command of the page that starts so."""
        (command,) = (command for command in COMMANDS if command.startswith(start))
        for shown, port in (("8000", "web"), ("6001", "gateway")):
            command = command.replace(shown, str(self.ports[port]))
        return tuple(shlex.split(command.replace("/var/lib/infitalks", str(self.folder))))

    def service(self, name: str, start: str, **options: Any) -> Service:
        return Service(name, self.argv(start), self.environ, cwd=ROOT, **options)

    def run(self, start: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """A command that ends by itself."""
        environ = {**os.environ, **self.environ}
        return subprocess.run(
            self.argv(start), cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False, **options
        )

    def stores(self) -> list[Service]:
        return [
            mongod.mongod(self.ports["mongod"], self.folder / "db"),
            valkey.valkey(self.ports["redis"], self.folder / "redis"),
            services.media(self.ports["media"], self.folder / "pictures", self.environ),
        ]

    def product(self) -> list[Service]:
        gateway, web = self.ports["gateway"], self.ports["web"]
        return [
            self.service(
                "gateway", "python -m infitalks.local.gateway", ready=lambda: answers_http("127.0.0.1", gateway)
            ),
            self.service("web", "granian", ready=lambda: answers_http("127.0.0.1", web)),
            self.service("realtime", "celery -A worker worker -n realtime", ready_line=" ready."),
            self.service("webhooks", "celery -A worker worker -n webhooks", ready_line=" ready."),
            self.service("media", "celery -A worker worker -n media", ready_line=" ready."),
            self.service("maintenance", "celery -A worker worker -n maintenance", ready_line=" ready."),
            self.service("beat", "celery -A worker beat", ready_line="beat: Starting"),
        ]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Everything started, in the order of the page."""
    deployed = Deployment(tmp_path_factory.mktemp("deployment"))
    with ExitStack() as running:
        for service in deployed.stores():
            running.enter_context(started(service, deployed.folder))
        upgraded = deployed.run("python -m infitalks.cli db upgrade")
        assert upgraded.returncode == 0, upgraded.stderr
        for service in deployed.product():
            running.enter_context(started(service, deployed.folder))
        yield deployed


class Caller:
    """Somebody who uses the API over HTTP with a cookie, as a page does."""

    def __init__(self, url: str) -> None:
        self.url, self.http = url, requests.Session()
        self.csrf = self.call("GET", "/api/auth/session")["csrf_token"]

    def call(self, method: str, path: str, json: Any = None, **options: Any) -> Any:
        headers = {"X-CSRF-Token": getattr(self, "csrf", "")}
        answer = self.http.request(method, self.url + path, json=json, headers=headers, timeout=20, **options)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def enter(self, path: str, **asked: str) -> "Caller":
        """Register or log in."""
        answer = self.call("POST", path, asked)
        self.csrf, self.id = answer["csrf_token"], answer["user"]["id"]
        return self

    @contextmanager
    def listen(self) -> Iterator[ClientConnection]:
        """A live connection as pusher-js makes it (Pusher protocol 7), subscribed to one's own channel."""
        where = self.call("GET", "/api/realtime")
        (channel,) = where["channels"]
        with connect(f"ws://{where['host']}:{where['port']}/app/{where['key']}?protocol=7", proxy=None) as live:
            socket = next_event(live, "pusher:connection_established")["socket_id"]
            auth = self.call("POST", "/api/realtime/auth", data={"socket_id": socket, "channel_name": channel})["auth"]
            live.send(json.dumps({"event": "pusher:subscribe", "data": {"channel": channel, "auth": auth}}))
            next_event(live, "pusher_internal:subscription_succeeded")
            yield live


def next_event(live: ClientConnection, name: str) -> Any:
    """The data of the next event of this name."""
    while True:
        event = json.loads(live.recv(timeout=20))
        if event["event"] == name:
            return json.loads(event["data"])


def next_message(live: ClientConnection, text: str) -> Any:
    """The next live message with this text."""
    while True:
        for entry in next_event(live, "log")["entries"]:
            if entry["kind"] == "message" and entry["message"]["text"] == text:
                return entry["message"]


def signed_up(url: str, name: str) -> Caller:
    person = {"email": f"{name}@example.org", "username": name, "password": "correct horse battery"}
    return Caller(url).enter("/api/auth/register", **person)


@pytest.fixture(scope="module")
def ada(deployment: Deployment) -> Caller:
    return signed_up(deployment.url, "ada-first")


@pytest.fixture(scope="module")
def bob(deployment: Deployment) -> Caller:
    return signed_up(deployment.url, "bob-first")


@pytest.fixture(scope="module")
def group(ada: Caller, bob: Caller) -> str:
    chat: str = ada.call("POST", "/api/chats", {"kind": "group", "name": "Garden", "member_ids": [bob.id]})["id"]
    return chat


def said(chat: str, text: str, **more: Any) -> dict[str, Any]:
    return {"chat_id": chat, "client_id": secrets.token_hex(8), "text": text, **more}


def test_a_message_reaches_the_other_live_and_lies_in_the_database_of_the_url(
    deployment: Deployment, ada: Caller, bob: Caller, group: str
) -> None:
    with bob.listen() as live:
        sent = ada.call("POST", "/api/messages", said(group, "hello bob"))
        assert next_message(live, "hello bob")["id"] == sent["id"]
    with MongoClient(deployment.environ["MONGODB_URI"]) as client:
        assert client[DATABASE]["log"].count_documents({"text": "hello bob"}) == 1


def test_a_picture_goes_through_the_worker_to_the_service_of_the_url(
    deployment: Deployment, ada: Caller, bob: Caller, group: str
) -> None:
    data = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(data, "JPEG")
    uploaded = ada.call("POST", "/api/media", files={"file": ("sun.jpg", data.getvalue())})
    ada.call("POST", "/api/messages", said(group, "the sun", attachments=[uploaded["id"]]))
    wait_until(lambda: ada.call("GET", f"/api/media/{uploaded['id']}")["state"] == "ready", "the picture is ready")
    answer = bob.http.get(f"{deployment.url}/media/{uploaded['id']}/full", timeout=20)
    assert answer.status_code == 200 and Image.open(io.BytesIO(answer.content)).size == (256, 256)
    assert any((deployment.folder / "pictures").iterdir())


def test_a_bots_post_is_answered_ok_and_arrives_live(ada: Caller, bob: Caller, group: str) -> None:
    hook = ada.call("POST", f"/api/chats/{group}/webhooks", {"kind": "incoming", "name": "Robot"})
    with bob.listen() as live:
        answer = requests.post(hook["url"], json={"text": "hello from a robot"}, timeout=20)
        assert (answer.status_code, answer.text) == (200, "ok")
        assert next_message(live, "hello from a robot")["author"]["kind"] == "bot"


def test_the_first_admin_is_made_by_the_command_and_nobody_is_admin_by_signing_up_first(
    deployment: Deployment, ada: Caller
) -> None:
    assert ada.call("GET", "/api/users/me")["is_admin"] is False
    made = deployment.run("python -m infitalks.cli admin create", input="correct horse battery\n")
    assert made.returncode == 0, made.stderr
    admin = Caller(deployment.url).enter("/api/auth/login", login="ada", password="correct horse battery")
    assert admin.call("GET", "/api/users/me")["is_admin"] is True
    assert admin.http.get(f"{deployment.url}/admin", timeout=20).status_code == 200


def test_health_and_readiness_answer_as_the_page_says(deployment: Deployment) -> None:
    assert requests.get(f"{deployment.url}/healthz", timeout=20).text == "ok"
    ready = requests.get(f"{deployment.url}/readyz", timeout=20).json()
    assert ready == {"ready": True, "parts": {"mongodb": True, "redis": True}}


def test_beat_rings_for_the_sweeps(deployment: Deployment) -> None:
    beat = deployment.folder / "beat.log"
    wait_until(lambda: "Sending due task sweep the log" in beat.read_text(), "beat rings")
    worker = deployment.folder / "realtime.log"
    wait_until(lambda: "Task realtime.sweep" in worker.read_text(), "a worker hears it")


def test_nothing_is_kept_in_a_data_folder(deployment: Deployment, group: str) -> None:
    assert not Path(deployment.environ["INFITALKS_DATA"]).exists()


@pytest.fixture
def proxied(deployment: Deployment) -> Iterator[str]:
    """A second web server, as if one proxy that ends TLS stood in front of it."""
    port = pick_port()
    argv = [str(port) if word == str(deployment.ports["web"]) else word for word in deployment.argv("granian")]
    environ = {**deployment.environ, "PUBLIC_URL": "https://chat.example.org", "PROXY_HOPS": "1"}
    service = Service("proxied", tuple(argv), environ, cwd=ROOT, ready=lambda: answers_http("127.0.0.1", port))
    with started(service, deployment.folder):
        yield f"http://127.0.0.1:{port}"


def test_behind_tls_the_cookie_is_bound_to_the_host_and_https_is_kept(proxied: str) -> None:
    headers = requests.get(f"{proxied}/login", timeout=20).headers
    assert headers["Set-Cookie"].startswith("__Host-infitalks=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(headers["Set-Cookie"].split("; "))
    assert "max-age" in headers["Strict-Transport-Security"]


def test_behind_one_proxy_the_address_that_it_saw_is_counted_and_not_the_one_that_was_claimed(proxied: str) -> None:
    def try_to_log_in(forwarded: str) -> int:
        return requests.post(f"{proxied}/login", headers={"X-Forwarded-For": forwarded}, timeout=20).status_code

    assert {try_to_log_in("192.0.2.1") for _ in range(20)} == {403}
    assert try_to_log_in("192.0.2.1") == 429
    assert try_to_log_in("198.51.100.7, 192.0.2.1") == 429
    assert try_to_log_in("192.0.2.2") == 403


def test_web_and_worker_refuse_a_mongod_that_could_lose_writes(tmp_path: Path) -> None:
    other = Deployment(tmp_path)
    other.environ["MONGODB_URI"] = f"mongodb://127.0.0.1:{other.ports['mongod']}"
    with started(standalone(other.ports["mongod"], tmp_path / "db"), tmp_path):
        for start in ("granian", "celery -A worker worker -n realtime"):
            refused = other.run(start)
            assert refused.returncode != 0
            assert "standalone mongod" in refused.stdout + refused.stderr


def test_a_worker_that_finds_mongodb_away_says_so_and_starts_when_it_is_there(tmp_path: Path) -> None:
    other = Deployment(tmp_path)
    database, redis, _ = other.stores()
    waiting = other.service("waiting", "celery -A worker worker -n realtime")
    with started(redis, tmp_path), started(waiting, tmp_path) as worker:
        wait_until(lambda: "MongoDB is away" in log_of(worker), "the worker says so")
        assert " ready." not in log_of(worker)
        with started(database, tmp_path):
            wait_until(lambda: " ready." in log_of(worker), "the worker starts")


def test_a_sample_secret_starts_nothing(tmp_path: Path) -> None:
    other = Deployment(tmp_path)
    other.environ["SECRET_KEY"] = "change-me"
    for start in (
        "granian",
        "celery -A worker worker -n realtime",
        "celery -A worker beat",
        "python -m infitalks.cli db",
    ):
        refused = other.run(start)
        assert refused.returncode != 0
        assert "SECRET_KEY" in refused.stdout + refused.stderr


def log_of(running: Running) -> str:
    return running.log.read_text(errors="replace")
