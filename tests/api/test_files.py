"""Files that are no pictures: they come back byte for byte, only to who may have them, and are only ever saved."""

import io
import os
import secrets
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import unquote

import pytest
from bson import ObjectId
from flask import Flask
from pymongo.errors import AutoReconnect
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from infitalks.actions import media as actions
from infitalks.actions import uploads
from infitalks.actions.uploads import clean_name
from infitalks.backends import limits
from infitalks.backends import media as media_store
from infitalks.models.media import Media, media_by_id
from tests.api.corpus import nothing_changes
from tests.api.photos import nothing_left
from tests.api.signing import bearer
from tests.api.test_media import attachment, kinds, process, send, uploaded
from tests.api.test_pictures_bad import ILL, at_service, delete_and_sweep, due_now, upload
from tests.backends.test_media import error, ill_service, says
from tests.people import Person

pytestmark = pytest.mark.usefixtures("media_process")

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
PAGE = b"<!doctype html><script>alert(document.domain)</script>"
# By name: the bytes, and the content type that is told.
FILES = {
    "page.html": (PAGE, "text/html"),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml"),
    "report 2026.pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + bytes(range(256)), "application/pdf"),
    "all.tar.gz": (b"\x1f\x8b\x08" + os.urandom(300), "application/x-tar"),
    "film.mp4": (b"\x00\x00\x00\x18ftypmp42" + os.urandom(100_000), "video/mp4"),
    "notes": (b"x", "application/octet-stream"),
    "Plan.DOCX": (b"PK\x03\x04" + bytes(40), DOCX),
    "scan.tiff": (b"II*\0" + bytes(40), "image/tiff"),
    "Straße ☕ 写真.TXT": ("grün".encode(), "text/plain"),
}


@pytest.fixture
def folder(services_folder: Path) -> Path:
    return services_folder / "media"


@pytest.fixture
def settings(app: Flask) -> Iterator[Any]:
    """`settings(largest_file_mb=1)` changes them for the test."""
    before = app.extensions["settings"]

    def change(**to: int) -> None:
        app.extensions["settings"] = before.model_copy(update=to)

    yield change
    app.extensions["settings"] = before


def kept_file(person: Person, data: bytes = PAGE, name: str = "page.html") -> str:
    media_id = uploaded(person, data, name)
    process(media_id)
    return media_id


def ways(person: Person, media_id: str) -> list[int]:
    paths = [f"/media/{media_id}/{way}" for way in ("file", "full", "thumb", "still")]
    return [person.get(path).status_code for path in (*paths, f"/api/media/{media_id}")]


# From upload to saved


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_any_kind_comes_back_byte_for_byte_to_be_saved(
    ada: Person, bob: Person, folder: Path, name: str
) -> None:
    data, content_type = FILES[name]
    chat = ada.group(bob)
    with nothing_left(folder):
        media_id = uploaded(ada, data, name)
        assert send(ada, chat, media_id, text="").json["attachments"][0]["kind"] == "file"
        before = attachment(bob, chat)
        assert (before["state"], before["url"], ways(bob, media_id)) == ("processing", None, [404] * 4 + [200])
        process(media_id)
        after = attachment(bob, chat)
        told = {"kind": "file", "state": "ready", "name": name, "content_type": content_type, "bytes": len(data)}
        told |= {"url": f"/media/{media_id}/file", "thumb_url": None, "still_url": None, "width": None}
        assert {key: after[key] for key in told} == told
        assert ways(bob, media_id) == [200, 404, 404, 404, 200]
        answer = bob.get(after["url"])
        assert (answer.data, answer.mimetype) == (data, "application/octet-stream")
        check_only_saved(answer, name)
        assert kinds(bob, chat) == ["member", "message", "media"]
        delete_and_sweep(ada, chat, media_id)
        assert ways(bob, media_id) == [404] * 5


def check_only_saved(answer: Any, name: str) -> None:
    disposition, _, told = answer.headers["Content-Disposition"].partition("; ")
    assert disposition == "attachment"
    assert unquote(told.removeprefix("filename*=UTF-8''").removeprefix("filename=")).strip('"') == name
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cache-Control"] == "private, max-age=300"


