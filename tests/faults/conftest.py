"""How long the fault tests go on and with which seed, and the table of what was survived.

`make test` runs each in its short form; `make faults SEED=7` runs them all in full.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass

import pytest

FULL = os.environ.get("FAULTS") == "full"
SEED = int(os.environ.get("SEED", "1"))
HEAD = ("", "kills", "acknowledged", "lost", "doubled", "misordered")

Often = Callable[[int, int], int]


@dataclass
class Survived:
    """A row of the table: what was done to whom, and what the history says of it."""

    what: str
    kills: int = 0
    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    misordered: int = 0


_rows: list[Survived] = []


@pytest.fixture
def survived() -> Callable[[Survived], None]:
    """Adds a row to the table that is printed at the end."""
    return _rows.append


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """The test's dice: the same numbers for the same SEED."""
    return random.Random(f"{SEED} {request.node.name}")


@pytest.fixture(scope="session")
def often() -> Often:
    """`often(3, 20)`: how many rounds; 3 in `make test`, 20 in `make faults`."""
    return lambda short, full: full if FULL else short


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not _rows:
        return
    terminalreporter.section(f"faults survived, SEED={SEED}")
    for row in (HEAD, *(vars(row).values() for row in _rows)):
        what, *figures = map(str, row)
        terminalreporter.write_line(f"{what:60}" + "".join(f"{figure:>14}" for figure in figures))
