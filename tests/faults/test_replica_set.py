"""Three mongods, and the machine that has the primary dies under load: no hole, nothing lost, nothing doubled."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.faults.conftest import Judge, Often, Survived
from tests.faults.history import LOST, History, gap_free
from tests.faults.replica_set import ReplicaSet, Stored
from tests.faults.senders import Load, Log, Person
from tests.running import wait_until

WITHOUT_PICTURES = ("valkey", "gateway", "worker", "beat", "web1", "web2")
# Calm enough that both writers often wait when the secondaries fall behind: who is busy then inserts nothing more.
SENDERS, PACE = 6, 6
CROWD = 7  # times so many are more than the web processes have threads
LAG = (0.2, 0.5)  # seconds; the secondaries go on to hear that the primary lives, so none is elected


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReplicaSet]:
    made = ReplicaSet(tmp_path_factory.mktemp("stores"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory, stores: ReplicaSet) -> Iterator[Stored]:
    with running(tmp_path_factory.mktemp("product"), stores, "wsgi:app") as made:
        yield made


@contextmanager
def running(folder: Path, stores: ReplicaSet, wsgi: str) -> Iterator[Stored]:
    """A product on these stores while the block runs, with this app in both web processes."""
    made = Stored(folder, stores, wsgi=wsgi)
    try:
        made.start(WITHOUT_PICTURES)
        yield made
    finally:
        made.close()


def speakers(product: Stored) -> list[tuple[Person, str]]:
    people = [Person(product.urls, f"speaker{number}") for number in range(SENDERS)]
    chat = people[0].group(*people[1:])
    return [(person, chat) for person in people]


def lose_a_machine(product: Stored, stores: ReplicaSet, load: Load, chance: random.Random) -> None:
    """The primary and web1 beside it die while both secondaries are a moment behind. Then they come back.

    web2, which lives on, comes late, so that what it reads last is what web1 has just written.
    """
    primary = stores.primary()
    assert primary
    product.pause("web2")
    with stores.cut_off(stores.others(primary)):
        time.sleep(chance.uniform(*LAG))
        product.resume("web2")
        time.sleep(chance.uniform(*LAG))
        stores.members[primary].kill()
        product.kill("web1")
    load.flow(SENDERS)  # two of three go on
    stores.members[primary].start()
    product.restart("web1")
    wait_until(stores.steady, "all three are there again", 120)
    load.flow(SENDERS)


@pytest.mark.timeout(900)
def test_the_primary_dies_under_load_and_the_log_has_no_hole(
    product: Stored, stores: ReplicaSet, log: Log, judge: Judge, often: Often, chance: random.Random
) -> None:
    kills = often(3, 20)
    with Load(log, speakers(product), each_per_second=PACE) as load:
        for _ in range(kills):
            lose_a_machine(product, stores, load, chance)
    wait_until(lambda: not product.untold(), "everything is told")
    history = History(tuple(log.attempts), tuple(product.dump()))
    judge("primary of three mongods killed, and a web process", 2 * kills, history)


@pytest.mark.timeout(300)
def test_without_a_majority_all_is_told_to_wait_and_goes_on_by_itself(
    product: Stored, stores: ReplicaSet, log: Log, judge: Judge
) -> None:
    with Load(log, speakers(product) * CROWD, each_per_second=1) as load:
        load.flow(SENDERS)
        gone = stores.others(stores.primary() or 0)[:2]
        for port in gone:
            stores.members[port].kill()
        wait_until(lambda: waiting(log) > SENDERS * CROWD, "as many are told to wait as there are")
        assert all(requests.get(f"{url}/healthz", timeout=20).ok for url in product.urls)
        for port in gone:
            stores.members[port].start()
        load.flow(SENDERS * CROWD)
    wait_until(lambda: not product.untold(), "everything is told")
    assert not [attempt for attempt in log.attempts if attempt.status == 0]  # all were answered, in time
    judge("two of three mongods killed", len(gone), History(tuple(log.attempts), tuple(product.dump())))


def waiting(log: Log) -> int:
    return sum(attempt.status == 503 for attempt in list(log.attempts))


@pytest.mark.timeout(900)
def test_with_a_local_top_read_the_same_deaths_leave_a_hole(
    stores: ReplicaSet,
    tmp_path: Path,
    log: Log,
    survived: Callable[[Survived], None],
    often: Often,
    chance: random.Random,
) -> None:
    most, rounds, found = often(0, 20), 0, []
    if not most:
        pytest.skip("the control is a part of `make faults`")
    with (
        running(tmp_path / "control", stores, "tests.faults.local_top:app") as control,
        Load(log, speakers(control), each_per_second=PACE) as load,
    ):
        while rounds < most and not found:
            rounds += 1
            lose_a_machine(control, stores, load, chance)
            found = [kind for kind, _ in gap_free(History((), tuple(control.dump()))) if kind == LOST]
    survived(Survived("CONTROL, tops read without a majority: has to lose", 2 * rounds, load.answered(), len(found)))
    assert found
