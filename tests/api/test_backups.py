"""Backups are of one moment, also under load; they come back whole or not at all."""

import hashlib
import json
import shutil
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import backups, migrations
from infitalks.actions.media import process_media
from infitalks.app import create_app
from infitalks.errors import Conflict, Invalid, Unavailable
from infitalks.local import services
from infitalks.local.ports import pick_port
from infitalks.models.database import database, disconnect_database
from infitalks.models.log import Entry, broken_chats
from infitalks.settings import load_settings
from tests.conftest import started
from tests.people import Person
from tests.running import Running, wait_until

pytestmark = pytest.mark.usefixtures("media_process")

Place = Callable[..., Any]


class Full(NamedTuple):
    """Ids of the chat and its picture, and who made them."""

    chat: str
    media: str
    ada: Person


def quiet(line: str) -> None:
    """Hears nothing."""


@contextmanager
def at(environ: dict[str, str], *, migrated: bool = True, **more: str) -> Iterator[Flask]:
    """The app of this environment, on an empty database unless it is there already."""
    disconnect_database()
    app = create_app(load_settings({**environ, "INFITALKS_RATE_LIMITS": "off", **more}))
    if migrated:
        migrations.upgrade()
    yield app


@pytest.fixture
def old(stores_environ: dict[str, str]) -> Iterator[Flask]:
    """Where backups are made. The session's own app comes back after the test."""
    with at(stores_environ, MONGODB_DATABASE="backed_up") as app:
        database().client.drop_database("restored")
        yield app
        for name in ("backed_up", "restored"):
            database().client.drop_database(name)
    with at(stores_environ, MONGODB_DATABASE="api"):
        pass


@pytest.fixture
def new_media(services_folder: Path, tmp_path: Path) -> Iterator[str]:
    """Another place's media service, empty."""
    url = services.cloudinary_url("other", "f" * 32, port := pick_port())
    with started(services.media(port, tmp_path / "media", {"CLOUDINARY_URL": url}), tmp_path):
        yield url


@pytest.fixture
def elsewhere(stores_environ: dict[str, str], new_media: str) -> Place:
    """`with elsewhere() as app`: another place, empty, with the same SECRET_KEY."""
    return lambda **more: at(
        **{"MONGODB_DATABASE": "restored", "CLOUDINARY_URL": new_media, **more}, environ=stores_environ
    )


@pytest.fixture
def full(old: Flask, picture: bytes) -> Full:
    """A chat of ada's with words, a reaction and a picture."""
    ada, bob = Person(old.test_client(), "ada"), Person(old.test_client(), "bob")
    chat = ada.group(bob)
    said = ada.say(chat, "hello")
    bob.put(f"/api/messages/{said['id']}/reactions/👍")
    media = str(ada.upload(picture, "sky.png").json["id"])
    process_media(ObjectId(media))
    body = {"chat_id": chat, "client_id": "with-a-picture", "text": "look", "attachments": [media]}
    assert ada.post("/api/messages", body).status_code == 201
    return Full(chat, media, ada)


def signed_in(app: Flask, person: Person) -> Any:
    """Calls as that person, with what a sign-in gives."""
    client = app.test_client()
    token = client.get("/api/auth/session").json["csrf_token"]
    body = {"login": person.username, "password": person.password}
    answer = client.post("/api/auth/login", json=body, headers={"X-CSRF-Token": token})
    assert answer.status_code == 200, answer.text
    return client, {"X-CSRF-Token": answer.json["csrf_token"]}


def test_all_of_it_comes_back_elsewhere_pictures_too(full: Full, elsewhere: Place, tmp_path: Path) -> None:
    chat, media, ada = full
    made = backups.make_backup(tmp_path / "all.zip", quiet)
    before = list(Entry.raw().find({}).sort("_id", 1))
    assert made["pictures"] == 1 and made["missing_pictures"] == 0
    with elsewhere() as app:
        restored = backups.restore_backup(tmp_path / "all.zip", quiet)
        assert restored == {"documents": made["documents"], "pictures": 1}
        assert list(Entry.raw().find({}).sort("_id", 1)) == before
        client, csrf = signed_in(app, ada)
        assert client.get(f"/media/{media}/full").status_code == 200
        shown = client.get(f"/api/messages?chat={chat}").json["messages"]
        assert [message["text"] for message in shown] == ["hello", "look"] and shown[0]["reactions"]
        # It goes on: a repeat from before is one, and the next entry has the next number.
        body = {"chat_id": chat, "client_id": "with-a-picture", "text": "look", "attachments": [media]}
        assert client.post("/api/messages", json=body, headers=csrf).status_code == 200
        after = client.post("/api/messages", json={"chat_id": chat, "client_id": "n", "text": "on"}, headers=csrf)
        assert after.json["seq"] == max(entry["seq"] for entry in before) + 1


