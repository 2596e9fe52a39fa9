"""The network between the processes and their stores fails in every way that the proxy knows, while people send."""

import random
import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.conftest import PATIENCE, Judge, Often
from tests.faults.proxy import Proxy
from tests.faults.rig import Cluster
from tests.faults.scene import Scene
from tests.faults.senders import Log

pytestmark = pytest.mark.timeout(PATIENCE)

FAULTS: tuple[Callable[[Proxy, random.Random], None], ...] = (
    lambda proxy, chance: proxy.refuse(),
    lambda proxy, chance: proxy.blackhole(),
    lambda proxy, chance: proxy.delay(chance.uniform(20, 200), 20),
    lambda proxy, chance: proxy.cut_after(chance.randrange(5000)),
    lambda proxy, chance: proxy.drop_reply(chance.randint(1, 20)),
    lambda proxy, chance: proxy.half_open(),
)
PLACES = ("mongod", "valkey", "gateway")
# A worker whose connection to Redis is half open ends and is started again (tests/backends/test_queue.py):
# too slow to be drawn at random.
DEEDS = [(name, fault) for name in PLACES for fault in FAULTS if (name, fault) != ("valkey", FAULTS[-1])]


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose stores and gateway are reached through fault proxies only."""
    made = Cluster(tmp_path_factory.mktemp("far"), proxied=PLACES)
    try:
        made.start()
        yield made
    finally:
        made.close()


def test_a_network_that_fails_in_every_way_under_load_harms_nothing(
    far: Cluster, log: Log, chance: random.Random, often: Often, judge: Judge
) -> None:
    scene, deeds = Scene(far, log), chance.sample(DEEDS * 3, often(6, 3 * len(DEEDS)))
    with scene.talk(often(60, 30)) as load:
        for name, fault in deeds:
            fault(far.proxies[name], chance)
            time.sleep(chance.uniform(0.1, 1))
            far.proxies[name].pass_on()
            load.flow(5)
    judge(f"{len(deeds)} faults of the network", 0, scene.history(), scene.pages_after)


def test_what_was_stored_and_not_heard_is_answered_when_it_is_sent_again(
    far: Cluster, log: Log, often: Often, judge: Judge
) -> None:
    scene, count = Scene(far, log), often(3, 30)
    with scene.talk(often(60, 30)) as load:
        for _ in range(count):
            far.proxies["mongod"].drop_reply(1, to=b"client_id")
            load.flow(20)
    assert {attempt.status for attempt in log.attempts if attempt.status != 201} <= {200, 503}
    judge(f"{count} answers of mongod lost after the commit", 0, scene.history(), scene.pages_after)
