"""Pictures from upload to shown, through the real media service: who sees them, and that none goes missing silently."""

import io
import secrets
import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from infitalks.actions.media import process_media, try_again
from infitalks.actions.uploads import LARGEST_PICTURE
from infitalks.backends import media as media_store
from infitalks.models.media import Media, spool
from tests.api.corpus import nothing_changes
from tests.api.signing import bearer, tokens
from tests.people import Person
from tests.running import Running

pytestmark = pytest.mark.usefixtures("media_process")


def uploaded(person: Person, data: bytes, name: str = "sky.png") -> str:
    answer = person.upload(data, name)
    assert answer.status_code == 201, answer.text
    assert answer.json["state"] == "processing"
    return str(answer.json["id"])


def process(media_id: str) -> None:
    process_media(ObjectId(media_id))


def ready(person: Person, data: bytes) -> str:
    media_id = uploaded(person, data)
    process(media_id)
    return media_id


def attachment(person: Person, chat: str) -> Any:
    """The one attachment of the chat's newest message."""
    (shown,) = person.get(f"/api/messages?chat={chat}").json["messages"][-1]["attachments"]
    return shown


def kinds(person: Person, chat: str) -> list[str]:
    return [entry["kind"] for entry in person.get(f"/api/chats/{chat}/log?after=0").json["entries"]]


def send(person: Person, chat: str, *media: str, **more: Any) -> TestResponse:
    body = {"chat_id": chat, "client_id": secrets.token_hex(8), "attachments": list(media), **more}
    return person.post("/api/messages", body)


def ways(person: Person, media_id: str) -> list[int]:
    paths = (f"/media/{media_id}/full", f"/media/{media_id}/thumb", f"/api/media/{media_id}")
    return [person.get(path).status_code for path in paths]


@pytest.fixture
def cut(picture: bytes) -> bytes:
    """A picture of which only the beginning came."""
    return picture[:60]


# From upload to shown


def test_a_picture_is_shown_while_it_is_prepared_and_after(ada: Person, bob: Person, picture: bytes) -> None:
    chat = ada.group(bob)
    media_id = uploaded(ada, picture)
    assert send(ada, chat, media_id).status_code == 201
    before = attachment(bob, chat)
    assert (before["id"], before["state"], before["url"], before["thumb_url"]) == (media_id, "processing", None, None)
    assert (before["width"], before["height"]) == (64, 48)  # so that nothing jumps
    assert ways(bob, media_id) == [404, 404, 200]
    process(media_id)
    after = attachment(bob, chat)
    assert (after["state"], after["width"], after["height"]) == ("ready", 64, 48)
    assert after["placeholder"].startswith("data:image/")
    assert (after["url"], after["thumb_url"]) == (f"/media/{media_id}/full", f"/media/{media_id}/thumb")
    assert bob.get(f"/api/media/{media_id}").json == after
    assert kinds(bob, chat) == ["member", "message", "media"]
    log = bob.get(f"/api/chats/{chat}/log?after=2").json["entries"]
    assert log[0]["message"]["attachments"] == [after]


def test_a_picture_that_was_ready_before_needs_no_telling(ada: Person, picture: bytes) -> None:
    chat, media_id = ada.group(), ready(ada, picture)
    sent = send(ada, chat, media_id)
    assert sent.json["attachments"][0]["state"] == "ready"
    process(media_id)
    assert kinds(ada, chat) == ["member", "message"]


def test_prepared_twice_and_at_once_it_is_told_once(app: Flask, ada: Person, picture: bytes) -> None:
    chat, media_id = ada.group(), uploaded(ada, picture)
    send(ada, chat, media_id)
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(process, [media_id] * 3))
    process(media_id)
    assert attachment(ada, chat)["state"] == "ready"
    assert kinds(ada, chat) == ["member", "message", "media"]


