"""A member is removed while the chat is busy: nothing of all that they hold shows what is numbered later.

Not for: what they write (test_removal_races.py).
"""

import io
import random
import time
from collections.abc import Iterator, Sized
from dataclasses import dataclass, field
from functools import partial
from itertools import chain

import pytest
from PIL import Image

from tests.faults.belongings import Ask, Belongings, Ear, Judge, ask, listening, mark, message
from tests.faults.conftest import Often
from tests.faults.removal import held, log_of, meanwhile, removal_in, remove
from tests.faults.rig import Cluster
from tests.faults.senders import Person
from tests.running import wait_until

READERS = 3  # threads of the removed one's


@dataclass
class Answer:
    asked: Ask
    begin: float
    status: int
    text: str


@dataclass
class Party:
    """Ada owns the group, bob is removed from it, cleo stays. Bob and cleo listen."""

    ada: Person
    bob: Person
    cleo: Person
    his: Ear
    hers: Ear
    bobs_own: str  # a chat that he stays in
    pictures: list[str] = field(default_factory=list)

    def upload(self, picture: bytes) -> None:
        """For the next group."""
        self.pictures.append(self.ada.call("POST", "/api/media", files={"file": ("sky.png", picture)})["id"])

    def meet(self) -> Belongings:
        """A new group in which something has been said and shown."""
        picture = self.pictures.pop(0)
        wait_until(lambda: self.ada.call("GET", f"/api/media/{picture}")["state"] == "ready", "the picture is ready")
        chat = self.ada.group(self.bob, self.cleo)
        earlier = self.ada.call("POST", "/api/messages", json=message(chat, attachments=[picture]))["id"]
        mine = message(chat)
        sent = self.bob.call("POST", "/api/messages", json=mine)["id"]
        self.his.heard, self.hers.heard = [], []
        return Belongings(chat, earlier, picture, sent, mine)

    def all_told(self, chat: str) -> None:
        """Cleo hears the last of the chat, and then bob of his own."""
        for person, ear, where in ((self.ada, self.hers, chat), (self.bob, self.his, self.bobs_own)):
            last = message(where)
            person.call("POST", "/api/messages", json=last)
            wait_until(partial(ear.has_heard, last["text"]), "the last message is heard")


@pytest.fixture(scope="module")
def party(cluster: Cluster) -> Iterator[Party]:
    ada, bob, cleo = (Person(cluster.urls, name) for name in ("ada", "bob", "cleo"))
    with listening(bob) as his, listening(cleo) as hers:
        yield Party(ada, bob, cleo, his, hers, bob.group())


@pytest.fixture(scope="module")
def picture() -> bytes:
    """A small PNG."""
    data = io.BytesIO()
    Image.new("RGB", (16, 16), "skyblue").save(data, "PNG")
    return data.getvalue()


EMOJIS = "🍏🍐🍊🍋🍌🍉🍇🍓🍈🍒🍑🥭"


@dataclass
class Stir:
    """Somebody who stays, and does all that can be done: everything of it is to be seen by members only."""

    person: Person
    things: Belongings
    dice: random.Random
    said: list[str] = field(default_factory=list)
    done: list[int] = field(default_factory=list)  # statuses

    def once(self) -> None:
        answer = ask(self.person, self._something(), self.dice.randrange(2))
        assert answer.ok or answer.status_code == 503, answer.text
        if answer.status_code == 201:
            self.said.append(answer.json()["id"])
        self.done.append(answer.status_code)

    def _something(self) -> Ask:
        chat, new = self.things.chat, mark()
        choice = self.dice.randrange(6)
        target = self.dice.choice((self.things.earlier, self.things.mine))
        if choice == 0:
            return "PUT", f"/api/messages/{target}/reactions/{self.dice.choice(EMOJIS)}", {}
        if choice == 1 and self.said:
            path = f"/api/messages/{self.dice.choice(self.said)}"
            return "PATCH", path, {"json": {"text": new, "client_id": new}}
        if choice == 2 and len(self.said) > 1:
            return "DELETE", f"/api/messages/{self.said.pop()}", {}
        if choice == 3:
            return "POST", "/api/messages", {"json": message(chat, reply_to=target)}
        return "POST", "/api/messages", {"json": message(chat)}


class Owner(Stir):
    """Who made the group also renames it, and edits what was said before."""

    def _something(self) -> Ask:
        new = mark()
        choice = self.dice.randrange(4)
        if choice == 0:
            return "PATCH", f"/api/chats/{self.things.chat}", {"json": {"name": new}}
        if choice == 1:
            return "PATCH", f"/api/messages/{self.things.earlier}", {"json": {"text": new, "client_id": new}}
        return super()._something()


@dataclass
class Removed:
    """Asks for everything, and keeps every answer."""

    person: Person
    things: Belongings
    answers: list[Answer] = field(default_factory=list)

    def ask(self, asked: Ask, at: int) -> Answer:
        begin = time.monotonic()
        answer = ask(self.person, asked, at)
        text = answer.text if "image" not in answer.headers.get("Content-Type", "") else ""
        self.answers.append(Answer(asked, begin, answer.status_code, text))
        return self.answers[-1]

    def anything(self, dice: random.Random) -> None:
        things = self.things
        self.ask(dice.choice((*things.reads(), *things.writes(), *things.lists())), dice.randrange(2))

    def everything(self, at: int) -> tuple[list[Answer], list[Answer]]:
        """What answers members only, and what answers anybody."""
        things = self.things
        return [self.ask(each, at) for each in (*things.reads(), *things.writes())], [
            self.ask(each, at) for each in things.lists()
        ]


