"""A process dies, or is held, at an exact point of what it does for a message or a picture.

Not for: chance (test_nemesis.py), nor removals (test_removal_races.py).
"""

import io
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial

import pytest
from bson import ObjectId
from PIL import Image

from tests.faults.belongings import Ear, listening, message
from tests.faults.conftest import Judge
from tests.faults.history import Attempt, History
from tests.faults.pages import Pages
from tests.faults.removal import log_of, remove
from tests.faults.rig import Cluster
from tests.faults.senders import Log, Person, send
from tests.running import wait_until

FAN_OUT_DONE = re.compile(r"Task realtime\.fan_out\[.*\] succeeded in (\d+\.\d+)s")
LEASE_SECONDS = 5.0  # of a chat's fan-out

pytestmark = pytest.mark.timeout(120)


@dataclass
class Talk:
    """Ada speaks in a group that is open on her page, and that the ears of bob and cyd hear."""

    cluster: Cluster
    ada: Person
    bob: Person
    cyd: Person
    chat: str
    pages: Pages
    ears: list[Ear]
    log: Log

    def say(self, client_id: str, at: int = 0) -> Attempt:
        attempt = send(self.ada, self.chat, client_id, f"this is {client_id}", at)
        self.log.add(attempt)
        return attempt

    def stored(self, client_id: str) -> list[int]:
        """The numbers under which it is stored."""
        return [entry["seq"] for entry in log_of(self.cluster, self.chat) if entry["client_id"] == client_id]

    def told(self, client_id: str) -> None:
        """Return when it was heard live, and nothing waits any more."""
        for ear in self.ears:
            wait_until(partial(ear.has_heard, f"this is {client_id}"), f"{client_id} is told")
        wait_until(self.all_told, "nothing waits")

    def all_told(self) -> bool:
        return all(entry["out"]["state"] == "done" for entry in log_of(self.cluster, self.chat))

    def heard(self, client_id: str) -> list[int]:
        """How often each ear has heard of it, with all that was sent to it until now."""
        for ear in self.ears:
            wait_for_all_sent(ear)
        return [times(ear, "log", f"this is {client_id}") for ear in self.ears]

    def history(self) -> History:
        self.pages.wait_complete(self.cluster.tops())
        return History(tuple(self.log.attempts), tuple(log_of(self.cluster, self.chat)), self.pages.stories())


def times(ear: Ear, event: str, said: str = "") -> int:
    return sum(name == event and said in data for name, data in list(ear.heard))


def wait_for_all_sent(ear: Ear) -> None:
    """The gateway answers a ping behind all that it has sent before."""
    before = times(ear, "pusher:pong")
    ear.socket.send('{"event": "pusher:ping", "data": {}}')
    wait_until(lambda: times(ear, "pusher:pong") > before, "the gateway answers")


@pytest.fixture
def talk(cluster: Cluster, log: Log) -> Iterator[Talk]:
    ada, bob, cyd = people = [Person(cluster.urls, name) for name in ("ada", "bob", "cyd")]
    chat = ada.group(bob, cyd)
    with Pages([(ada, chat)]) as pages, listening(bob) as his, listening(cyd) as hers:
        wait_until(partial(all_online, cluster, people), "all are seen to be there")
        made = Talk(cluster, ada, bob, cyd, chat, pages, [his, hers], log)
        made.say("before")
        made.told("before")  # and now no bell is rung any more, nor anything told, but for what a test does
        yield made


def all_online(cluster: Cluster, people: list[Person]) -> bool:
    with cluster.database() as found:
        query = {"_id": {"$in": [ObjectId(person.id) for person in people]}, "online": True}
        return found["users"].count_documents(query) == len(people)


@pytest.mark.parametrize(
    "point",
    [
        "append.before_insert",
        "append.after_insert",
        "append.before_apply",
        "append.before_ring",
        "queue.before_ring",
    ],
)
def test_a_message_whose_web_process_dies_on_its_way_is_stored_and_told_once(
    talk: Talk, judge: Judge, point: str
) -> None:
    client_id, inserted = secrets.token_hex(8), point != "append.before_insert"
    talk.cluster.failpoint(point, "kill")
    try:
        first = talk.say(client_id)
        wait_until(partial(talk.cluster.ended, "web1"), "the web process died there")
        # The bell is rung behind the answer's back.
        assert first.status == 0 or (point, first.status) == ("queue.before_ring", 201)
        seqs = talk.stored(client_id)
        assert len(seqs) == inserted
        if inserted:
            talk.told(client_id)  # by the sweep: nobody has rung
        again = talk.say(client_id, at=1)
        assert again.status == (200 if inserted else 201)
        assert talk.stored(client_id) == [again.seq] and seqs in ([], [again.seq])
        talk.told(client_id)
    finally:
        talk.cluster.restart("web1")
    judge(f"web killed at {point}", 1, talk.history())


