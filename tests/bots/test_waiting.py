"""Bots that wait for something to happen: they are told when it does, and take no place from those who work."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from bson import ObjectId
from flask import Flask

from infitalks.app import MOST_AT_ONCE
from infitalks.blueprints.bots import MOST_WAITING, bench
from infitalks.schemas.bots import LONGEST_WAIT
from tests.bots.listener import Bot, texts
from tests.people import Person
from tests.running import wait_until

Waits = list["Future[Any]"]


@contextmanager
def waiting(*robots: Bot) -> Iterator[Waits]:
    """All of them wait while the block runs."""
    with ThreadPoolExecutor(len(robots)) as pool:
        waits = [pool.submit(robot.heard, wait=LONGEST_WAIT) for robot in robots]
        try:
            ids = {ObjectId(robot.id) for robot in robots}
            wait_until(lambda: ids <= bench.called.keys(), "all wait")
            yield waits
        finally:
            for called in list(bench.called.values()):
                called.set()


def test_who_waits_hears_of_it_when_it_happens(ada: Person, robot: Bot) -> None:
    chat = ada.group()
    robot.join(chat)
    robot.hear()
    with waiting(robot) as (wait,):
        assert not wait.done()
        ada.say(chat, "now")
        assert texts(wait.result(timeout=10)["events"]) == ["now"]
    assert bench.called == {}


def test_a_wait_comes_to_its_end(robot: Bot) -> None:
    assert robot.heard(wait=1) == {"events": [], "cursor": robot.cursor}


def test_where_all_places_are_taken_one_is_answered_at_once(ada: Person, bot: Callable[[], Bot]) -> None:
    chat = ada.group()
    *robots, late = [bot() for _ in range(MOST_WAITING + 1)]
    late.join(chat)
    with waiting(*robots) as waits:
        assert texts(late.heard(wait=LONGEST_WAIT)["events"]) == []
        late.hear()
        assert late.heard(wait=LONGEST_WAIT) == {"events": [], "cursor": late.cursor}
        ada.say(chat, "it is heard all the same")
        assert texts(late.heard(wait=LONGEST_WAIT)["events"]) == ["it is heard all the same"]
        assert not any(wait.done() for wait in waits)


def test_a_bot_that_comes_again_ends_its_earlier_wait(robot: Bot) -> None:
    with waiting(robot) as (earlier,), ThreadPoolExecutor(1) as pool:
        again = pool.submit(robot.heard, wait=LONGEST_WAIT)
        assert earlier.result(timeout=10) == {"events": [], "cursor": robot.cursor}
        assert not again.done()
        wait_until(lambda: bench.called, "the later one has the place")
        for called in list(bench.called.values()):
            called.set()


def test_who_waits_leaves_the_places_of_those_who_work_free(app: Flask, bot: Callable[[], Bot]) -> None:
    at_work = app.extensions["at_work"]
    with waiting(*(bot() for _ in range(MOST_WAITING))) as waits:
        for place in [at_work.enter() for _ in range(MOST_AT_ONCE)]:  # Unavailable, where they hold one
            at_work.leave(place)
        assert not any(wait.done() for wait in waits)
