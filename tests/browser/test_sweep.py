"""What Redis loses, beat and the sweep find again: Redis is a doorbell, never the record."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
from pymongo import MongoClient
from pymongo.database import Database

from tests.browser.visitors import Visitor
from tests.running import wait_until
from tests.whole import WholeRun


@pytest.fixture
def ports(whole: WholeRun) -> dict[str, int]:
    return json.loads((Path(whole.environ["INFITALKS_DATA"]) / "ports.json").read_text())


@pytest.fixture
def database(ports: dict[str, int]) -> Iterator[Database[dict[str, Any]]]:
    """The run's own, read and written from outside."""
    with MongoClient[dict[str, Any]](f"mongodb://127.0.0.1:{ports['mongod']}") as client:
        yield client["infitalks"]


def test_an_entry_whose_bell_was_lost_is_told_all_the_same(
    ada: Visitor, chat: str, database: Database[dict[str, Any]], ports: dict[str, int]
) -> None:
    ada.say("heard by nobody")
    ada.sees("heard by nobody")
    told = {"text": "heard by nobody", "out.state": "done"}
    wait_until(lambda: database["log"].find_one(told), "the message is told")

    redis.Redis(port=ports["redis"]).flushall()
    late = {"out.state": "new", "out.due": datetime.now(UTC) - timedelta(seconds=10)}
    database["log"].update_one({"text": "heard by nobody"}, {"$set": late})
    wait_until(lambda: database["log"].find_one(told), f"the sweep has found the entry of {chat}")
