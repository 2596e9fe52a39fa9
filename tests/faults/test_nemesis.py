"""Whatever is killed or held, in whatever order: nothing that was answered is lost, doubled or out of order."""

import random
from collections import Counter

import pytest

from tests.faults.conftest import PATIENCE, Judge, Often
from tests.faults.nemesis import VICTIMS, plan, torment
from tests.faults.rig import Cluster
from tests.faults.scene import Scene
from tests.faults.senders import Log


@pytest.mark.timeout(PATIENCE)
def test_random_kills_and_pauses_under_load_harm_nothing(
    cluster: Cluster, log: Log, chance: random.Random, often: Often, judge: Judge
) -> None:
    scene, kills = Scene(cluster, log, chats=4), often(12, 204)
    with scene.talk(patience=often(60, 10)):
        torment(cluster, plan(chance, kills))
    alone = len(cluster.ended_alone)
    what = f"any of the six killed, and held now and then, under load; {alone} ended alone"
    judge(what, kills, scene.history(), scene.pages_after)


def test_the_nemesis_spares_nobody_and_a_seed_tells_its_plan() -> None:
    drawn = plan(random.Random(7), 60)
    killed = Counter(deed.victim.rstrip("12") for deed in drawn if deed.fault == "kill")
    assert killed == dict.fromkeys(VICTIMS, 10)
    assert drawn == plan(random.Random(7), 60) != plan(random.Random(8), 60)
