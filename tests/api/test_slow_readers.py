"""Downloads on their way: who reads slowly, or not at all, holds up nobody else, and nobody gets half for the whole."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from flask import Flask

from infitalks.actions.media import process_media
from infitalks.blueprints import downloads
from infitalks.local import services
from infitalks.local.ports import pick_port
from infitalks.models.database import object_id
from tests.api.signing import tokens
from tests.api.test_pictures_bad import at_service, upload
from tests.backends.test_media import ill_service
from tests.conftest import started
from tests.people import Person
from tests.running import wait_until

pytestmark = pytest.mark.usefixtures("media_process")

LARGE = os.urandom(9_000_000)  # more than the kernel takes for a reader that takes nothing
THREADS = 16
EACH = 6  # more than one account may have


@pytest.fixture
def web(app: Flask, stores_environ: dict[str, str], tmp_path: Path) -> Iterator[int]:
    """The port of a web process on the app's database."""
    told = {"INFITALKS_RATE_LIMITS": "off", "MONGODB_DATABASE": "api"}
    port = pick_port()
    with started(services.web("127.0.0.1", port, {**os.environ, **stores_environ, **told}), tmp_path):
        yield port


def kept(person: Person, data: bytes, name: str) -> str:
    media_id = upload(person, data, name).json["id"]
    process_media(object_id(media_id))
    return f"/media/{media_id}/{'file' if name.endswith('.bin') else 'full'}"


class Reader:
    """Asks, and then takes no more than the beginning of the answer."""

    def __init__(self, port: int, path: str, token: str) -> None:
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        asked = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
        self.socket.sendall(asked.encode())

    def told(self) -> str:
        return self.socket.recv(1000).decode(errors="replace")


def test_more_slow_readers_than_threads_leave_the_chat_as_quick_as_it_was(
    app: Flask, web: int, ada: Person, picture: bytes
) -> None:
    chat = ada.group()
    readers = [Person(app.test_client(), "reader") for _ in range(4)]
    paths = [(kept(each, LARGE, "large.bin"), tokens(each)["access_token"]) for each in readers]
    assert len(paths) * EACH > THREADS
    small, token = kept(ada, picture, "sky.png"), tokens(ada)["access_token"]

    def ask(method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request(method, f"http://127.0.0.1:{web}{path}", headers=headers, timeout=10, **options)

    with ExitStack() as opened:
        slow = [Reader(web, *path) for path in paths for _ in range(EACH)]
        for each in slow:
            opened.callback(each.socket.close)
        told = [each.told() for each in slow]
        refused = [words for words in told if words.startswith("HTTP/1.1 503 ")]
        assert sum(words.startswith("HTTP/1.1 200 ") for words in told) == downloads.MOST
        assert len(refused) == len(told) - downloads.MOST
        assert all("retry-after: 5\r\n" in words.lower() for words in refused)
        assert ask("POST", "/api/sync", json={"chats": {}}).json()["changed"][0]["id"] == chat
        sent = {"chat_id": chat, "client_id": "while-they-read", "text": "still here"}
        assert ask("POST", "/api/messages", json=sent).status_code == 201
        assert ask("GET", small).headers["Content-Type"] == "image/png"
        assert ask("GET", paths[0][0]).status_code == 404  # not ada's, however many read
    mine = kept(ada, LARGE, "mine.bin")
    wait_until(lambda: (got := ask("GET", mine)).status_code == 200 and got.content == LARGE, "places are free again")


def test_of_one_account_only_a_few_are_under_way_and_each_place_is_given_back(ada: Person, bob: Person) -> None:
    mine, his = kept(ada, LARGE, "mine.bin"), kept(bob, LARGE, "his.bin")
    begun = [ada.client.get(mine) for _ in range(downloads.MOST_OF_ONE)]
    assert [answer.status_code for answer in begun] == [200] * downloads.MOST_OF_ONE
    refused = ada.client.get(mine)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
    with bob.client.get(his) as other:
        assert other.data == LARGE
    begun.pop().close()  # before it was read
    begun.clear()  # by a server that forgets to close
    with ada.client.get(mine) as answer:
        assert answer.data == LARGE
    assert not downloads._taken


def test_who_drips_is_cut_off_and_the_place_is_free(ada: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    path = kept(ada, LARGE, "large.bin")
    monkeypatch.setattr(downloads, "GRACE", 0.0)
    with ada.client.get(path) as answer:
        assert answer.data == LARGE  # quick enough
    monkeypatch.setattr(downloads, "SLOWEST", 10**15)
    for _ in range(downloads.MOST_OF_ONE + 1):
        with ada.client.get(path) as answer, pytest.raises(downloads.SlowReader):
            answer.get_data()
    assert not downloads._taken


def test_a_picture_whose_length_the_service_does_not_tell_comes_whole_or_not_at_all(
    ada: Person, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = kept(ada, picture, "sky.png")

    def in_chunks(*parts: bytes) -> Any:
        def answer(handler: Any) -> None:
            head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
            handler.wfile.write(head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts))

        return answer

    large = os.urandom(downloads.FEW)
    for parts in ((b"a few", b" bytes"), (large, large)):
        with ill_service(in_chunks(*parts, b"")) as (ill, _), at_service(ill):
            answer = ada.get(path)
            whole = b"".join(parts)
            assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(len(whole)))
            assert answer.data == whole
        with ill_service(in_chunks(*parts)) as (ill, _), at_service(ill):
            assert ada.get(path).status_code == 503
    monkeypatch.setattr(downloads, "MOST_UNTOLD", downloads.FEW)
    with ill_service(in_chunks(large, large, b"")) as (ill, _), at_service(ill):
        assert ada.get(path).status_code == 503
