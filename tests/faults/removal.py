"""How the removal tests take a member out: at any moment, or at an exact point of what they do.

Not for: what then has to hold.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import requests
from bson import ObjectId

from tests.faults.rig import Cluster, Doc
from tests.faults.senders import Person
from tests.running import wait_until


@contextmanager
def meanwhile(*works: Callable[[], object]) -> Iterator[None]:
    """Does each of `works` again and again, each in a thread of its own, until the block ends, and at least once."""
    over = threading.Event()

    def go_on(work: Callable[[], object]) -> None:
        work()
        while not over.is_set():
            work()

    with ThreadPoolExecutor(len(works)) as pool:
        going = [pool.submit(go_on, work) for work in works]
        try:
            yield
        finally:
            over.set()
    for work in going:
        work.result()


@contextmanager
def held(
    cluster: Cluster, point: str, who: str, work: Callable[[], requests.Response], order: str = "stop"
) -> Iterator[Future[requests.Response]]:
    """`work` makes the process `who` pass this point, where it stands still until the block ends.

    A process is stopped as soon as one of its threads gets the signal, which need not be the one at the point: where
    that one must not get a step further, the order is a `sleep` that is longer than the block.
    """
    cluster.failpoint(point, order)
    with ThreadPoolExecutor(1) as pool:
        try:
            working = pool.submit(work)
            wait_until(partial(cluster.passed, point), f"{who} comes to {point}")
            yield working
        finally:
            (cluster.failpoints / point).unlink(missing_ok=True)
            cluster.resume(who)


def log_of(cluster: Cluster, chat: str) -> list[Doc]:
    with cluster.database() as found:
        return list(found["log"].find({"chat": ObjectId(chat)}).sort("seq", 1))


def removal_in(entries: list[Doc]) -> int:
    (removal,) = [entry["seq"] for entry in entries if entry.get("action") == "removed"]
    return int(removal)


def remove(owner: Person, chat: str, member: Person, at: int) -> requests.Response:
    """The answer, once it is no "send again"."""
    path = f"/api/chats/{chat}/members/{member.id}"
    while (answer := owner.ask("DELETE", path, at=at)).status_code == 503:
        pass
    return answer
