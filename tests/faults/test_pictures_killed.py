"""Workers are killed while they prepare and store pictures and files: each ends ready once, or failed with a retry, and
after maintenance nothing is left over, here or at the media service.

Not for: other deaths at exact points (test_exact.py).
"""

import io
import os
import random
import secrets
import sqlite3
import subprocess
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from bson import ObjectId
from PIL import Image

from infitalks.backends.media import Kind, MediaStore
from infitalks.local.process import popen_options
from infitalks.local.services import PYTHON, upgrade
from tests.faults.conftest import PATIENCE, Often, Survive, Survived
from tests.faults.rig import Cluster
from tests.faults.senders import Person
from tests.running import wait_until

POINTS = ("media.before_upload", "media.after_upload", "media.after_finish")
KINDS: tuple[Kind, ...] = ("image", "raw")
A_FILE = b"what was said\n" * 50_000
DAYS_AGO = datetime.now(UTC) - timedelta(days=3)

pytestmark = pytest.mark.timeout(PATIENCE)


@dataclass
class Sent:
    """A picture or file in a message. `deleted`: the message was deleted while a worker was at it."""

    media: str
    message: str
    file: bool
    good: bool
    told_at_once: bool
    deleted: bool = False


@dataclass
class Album:
    """Ada's group, with all the pictures that she has sent to it."""

    cluster: Cluster
    ada: Person
    chat: str
    sent: list[Sent] = field(default_factory=list)
    kills: int = 0

    def send(self, data: bytes, good: bool = True) -> Sent:
        file = data is A_FILE
        name = "notes.txt" if file else "sky.png"
        media = self.ada.call("POST", "/api/media", files={"file": (name, data)})["id"]
        body = {"chat_id": self.chat, "client_id": secrets.token_hex(8), "text": "", "attachments": [media]}
        said = self.ada.call("POST", "/api/messages", json=body)
        self.sent.append(Sent(media, said["id"], file, good, said["attachments"][0]["state"] != "processing"))
        return self.sent[-1]

    def delete(self, sent: Sent) -> None:
        self.ada.call("DELETE", f"/api/messages/{sent.message}")
        sent.deleted = True

    def state(self, sent: Sent) -> Any:
        return self.ada.call("GET", f"/api/media/{sent.media}")

    def settled(self) -> bool:
        return all(self.state(sent)["state"] != "processing" for sent in self.sent if not sent.deleted)

    def kill_at(self, point: str) -> None:
        """The worker that passes there dies."""
        wait_until(partial(self.cluster.passed, point), f"a worker died at {point}")
        self.kills += 1

    def kill_all(self, *names: str) -> None:
        """These die and come back. No worker is left, so what they had claimed is anybody's: as 90 s later."""
        for name in names:
            self.cluster.kill(name)
            self.kills += 1
        with self.cluster.database() as found:
            found["media"].update_many({"state": "processing"}, {"$set": {"due": datetime.now(UTC)}})
        for name in names:
            self.cluster.launch(name)
        self.cluster.wait_healthy(*names)


@pytest.fixture
def album(cluster: Cluster) -> Album:
    ada = Person(cluster.urls, "ada")
    return Album(cluster, ada, ada.group(Person(cluster.urls, "bob")))


def photo(side: int = 700) -> bytes:
    """One that takes a moment to prepare."""
    data = io.BytesIO()
    Image.frombytes("RGB", (side, side), os.urandom(side * side * 3)).save(data, "JPEG")
    return data.getvalue()


def test_workers_killed_at_pictures_lose_none_and_leave_nothing(
    album: Album, chance: random.Random, often: Often, survived: Survive
) -> None:
    data, rounds = photo(), often(12, 50)
    for number in range(rounds):
        match number % 4:
            case 0 | 1:
                kill_at_a_point(album, chance, A_FILE if number % 4 else data)
            case 2:
                kill_at_any_time(album, chance, data, "worker")
            case 3:
                kill_at_any_time(album, chance, data, *chance.sample(["worker", "media"], 2))
    album.kill_all("worker")
    wait_until(album.settled, "every picture is ready or failed", 120)
    wait_until(lambda: all(tellings(album)[s.message] or s.told_at_once for s in of_use(album)), "all are told", 30)
    assert len(of_use(album)) > rounds / 3 and any(sent.deleted for sent in album.sent)
    lost = sum(album.state(sent)["state"] != ("ready" if sent.good else "failed") for sent in of_use(album))
    doubled = sum(tellings(album)[sent.message] != (0 if sent.told_at_once else 1) for sent in of_use(album))
    survived(Survived("pictures whose workers were killed", album.kills, len(album.sent), lost, doubled))
    assert album.kills >= rounds and (lost, doubled) == (0, 0)
    check_served(album)
    check_tried_again(album)
    sweep(album)
    check_nothing_is_left(album.cluster)