def test_a_worker_that_died_after_storing_leaves_a_picture_that_the_next_one_finishes(
    ada: Person, picture: bytes
) -> None:
    chat, media_id = ada.group(), uploaded(ada, picture)
    send(ada, chat, media_id)
    process(media_id)
    kept = spool().upload_from_stream("upload", picture)
    again = {"state": "processing", "due": datetime.now(UTC), "spool": kept}  # as the dead one left it
    Media.raw().update_one({"_id": ObjectId(media_id)}, {"$set": again})
    process(media_id)
    assert attachment(ada, chat)["state"] == "ready"
    assert ada.get(f"/media/{media_id}/full").status_code == 200


def test_what_is_served_is_a_picture_and_nothing_else(ada: Person, picture: bytes) -> None:
    media_id = ready(ada, picture + b"<script>alert(1)</script>")
    for size in ("full", "thumb"):
        answer = ada.get(f"/media/{media_id}/{size}")
        assert answer.mimetype == "image/png" and b"<script" not in answer.data
        with Image.open(io.BytesIO(answer.data)) as shown:
            assert shown.size == (64, 48)
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"].startswith("private")
        assert int(answer.headers["Content-Length"]) == len(answer.data)


# Who sees it


def test_members_see_a_picture_and_nobody_else(
    app: Flask, ada: Person, bob: Person, eve: Person, picture: bytes
) -> None:
    chat, media_id = ada.group(bob), ready(ada, picture)
    assert ways(bob, media_id) == [404] * 3  # not sent yet
    send(ada, chat, media_id)
    assert ways(ada, media_id) == ways(bob, media_id) == [200] * 3
    assert ways(eve, media_id) == [404] * 3
    stranger = app.test_client()
    assert stranger.get(f"/media/{media_id}/full").status_code in (302, 401)
    assert stranger.get(f"/api/media/{media_id}").status_code == 401
    token = tokens(bob)["access_token"]
    assert bearer(stranger, token, f"/media/{media_id}/full").status_code == 200


def test_a_removed_member_sees_it_no_more(ada: Person, bob: Person, picture: bytes) -> None:
    chat, media_id = ada.group(bob), ready(ada, picture)
    send(ada, chat, media_id)
    assert ways(bob, media_id) == [200] * 3
    ada.delete(f"/api/chats/{chat}/members/{bob.id}")
    assert ways(bob, media_id) == [404] * 3


def test_with_its_message_deleted_it_is_gone(ada: Person, bob: Person, picture: bytes) -> None:
    chat, media_id = ada.group(bob), ready(ada, picture)
    message = send(ada, chat, media_id).json["id"]
    assert ways(bob, media_id) == [200] * 3
    ada.delete(f"/api/messages/{message}")
    assert ways(bob, media_id) == [404] * 3
    assert send(ada, chat, media_id).status_code == 422  # and does not come back


# What fails


def test_a_damaged_picture_is_shown_as_failed_and_can_be_tried_again(ada: Person, bob: Person, cut: bytes) -> None:
    chat, media_id = ada.group(bob), uploaded(ada, cut)
    send(ada, chat, media_id)
    process(media_id)
    failed = attachment(bob, chat)
    assert (failed["state"], failed["url"]) == ("failed", None)
    assert failed["reason"] == "This picture is damaged or cut off."
    assert bob.post(f"/api/media/{media_id}/retry").status_code == 404
    again = ada.post(f"/api/media/{media_id}/retry")
    assert (again.status_code, again.json["state"], again.json["reason"]) == (200, "processing", None)
    assert ada.post(f"/api/media/{media_id}/retry").status_code == 409
    process(media_id)
    assert attachment(bob, chat)["state"] == "failed"
    assert kinds(bob, chat) == ["member", "message", "media", "media"]


