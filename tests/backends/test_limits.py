"""How many are served at once: others wait while there is movement, and hear at once where there is none."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from infitalks.backends.limits import Bulkhead
from infitalks.errors import Unavailable


def test_who_finds_all_places_stuck_is_refused_and_served_again_when_one_is_free() -> None:
    bulkhead = Bulkhead(2, 0.05)
    stuck = [bulkhead.enter() for _ in range(2)]
    for _ in range(2):
        with pytest.raises(Unavailable) as refused:
            bulkhead.enter()
        assert refused.value.retry_after
    bulkhead.leave(stuck[0])
    assert bulkhead.enter() is not stuck[0]
    with pytest.raises(Unavailable):
        bulkhead.enter()


def test_who_waits_gets_the_place_that_becomes_free() -> None:
    bulkhead = Bulkhead(1, 60)
    first, waiting = bulkhead.enter(), Event()

    def wait() -> object:
        waiting.set()
        return bulkhead.enter()

    with ThreadPoolExecutor(1) as pool:
        second = pool.submit(wait)
        assert waiting.wait(10) and not second.done()
        bulkhead.leave(first)
        bulkhead.leave(second.result(10))
    bulkhead.leave(first)  # again is harmless
    assert bulkhead.enter()


def test_many_get_through_few_places() -> None:
    bulkhead, inside, most = Bulkhead(3, 60), list[int](), list[int]()

    def work(number: int) -> int:
        place = bulkhead.enter()
        inside.append(number)
        most.append(len(inside))
        inside.remove(number)
        bulkhead.leave(place)
        return number

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(work, range(500))) == list(range(500))
    assert max(most) <= 3
