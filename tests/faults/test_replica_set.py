"""Three mongods, and the machine that has the primary dies under load: no hole, nothing lost, nothing doubled."""

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.conftest import Judge, Often, Survived
from tests.faults.history import LOST, History, gap_free
from tests.faults.replica_set import ReplicaSet, Stored
from tests.faults.senders import Load, Log, Person
from tests.running import wait_until

WITHOUT_PICTURES = ("valkey", "gateway", "worker", "beat", "web1", "web2")
SENDERS, CHATS, PACE = 6, 2, 20
LAG = (0.05, 0.4)  # seconds by which the secondaries are behind when the primary dies; they elect after 1

Product = Callable[[str], Stored]


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[ReplicaSet]:
    made = ReplicaSet(tmp_path)
    yield made
    made.close()


@pytest.fixture
def product(tmp_path: Path, stores: ReplicaSet) -> Iterator[Product]:
    """`product("wsgi:app")`: it runs, with this app in both web processes."""
    made: list[Stored] = []

    def start(wsgi: str) -> Stored:
        made.append(Stored(tmp_path / "product", stores, wsgi=wsgi))
        made[0].start(WITHOUT_PICTURES)
        return made[0]

    yield start
    for each in made:
        each.close()


def speakers(product: Stored) -> list[tuple[Person, str]]:
    people = [Person(product.urls, f"speaker{number}") for number in range(SENDERS)]
    chats = [people[0].group(*people[1:]) for _ in range(CHATS)]
    return [(person, chats[number % CHATS]) for number, person in enumerate(people)]


def lose_a_machine(product: Stored, stores: ReplicaSet, load: Load, chance: random.Random) -> None:
    """The primary and a web process beside it die, while both secondaries are a moment behind. Then they come back."""
    primary = stores.primary()
    assert primary
    with stores.cut_off(stores.others(primary)):
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
    product: Product, stores: ReplicaSet, log: Log, judge: Judge, often: Often, chance: random.Random
) -> None:
    running, kills = product("wsgi:app"), often(3, 20)
    with Load(log, speakers(running), each_per_second=PACE) as load:
        for _ in range(kills):
            lose_a_machine(running, stores, load, chance)
    wait_until(lambda: not running.untold(), "everything is told")
    history = History(tuple(log.attempts), tuple(running.dump()))
    judge("primary of three mongods killed, and a web process", 2 * kills, history)


@pytest.mark.timeout(900)
def test_with_a_local_top_read_the_same_deaths_leave_a_hole(
    product: Product,
    stores: ReplicaSet,
    log: Log,
    survived: Callable[[Survived], None],
    often: Often,
    chance: random.Random,
) -> None:
    most, rounds, found = often(0, 20), 0, []
    if not most:
        pytest.skip("the control is a part of `make faults`")
    running = product("tests.faults.local_top:app")
    with Load(log, speakers(running), each_per_second=PACE) as load:
        while rounds < most and not found:
            rounds += 1
            lose_a_machine(running, stores, load, chance)
            found = [kind for kind, _ in gap_free(History((), tuple(running.dump()))) if kind == LOST]
    survived(Survived("CONTROL, tops read without a majority: has to lose", 2 * rounds, load.answered(), len(found)))
    assert found