def kill_at_a_point(album: Album, chance: random.Random, data: bytes) -> None:
    point = chance.choice(POINTS)
    album.cluster.failpoint(point, "kill")
    sent = album.send(data)
    album.kill_at(point)
    if chance.random() < 0.4:
        album.delete(sent)


def kill_at_any_time(album: Album, chance: random.Random, data: bytes, *names: str) -> None:
    good = chance.random() < 0.7
    sent = album.send(data if good else data[: len(data) // 2], good)
    deleted = chance.random() < 0.3
    if deleted:
        album.delete(sent)
    time.sleep(chance.uniform(0, 0.6))
    album.kill_all(*names)


def of_use(album: Album) -> list[Sent]:
    return [sent for sent in album.sent if not sent.deleted]


def tellings(album: Album) -> Counter[str]:
    """How often each message's picture was told to have ended."""
    with album.cluster.database() as found:
        told = found["log"].find({"chat": ObjectId(album.chat), "kind": "media"})
        return Counter(str(entry["target"]) for entry in told)


def check_served(album: Album) -> None:
    for sent in of_use(album):
        shown = album.state(sent)
        if sent.file:
            assert album.ada.ask("GET", shown["url"]).content == A_FILE
        elif sent.good:
            assert shown["width"] == 700 and album.ada.ask("GET", shown["url"]).ok
        else:
            assert "damaged" in shown["reason"]


def check_tried_again(album: Album) -> None:
    """What failed can be tried again, fails again, and is told so again."""
    failed = [sent for sent in of_use(album) if not sent.good]
    before = tellings(album)
    for sent in failed:
        assert album.ada.call("POST", f"/api/media/{sent.media}/retry")["state"] == "processing"
    wait_until(album.settled, "those that were tried again have failed again", 60)
    wait_until(lambda: all(tellings(album)[s.message] == before[s.message] + 1 for s in failed), "all are told", 30)
    for sent in failed:
        album.delete(sent)


def sweep(album: Album) -> None:
    """The daily maintenance, as days later."""
    with album.cluster.database() as found:
        old = {"created_at": DAYS_AGO, "claimed_at": DAYS_AGO}
        found["media"].update_many({}, {"$set": old})
        found["media"].update_many({"state": "processing"}, {"$set": {"due": DAYS_AGO}})
        found["spool.files"].update_many({}, {"$set": {"uploadDate": DAYS_AGO}})
    for task in ("orphaned-pictures", "spooled-files"):
        service = upgrade(album.cluster.env)
        argv = (PYTHON, "-m", "infitalks.cli", "maintenance", "run", task)
        subprocess.run(argv, check=True, capture_output=True, timeout=60, **popen_options(service))


def check_nothing_is_left(cluster: Cluster) -> None:
    """Each record has what it names, and nothing is there that no record names."""
    with cluster.database() as found:
        records = list(found["media"].find())
        spooled = {str(file["_id"]) for file in found["spool.files"].find()}
        pieces = set(map(str, found["spool.chunks"].distinct("files_id")))
    assert records and {record["state"] for record in records} == {"ready"}
    assert at_the_service(cluster) == {record["public_id"] for record in records}
    assert (spooled, pieces) == (set(), set())
    folder = cluster.folder / "media"
    known: set[str] = set()
    for each in (folder, folder / "raw"):
        with closing(sqlite3.connect(each / "assets.sqlite3")) as kept:
            rows = kept.execute("SELECT json_extract(record, '$.version_id') FROM assets")
            own = {str(row[0]) for row in rows}
        assert {path.name for path in (each / "originals").iterdir()} == own
        known |= own
    assert {path.name.partition("-")[0] for path in (folder / "derived").iterdir()} <= known
    assert list((folder / "chunks").iterdir()) == []


def at_the_service(cluster: Cluster) -> set[str]:
    """The ids of all that the media service keeps."""
    store = MediaStore(cluster.env["CLOUDINARY_URL"])
    found: set[str] = set()
    for kind in KINDS:
        page, cursor = store.list_assets(kind, most=7)
        while cursor:
            more, cursor = store.list_assets(kind, cursor, most=7)
            page += more
        found |= {asset.public_id for asset in page}
    return found