def test_files_come_back_elsewhere_as_files(full: Full, elsewhere: Place, tmp_path: Path) -> None:
    page = b"<script>alert(1)</script>"
    media = str(full.ada.upload(page, "page.html").json["id"])
    process_media(ObjectId(media))
    assert backups.make_backup(tmp_path / "all.zip", quiet)["pictures"] == 2
    with elsewhere() as app:
        assert backups.restore_backup(tmp_path / "all.zip", quiet)["pictures"] == 2
        client, _ = signed_in(app, full.ada)
        answer = client.get(f"/media/{media}/file")
        assert (answer.data, answer.headers["Content-Disposition"]) == (page, "attachment; filename=page.html")


def test_nobody_is_signed_in_by_a_backup_and_only_its_owner_may_read_it(full: Full, tmp_path: Path) -> None:
    backups.make_backup(tmp_path / "all.zip", quiet)
    assert (tmp_path / "all.zip").stat().st_mode & 0o077 == 0
    names = zipfile.ZipFile(tmp_path / "all.zip").namelist()
    assert "db/users.bson" in names and "db/sessions.bson" not in names


def test_under_load_every_chat_comes_back_without_a_hole(old: Flask, elsewhere: Place, tmp_path: Path) -> None:
    people = [Person(old.test_client(), "ada") for _ in range(3)]
    chats = [person.group() for person in people]
    answered: list[int] = [0]
    stop = threading.Event()

    def talk(person: Person, chat: str) -> None:
        while not stop.is_set():
            person.say(chat, "and on")
            answered[0] += 1

    def more_is_said(line: str) -> None:
        before = answered[0]
        wait_until(lambda: answered[0] > before + 3, "more to be said while the backup is made")

    threads = [threading.Thread(target=talk, args=pair) for pair in zip(people, chats, strict=True)]
    for thread in threads:
        thread.start()
    try:
        for number in range(3):
            backups.make_backup(tmp_path / f"{number}.zip", more_is_said)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    everything = Entry.raw().count_documents({})
    for number in range(3):
        with elsewhere():
            database().client.drop_database("restored")
            migrations.upgrade()
            backups.restore_backup(tmp_path / f"{number}.zip", quiet)
            assert broken_chats() == []
            assert 0 < Entry.raw().count_documents({}) < everything
            tops = {chat: Entry.raw().count_documents({"chat": ObjectId(chat)}) for chat in chats}
            # What is copied after the log is no newer than it.
            read = {str(each["chat"]): each["read_seq"] for each in database()["memberships"].find()}
            assert set(read) == set(chats) and all(read[chat] <= tops[chat] for chat in chats)


def test_a_hole_in_a_log_is_found(full: Full, elsewhere: Place, tmp_path: Path) -> None:
    chat = full.chat
    Entry.raw().delete_one({"chat": ObjectId(chat), "seq": 2})
    backups.make_backup(tmp_path / "all.zip", quiet)
    with elsewhere(), pytest.raises(Conflict, match="holes"):
        backups.restore_backup(tmp_path / "all.zip", quiet)


def rewritten(file: Path, change: Callable[[dict[str, bytes]], object]) -> None:
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def without_a_part(file: Path) -> None:
    rewritten(file, lambda parts: parts.pop("db/users.bson"))


def changed(file: Path) -> None:
    rewritten(file, lambda parts: parts.update({"db/users.bson": b"\x05\0\0\0\0"}))


def of_a_newer_version(file: Path) -> None:
    def change(parts: dict[str, bytes]) -> None:
        header = json.loads(parts["backup.json"])
        parts["backup.json"] = json.dumps({**header, "migrations": ["m2999_01_01_flying_cars"]}).encode()
        sums = json.loads(parts["sums.json"])
        sums["backup.json"] = hashlib.sha256(parts["backup.json"]).hexdigest()
        parts["sums.json"] = json.dumps(sums).encode()

    rewritten(file, change)


def something_else(file: Path) -> None:
    file.write_text("hello")


def a_zip_of_something_else(file: Path) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("cat.txt", b"meow")


def gone(file: Path) -> None:
    file.unlink()


BAD = [cut_short, without_a_part, changed, of_a_newer_version, something_else, a_zip_of_something_else, gone]