def longer(grown: Sized, than: int) -> bool:
    return len(grown) > than


def may_hear(ear: Ear, person: Person, channel: str) -> bool:
    return ear.authorize(person, channel).status_code == 200


@pytest.mark.timeout(1200)
def test_nothing_later_is_shown_to_who_is_removed_while_the_chat_is_busy(
    party: Party, cluster: Cluster, picture: bytes, often: Often, chance: random.Random
) -> None:
    party.upload(picture)
    for number in range(often(15, 200)):
        party.upload(picture)
        race(party, cluster, random.Random(chance.random()), number)


def race(party: Party, cluster: Cluster, dice: random.Random, number: int) -> None:
    if number % 50 == 49:  # tokens are good for 15 minutes
        for person in (party.ada, party.bob, party.cleo):
            person.sign_in()
    things = party.meet()
    removed = Removed(party.bob, things)
    for answer in chain(*removed.everything(number)):
        assert answer.status in (200, 201, 204), answer
    assert things.chat in removed.answers[-3].text
    removed_at = stir_and_remove(party, things, removed, dice)
    own, lists = removed.everything(number + 1)
    assert {answer.status for answer in own} == {404}
    assert {answer.status for answer in lists} == {200} and things.chat not in "".join(a.text for a in lists)
    assert things.chat in removed.ask(("POST", "/api/sync", {"json": {"chats": {things.chat: 1}}}), 0).text  # as gone
    for asked in things.reads():
        assert ask(party.cleo, asked, number).status_code == 200
    party.all_told(things.chat)
    entries = log_of(cluster, things.chat)
    judge = Judge(things.chat, entries, removal_in(entries))
    too_late = [(answer, judge.too_late(answer.text)) for answer in removed.answers]
    assert not [found for found in too_late if found[1]]
    assert not [(data, found) for _, data in party.his.heard if (found := judge.too_late(data))]
    assert any(judge.too_late(data) for _, data in party.hers.heard)
    chat_bound = {path for _, path, _ in (*things.reads(), *things.writes())}
    late = [answer for answer in removed.answers if answer.begin > removed_at and answer.asked[1] in chat_bound]
    assert {answer.status for answer in late} == {404}


def stir_and_remove(party: Party, things: Belongings, removed: Removed, dice: random.Random) -> float:
    """Returns when the removal was answered. Things go on for a while after it."""
    stirs = [kind(who, things, random.Random(dice.random())) for kind, who in ((Owner, party.ada), (Stir, party.cleo))]
    readers = [partial(removed.anything, random.Random(dice.random())) for _ in range(READERS)]
    with meanwhile(*(stir.once for stir in stirs), *readers):
        time.sleep(dice.uniform(0, 0.2))
        assert remove(party.ada, things.chat, party.bob, dice.randrange(2)).status_code == 204
        answered = time.monotonic()
        grows: list[Sized] = [*(stir.done for stir in stirs), removed.answers]
        for progress in grows:
            wait_until(partial(longer, progress, len(progress) + READERS), "all go on")
    return answered


def test_live_channels_are_ones_own(party: Party, cluster: Cluster, picture: bytes) -> None:
    party.upload(picture)
    things = party.meet()
    other = f"private-chat-{things.chat}-1"
    assert may_hear(party.his, party.bob, party.his.channel)
    remove(party.ada, things.chat, party.bob, 0)
    for channel in (party.hers.channel, other):
        assert not may_hear(party.his, party.bob, channel)


def test_who_is_removed_while_an_entry_is_on_its_way_hears_nothing_later(
    party: Party, cluster: Cluster, picture: bytes
) -> None:
    party.upload(picture)
    things = party.meet()
    party.all_told(things.chat)
    assert party.his.has_heard(things.chat)
    send = partial(party.ada.ask, "POST", "/api/messages", json=message(things.chat))
    with held(cluster, "fan_out.before_send", "worker", send) as sent:  # it knows by now who is to hear
        first, new = sent.result().json()["id"], mark()
        assert remove(party.ada, things.chat, party.bob, 1).status_code == 204
        party.ada.call("PATCH", f"/api/messages/{first}", json={"text": new, "client_id": new})
        party.ada.call("POST", "/api/messages", json=message(things.chat))
    party.all_told(things.chat)
    entries = log_of(cluster, things.chat)
    judge = Judge(things.chat, entries, removal_in(entries))
    assert not [found for _, data in party.his.heard if (found := judge.too_late(data))]
    assert any(judge.too_late(data) for _, data in party.hers.heard)


def test_a_picture_sent_after_the_removal_is_shown_to_members_only(
    party: Party, cluster: Cluster, picture: bytes
) -> None:
    party.upload(picture)
    party.upload(picture)
    things = party.meet()
    later = party.pictures.pop()
    links = [f"/api/media/{later}", f"/media/{later}/full", f"/media/{later}/thumb"]
    remove(party.ada, things.chat, party.bob, 0)
    party.ada.call("POST", "/api/messages", json=message(things.chat, attachments=[later]))
    wait_until(lambda: party.cleo.ask("GET", links[1]).ok, "the picture is shown")
    assert [party.cleo.ask("GET", link).status_code for link in links] == [200] * 3
    assert [party.bob.ask("GET", link).status_code for link in links] == [404] * 3