def test_who_was_removed_tries_nothing_again_in_the_chat_but_maintenance_does(
    ada: Person, bob: Person, picture: bytes
) -> None:
    chat = bob.group(ada)
    media_id, other = uploaded(ada, picture), uploaded(ada, picture)
    for each in (media_id, other):
        send(ada, chat, each)
        failed = {"state": "failed", "reason": "It was away.", "told": True, "outcome": ObjectId()}
        Media.raw().update_one({"_id": ObjectId(each)}, {"$set": failed})
    assert ada.post(f"/api/media/{other}/retry").status_code == 200
    bob.delete(f"/api/chats/{chat}/members/{ada.id}")
    with nothing_changes():
        assert ada.post(f"/api/media/{media_id}/retry").status_code == 404
    process(media_id)
    assert kinds(bob, chat) == ["member", "message", "message", "member"]
    try_again(Media.raw().find_one({"_id": ObjectId(media_id)}) or {})
    process(media_id)
    assert kinds(bob, chat)[-1] == "media"


def test_what_only_begins_like_a_picture_fails_and_is_never_served(ada: Person) -> None:
    media_id = ready(ada, b"GIF89a<html><script>alert(1)</script></html>")
    assert ada.get(f"/api/media/{media_id}").json["state"] == "failed"
    assert ways(ada, media_id) == [404, 404, 200]


def test_while_the_service_is_away_a_picture_waits(
    ada: Person, picture: bytes, cloudinary_url: str, app: Flask
) -> None:
    chat, media_id = ada.group(), uploaded(ada, picture)
    send(ada, chat, media_id)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    port = cloudinary_url.rpartition(":")[2]
    media_store.configure(cloudinary_url.replace(f"127.0.0.1:{port}", f"127.0.0.1:{closed}"))
    try:
        process(media_id)
    finally:
        media_store.configure(cloudinary_url)
    assert attachment(ada, chat)["state"] == "processing"
    waiting = Media.raw().find_one({"_id": ObjectId(media_id)}) or {}
    assert waiting["due"] > datetime.now(UTC)
    Media.raw().update_one({"_id": ObjectId(media_id)}, {"$set": {"due": datetime.now(UTC)}})
    process(media_id)
    assert attachment(ada, chat)["state"] == "ready"


# What is not taken


def test_a_file_over_ten_megabytes_is_too_large(ada: Person, picture: bytes) -> None:
    with nothing_changes():
        for size in (LARGEST_PICTURE + 1, LARGEST_PICTURE + 100_000):
            # encoded in memory: the test client would leave a temporary file open
            boundary, body = encode_multipart({"file": FileStorage(io.BytesIO(picture.ljust(size, b"\0")), "sky.png")})
            content_type = f"multipart/form-data; boundary={boundary}"
            answer = ada.post("/api/media", data=body, content_type=content_type)
            assert (answer.status_code, answer.json["error"]["code"]) == (413, "too_large")


@pytest.mark.parametrize(
    "data",
    [b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"<!doctype html><script>", b"%PDF-1.7", b"II*\0", b"%!PS", b"x"],
)
def test_only_four_kinds_of_pictures_are_taken_whatever_the_name(ada: Person, data: bytes) -> None:
    with nothing_changes():
        answer = ada.upload(data, "sky.png")
        assert (answer.status_code, answer.json["error"]["fields"].keys()) == (415, {"file"})


def test_an_empty_file_is_refused(ada: Person) -> None:
    with nothing_changes():
        assert ada.upload(b"").status_code == 422


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\boot.ini", "\x1b[31mred", "gpj.\u202egnp", "x" * 5000, "", "\0.png", "<b>"]
)
def test_a_files_name_is_a_label_only(ada: Person, picture: bytes, name: str) -> None:
    answer = ada.upload(picture, name)
    if not name:  # without a name it is a field, not a file
        assert answer.status_code == 422
        return
    shown = answer.json["name"]
    assert 0 < len(shown) <= 200 and shown.isprintable() and not set(shown) & set("/\\")