@pytest.mark.parametrize("spoil", BAD)
def test_what_is_no_whole_backup_is_refused_and_changes_nothing(
    full: Full, elsewhere: Place, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    backups.make_backup(tmp_path / "all.zip", quiet)
    spoil(tmp_path / "all.zip")
    with elsewhere():
        with pytest.raises(Invalid) as refused:
            backups.restore_backup(tmp_path / "all.zip", quiet)
        assert "file" in (refused.value.fields or {})
        assert not database()["users"].find_one() and not database()["restores"].find_one()


def test_under_another_key_it_is_refused_and_says_what_to_set(
    full: Full, stores_environ: dict[str, str], elsewhere: Place, tmp_path: Path
) -> None:
    backups.make_backup(tmp_path / "all.zip", quiet)
    other = "another-key-of-more-than-32-characters"
    with elsewhere(SECRET_KEY=other), pytest.raises(Invalid, match="CONTENT_KEY"):
        backups.restore_backup(tmp_path / "all.zip", quiet)
    with elsewhere(SECRET_KEY=other, CONTENT_KEY=stores_environ["SECRET_KEY"]):
        assert backups.restore_backup(tmp_path / "all.zip", quiet)["pictures"] == 1


def test_it_goes_only_where_nobody_is_and_over_no_other_file(full: Full, tmp_path: Path) -> None:
    backups.make_backup(tmp_path / "all.zip", quiet)
    kept = (tmp_path / "all.zip").read_bytes()
    with pytest.raises(Conflict):
        backups.restore_backup(tmp_path / "all.zip", quiet)
    with pytest.raises(Conflict):
        backups.make_backup(tmp_path / "all.zip", quiet)
    assert (tmp_path / "all.zip").read_bytes() == kept
    assert Entry.raw().count_documents({}) > 0


def test_a_restore_that_was_broken_off_is_begun_anew(
    full: Full, elsewhere: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = backups.make_backup(tmp_path / "all.zip", quiet)

    def dies(line: str) -> None:
        if line.startswith("memberships"):
            raise SystemExit("killed")

    with elsewhere():
        with pytest.raises(SystemExit):
            backups.restore_backup(tmp_path / "all.zip", dies)
        assert not database()["users"].find_one()  # nobody can sign in to half of it
        again = backups.restore_backup(tmp_path / "all.zip", quiet)
        assert again["documents"] == made["documents"]
        with pytest.raises(Conflict):
            backups.restore_backup(tmp_path / "all.zip", quiet)


def test_without_the_media_service_nothing_is_left_behind(full: Full, media_process: Running, tmp_path: Path) -> None:
    media_process.kill()
    try:
        with pytest.raises(Unavailable, match="media service"):
            backups.make_backup(tmp_path / "all.zip", quiet)
    finally:
        media_process.start()
    assert list(tmp_path.iterdir()) == []
    shutil.rmtree(tmp_path)


def test_a_place_that_was_never_migrated_gets_its_indexes_too(full: Full, elsewhere: Place, tmp_path: Path) -> None:
    backups.make_backup(tmp_path / "all.zip", quiet)
    indexes = {name: set(database()[name].index_information()) for name in ("log", "users", "deliveries")}
    with elsewhere(migrated=False):
        backups.restore_backup(tmp_path / "all.zip", quiet)
        assert {name: set(database()[name].index_information()) for name in indexes} == indexes
        assert len(indexes["log"]) > 2 and migrations.pending() == []


def test_nobody_can_sign_in_before_the_pictures_are_there(
    full: Full, elsewhere: Place, cloudinary_url: str, tmp_path: Path
) -> None:
    backups.make_backup(tmp_path / "all.zip", quiet)
    nowhere = services.cloudinary_url("key", "f" * 32, pick_port())
    with elsewhere(CLOUDINARY_URL=nowhere):
        with pytest.raises(Unavailable):
            backups.restore_backup(tmp_path / "all.zip", quiet)
        assert Entry.raw().count_documents({}) and not database()["users"].find_one()
    with elsewhere():
        assert backups.restore_backup(tmp_path / "all.zip", quiet)["pictures"] == 1


def test_a_media_service_that_does_not_know_us_is_no_reason_to_leave_pictures_out(
    full: Full, stores_environ: dict[str, str], cloudinary_url: str, tmp_path: Path
) -> None:
    key, _, rest = cloudinary_url.partition("@")
    wrong = f"{key[:-8]}{'0' * 8}@{rest}"
    with (
        at(stores_environ, MONGODB_DATABASE="backed_up", CLOUDINARY_URL=wrong),
        pytest.raises(Unavailable, match="CLOUDINARY_URL"),
    ):
        backups.make_backup(tmp_path / "all.zip", quiet)
    assert list(tmp_path.glob("*.zip*")) == []
