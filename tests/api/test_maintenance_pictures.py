"""Pictures that nobody needs, here and at the media service, and those that failed; one that is answered oddly must not
keep the others.
"""

import io
from collections.abc import Iterator
from datetime import timedelta

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import maintenance, media, upkeep
from infitalks.actions.turns import Turn
from infitalks.backends import media as media_store
from infitalks.backends.media import MediaStore, store
from infitalks.errors import Unavailable
from infitalks.local import services
from infitalks.local.ports import pick_port
from infitalks.local.services import cloudinary_url
from infitalks.models.database import Doc
from infitalks.models.media import Media
from tests.api.test_maintenance import LONG_AGO, alone, finished, run
from tests.api.test_maintenance_log import dies_after
from tests.conftest import started
from tests.people import Person
from tests.receivers import Handler, answering, receiving


@pytest.fixture(scope="module")
def app(stores_environ: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    """The app with a database and a media service of its own: all that is in them is counted here."""
    url = cloudinary_url("key", "f" * 32, port := pick_port())
    folder = tmp_path_factory.mktemp("media")
    with (
        started(services.media(port, folder / "media", {"CLOUDINARY_URL": url}), folder),
        alone({**stores_environ, "CLOUDINARY_URL": url}, "maintenance_pictures") as app,
    ):
        yield app
    media_store.configure(stores_environ["CLOUDINARY_URL"])


def is_there(public_id: str) -> bool:
    assets, _ = store().list_assets("image", prefix=public_id)
    return [asset.public_id for asset in assets] == [public_id]


def test_what_the_media_service_holds_and_nobody_here_knows_is_dropped_after_a_day(
    ada: Person, picture: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = ObjectId(ada.upload(picture).json["id"])
    media.process_media(known)
    own = Media.objects.get(id=known).public_id
    left = [f"infitalks/left-{number}" for number in range(5)]
    for public_id in (*left, "somebody-elses/picture"):
        store().upload(picture, public_id)
    raw = "infitalks/left.txt"
    store().upload_file(io.BytesIO(b"a file"), 6, raw)
    monkeypatch.setattr(upkeep, "LISTED", 2)
    monkeypatch.setattr(upkeep, "PICTURES", 1)
    assert run("unknown-pictures").counts == {"looked at": 7, "unknown": 0, "dropped": 0, "kept": 0}  # none is old
    monkeypatch.setattr(upkeep, "ORPHAN_AGE", timedelta(minutes=-1))
    assert run("unknown-pictures", dry_run=True).counts == {"looked at": 7, "unknown": 6, "dropped": 0, "kept": 0}
    assert all(map(is_there, left)) and store().list_assets("raw")[0]
    monkeypatch.setattr(upkeep, "_could", dies_after(2, upkeep._could))
    monkeypatch.setattr(maintenance, "TURN_SECONDS", 0)
    report = maintenance.ask("unknown-pictures", "test")
    with pytest.raises(KeyboardInterrupt):
        while maintenance.report_of(report.id).is_open:
            maintenance.run(report.id)
    counts = finished(report.id).counts
    assert (counts["unknown"], counts["dropped"], counts["kept"]) == (6, 6, 0)
    assert (
        not store().list_assets("raw")[0]
        and not any(map(is_there, left))
        and is_there(own)
        and is_there("somebody-elses/picture")
    )
    assert run("unknown-pictures").counts["unknown"] == 0


def test_a_failed_picture_whose_bytes_are_kept_is_tried_once_more(ada: Person, picture: bytes) -> None:
    run("failed-pictures")
    failed, lost = (ObjectId(ada.upload(picture).json["id"]) for _ in range(2))
    Media.raw().update_one({"_id": failed}, {"$set": {"state": "failed", "reason": "The service was away."}})
    Media.raw().update_one({"_id": lost}, {"$set": {"state": "failed", "spool": None}})
    assert run("failed-pictures", dry_run=True).counts == {"failed": 1, "tried again": 0}
    assert run("failed-pictures").counts == {"failed": 1, "tried again": 1}
    states = {row["_id"]: row["state"] for row in Media.raw().find({"_id": {"$in": [failed, lost]}})}
    assert states == {failed: "processing", lost: "failed"}


@pytest.fixture
def orphans(app: Flask) -> Iterator[list[ObjectId]]:
    """Three uploads of long ago that nothing shows; the second's public id is `odd`."""
    rows: list[Doc] = [
        {"_id": ObjectId(), "public_id": name, "state": "ready", "attached": False, "created_at": LONG_AGO}
        for name in ("first", "odd", "last")
    ]
    Media.raw().insert_many(rows)
    yield [row["_id"] for row in rows]
    Media.raw().delete_many({"_id": {"$in": [row["_id"] for row in rows]}})


def test_without_the_media_service_a_turn_ends_at_the_first_picture(
    orphans: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infitalks.backends.media._store", MediaStore(cloudinary_url("key", "f" * 32, pick_port())))
    for name in ("orphaned-pictures", "unknown-pictures"):
        turn = Turn(False)
        with pytest.raises(Unavailable, match="media service"):
            list(maintenance.get_task(name).work(turn))
        assert not turn.counts["kept"]


def answer_oddly(handler: Handler) -> None:
    """The media service, but that it is at odds with one picture."""
    odd = b"odd" in handler.server.got[-1].body
    behave = answering(500, b"{}") if odd else answering(200, b'{"result": "ok"}')
    behave(handler)


def test_one_picture_that_the_media_service_answers_oddly_about_is_told_of_and_the_others_are_dropped(
    orphans: list[ObjectId], monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiving(then=answer_oddly) as service:
        monkeypatch.setattr(
            "infitalks.backends.media._store", MediaStore(cloudinary_url("key", "f" * 32, service.port))
        )
        report = run("orphaned-pictures")
    assert (report.state, report.counts) == ("done", {"orphaned": 3, "dropped": 2, "kept": 1})
    (line,) = report.lines
    assert str(orphans[1]) in line and "stays as it is" in line
    assert Media.raw().distinct("_id", {"_id": {"$in": orphans}}) == [orphans[1]]


def test_one_odd_record_is_told_of_and_the_others_are_dropped(orphans: list[ObjectId]) -> None:
    Media.raw().update_one({"_id": orphans[0]}, {"$unset": {"public_id": 1}})
    report = run("orphaned-pictures")
    assert (report.state, report.counts) == ("done", {"orphaned": 3, "dropped": 2, "kept": 1})
    assert report.lines == [f"{orphans[0]} stays as it is: KeyError: 'public_id'."]
    assert Media.raw().distinct("_id", {"_id": {"$in": orphans}}) == [orphans[0]]
