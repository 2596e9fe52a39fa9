"""The usual scene of a fault test: three people talk in some chats, and each chat is open on a page.

Not for: what happens to the processes meanwhile; that is the test's own part.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.history import History
from tests.faults.pages import Pages
from tests.faults.rig import Cluster
from tests.faults.senders import Load, Log, Person
from tests.running import wait_until

SENDERS, EACH_PER_SECOND = 10, 5.0


class Scene:
    """People, their chats and open pages on a cluster that serves."""

    def __init__(self, cluster: Cluster, log: Log, chats: int = 2) -> None:
        self.cluster, self.log = cluster, log
        self.people = [Person(cluster.urls, name) for name in ("ada", "bob", "cyd")]
        self.chats = [self.people[0].group(*self.people[1:]) for _ in range(chats)]
        self.pages_after = 0.0  # in how many seconds of everything being up again all pages were complete

    @contextmanager
    def talk(self, patience: float = 60) -> Iterator[Load]:
        """Everybody talks, 50 messages a second in all, while the block runs.

        It has to leave the cluster healthy. Then all are answered, and all pages complete within `patience` seconds.
        """
        with self.look() as pages:
            with Load(self.log, self._speakers(), EACH_PER_SECOND) as load:
                yield load
            self.pages_after = pages.wait_complete(self.cluster.tops(), patience, since=load.ended)
            wait_until(lambda: self._supervised() and not self.cluster.untold(), "everything is told")
            self._stories = pages.stories()

    def _supervised(self) -> bool:
        """What ended by itself is started again, as `run` does."""
        return all([self.cluster.serves(name) for name in self.cluster.running])

    def look(self) -> Pages:
        """A page on each chat."""
        return Pages([(self.people[number % 3], chat) for number, chat in enumerate(self.chats)])

    def history(self) -> History:
        """All that was said, shown at the end of the last talk, and stored."""
        return History(tuple(self.log.attempts), tuple(self.cluster.dump()), self._stories)

    def _speakers(self) -> list[tuple[Person, str]]:
        return [(self.people[number % 3], self.chats[number % len(self.chats)]) for number in range(SENDERS)]
