"""What a maintenance task is, and the turns in which it is done: batch after batch, so that a turn may end anywhere.

Not for: the tasks themselves (upkeep.py, retention.py, repair.py, inspection.py), nor when they run (maintenance.py).
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bson import ObjectId
from pymongo.collection import Collection

from infitalks.models.database import Doc
from infitalks.models.log import chat_after

AT_ONCE = 200  # in one batch
MOST_LINES = 200

Counts = dict[str, int]


@dataclass
class Turn:
    """`after` is what the last whole batch yielded, in this turn or an earlier one; None at the very beginning."""

    dry_run: bool
    after: Any = None
    counts: Counter[str] = field(default_factory=Counter)
    lines: list[str] = field(default_factory=list)
    total: int | None = None
    seen: int = 0

    def count(self, **numbers: int) -> None:
        """Add to the counts; an underscore stands for a space."""
        for name, number in numbers.items():
            self.counts[name.replace("_", " ")] += number

    def say(self, line: str) -> None:
        """Keep a finding, up to a number that a page can show."""
        if len(self.lines) < MOST_LINES:
            self.lines.append(line)
        elif len(self.lines) == MOST_LINES:
            self.lines.append("… and more: see the counts.")

    def batches(
        self, collection: Collection[Doc], query: Doc, shown: Doc, hint: str | None = None, at_once: int = AT_ONCE
    ) -> Iterator[Any]:
        """All that match, in batches by _id. Whoever was killed goes on behind the last whole one."""
        by: dict[str, Any] = {"hint": hint} if hint else {}
        if self.total is None:
            self.total = collection.count_documents(query, **by)
        after = self.after
        while found := list(collection.find(_behind(query, after), shown).sort("_id").limit(at_once).hint(hint)):
            self.seen += len(found)
            yield found
            after = found[-1]["_id"]

    def chats(self) -> Iterator[ObjectId]:
        """Every chat that has a log, behind `after`."""
        while (chat_id := chat_after(self.after)) is not None:
            self.seen += 1
            yield chat_id
            self.after = chat_id


def _behind(query: Doc, after: Any) -> Doc:
    return query if after is None else {"$and": [query, {"_id": {"$gt": after}}]}


@dataclass(frozen=True)
class Task:
    """`work(turn)` does one batch after the other and yields, after each, where it has come to. With `turn.dry_run`
    it changes nothing. A batch that was done before, or in half, may be done again."""

    name: str
    summary: str
    work: Callable[[Turn], Iterator[Any]]
    takes_away: bool = False  # something that cannot be had back
    daily: bool = False  # unless an admin chose otherwise
