"""A worker that cannot hear its queue any more ends, to be started again."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import redis

ROOT = Path(__file__).parents[2]
DEAF = """
import os, sys
from infitalks.backends import queue
from infitalks.settings import load_settings

queue.DEAF_SECONDS = 3
queue.configure(load_settings(os.environ))
begun = iter(range(10**9))
TAKEN = {"idle": lambda: (0, 7), "busy": lambda: (1, 7), "quick": lambda: (0, next(begun))}
queue.end_when_deaf(["ears"], TAKEN[sys.argv[1]])
"""


@pytest.mark.parametrize(
    ("state", "waiting", "ends"),
    [("idle", 1, True), ("busy", 1, False), ("quick", 1, False), ("idle", 0, False)],
    ids=["a task waits and is not taken", "it is busy", "it takes many that are quickly done", "nothing waits"],
)
def test_a_deaf_worker_ends(
    stores_environ: dict[str, str], redis_url: str, state: str, waiting: int, ends: bool
) -> None:
    with redis.Redis.from_url(redis_url) as broker:
        broker.delete("ears")
        for _ in range(waiting):
            broker.lpush("ears", "task")
        with subprocess.Popen((sys.executable, "-c", DEAF, state), env=stores_environ, cwd=ROOT) as process:
            with suppress(subprocess.TimeoutExpired):
                process.wait(40 if ends else 7)
            assert process.poll() == (1 if ends else None)
            process.kill()
        broker.delete("ears")