def test_a_part_of_a_file_can_be_asked_for_and_its_head_alone(ada: Person) -> None:
    data = os.urandom(50_000)
    path = f"/media/{kept_file(ada, data, 'film.mp4')}/file"
    head = ada.call("HEAD", path)
    assert (head.status_code, head.data, head.headers["Content-Length"]) == (200, b"", "50000")
    for asked, part in {"bytes=10-19": (10, 20), "bytes=49990-": (49990, 50000), "bytes=-5": (49995, 50000)}.items():
        answer = ada.call("GET", path, headers={"Range": asked})
        assert (answer.status_code, answer.data) == (206, data[slice(*part)])
        assert answer.headers["Content-Range"] == f"bytes {part[0]}-{part[1] - 1}/50000"
        check_only_saved(answer, "film.mp4")
    wholes = ["bytes=60000-", "bytes=0-1,5-9", "pages=1-2", "bytes=9-1", "nonsense"]
    for headers in [{"Range": asked} for asked in wholes] + [{"Range": "bytes=1-2", "If-Range": '"x"'}]:
        answer = ada.call("GET", path, headers=headers)
        assert (answer.status_code, answer.data) == (200, data), headers


def test_a_file_is_handed_on_while_it_comes(ada: Person) -> None:
    media_id = kept_file(ada, bytes(400_000), "zeros.bin")
    taken = Event()

    def in_two_halves(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "400000")
        handler.end_headers()
        handler.wfile.write(bytes(200_000))
        assert taken.wait(20)
        handler.wfile.write(bytes(200_000))

    with ill_service(in_two_halves) as (slow, _), at_service(slow):
        answer = ada.client.get(f"/media/{media_id}/file", buffered=False)
        chunks = iter(answer.response)
        received = 0
        while received < 200_000:
            received += len(next(chunks))
        taken.set()
        assert received + sum(map(len, chunks)) == 400_000
        answer.close()


# Who gets it


def test_a_file_is_its_members_only_and_of_who_was_removed_no_more(
    app: Flask, ada: Person, bob: Person, eve: Person
) -> None:
    chat, media_id = ada.group(bob), kept_file(ada)
    assert ways(bob, media_id) == [404] * 5  # not sent yet
    message = send(ada, chat, media_id).json["id"]
    assert ways(ada, media_id) == ways(bob, media_id) == [200, 404, 404, 404, 200]
    assert ways(eve, media_id) == [404] * 5
    stranger = app.test_client()
    assert stranger.get(f"/media/{media_id}/file").status_code in (302, 401)
    assert eve.get(f"/media/{(media_by_id(ObjectId(media_id)) or {})['public_id']}/file").status_code == 404
    ada.delete(f"/api/chats/{chat}/members/{bob.id}")
    assert ways(bob, media_id) == [404] * 5
    for more in ({"Range": "bytes=0-9"}, {"If-None-Match": "*"}):
        assert bob.call("GET", f"/media/{media_id}/file", headers=more).status_code == 404
    assert ways(ada, media_id)[0] == 200
    ada.delete(f"/api/messages/{message}")
    assert ways(ada, media_id) == [404] * 5


def test_a_bot_uploads_and_saves_files_as_people_do(app: Flask, ada: Person, bob: Person) -> None:
    made = ada.post("/api/bots", {"username": f"bot-{secrets.token_hex(4)}", "display_name": "Files"}).json
    chat = ada.group(bob)
    assert ada.post(f"/api/chats/{chat}/members", {"user_ids": [made["bot"]["id"]]}).status_code == 200
    client, headers = app.test_client(), {"Authorization": f"Bearer {made['token']}"}
    body = {"file": (io.BytesIO(PAGE), "page.html")}
    media_id = client.post("/api/media", data=body, headers=headers).json["id"]
    said = {"chat_id": chat, "client_id": "b1", "attachments": [media_id]}
    assert client.post("/api/messages", json=said, headers=headers).status_code == 201
    process(media_id)
    assert bob.get(f"/media/{media_id}/file").data == PAGE
    assert bearer(client, made["token"], f"/media/{media_id}/file").data == PAGE