def test_a_picture_is_sent_by_its_owner_and_once(ada: Person, bob: Person, picture: bytes) -> None:
    chat, other = ada.group(bob), ada.group()
    mine, foreign, sent = uploaded(ada, picture), uploaded(bob, picture), uploaded(ada, picture)
    assert send(ada, chat, sent).status_code == 201
    for media in ([mine, foreign], [mine, sent], [mine, "0" * 24], [mine, mine]):
        for where in (chat, other):
            answer = send(ada, where, *media)
            assert answer.status_code == 422, media
            assert answer.json["error"]["fields"]
    assert len(ada.texts(chat)) == 1 and ada.texts(other) == []
    assert send(ada, other, mine).status_code == 201  # the refused tries did not use it up


def test_a_refused_repeat_does_not_use_up_its_picture(ada: Person, picture: bytes) -> None:
    chat, first, second = ada.group(), uploaded(ada, picture), uploaded(ada, picture)
    assert send(ada, chat, first, client_id="c1").status_code == 201
    assert send(ada, chat, first, second, client_id="c1").status_code == 409
    assert send(ada, chat, first, client_id="c1").status_code == 200
    assert send(ada, chat, second).status_code == 201
    process(first)
    process(second)
    log = ada.get(f"/api/messages?chat={chat}").json["messages"]
    assert [[a["state"] for a in m["attachments"]] for m in log] == [["ready"], ["ready"]]


def test_eleven_pictures_are_too_many(ada: Person) -> None:
    assert send(ada, ada.group(), *(str(ObjectId()) for _ in range(11))).status_code == 422


# Profiles


def test_a_profile_picture_shows_when_it_is_ready_and_until_it_is_taken_away(
    ada: Person, eve: Person, picture: bytes
) -> None:
    media_id = uploaded(ada, picture)
    assert eve.patch("/api/users/me", {"avatar": media_id}).status_code == 422
    assert ada.patch("/api/users/me", {"avatar": media_id}).status_code == 200
    assert eve.get(f"/api/users/{ada.id}").json["avatar_url"] is None
    process(media_id)
    path = eve.get(f"/api/users/{ada.id}").json["avatar_url"]
    assert path == f"/media/{media_id}/thumb"
    assert eve.get(path).mimetype == "image/png"
    assert send(ada, ada.group(), media_id).status_code == 422
    assert ada.patch("/api/users/me", {"avatar": None}).json["avatar_url"] is None
    assert eve.get(path).status_code == 404


def test_a_damaged_profile_picture_leaves_the_one_before(ada: Person, picture: bytes, cut: bytes) -> None:
    first, second = ready(ada, picture), uploaded(ada, cut)
    ada.patch("/api/users/me", {"avatar": first})
    assert ada.get("/api/users/me").json["avatar_url"] == f"/media/{first}/thumb"
    ada.patch("/api/users/me", {"avatar": second})
    process(second)
    assert ada.get("/api/users/me").json["avatar_url"] == f"/media/{first}/thumb"
    assert ada.get(f"/media/{first}/thumb").status_code == 200


def test_a_groups_picture_is_given_by_owners_and_seen_by_members(
    ada: Person, bob: Person, eve: Person, picture: bytes
) -> None:
    chat, media_id = ada.group(bob), ready(ada, picture)
    assert bob.patch(f"/api/chats/{chat}", {"avatar": media_id}).status_code == 403
    assert ada.patch(f"/api/chats/{chat}", {"avatar": media_id}).status_code == 200
    path = bob.get(f"/api/chats/{chat}").json["avatar_url"]
    assert path == f"/media/{media_id}/thumb"
    assert (bob.get(path).status_code, eve.get(path).status_code) == (200, 404)


def test_the_media_services_own_links_are_never_shown(ada: Person, picture: bytes, media_process: Running) -> None:
    chat, media_id = ada.group(), ready(ada, picture)
    send(ada, chat, media_id)
    stored = Media.raw().find_one({"_id": ObjectId(media_id)}) or {}
    for path in (f"/api/messages?chat={chat}", f"/api/media/{media_id}", f"/c/{chat}"):
        answer = ada.get(path)
        assert answer.status_code == 200
        assert stored["public_id"] not in answer.text and "authenticated" not in answer.text
