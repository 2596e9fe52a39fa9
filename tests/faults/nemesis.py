"""Who suffers what and when, drawn from dice: with the same seed the same plan. Not for: judging what comes of it."""

import random
import time
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from typing import Literal

from tests.faults.rig import WEBS, Cluster
from tests.running import wait_until

VICTIMS = ("web", "worker", "beat", "gateway", "valkey", "mongod")
PAUSES = 0.25  # how many of them for each kill


@dataclass(frozen=True)
class Deed:
    """Something that happens to a process. Both times are in seconds."""

    victim: str
    fault: Literal["kill", "pause"]
    after: float  # since the deed before
    lasts: float  # until it is started again, or goes on


def plan(chance: random.Random, kills: int) -> list[Deed]:
    """So many kills, as many of each victim, in any order, and pauses among them."""
    victims = [VICTIMS[number % len(VICTIMS)] for number in range(kills)]
    chance.shuffle(victims)
    deeds = []
    for victim in victims:
        deeds.append(_deed(chance, victim, "kill"))
        if chance.random() < PAUSES:
            deeds.append(_deed(chance, chance.choice(VICTIMS), "pause"))
    return deeds


def _deed(chance: random.Random, victim: str, fault: Literal["kill", "pause"]) -> Deed:
    name = chance.choice(WEBS) if victim == "web" else victim
    longest = 4.0 if chance.random() < 0.1 else 1.5
    return Deed(name, fault, after=chance.uniform(0, 0.8), lasts=chance.uniform(0, longest))


def torment(cluster: Cluster, deeds: list[Deed]) -> None:
    """Do all that, each to a process that serves, whatever state the others are in. Returns when all serve again."""
    ends: list[tuple[float, str, str]] = []
    for deed in deeds:
        _wait(cluster, ends, time.monotonic() + deed.after)
        wait_until(partial(_serves, cluster, ends, deed.victim), f"{deed.victim} serves", 60)
        (cluster.kill if deed.fault == "kill" else cluster.pause)(deed.victim)
        heappush(ends, (time.monotonic() + deed.lasts, deed.victim, deed.fault))
    while ends:
        _wait(cluster, ends, ends[0][0])
    cluster.wait_healthy()


def _wait(cluster: Cluster, ends: list[tuple[float, str, str]], until: float) -> None:
    """Let time pass, and end what is to be ended meanwhile."""
    while ends and ends[0][0] <= until:
        at, victim, fault = heappop(ends)
        time.sleep(max(0.0, at - time.monotonic()))
        (cluster.launch if fault == "kill" else cluster.resume)(victim)
    time.sleep(max(0.0, until - time.monotonic()))


def _serves(cluster: Cluster, ends: list[tuple[float, str, str]], victim: str) -> bool:
    _wait(cluster, ends, time.monotonic())
    return victim not in (name for _, name, _ in ends) and cluster.serves(victim)
