"""A member is removed while they write: nothing of theirs is answered, or numbered, above the removal.

By chance, over two web processes, and at the exact points. Not for: what they are shown (test_removal_shown.py).
"""

import random
import time
from dataclasses import dataclass, field
from functools import partial

import pytest

from tests.faults.belongings import Ask, ask, mark, message
from tests.faults.conftest import Often
from tests.faults.history import spans_of
from tests.faults.removal import held, log_of, meanwhile, removal_in, remove
from tests.faults.rig import Cluster, Doc
from tests.faults.senders import Person
from tests.running import wait_until

STAND = "sleep 2"  # what is done meanwhile takes a tenth of it
SPEAKERS = 4  # threads of the removed one's
MOST_HASTE = 0.03  # seconds: how much later than the first answer the removal comes, at most


def written_outside(entries: list[Doc], person: str) -> list[Doc]:
    """What the person wrote while not in the chat, by the log's member entries alone."""
    spans = spans_of(entries)[person]
    own = [entry for entry in entries if str(entry["author"]) == person]
    return [e for e in own if not any(since <= e["seq"] and (end is None or e["seq"] < end) for since, end, _ in spans)]


@dataclass
class Writer:
    """The member who is removed: whatever they write is refused or numbered."""

    person: Person
    chat: str
    mine: str  # a message of theirs
    seqs: list[int] = field(default_factory=list)  # of all sends answered 201
    statuses: list[int] = field(default_factory=list)

    def write(self, number: int, dice: random.Random) -> None:
        answer = ask(self.person, self.something(number, dice), dice.randrange(2))
        assert answer.status_code in (200, 201, 404, 503), answer.text
        if answer.status_code == 201:
            self.seqs.append(answer.json()["seq"])
        self.statuses.append(answer.status_code)

    def something(self, number: int, dice: random.Random) -> Ask:
        if number == 0:
            return "PATCH", f"/api/messages/{self.mine}", {"json": {"text": mark()}}
        if number == 1:
            method = ("PUT", "DELETE")[len(self.statuses) % 2]
            return method, f"/api/messages/{self.mine}/reactions/👍", {}
        return "POST", "/api/messages", {"json": message(self.chat, **({"reply_to": self.mine} if number == 2 else {}))}

    def hears(self, status: int, since: int) -> bool:
        return status in self.statuses[since:]


@pytest.mark.timeout(900)
def test_nothing_is_numbered_after_the_removal_of_who_sends_it(
    cluster: Cluster, often: Often, chance: random.Random
) -> None:
    ada, bob = Person(cluster.urls, "ada"), Person(cluster.urls, "bob")
    chat, rounds = ada.group(bob), often(60, 500)
    writer = Writer(bob, chat, bob.call("POST", "/api/messages", json=message(chat))["id"])
    writing = [partial(writer.write, number, random.Random(chance.random())) for number in range(SPEAKERS)]
    with meanwhile(*writing):
        for number in range(rounds):
            wait_until(partial(writer.hears, 201, len(writer.statuses)), "he is answered while he is in it")
            time.sleep(chance.uniform(0, MOST_HASTE))
            assert remove(ada, chat, bob, number).status_code == 204
            wait_until(partial(writer.hears, 404, len(writer.statuses)), "he is refused afterwards")
            ada.call("POST", f"/api/chats/{chat}/members", at=number, json={"user_ids": [bob.id]})
    entries = log_of(cluster, chat)
    assert sum(entry.get("action") == "removed" for entry in entries) == rounds
    assert written_outside(entries, bob.id) == []
    stored = {entry["seq"] for entry in entries if str(entry["author"]) == bob.id and entry["kind"] == "message"}
    assert len(writer.seqs) > rounds and set(writer.seqs) <= stored


@pytest.mark.parametrize("number", range(SPEAKERS), ids=("edit", "reaction", "answer", "send"))
def test_what_has_a_number_but_is_not_inserted_when_its_author_is_removed_is_refused(
    cluster: Cluster, chance: random.Random, number: int
) -> None:
    ada, bob = Person(cluster.urls, "ada"), Person(cluster.urls, "bob")
    chat = ada.group(bob)
    writer = Writer(bob, chat, bob.call("POST", "/api/messages", json=message(chat))["id"])
    asked = writer.something(number, chance)
    with held(cluster, "append.before_insert", "web1", partial(ask, bob, asked, 0), STAND) as answer:
        assert remove(ada, chat, bob, 1).status_code == 204
    assert answer.result().status_code in (404, 503)  # who stood still for too long is told to send it again
    assert ask(bob, asked, 0).status_code == 404
    assert written_outside(log_of(cluster, chat), bob.id) == []
    ada.call("POST", f"/api/chats/{chat}/members", json={"user_ids": [bob.id]})
    assert ask(bob, asked, 0).ok  # it was the removal that refused it


def test_what_is_sent_while_a_removal_has_a_number_but_is_not_inserted_stands_before_it(cluster: Cluster) -> None:
    ada, bob = Person(cluster.urls, "ada"), Person(cluster.urls, "bob")
    chat = ada.group(bob)
    with held(cluster, "append.before_insert", "web1", partial(remove, ada, chat, bob, 0), STAND) as answer:
        sent = bob.call("POST", "/api/messages", at=1, json=message(chat))
    assert answer.result().status_code == 204
    assert sent["seq"] < removal_in(log_of(cluster, chat))


@pytest.mark.parametrize("point", ["append.after_insert", "append.before_apply", "members.before_applied"])
def test_a_removal_that_is_inserted_but_not_applied_holds_already(cluster: Cluster, point: str) -> None:
    ada, bob, cleo = (Person(cluster.urls, name) for name in ("ada", "bob", "cleo"))
    chat = ada.group(bob, cleo)
    bob.call("POST", "/api/messages", at=1, json=message(chat))
    later = message(chat)
    with held(cluster, point, "web1", partial(remove, ada, chat, bob, 0)) as answer:
        assert bob.ask("POST", "/api/messages", at=1, json=message(chat)).status_code == 404
        cleo.call("POST", "/api/messages", at=1, json=later)
        log = f"/api/chats/{chat}/log?after=0"
        assert bob.ask("GET", log, at=1).status_code == 404
        assert later["text"] in cleo.ask("GET", log, at=1).text
    assert answer.result().status_code == 204
    assert written_outside(log_of(cluster, chat), bob.id) == []