@pytest.mark.parametrize("point", ["fan_out.before_send", "fan_out.after_send"])
def test_what_a_worker_was_telling_when_it_died_is_told_and_shown_once(talk: Talk, judge: Judge, point: str) -> None:
    client_id = secrets.token_hex(8)
    talk.cluster.failpoint(point, "kill")
    assert talk.say(client_id).status == 201
    wait_until(partial(talk.cluster.passed, point), "a worker died there")
    talk.told(client_id)
    assert talk.heard(client_id) == ([2, 2] if point == "fan_out.after_send" else [1, 1])
    judge(f"worker killed at {point}", 1, talk.history())


def test_what_was_rung_for_while_the_worker_hung_and_died_is_told_by_the_sweep(talk: Talk, judge: Judge) -> None:
    client_id = secrets.token_hex(8)
    talk.cluster.pause("worker")
    assert talk.say(client_id).status == 201
    talk.cluster.kill("worker")
    talk.cluster.restart("worker")
    talk.told(client_id)
    judge("worker hung and killed after the bell", 1, talk.history())


def test_a_held_worker_sends_nothing_to_anybody_after_another_has_told_it(talk: Talk, judge: Judge) -> None:
    client_id = secrets.token_hex(8)
    talk.cluster.failpoint("fan_out.before_send", "stop")
    try:
        assert talk.say(client_id).status == 201
        wait_until(partial(talk.cluster.passed, "fan_out.before_send"), "a worker is held, and knows whom to tell")
        assert remove(talk.ada, talk.chat, talk.bob, at=0).status_code == 204
        talk.cyd.call("POST", "/api/auth/logout")
        wait_until(talk.all_told, "another has told everything")
        assert not held_ones(talk.cluster)
    finally:
        talk.cluster.resume("worker")
    wait_until(partial(held_ones, talk.cluster), "the held one is done, too")
    assert talk.heard("before") == [1, 1]
    assert talk.heard(client_id) == [0, 0]
    judge("worker held at fan_out.before_send until another told it", 0, talk.history())


def held_ones(cluster: Cluster) -> list[float]:
    """The seconds of each fan-out that took longer than its lease."""
    seconds = map(float, FAN_OUT_DONE.findall(cluster.output("worker")))
    return [each for each in seconds if each > LEASE_SECONDS]


def test_a_picture_whose_worker_dies_after_the_upload_is_kept_once_and_ready(talk: Talk, judge: Judge) -> None:
    talk.cluster.failpoint("media.after_upload", "kill")
    picture = talk.ada.call("POST", "/api/media", files={"file": ("sky.png", png())})["id"]
    said = talk.ada.call("POST", "/api/messages", json=message(talk.chat, attachments=[picture]))
    wait_until(partial(talk.cluster.passed, "media.after_upload"), "a worker died there")
    wait_until(lambda: assets(talk.cluster) == 1, "it was uploaded")
    assert state_of(talk.ada, picture) == "processing"
    with talk.cluster.database() as found:  # as if the dead one's time for it were over
        found["media"].update_one({"_id": ObjectId(picture)}, {"$set": {"due": datetime.now(UTC)}})
    wait_until(lambda: state_of(talk.ada, picture) == "ready", "the picture is ready")
    wait_until(lambda: "media" in {entry["kind"] for entry in log_of(talk.cluster, talk.chat)}, "its log says so")
    wait_until(talk.all_told, "it is told")
    (shown,) = talk.ada.call("GET", f"/api/messages?chat={talk.chat}&after={said['seq'] - 1}")["messages"]
    assert [(each["id"], each["state"]) for each in shown["attachments"]] == [(picture, "ready")]
    assert assets(talk.cluster) == 1
    judge("worker killed at media.after_upload", 1, replace(talk.history(), attempts=()))


def state_of(person: Person, picture: str) -> str:
    return str(person.call("GET", f"/api/media/{picture}")["state"])


def assets(cluster: Cluster) -> int:
    """How many pictures the media service keeps."""
    with closing(sqlite3.connect(cluster.folder / "media" / "assets.sqlite3")) as kept:
        return int(kept.execute("SELECT count(*) FROM assets").fetchone()[0])


def png() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (16, 16), "skyblue").save(data, "PNG")
    return data.getvalue()
