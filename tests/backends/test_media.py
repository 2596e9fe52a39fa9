"""Pictures go to Cloudinary's protocol and come back; when the service is ill, the caller is told which way."""

import io
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Event, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image

from infitalks.backends import media, patience
from infitalks.backends.media import MediaRefused, MediaStore, MediaUnavailable, Stored
from infitalks.local.ports import pick_port
from infitalks.local.services import cloudinary_url as url_at
from tests.running import Running, wait_until

Answer = Callable[[BaseHTTPRequestHandler], None]


def encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


PNG = encoded(Image.new("RGB", (80, 60), "teal"), "PNG")


@pytest.fixture
def store(media_process: Running, cloudinary_url: str) -> MediaStore:
    return MediaStore(cloudinary_url)


def fetched(store: MediaStore, picture: Stored, width: int | None = None) -> bytes:
    download = store.open(picture.public_id, picture.version, picture.format, width=width)
    try:
        assert download.content_type == "image/png"
        data = b"".join(download.chunks)
        assert download.length == len(data)
        return data
    finally:
        download.close()


@contextmanager
def ill_service(answer: Answer) -> Iterator[tuple[MediaStore, list[str]]]:
    """A service that reads the request and then does what `answer` does; and the paths it was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            answer(self)

        def do_GET(self) -> None:
            asked.append(self.path)
            answer(self)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield MediaStore(url_at("key", "secret", server.server_port)), asked
        finally:
            server.shutdown()


def says(status: int, body: bytes, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in {"Content_Length": str(len(body)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def error(message: str) -> bytes:
    return json.dumps({"error": {"message": message}}).encode()


# ---- with the real service


def test_a_picture_is_stored_and_comes_back_byte_for_byte(store: MediaStore) -> None:
    picture = store.upload(PNG, "backend/whole")
    assert picture == Stored("backend/whole", picture.version, "png", 80, 60, len(PNG))
    assert fetched(store, picture) == PNG


def test_a_smaller_one_fits_into_the_square_and_none_is_made_larger(store: MediaStore) -> None:
    picture = store.upload(PNG, "backend/sized")
    assert Image.open(io.BytesIO(fetched(store, picture, width=40))).size == (40, 30)
    assert Image.open(io.BytesIO(fetched(store, picture, width=500))).size == (80, 60)


def test_an_upload_can_be_repeated_and_the_last_one_stays(store: MediaStore) -> None:
    first = store.upload(PNG, "backend/again")
    other = encoded(Image.new("RGB", (5, 5)), "PNG")
    second = store.upload(other, "backend/again")
    assert second.version > first.version
    assert fetched(store, second) == other


def test_a_removed_picture_is_gone_and_can_be_removed_again(store: MediaStore) -> None:
    picture = store.upload(PNG, "backend/removed")
    store.destroy("backend/removed")
    store.destroy("backend/removed")
    with pytest.raises(MediaRefused) as refused:
        fetched(store, picture)
    assert refused.value.status == 404


def test_what_the_service_refuses_is_told_in_its_words(store: MediaStore) -> None:
    with pytest.raises(MediaRefused, match="Invalid image file"):
        store.upload(b"<svg/>", "backend/svg")
    with pytest.raises(MediaRefused, match="invalid"):
        store.upload(PNG, "bad?id")


def test_the_account_has_to_be_the_right_one(store: MediaStore, cloudinary_url: str) -> None:
    secret = urlsplit(cloudinary_url).password or ""
    picture = store.upload(PNG, "backend/account")
    stranger = MediaStore(cloudinary_url.replace(secret, "not-the-secret"))
    for attempt in (lambda: stranger.upload(PNG, "backend/account"), lambda: fetched(stranger, picture)):
        with pytest.raises(MediaRefused) as refused:
            attempt()
        assert refused.value.status == 401
    assert fetched(store, picture) == PNG


def test_what_the_service_holds_is_listed_page_by_page(store: MediaStore, cloudinary_url: str) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    for name in "cab":
        store.upload(PNG, f"backend-listed/{name}")
    first, cursor = store.list_assets("image", prefix="backend-listed/", most=2)
    assert cursor
    rest, end = store.list_assets("image", cursor, prefix="backend-listed/", most=2)
    assert ([asset.public_id[-1] for asset in first + rest], end) == (["a", "b", "c"], None)
    assert {(asset.kind, asset.bytes) for asset in first + rest} == {("image", len(PNG))}
    assert all(before <= asset.created_at <= datetime.now(UTC) for asset in first)
    assert store.list_assets("image", prefix="backend-not-there/") == ([], None)
    with pytest.raises(MediaRefused, match="next_cursor") as refused:
        store.list_assets("image", "forged")
    assert refused.value.status == 400
    secret = urlsplit(cloudinary_url).password or ""
    with pytest.raises(MediaRefused):
        MediaStore(cloudinary_url.replace(secret, "not-the-secret")).list_assets("image")


def test_a_file_is_stored_as_it_is_and_comes_back_whole_or_in_part(
    store: MediaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"<script>alert(1)</script>" + bytes(range(256)) * 40_000
    monkeypatch.setattr(media, "PIECE", 5_500_000)  # so that it goes in two
    stored = store.upload_file(io.BytesIO(data), len(data), "backend-file/page.html")
    assert stored.bytes == len(data)
    with closing(store.open_file("backend-file/page.html", stored.version, len(data))) as whole:
        assert (b"".join(whole.chunks), whole.length, whole.partial) == (data, len(data), False)
    with closing(store.open_file("backend-file/page.html", stored.version, len(data), part=(20, 30))) as part:
        assert (b"".join(part.chunks), part.length, part.partial) == (data[20:30], 10, True)
    assert [(asset.kind, asset.bytes) for asset in store.list_assets("raw", prefix="backend-file/")[0]] == [
        ("raw", len(data))
    ]
    again = store.upload_file(io.BytesIO(b"other"), 5, "backend-file/page.html")
    assert again.version > stored.version
    store.destroy("backend-file/page.html")  # there is no picture of that name
    assert store.list_assets("raw", prefix="backend-file/")[0]
    for _ in range(2):
        store.destroy("backend-file/page.html", "raw")
    with pytest.raises(MediaRefused) as refused:
        store.open_file("backend-file/page.html", again.version, 5)
    assert refused.value.status == 404


def test_a_text_is_never_opened_as_a_file_or_an_address(store: MediaStore) -> None:
    for text in ("/etc/hostname", "http://127.0.0.1:9/a.jpg", ""):
        with pytest.raises(TypeError):
            store.upload(text, "backend/text")  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        store.upload(b"", "backend/text")


def test_the_environment_does_not_change_where_pictures_go(
    store: MediaStore, cloudinary_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cloudinary

    monkeypatch.setenv("CLOUDINARY_CLOUD_NAME", "elsewhere")
    monkeypatch.setenv("CLOUDINARY_API_SECRET", "other")
    monkeypatch.setenv("CLOUDINARY_OAUTH_TOKEN", "stolen")
    monkeypatch.setenv("CLOUDINARY_UPLOAD_PRESET", "preset")
    monkeypatch.setenv("CLOUDINARY_SECURE", "true")
    monkeypatch.setenv("CLOUDINARY_SIGNATURE_VERSION", "1")
    for name, value in {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.upper(), value)
    cloudinary.reset_config()
    try:
        assert cloudinary.config().cloud_name == "elsewhere"
        assert fetched(store, store.upload(PNG, "backend/environment"), width=9)
    finally:
        monkeypatch.undo()
        cloudinary.reset_config()


def test_sha256_accounts_work(media_process: Running, cloudinary_url: str) -> None:
    store = MediaStore(f"{cloudinary_url}&signature_algorithm=sha256")
    assert fetched(store, store.upload(PNG, "backend/sha256")) == PNG


# ---- where a URL points to


@pytest.mark.parametrize(
    ("url", "start"),
    [
        ("cloudinary://k:s@demo", "https://res.cloudinary.com/demo/"),
        ("cloudinary://k:s@demo?secure=false", "https://res.cloudinary.com/demo/"),
        ("cloudinary://k:s@demo?secure=true", "https://res.cloudinary.com/demo/"),
        ("cloudinary://k:s@demo/img.example.org", "https://img.example.org/"),
        ("cloudinary://k:s@demo?upload_prefix=https://api-eu.cloudinary.com", "https://res.cloudinary.com/demo/"),
        ("cloudinary://k:s@local?upload_prefix=http://127.0.0.1:9", "http://127.0.0.1:9/local/"),
        ("cloudinary://k:s@local?upload_prefix=http://a:1/&cname=b:2", "http://b:2/local/"),
    ],
)
def test_links_are_https_unless_the_service_is_given_by_http(url: str, start: str) -> None:
    link = MediaStore(url)._link("a/b", 7, "jpg", 320)
    assert link.startswith(f"{start}image/authenticated/s--")
    assert link.endswith("--/c_limit,h_320,w_320/v7/a/b.jpg")
    assert len(link.partition("s--")[2].partition("--/")[0]) == 32


@pytest.mark.parametrize("url", ["", "https://k:s@demo", "cloudinary://demo", "cloudinary://k@demo"])
def test_a_url_that_names_no_account_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="cloudinary://key:secret@cloud"):
        MediaStore(url)


# ---- with services that are ill


def attempts(store: MediaStore) -> list[Callable[[], Any]]:
    return [
        lambda: store.upload(PNG, "a"),
        lambda: store.destroy("a"),
        lambda: store.list_assets("image"),
        lambda: store.upload_file(io.BytesIO(b"text"), 4, "a"),
        lambda: store.destroy("a", "raw"),
        lambda: list(store.open_file("a", 1, 1000).chunks),
        lambda: list(store.open("a", 1, "png", width=None).chunks),
    ]


@pytest.mark.parametrize("status", [420, 429, 500, 502, 503])
def test_a_busy_or_broken_service_is_asked_again_later(status: int) -> None:
    with ill_service(says(status, error("no"), X_Cld_Error="no")) as (store, _):
        for attempt in attempts(store):
            with pytest.raises(MediaUnavailable):
                attempt()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 423])
def test_a_refusal_is_not_asked_again(status: int) -> None:
    with ill_service(says(status, error("because"), X_Cld_Error="because")) as (store, _):
        for attempt in attempts(store):
            with pytest.raises(MediaRefused, match="because") as refused:
                attempt()
            assert refused.value.status == status


@pytest.mark.parametrize(
    "body", [b"<html>502</html>", b"", b"[]", b'"text"', b'{"error": "text"}', b'{"public_id": "a"}', b"null"]
)
def test_an_answer_of_another_form_counts_as_broken(body: bytes) -> None:
    with ill_service(says(200, body, Content_Type="text/html")) as (store, _):
        for attempt in attempts(store):
            with pytest.raises(MediaUnavailable):
                attempt()


def test_an_upload_whose_answer_is_not_signed_by_the_account_is_not_believed() -> None:
    forged = {"public_id": "a", "version": 5, "width": 1, "height": 1, "bytes": 9, "format": "png"}
    body = json.dumps(forged | {"signature": "0" * 40}).encode()
    with ill_service(says(200, body)) as (store, _), pytest.raises(MediaUnavailable, match="not signed"):
        store.upload(PNG, "a")


def test_nobody_listening_is_unavailable() -> None:
    for attempt in attempts(MediaStore(url_at("key", "secret", pick_port()))):
        with pytest.raises(MediaUnavailable):
            attempt()


def test_a_service_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "READ", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as hung:
        for attempt in attempts(MediaStore(url_at("key", "secret", hung.getsockname()[1]))):
            with pytest.raises(MediaUnavailable):
                attempt()


def drips(handler: BaseHTTPRequestHandler) -> None:
    """A byte now and then, each in time for a limit on each."""
    handler.send_response(200)
    handler.send_header("Content-Type", "image/png")
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    with suppress(OSError):  # the client gave up
        while True:
            handler.wfile.write(b" ")
            time.sleep(0.05)


def test_a_service_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "TOTAL", 0.5)
    monkeypatch.setattr(media, "READ", 0.3)
    with ill_service(drips) as (store, asked):
        for number, attempt in enumerate(attempts(store), 1):
            with pytest.raises(MediaUnavailable, match="too long"):
                attempt()
            assert len(asked) == number


def test_who_takes_a_picture_slowly_still_gets_it(store: MediaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = store.upload(encoded(Image.frombytes("RGB", (400, 400), os.urandom(480_000)), "PNG"), "backend/slowly")
    monkeypatch.setattr(media, "READ", 0.3)
    monkeypatch.setattr(media, "CHUNK", 100_000)
    with closing(store.open(picture.public_id, picture.version, "png", width=None)) as download:
        taken = 0
        for chunk in download.chunks:
            taken += len(chunk)
            time.sleep(0.1)
    assert taken == picture.bytes


def test_too_many_calls_that_hang_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "_places", BoundedSemaphore(2))
    end = Event()
    for _ in range(2):
        with pytest.raises(TimeoutError):
            patience.within(0.01, end.wait)
    with pytest.raises(TimeoutError, match="too many"):
        patience.within(60, lambda: None)
    end.set()
    wait_until(lambda: patience._places._value == 2, "the calls gave their places back")
    assert patience.within(60, lambda: "done") == "done"


def test_a_redirect_is_not_followed() -> None:
    with (
        ill_service(says(200, PNG, Content_Type="image/png")) as (_, elsewhere),
        ill_service(says(302, b"", Location="http://127.0.0.1:9/")) as (store, asked),
    ):
        with pytest.raises(MediaRefused) as refused:
            store.open("a", 1, "png", width=None)
        assert refused.value.status == 302
        assert (len(asked), elsewhere) == (1, [])


def test_what_is_no_picture_is_not_passed_on() -> None:
    page = says(200, b"<script>alert(1)</script>", Content_Type="text/html")
    with ill_service(page) as (store, _), pytest.raises(MediaUnavailable, match="text/html"):
        store.open("a", 1, "png", width=None)


def test_a_picture_that_breaks_off_is_not_taken_for_whole() -> None:
    with ill_service(says(200, PNG, Content_Type="image/png", Content_Length=str(len(PNG) + 9))) as (store, _):
        download = store.open("a", 1, "png", width=None)
        with pytest.raises(MediaUnavailable):
            list(download.chunks)
        download.close()


def test_an_error_does_not_tell_the_link() -> None:
    with pytest.raises(MediaUnavailable) as told:
        MediaStore(url_at("key", "secret", pick_port())).open("hidden-id", 1, "png", width=None)
    assert "hidden-id" not in str(told.value)
    assert told.value.__cause__ is None
