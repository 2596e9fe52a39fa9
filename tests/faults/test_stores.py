"""A store is killed, hangs or forgets while people send. The control shows that loss would be found.

MongoDB away: everybody is told to come again. Redis away: no send notices.
"""

import math
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median, quantiles

import pytest
import redis
import requests

from tests.faults.conftest import FULL, PATIENCE, Judge, Often, Survive, row_of
from tests.faults.history import LOST, Attempt, History, violations
from tests.faults.rig import WEBS, Cluster
from tests.faults.scene import Scene
from tests.faults.senders import Load, Log, Person, send
from tests.running import wait_until

MOST_NOISE = 1.5  # the factor that a machine which others use as well is granted at most
CROWD = 40  # of requests to each web process, which has 16 threads

pytestmark = pytest.mark.timeout(PATIENCE)


def test_mongod_killed_again_and_again_loses_nothing_that_was_answered(
    cluster: Cluster, log: Log, chance: random.Random, often: Often, judge: Judge
) -> None:
    scene, kills = Scene(cluster, log), often(3, 10)
    with scene.talk(often(60, 10)) as load:
        for _ in range(kills):
            load.flow(30)
            cluster.kill("mongod")
            time.sleep(chance.uniform(0.2, often(1, 5)))
            cluster.restart("mongod")
        load.flow(30)
    judge("mongod killed under load", kills, scene.history(), scene.pages_after)


def test_a_mongod_that_hangs_gets_503_and_leaves_threads_for_others(
    cluster: Cluster, log: Log, often: Often, judge: Judge
) -> None:
    scene = Scene(cluster, log)
    ask = partial(scene.people[0].ask, "GET", "/api/chats")
    with scene.talk(often(60, 10)) as load, ThreadPoolExecutor(2 * CROWD) as crowd:
        load.flow(30)
        begin, before = time.monotonic(), len(log.attempts)
        cluster.pause("mongod")
        try:
            asked = [crowd.submit(ask, at=number) for number in range(2 * CROWD)]
            wait_until(partial(told_to_wait, log, before), "senders are told to come again", 30)
            for name in WEBS:
                assert requests.get(f"{cluster.url(name)}/healthz", timeout=2).ok
            time.sleep(max(0.0, begin + 10 - time.monotonic()))
        finally:
            cluster.resume("mongod")
        load.flow(30)
        answers = [answer.result() for answer in asked]
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert sum(bool(answer.headers.get("Retry-After")) for answer in answers) >= CROWD
    judge("mongod hung for 10 s under load", 0, scene.history(), scene.pages_after)


def told_to_wait(log: Log, since: int) -> bool:
    return any(attempt.status == 503 and attempt.retry_after for attempt in log.attempts[since:])


def test_the_control_with_unjournaled_writes_is_seen_to_lose_messages(
    tmp_path: Path, log: Log, survived: Survive
) -> None:
    cluster = Cluster(tmp_path / "cluster", wsgi="tests.faults.unjournaled:app", flush_ms=500)
    try:
        cluster.start(("mongod", "valkey", *WEBS))  # a worker's journaled writes would carry ours along
        people = [Person(cluster.urls, name) for name in ("ada", "bob")]
        chats = [people[0].group(people[1]) for _ in range(4)]
        found, kills = [], 0
        while kills < 5 and not any(each.kind == LOST for each in found):
            with Load(log, [(people[0], chat) for chat in chats], 100) as load:
                load.flow(200)
                cluster.kill("mongod")
                kills += 1
                cluster.restart("mongod")
            history = History(tuple(log.attempts), tuple(cluster.dump()))
            found = violations(history)
        survived(row_of("CONTROL: mongod killed, writes not journaled", kills, history))
        assert any(each.kind == LOST for each in found)
    finally:
        cluster.close()


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_without_redis_sends_are_answered_as_ever_and_all_arrives_afterwards(
    fault: str, cluster: Cluster, log: Log, often: Often, judge: Judge
) -> None:
    scene, seconds = Scene(cluster, log), often(6, 20)
    take, give = (cluster.kill, cluster.launch) if fault == "kill" else (cluster.pause, cluster.resume)
    begins = []
    with scene.talk(often(60, 10)) as load:
        load.flow(50)
        for act, lasts in ((cluster.healthy, often(2, 20)), (take, seconds), (give, often(2, 20))):
            act("valkey")
            begins.append(time.monotonic())
            time.sleep(lasts)
        cluster.wait_healthy()
    take("valkey")
    say_last_words(scene)
    give("valkey")
    wait_until(lambda: not cluster.untold(), "the last words are told")
    spans = [seconds_of(between(log, *times)) for times in pairwise((*begins, math.inf))]
    before, without, after = map(p95, spans)
    noise = median(spans[2]) / median(spans[0])  # how much slower the machine was in the end than at first
    assert all(attempt.status == 201 for attempt in log.attempts)
    figures = f"p95 {before:.0f}, {without:.0f}, {after:.0f} ms before, without, after; noise {noise:.2f}"
    judge(f"valkey {fault}, {seconds} s: {figures}", 2 * (fault == "kill"), scene.history(), scene.pages_after)
    if FULL:
        assert without <= 2 * before * min(max(noise, 1), MOST_NOISE), figures


def say_last_words(scene: Scene) -> None:
    """No later message rings a bell for these."""
    for chat in scene.chats:
        scene.log.add(send(scene.people[0], chat, "last", "anybody there?"))


def test_a_redis_that_forgets_everything_loses_nothing(cluster: Cluster, log: Log, often: Often, judge: Judge) -> None:
    scene, times = Scene(cluster, log), often(5, 50)
    with scene.talk(often(60, 10)) as load, redis.Redis(port=cluster.ports["valkey"]) as broker:
        for _ in range(times):
            load.flow(20)
            broker.flushall()
    assert all(attempt.status == 201 for attempt in log.attempts)
    judge(f"FLUSHALL, {times} times under load", 0, scene.history(), scene.pages_after)


def between(log: Log, start: float, end: float) -> list[Attempt]:
    """What was begun in that time."""
    return [attempt for attempt in log.attempts if start <= attempt.begin < end]


def seconds_of(attempts: Sequence[Attempt]) -> list[float]:
    """How long each took."""
    return [attempt.end - attempt.begin for attempt in attempts]


def p95(seconds: Sequence[float]) -> float:
    """Milliseconds within which 95 of 100 were answered."""
    return quantiles(seconds, n=20)[-1] * 1000