def test_a_file_is_no_profile_picture(ada: Person) -> None:
    chat, media_id = ada.group(), kept_file(ada)
    assert ada.patch("/api/users/me", {"avatar": media_id}).status_code == 422
    assert ada.patch(f"/api/chats/{chat}", {"avatar": media_id}).status_code == 422
    form = {"display_name": "ada", "csrf_token": ada.csrf, "avatar": (io.BytesIO(PAGE), "page.html")}
    assert ada.client.post("/settings/profile", data=form).status_code == 415
    assert send(ada, chat, media_id).status_code == 201  # it was not used up


# What is told of it


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\boot.ini", "boot.ini"),
        ("gpj.\u202egnp.exe", "gpj.gnp.exe"),
        ("\u2066a\u2069\u200fb\x00\x1b[31m.txt", "ab[31m.txt"),
        (" two\u00a0\tspaces .txt. ", "two spaces .txt"),
        (".gitignore", ".gitignore"),
        ("...", ""),
        ("x" * 300 + ".pdf", "x" * 196 + ".pdf"),
        ("写" * 300 + ".tar.gz", "写" * 197 + ".gz"),
        ("x" * 100 + "." + "y" * 300, ("x" * 100 + "." + "y" * 300)[:200]),
    ],
)
def test_a_name_becomes_a_label_that_keeps_its_extension(name: str, label: str) -> None:
    assert clean_name(name) == label


def test_a_file_without_a_usable_name_is_called_file(ada: Person) -> None:
    assert ada.upload(PAGE, "\u202e..").json["name"] == "file"


# What is not taken


def test_what_is_called_a_picture_and_is_none_is_no_file_either(ada: Person, picture: bytes, folder: Path) -> None:
    with nothing_changes(), nothing_left(folder):
        for name in ("page.png", "page.JPG", "a.jpeg", "b.webp", "c.Gif", "dir/../d.png "):
            answer = ada.upload(PAGE, name)
            assert (answer.status_code, answer.json["error"]["fields"].keys()) == (415, {"file"})
    assert ada.upload(picture, "page.pdf").json["kind"] == "picture"
    assert ada.upload(PAGE, "picture.png.html").json["kind"] == "file"


def test_an_empty_file_and_one_over_the_limit_are_refused_and_leave_nothing(
    ada: Person, settings: Any, folder: Path
) -> None:
    with nothing_changes(), nothing_left(folder):
        assert ada.upload(b"", "notes.txt").json["error"]["message"] == "The file is empty."
        settings(largest_file_mb=1)
        answer = upload(ada, bytes(1024**2 + 1), "notes.txt")
        assert (answer.status_code, answer.json["error"]["message"]) == (413, "A file may have 1 MB at most.")
    assert upload(ada, bytes(1024**2), "notes.txt").status_code == 201
    settings(largest_file_mb=12)
    assert upload(ada, bytes(11 * 1024**2), "notes.txt").status_code == 201


def test_a_person_may_upload_so_much_in_a_day(
    app: Flask, ada: Person, bob: Person, settings: Any, monkeypatch: pytest.MonkeyPatch, picture: bytes
) -> None:
    settings(uploads_a_day_mb=1)
    monkeypatch.setattr(app.extensions["limits"], "_on", True)
    part = bytes(600 * 1024)
    assert upload(ada, part, "a.bin").status_code == 201
    with nothing_changes():
        refused = upload(ada, part, "b.bin")
    assert (refused.status_code, refused.json["error"]["code"]) == (429, "rate_limited")
    assert "1 MB" in refused.json["error"]["message"] and 0 < int(refused.headers["Retry-After"]) <= 86_400
    assert upload(ada, bytes(300 * 1024), "c.bin").status_code == 201  # what was refused does not count
    large = {"avatar": FileStorage(io.BytesIO(picture + part), "me.png")}
    boundary, body = encode_multipart({"display_name": "ada", "csrf_token": ada.csrf, **large})
    content_type = f"multipart/form-data; boundary={boundary}"
    assert ada.client.post("/settings/profile", data=body, content_type=content_type).status_code == 429
    assert upload(bob, part, "a.bin").status_code == 201
    monkeypatch.setattr(app.extensions["limits"], "_avoid_until", time.monotonic() + limits.AVOID_SECONDS)
    assert [upload(bob, part, "b.bin").status_code for _ in "ab"] == [201, 429]  # while Redis is away, here alone
    settings(uploads_a_day_mb=0)
    assert upload(ada, part, "b.bin").status_code == 201


