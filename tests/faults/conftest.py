"""How long the fault tests go on and with which seed, and the table of what was survived.

`make test` runs each in its short form; `make faults SEED=7` runs them all in full.
"""

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.faults.history import DOUBLED, LOST, MISORDERED, History, violations
from tests.faults.rig import Cluster
from tests.faults.senders import Log

FULL = os.environ.get("FAULTS") == "full"
SEED = int(os.environ.get("SEED", "1"))
PATIENCE = 1800 if FULL else 240  # seconds for one test
SURVIVED = "survived"
HEAD = ("", "kills", "acknowledged", "lost", "doubled", "misordered", "pages after")

Often = Callable[[int, int], int]
Judge = Callable[..., None]


@dataclass
class Survived:
    """A row of the table: what was done to whom, and what the history says of it."""

    what: str
    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    misordered: int = 0
    pages_after: str = ""  # how long after everything was up again all pages were complete


Survive = Callable[[Survived], None]


@pytest.fixture
def survived(request: pytest.FixtureRequest) -> Survive:
    """Adds a row to the table that is printed at the end."""
    # A property of the test, since that travels with its report where tests run in several processes.
    return lambda row: request.node.user_properties.append((SURVIVED, astuple(row)))


def row_of(what: str, kills: int, history: History, pages_after: float | None = None) -> Survived:
    """The table's row for a history. `pages_after`: the seconds that the pages took after everything was up again."""
    kinds = Counter(each.kind for each in violations(history))
    acknowledged = len({attempt.key for attempt in history.attempts if attempt.acknowledged})
    seconds = "" if pages_after is None else f"{pages_after:.1f} s"
    return Survived(what, kills, acknowledged, kinds[LOST], kinds[DOUBLED], kinds[MISORDERED], seconds)


@pytest.fixture
def judge(survived: Survive) -> Judge:
    """`judge(what was done, kills, history, pages_after)`: adds the row, and fails where a rule of history.py is
    broken."""

    def pass_judgement(what: str, kills: int, history: History, pages_after: float | None = None) -> None:
        survived(row_of(what, kills, history, pages_after))
        found = violations(history)
        assert not found, f"{len(found)} violations\n" + "\n".join(map(str, found[:20]))

    return pass_judgement


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A whole product for the tests of a module, which leave it healthy."""
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    """The attempts of a test."""
    kept = Log(tmp_path / "attempts.jsonl")
    yield kept
    kept.close()


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """The test's dice: the same numbers for the same SEED."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def often() -> Often:
    """`often(3, 20)`: how many rounds; 3 in `make test`, 20 in `make faults`."""
    return lambda short, full: full if FULL else short


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    rows = [row for report in _reports(terminalreporter) for name, row in report.user_properties if name == SURVIVED]
    if not rows:
        return
    terminalreporter.section(f"faults survived, SEED={SEED}")
    for row in (HEAD, *rows):
        what, *figures = map(str, row)
        terminalreporter.write_line(f"{what:76}" + "".join(f"{figure:>13}" for figure in figures))


def _reports(terminalreporter: pytest.TerminalReporter) -> list[Any]:
    outcomes = (terminalreporter.stats.get(name, []) for name in ("passed", "failed"))
    return [report for reports in outcomes for report in reports if report.when == "call"]
