"""Whatever is killed or held, in whatever order: nothing that was answered is lost, doubled or out of order."""

import os
import random
import signal
from collections import Counter

import pytest

from tests.faults.conftest import PATIENCE, Judge, Often
from tests.faults.nemesis import VICTIMS, plan, torment
from tests.faults.rig import Cluster
from tests.faults.scene import Scene
from tests.faults.senders import Log
from tests.running import wait_until

LEAST = 10  # acknowledged messages for each kill: 35 are usual where two cores do all of it


@pytest.mark.timeout(PATIENCE)
def test_random_kills_and_pauses_under_load_harm_nothing(
    cluster: Cluster, log: Log, chance: random.Random, often: Often, judge: Judge
) -> None:
    scene, kills = Scene(cluster, log, chats=4), often(12, 204)
    with scene.talk(patience=often(60, 10)) as load:
        torment(cluster, plan(chance, kills))
        answered = load.answered()
    alone = len(cluster.ended_alone)
    what = f"any of the six killed, and held now and then, under load; {alone} ended alone"
    judge(what, kills, scene.history(), scene.pages_after)
    assert answered >= LEAST * kills, "hardly anything was answered meanwhile"


def test_a_process_that_ends_for_no_good_cause_is_not_started_again(cluster: Cluster) -> None:
    before = list(cluster.ended_alone)
    os.killpg(cluster.running["beat"].process.pid, signal.SIGKILL)  # nobody told the rig
    wait_until(lambda: cluster.ended("beat"), "beat ended")
    with pytest.raises(AssertionError, match="beat ended by itself"):
        cluster.wait_healthy()
    assert cluster.ended("beat") and cluster.ended_alone == before
    cluster.restart("beat")


def test_the_nemesis_spares_nobody_and_a_seed_tells_its_plan() -> None:
    drawn = plan(random.Random(7), 60)
    killed = Counter(deed.victim.rstrip("12") for deed in drawn if deed.fault == "kill")
    assert killed == dict.fromkeys(VICTIMS, 10)
    assert drawn == plan(random.Random(7), 60) != plan(random.Random(8), 60)