@pytest.mark.parametrize("redis", ["there", "away"])
def test_an_upload_that_fails_on_our_side_costs_nothing(
    app: Flask, ada: Person, settings: Any, monkeypatch: pytest.MonkeyPatch, redis: str
) -> None:
    settings(uploads_a_day_mb=1)
    monkeypatch.setattr(app.extensions["limits"], "_on", True)
    if redis == "away":
        monkeypatch.setattr(app.extensions["limits"], "_avoid_until", time.monotonic() + limits.AVOID_SECONDS)

    def away() -> Any:
        raise AutoReconnect("the database is changing hands")

    part = bytes(400 * 1024)
    assert upload(ada, part, "a.bin").status_code == 201
    with monkeypatch.context() as failing:
        failing.setattr(uploads, "spool", away)
        assert [upload(ada, part, "b.bin").status_code for _ in range(3)] == [503] * 3
    assert [upload(ada, part, "c.bin").status_code for _ in range(2)] == [201, 429]


# Bad times


@pytest.mark.parametrize("name", ["too many calls (429)", "broken", "gone in the middle", "slow"])
def test_a_file_waits_for_a_service_that_is_ill_and_is_ready_when_it_is_well(
    ada: Person, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_store, "READ", 0.3)
    chat = ada.group()
    with nothing_left(folder):
        media_id = uploaded(ada, PAGE, "page.html")
        send(ada, chat, media_id)
        with ill_service(ILL[name]) as (ill, asked), at_service(ill):
            process(media_id)
            assert asked and attachment(ada, chat)["state"] == "processing"
        due_now(media_id)
        process(media_id)
        assert attachment(ada, chat)["state"] == "ready" and ada.get(f"/media/{media_id}/file").data == PAGE
        with ill_service(ILL[name]) as (ill, _), at_service(ill):
            answer = ada.get(f"/media/{media_id}/file")
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        delete_and_sweep(ada, chat, media_id)


def test_a_file_fails_with_a_reason_and_is_ready_after_a_retry(ada: Person, bob: Person, folder: Path) -> None:
    chat = ada.group(bob)
    with nothing_left(folder):
        media_id = uploaded(ada, PAGE, "page.html")
        send(ada, chat, media_id)
        with ill_service(says(503, b"")) as (ill, asked), at_service(ill):
            for _ in range(actions.MOST_TRIES):
                due_now(media_id)
                process(media_id)
        assert attachment(bob, chat)["reason"] == "The file service cannot be reached."
        assert len(asked) == actions.MOST_TRIES
        assert ada.post(f"/api/media/{media_id}/retry").status_code == 200
        with ill_service(says(400, error("File size too large"))) as (ill, _), at_service(ill):
            process(media_id)
        failed = attachment(bob, chat)
        assert (failed["state"], failed["reason"]) == ("failed", "The file service did not take it.")
        assert bob.post(f"/api/media/{media_id}/retry").status_code == 404
        assert ada.post(f"/api/media/{media_id}/retry").status_code == 200
        process(media_id)
        assert attachment(bob, chat)["state"] == "ready"
        assert kinds(bob, chat) == ["member", "message", "media", "media", "media"]
        delete_and_sweep(ada, chat, media_id)


def test_a_large_file_is_claimed_for_as_long_as_its_pieces_may_take(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    media_id = upload(ada, bytes(3_000_000), "large.bin").json["id"]
    monkeypatch.setattr(media_store, "PIECE", 1_000_000)
    before = time.time()
    assert actions._claim_turn(ObjectId(media_id))
    due = (Media.raw().find_one({"_id": ObjectId(media_id)}) or {})["due"].timestamp()
    assert 4 * 90 - 1 <= due - before < 4 * 90 + 30
