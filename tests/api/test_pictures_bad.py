"""Bad pictures and bad times: each ends with a clear word, and nothing is left over of it, here or at the service."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from PIL import Image
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse, encode_multipart

from infitalks.actions import media as pictures
from infitalks.backends import media as media_store
from infitalks.backends.media import MediaRefused
from infitalks.models.media import Media, media_by_id
from tests.api.corpus import nothing_changes
from tests.api.photos import FAILING, ODD, REFUSED, film, nothing_left
from tests.api.test_maintenance import run
from tests.api.test_media import attachment, kinds, process, ready, send, uploaded
from tests.api.test_pictures_told import age
from tests.backends.test_media import Answer, error, ill_service, says
from tests.people import Person

pytestmark = pytest.mark.usefixtures("media_process")


@pytest.fixture
def folder(services_folder: Path) -> Path:
    """The media service's."""
    return services_folder / "media"


def upload(person: Person, data: bytes, name: str = "sky.png") -> TestResponse:
    # Encoded in memory: the test client would leave a temporary file open for a large one.
    boundary, body = encode_multipart({"file": FileStorage(io.BytesIO(data), name)})
    return person.post("/api/media", data=body, content_type=f"multipart/form-data; boundary={boundary}")


def delete_and_sweep(person: Person, chat: str, *media: str) -> None:
    """The newest message with its pictures, as a day later."""
    message = person.get(f"/api/messages?chat={chat}").json["messages"][-1]["id"]
    assert person.delete(f"/api/messages/{message}").status_code == 204
    age(*media)
    run("orphaned-pictures")


# ---- bad pictures


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_a_picture_is_refused_at_once_and_nothing_is_kept(ada: Person, folder: Path, name: str) -> None:
    data, status, said = REFUSED[name]
    with nothing_changes(), nothing_left(folder):
        answer = upload(ada, data)
        assert answer.status_code == status
        assert said in answer.json["error"]["message"] and answer.json["error"]["fields"].keys() == {"file"}


@pytest.mark.parametrize("name", FAILING)
def test_a_bad_picture_is_shown_as_failed_with_the_reason_and_leaves_nothing(
    ada: Person, bob: Person, folder: Path, name: str
) -> None:
    data, reason = FAILING[name]
    chat = ada.group(bob)
    with nothing_left(folder):
        media_id = str(upload(ada, data).json["id"])
        assert send(ada, chat, media_id).status_code == 201
        process(media_id)
        shown = attachment(bob, chat)
        assert (shown["state"], shown["url"], reason in shown["reason"]) == ("failed", None, True), shown["reason"]
        assert [bob.get(f"/media/{media_id}/{size}").status_code for size in ("full", "thumb", "still")] == [404] * 3
        delete_and_sweep(ada, chat, media_id)


@pytest.mark.parametrize("name", ODD)
def test_an_odd_picture_comes_back_whole_and_leaves_nothing_when_it_is_deleted(
    ada: Person, folder: Path, name: str
) -> None:
    data, content_type, size = ODD[name]
    chat = ada.group()
    with nothing_left(folder):
        media_id = str(upload(ada, data, "renamed.pdf").json["id"])
        send(ada, chat, media_id)
        process(media_id)
        shown = attachment(ada, chat)
        assert (shown["state"], shown["content_type"]) == ("ready", content_type)
        assert (shown["width"], shown["height"], shown["still_url"]) == (*size, None)
        for place in ("full", "thumb"):
            answer = ada.get(f"/media/{media_id}/{place}")
            assert answer.mimetype == content_type and b"<script>" not in answer.data
            with Image.open(io.BytesIO(answer.data)) as image:
                assert image.size == size
        delete_and_sweep(ada, chat, media_id)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_a_moving_picture_moves_in_every_size_and_has_a_still(ada: Person, folder: Path, kind: str) -> None:
    chat = ada.group()
    with nothing_left(folder):
        media_id = ready(ada, film(kind))
        send(ada, chat, media_id)
        shown = attachment(ada, chat)
        assert shown["still_url"] == f"/media/{media_id}/still"
        frames = {}
        for place in ("full", "thumb", "still"):
            answer = ada.get(f"/media/{media_id}/{place}")
            with Image.open(io.BytesIO(answer.data)) as image:
                frames[place] = getattr(image, "n_frames", 1)
                red, green, _ = image.convert("RGB").getpixel((5, 5))  # type: ignore[misc]
                assert red > 200 and green < 50
        assert frames == {"full": 3, "thumb": 3, "still": 1}
        delete_and_sweep(ada, chat, media_id)


# ---- bad times


@contextmanager
def at_service(store: media_store.MediaStore) -> Iterator[None]:
    """The app speaks to another service meanwhile."""
    real = media_store.store()
    media_store._store = store
    try:
        yield
    finally:
        media_store._store = real


def hangs_up(handler: Any) -> None:
    handler.connection.close()


