"""Everything at once: all processes die within a second, come back in any order, or are restarted one by one."""

import random
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
import requests

from tests.faults.conftest import PATIENCE, Judge, Often
from tests.faults.rig import NAMES, WEBS, Cluster
from tests.faults.scene import Scene
from tests.faults.senders import Log, send
from tests.running import wait_until

pytestmark = pytest.mark.timeout(PATIENCE)

PRODUCT = ("web1", "worker", "gateway", "beat", "web2")


def test_everything_dies_within_a_second_and_comes_back_in_any_order(
    cluster: Cluster, log: Log, chance: random.Random, often: Often, judge: Judge
) -> None:
    scene, rounds = Scene(cluster, log), often(1, 5)
    with scene.talk(often(60, 10)) as load:
        for _ in range(rounds):
            load.flow(50)
            for name in chance.sample(NAMES, len(NAMES)):
                time.sleep(chance.uniform(0, 1 / len(NAMES)))
                cluster.kill(name)
            for name in chance.sample(NAMES, len(NAMES)):
                time.sleep(chance.uniform(0, 0.3))
                cluster.launch(name)
            cluster.wait_healthy()
    judge("all processes killed within a second", rounds * len(NAMES), scene.history(), scene.pages_after)


def test_processes_started_before_what_they_need_come_up_by_themselves(tmp_path: Path, log: Log, judge: Judge) -> None:
    cluster = Cluster(tmp_path / "cluster")
    try:
        for name in PRODUCT:
            cluster.launch(name)
        for name in WEBS:
            wait_until(partial(cluster.healthy, name), f"{name} answers")
            assert not is_ready(cluster, name)
        for name in ("media", "valkey", "mongod"):
            cluster.launch(name)
        cluster.wait_healthy()
        assert not cluster.ended_alone
        cluster.upgrade()
        for name in WEBS:
            wait_until(partial(is_ready, cluster, name), f"{name} is ready")
        scene = Scene(cluster, log)
        with scene.talk() as load:
            load.flow(50)
        judge("started before the stores", 0, scene.history(), scene.pages_after)
    finally:
        cluster.close()


def is_ready(cluster: Cluster, name: str) -> bool:
    """Whether a balancer would send requests there."""
    status = requests.get(f"{cluster.url(name)}/readyz", timeout=10).status_code
    assert status in (200, 503)
    return status == 200


def test_a_rolling_restart_under_load_fails_no_send(cluster: Cluster, log: Log, often: Often, judge: Judge) -> None:
    scene, restarts = Scene(cluster, log), often(3, 10)
    with scene.talk(often(60, 10)) as load:
        for name in (PRODUCT * restarts)[:restarts]:
            load.flow(20)
            cluster.stop(name)
            cluster.launch(name)
            cluster.wait_healthy(name)
        load.flow(20)
    assert not [attempt for attempt in log.attempts if attempt.status >= 500]
    judge(f"{restarts} processes restarted in order, one by one", 0, scene.history(), scene.pages_after)


def test_a_web_process_that_is_told_to_stop_answers_what_it_has_begun(cluster: Cluster, log: Log) -> None:
    scene = Scene(cluster, log, chats=1)
    cluster.failpoint("append.after_insert", "sleep 1")
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(send, scene.people[0], scene.chats[0], "begun", "begun before the end", at=0)
        wait_until(lambda: cluster.passed("append.after_insert"), "it is stored and not answered")
        cluster.stop("web1")
        assert begun.result().status == 201
    cluster.restart("web1")
