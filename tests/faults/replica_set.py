"""Three mongods that elect a primary among them, and a product that stores there.

Not for: what is done to them, nor what has to hold afterwards (test_replica_set.py).
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from pymongo import MongoClient
from pymongo.database import Database
from pymongo.errors import PyMongoError

from infitalks.local import mongod
from infitalks.local.ports import pick_port
from infitalks.local.process import always
from tests.faults.rig import DATABASE, Cluster, Doc
from tests.running import Running, wait_until

MEMBERS = 3
ELECTION_MS, HEARTBEAT_MS = 1000, 200  # by default ten times as long, and so would the tests be


class ReplicaSet:
    """Three members on loopback. To be used from the main thread, as Running is."""

    def __init__(self, folder: Path) -> None:
        self.ports: list[int] = []
        for _ in range(MEMBERS):
            self.ports.append(pick_port(self.ports))
        self.members: dict[int, Running] = {}
        for port in self.ports:
            service = mongod.mongod(port, folder / f"member-{port}")
            # A checkpoint each second, as a member replays and rolls back what is newer. Test commands for `cut_off`.
            argv = (*service.argv, "--syncdelay", "1", "--setParameter", "enableTestCommands=1")
            # Its own readiness means a set of one.
            self.members[port] = Running(replace(service, argv=argv, ready=always), folder / f"member-{port}.log")
        self._form()
        wait_until(self.primary, "a first primary is elected")

    @property
    def uri(self) -> str:
        """How the application reaches whoever is primary."""
        return f"mongodb://{','.join(f'127.0.0.1:{port}' for port in self.ports)}/?replicaSet={mongod.REPLICA_SET}"

    def _form(self) -> None:
        members = [{"_id": number, "host": f"127.0.0.1:{port}"} for number, port in enumerate(self.ports)]
        settings = {"electionTimeoutMillis": ELECTION_MS, "heartbeatIntervalMillis": HEARTBEAT_MS}
        for port in self.ports:
            wait_until(partial(hello, port), f"member {port} answers")
        config = {"_id": mongod.REPLICA_SET, "members": members, "settings": settings}
        with to_member(self.ports[0]) as client:
            client.admin.command("replSetInitiate", config)

    def primary(self) -> int | None:
        """The port of the member that takes writes; None while there is none."""
        return next((port for port in self.ports if (hello(port) or {}).get("isWritablePrimary")), None)

    def others(self, port: int) -> list[int]:
        return [other for other in self.ports if other != port]

    @contextmanager
    def cut_off(self, ports: Iterable[int]) -> Iterator[None]:
        """Meanwhile these members hear that the primary lives, but get nothing of what is written there.

        Not by SIGSTOP: what the primary sends would wait in their sockets and be there after all.
        """
        cut = list(ports)
        for port in cut:
            _set_failpoint(port, "alwaysOn")
        yield
        for port in cut:
            _set_failpoint(port, "off")

    def steady(self) -> bool:
        """True where a write reaches all three: one that calls itself a secondary may yet have to roll back."""
        client: MongoClient[Doc] = MongoClient(self.uri, w=MEMBERS, wTimeoutMS=1000, serverSelectionTimeoutMS=500)
        with client, suppress(PyMongoError):
            client["steady"]["writes"].insert_one({})
            return True
        return False

    def close(self) -> None:
        for member in self.members.values():
            member.kill()


class Stored(Cluster):
    """The product with its log on these three."""

    def __init__(self, folder: Path, stores: ReplicaSet, *, wsgi: str) -> None:
        self._uri = stores.uri
        super().__init__(folder, wsgi=wsgi)

    def _environment(self) -> dict[str, str]:
        return {**super()._environment(), "MONGODB_URI": self._uri, "MONGODB_DATABASE": DATABASE}

    @contextmanager
    def database(self) -> Iterator[Database[Doc]]:
        """What a majority has."""
        client: MongoClient[Doc]
        with MongoClient(self._uri, readConcernLevel="majority", tz_aware=True) as client:
            yield client[DATABASE]


def to_member(port: int) -> MongoClient[Doc]:
    """Straight to this member, be it primary or not."""
    return MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500, tz_aware=True)


def _set_failpoint(port: int, mode: str) -> None:
    with to_member(port) as client:
        client.admin.command("configureFailPoint", "stopReplProducer", mode=mode)


def hello(port: int) -> Doc | None:
    """What the member says of itself; None where it does not answer."""
    try:
        with to_member(port) as client:
            return dict(client.admin.command("hello"))
    except PyMongoError:
        return None