def hangs(handler: Any) -> None:
    handler.rfile.read(1)  # until the client gives up


ILL: dict[str, Answer] = {
    "too many calls (420)": says(420, error("Rate Limit Exceeded. Limit of 500 api operations reached.")),
    "too many calls (429)": says(429, error("Too many requests")),
    "broken": says(500, error("General Error")),
    "a proxy's page": says(502, b"<html>502 Bad Gateway</html>"),
    "away": says(503, b""),
    "gone in the middle": hangs_up,
    "slow": hangs,
}


def due_now(media_id: str) -> None:
    Media.raw().update_one({"_id": ObjectId(media_id)}, {"$set": {"due": datetime.now(UTC)}})


@pytest.mark.parametrize("name", ILL)
def test_a_picture_waits_for_a_service_that_is_ill_and_is_ready_when_it_is_well(
    ada: Person, picture: bytes, cloudinary_url: str, folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(media_store, "READ", 0.3)
    chat = ada.group()
    with nothing_left(folder):
        media_id = uploaded(ada, picture)
        send(ada, chat, media_id)
        with ill_service(ILL[name]) as (ill, asked), at_service(ill):
            process(media_id)
            assert asked and attachment(ada, chat)["state"] == "processing"
        due_now(media_id)
        process(media_id)
        assert attachment(ada, chat)["state"] == "ready" and ada.get(f"/media/{media_id}/full").status_code == 200
        with ill_service(ILL[name]) as (ill, _), at_service(ill):
            answer = ada.get(f"/media/{media_id}/full")
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        delete_and_sweep(ada, chat, media_id)


def test_what_the_service_does_not_hold_is_not_there_and_what_it_will_not_hand_out_is_our_trouble(
    ada: Person, picture: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    sky, page = uploaded(ada, picture), upload(ada, b"words", "words.txt").json["id"]
    for media_id in (sky, page):
        process(media_id)
    for path in (f"/media/{sky}/full", f"/media/{page}/file"):
        assert ada.get(path).status_code == 200
        with ill_service(says(404, error("Resource not found"))) as (ill, _), at_service(ill):
            assert ada.get(path).status_code == 404
        for status in (401, 403):
            with ill_service(says(status, error("unknown api_key"))) as (ill, _), at_service(ill):
                answer = ada.get(path)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
            assert path.split("/")[2] in caplog.text and str(status) in caplog.text
            caplog.clear()


def test_why_an_upload_failed_is_told_to_who_sent_it_alone_on_the_page_without_script(
    ada: Person, bob: Person, picture: bytes
) -> None:
    chat = ada.group(bob)
    damaged, refused = uploaded(ada, picture[:60]), upload(ada, b"words", "words.txt").json["id"]
    send(ada, chat, damaged, refused)
    process(damaged)
    with ill_service(says(400, error("File size too large"))) as (ill, _), at_service(ill):
        process(refused)
    reasons = ("This picture is damaged or cut off.", "The file service did not take it.")
    short = ("this picture could not be shown.", "this file could not be kept.")

    def said(person: Person) -> str:
        return str(person.get(f"/c/{chat}").text.partition('<script type="application/json"')[0])

    assert all(words in said(ada) for words in reasons)
    assert all(words in said(bob) for words in short) and not any(words in said(bob) for words in reasons)


def test_a_picture_that_waited_too_often_fails_and_is_ready_after_a_retry(
    ada: Person, bob: Person, picture: bytes, cloudinary_url: str, folder: Path
) -> None:
    chat = ada.group(bob)
    with nothing_left(folder):
        media_id = uploaded(ada, picture)
        send(ada, chat, media_id)
        with ill_service(says(503, b"")) as (ill, asked), at_service(ill):
            for _ in range(pictures.MOST_TRIES):
                assert attachment(bob, chat)["state"] == "processing"
                due_now(media_id)
                process(media_id)
        failed = attachment(bob, chat)
        assert (failed["state"], failed["reason"]) == ("failed", "The picture service cannot be reached.")
        assert len(asked) == pictures.MOST_TRIES
        assert ada.post(f"/api/media/{media_id}/retry").status_code == 200
        process(media_id)
        assert attachment(bob, chat)["state"] == "ready"
        assert kinds(bob, chat) == ["member", "message", "media", "media"]
        delete_and_sweep(ada, chat, media_id)


def test_a_service_that_refuses_is_not_asked_again_before_a_retry(
    ada: Person, picture: bytes, cloudinary_url: str
) -> None:
    chat, media_id = ada.group(), uploaded(ada, picture)
    send(ada, chat, media_id)
    with (
        ill_service(says(401, error("Invalid Signature"))) as (ill, asked),
        at_service(ill),
    ):
        process(media_id)
        due_now(media_id)
        process(media_id)
    failed = attachment(ada, chat)
    assert (failed["state"], failed["reason"], len(asked)) == ("failed", "The picture service did not take it.", 1)
    assert ada.post(f"/api/media/{media_id}/retry").status_code == 200
    process(media_id)
    assert attachment(ada, chat)["state"] == "ready"


# ---- bad moments: a picture is dropped while a worker is at it


class Meanwhile(media_store.MediaStore):
    """The real service; right after each upload something else happens."""

    def __init__(self, cloudinary_url: str, then: Callable[[], None]) -> None:
        super().__init__(cloudinary_url)
        self._then = then

    def upload(self, data: bytes, public_id: str) -> media_store.Stored:
        stored = super().upload(data, public_id)
        self._then()
        return stored


def is_stored(public_id: str) -> bool:
    try:
        media_store.store().open(public_id, 1, "png", width=None).close()
    except MediaRefused:
        return False
    return True


@pytest.mark.parametrize("cleaned_up", [False, True])
def test_a_picture_whose_message_is_deleted_while_it_is_stored_leaves_nothing(
    ada: Person, picture: bytes, cloudinary_url: str, folder: Path, cleaned_up: bool
) -> None:
    chat = ada.group()
    with nothing_left(folder):
        media_id = uploaded(ada, picture)
        message = send(ada, chat, media_id).json["id"]
        public_id = (media_by_id(ObjectId(media_id)) or {})["public_id"]
        seen: list[bool] = []

        def delete() -> None:
            seen.append(is_stored(public_id))
            assert ada.delete(f"/api/messages/{message}").status_code == 204
            if cleaned_up:
                pictures.destroy_media(ObjectId(media_id))

        with at_service(Meanwhile(cloudinary_url, delete)):
            process(media_id)
        assert (seen, is_stored(public_id)) == ([True], False)
        due_now(media_id)
        age(media_id)
        run("orphaned-pictures")


def test_a_worker_that_dies_after_the_upload_of_a_deleted_picture_leaves_nothing_after_maintenance(
    ada: Person, picture: bytes, cloudinary_url: str, folder: Path
) -> None:
    class Died(BaseException):
        pass

    chat = ada.group()
    with nothing_left(folder):
        media_id = uploaded(ada, picture)
        message = send(ada, chat, media_id).json["id"]
        public_id = (media_by_id(ObjectId(media_id)) or {})["public_id"]

        def delete_and_die() -> None:
            media_store.MediaStore(cloudinary_url).destroy(public_id)  # that of the deletion came before the upload
            assert ada.delete(f"/api/messages/{message}").status_code == 204
            pictures.destroy_media(ObjectId(media_id))
            media_store.MediaStore(cloudinary_url).upload(picture, public_id)
            raise Died

        with at_service(Meanwhile(cloudinary_url, delete_and_die)), pytest.raises(Died):
            process(media_id)
        assert is_stored(public_id)
        due_now(media_id)
        age(media_id)
        run("orphaned-pictures")
        assert not is_stored(public_id) and media_by_id(ObjectId(media_id)) is None


def test_a_worker_that_was_taken_for_dead_does_not_end_a_picture_a_second_time(
    ada: Person, picture: bytes, cloudinary_url: str, folder: Path
) -> None:
    chat = ada.group()
    with nothing_left(folder):
        media_id = uploaded(ada, picture)
        send(ada, chat, media_id)
        ended: list[str] = []

        def another_takes_it() -> None:
            if not ended:
                ended.append("")  # the other one's upload comes by here too
                due_now(media_id)
                process(media_id)
                ended.append(attachment(ada, chat)["state"])

        with at_service(Meanwhile(cloudinary_url, another_takes_it)):
            process(media_id)
        assert ended[-1] == attachment(ada, chat)["state"] == "ready"
        assert kinds(ada, chat) == ["member", "message", "media"]
        assert ada.get(f"/media/{media_id}/full").status_code == 200
        delete_and_sweep(ada, chat, media_id)


def test_a_picture_that_a_message_is_just_taking_is_not_destroyed(ada: Person, picture: bytes) -> None:
    chat, media_id = ada.group(), ready(ada, picture)
    age(media_id)
    (key,) = pictures.claim_media(ObjectId(ada.id), [media_id], ObjectId(chat), "c1")
    run("orphaned-pictures")
    assert media_by_id(key)
    assert send(ada, chat, media_id, client_id="c1").status_code == 201
    assert ada.get(f"/media/{media_id}/full").status_code == 200


def test_a_picture_that_is_being_destroyed_is_taken_by_no_message(ada: Person, picture: bytes) -> None:
    chat, media_id = ada.group(), ready(ada, picture)
    refusing = {"public_id": ""}  # so that the service keeps it, and its record stays
    Media.raw().update_one({"_id": ObjectId(media_id)}, {"$set": refusing})
    with pytest.raises(MediaRefused):
        pictures.destroy_media(ObjectId(media_id))
    assert send(ada, chat, media_id).status_code == 422
    assert ada.patch("/api/users/me", {"avatar": media_id}).status_code == 422
