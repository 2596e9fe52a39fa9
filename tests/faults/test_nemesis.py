"""Whatever is killed or held, in whatever order: nothing that was answered is lost, doubled or out of order."""

import random
from collections import Counter

import pytest

from tests.faults.conftest import FULL, Judge, Often
from tests.faults.history import History
from tests.faults.nemesis import VICTIMS, plan, torment
from tests.faults.pages import Pages
from tests.faults.rig import Cluster
from tests.faults.senders import Load, Log, Person
from tests.running import wait_until

CHATS, SENDERS, EACH_PER_SECOND = 4, 10, 5


@pytest.mark.timeout(1800 if FULL else 120)
def test_random_kills_and_pauses_under_load_harm_nothing(
    cluster: Cluster, log: Log, chance: random.Random, often: Often, judge: Judge
) -> None:
    people = [Person(cluster.urls, name) for name in ("ada", "bob", "cyd")]
    chats = [people[0].group(*people[1:]) for _ in range(CHATS)]
    speakers = [(people[number % 3], chats[number % CHATS]) for number in range(SENDERS)]
    kills = often(12, 204)
    with Pages([(people[number % 3], chat) for number, chat in enumerate(chats)]) as pages:
        with Load(log, speakers, EACH_PER_SECOND):
            torment(cluster, plan(chance, kills))
        seconds = pages.wait_complete(cluster.tops(), often(60, 10))
        wait_until(lambda: not cluster.untold(), "everything is told")
        history = History(tuple(log.attempts), tuple(cluster.dump()), pages.stories())
    judge("random kills, and pauses among them, under load", kills, history, seconds)


def test_the_nemesis_spares_nobody_and_a_seed_tells_its_plan() -> None:
    drawn = plan(random.Random(7), 60)
    killed = Counter(deed.victim.rstrip("12") for deed in drawn if deed.fault == "kill")
    assert killed == dict.fromkeys(VICTIMS, 10)
    assert drawn == plan(random.Random(7), 60) != plan(random.Random(8), 60)
