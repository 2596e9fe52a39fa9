"""A whole product of real processes, each of which a fault test can kill, hold and start by name.

Not for: who uses it meanwhile (senders.py, pages.py), nor what has to hold afterwards (history.py).
"""

import re
import secrets
import subprocess
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.database import Database

from infitalks.backends.queue import QUEUES
from infitalks.local import mongod, services, valkey
from infitalks.local.ports import pick_port
from infitalks.local.process import Service, always, popen_options
from tests.faults.proxy import Proxy
from tests.running import Running, wait_until

STORES = ("mongod", "valkey", "media")
WEBS = ("web1", "web2")
NAMES = (*STORES, "gateway", "worker", "beat", *WEBS)
DATABASE = "infitalks"
# Who may end by itself, to be started again: what it said last names a store that it could not reach, or hears no more.
MAY_END = ("worker", "beat", *WEBS)
GOOD_CAUSE = re.compile(
    r"tasks wait in Redis and none is taken"
    r"|(redis|kombu|pymongo)\.(exceptions|errors)\."
    r"(ConnectionError|TimeoutError|OperationalError|AutoReconnect|NetworkTimeout|ServerSelectionTimeoutError)"
)
LAST_WORDS = 20  # lines

Doc = dict[str, Any]


class Cluster:
    """Two web processes and all that they need. Those named in `proxied` are reached through a fault proxy only.

    Use it from the main thread: the kernel ends a process with the thread that started it.
    """

    def __init__(
        self, folder: Path, *, proxied: Collection[str] = (), wsgi: str = "wsgi:app", flush_ms: int = 0
    ) -> None:
        """`wsgi`: another app for both webs. `flush_ms`: how seldom mongod journals unasked (0: its default)."""
        self.folder, self.wsgi, self.flush_ms = folder, wsgi, flush_ms
        self.ended_alone: list[str] = []  # who ended, for a good cause, without having been told to
        self.failpoints = folder / "failpoints"
        self.failpoints.mkdir(parents=True)
        self.ports: dict[str, int] = {}
        for name in NAMES:
            self.ports[name] = pick_port(self.ports.values())
        self.proxies = {name: Proxy(self.ports[name]) for name in proxied}
        self.urls = [self.url(name) for name in WEBS]
        self.env = self._environment()
        self.services = {name: make() for name, make in self._makers().items()}
        self.running: dict[str, Running] = {}

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def reached_at(self, name: str) -> int:
        """The port at which the others find it."""
        return self.proxies[name].port if name in self.proxies else self.ports[name]

    def _environment(self) -> dict[str, str]:
        # A direct connection: told of the replica set's member, the driver would go round a proxy.
        database = f"mongodb://127.0.0.1:{self.reached_at('mongod')}/{DATABASE}?directConnection=true"
        cloudinary = services.cloudinary_url(secrets.token_hex(8), secrets.token_hex(16), self.ports["media"])
        return {
            "INFITALKS_MODE": "test",
            "INFITALKS_RATE_LIMITS": "off",  # all of the senders come from one address
            "INFITALKS_FAILPOINTS": str(self.failpoints),
            "INFITALKS_DATA": str(self.folder / "of-no-use"),
            "SECRET_KEY": secrets.token_urlsafe(48),
            "PUBLIC_URL": self.url("web1"),
            "MONGODB_URI": database,
            "REDIS_URL": valkey.redis_url(self.reached_at("valkey")),
            "PUSHER_APP_ID": "4711",
            "PUSHER_KEY": secrets.token_hex(10),
            "PUSHER_SECRET": secrets.token_hex(10),
            "PUSHER_HOST": "127.0.0.1",
            "PUSHER_PORT": str(self.reached_at("gateway")),
            "PUSHER_TLS": "false",
            "CLOUDINARY_URL": cloudinary,
            "PYTHONUNBUFFERED": "1",
        }

    def _makers(self) -> dict[str, Callable[[], Service]]:
        ports, env = self.ports, self.env
        queues = ",".join(sorted(set(QUEUES.values())))
        return {
            "mongod": self._mongod,
            "valkey": lambda: valkey.valkey(ports["valkey"], self.folder / "valkey"),
            "media": lambda: services.media(ports["media"], self.folder / "media", env),
            "gateway": lambda: services.gateway("127.0.0.1", ports["gateway"], self.url("web1"), env),
            "worker": lambda: services.worker("worker", queues, 2, env),
            "beat": lambda: services.beat(self.folder / "beat", env),
            "web1": lambda: self._web(ports["web1"]),
            "web2": lambda: self._web(ports["web2"]),
        }

    def _mongod(self) -> Service:
        service = mongod.mongod(self.ports["mongod"], self.folder / "mongod")
        more = ("--journalCommitInterval", str(self.flush_ms)) if self.flush_ms else ()
        return replace(service, argv=(*service.argv, *more))

    def _web(self, port: int) -> Service:
        service = services.web("127.0.0.1", port, self.env)
        return replace(service, argv=(*service.argv[:-1], self.wsgi))

    def start(self, names: Collection[str] = NAMES) -> None:
        """Start these, with the database's form made in between, and return when they serve."""
        stores = [name for name in names if name in STORES]
        for group in (stores, [name for name in names if name not in STORES]):
            for name in group:
                self.launch(name)
            self.wait_healthy()
            if group is stores:
                self.upgrade()

    def upgrade(self) -> None:
        """Make the indexes. mongod has to be there."""
        service = services.upgrade(self.env)
        subprocess.run(service.argv, check=True, capture_output=True, **popen_options(service))

    def launch(self, name: str) -> None:
        """Start it, for the first time or again, without waiting until it is ready."""
        if name in self.running:
            self.running[name].start()
        else:
            at_once = replace(self.services[name], ready=always, ready_line="")
            self.running[name] = Running(at_once, self.folder / f"{name}.log")

    def kill(self, name: str) -> None:
        """kill -9 of it and its children."""
        self.running[name].kill()

    def stop(self, name: str) -> None:
        """The orderly stop."""
        self.running[name].stop()

    def pause(self, name: str) -> None:
        """SIGSTOP: it hangs until resume()."""
        self.running[name].pause()

    def resume(self, name: str) -> None:
        self.running[name].resume()

    def restart(self, name: str) -> None:
        """Start what was killed or ended by itself; returns when it is ready."""
        self.running[name].kill()
        self.launch(name)
        self.wait_healthy(name)

    def ended(self, name: str) -> bool:
        """True where it runs no more."""
        return self.running[name].process.poll() is not None

    def healthy(self, name: str) -> bool:
        """True where it runs and serves."""
        service, running = self.services[name], self.running[name]
        return not self.ended(name) and service.ready_line in running.output() and service.ready()

    def wait_healthy(self, *names: str, seconds: float = 60) -> None:
        """Return when these (all that were started) serve, after being started again where they ended by themselves."""
        for name in names or self.running:
            wait_until(partial(self.serves, name), f"{name} serves", seconds)

    def serves(self, name: str) -> bool:
        """The same as healthy(), but what ended by itself is started again, as `run` does.

        Raises AssertionError where it had no good cause to end."""
        if self.ended(name):
            self._restart_ended(name)
        return self.healthy(name)

    def _restart_ended(self, name: str) -> None:
        """As the supervisor would: the rest of its group goes first."""
        last_words = "\n".join(self.running[name].output().splitlines()[-LAST_WORDS:])
        assert name in MAY_END and GOOD_CAUSE.search(last_words), f"{name} ended by itself: {last_words}"
        self.ended_alone.append(name)
        self.running[name].kill()
        self.launch(name)

    def failpoint(self, name: str, order: str) -> None:
        """Let the next process that passes this point obey an order of infitalks/failpoints.py."""
        written = self.folder / f"order.{name}"
        written.write_text(order)
        written.rename(self.failpoints / name)  # whole, or not there

    def release(self, name: str) -> None:
        """Whoever holds at this point goes on."""
        for taken in self.failpoints.glob(f"{name}.*"):
            taken.unlink()

    def passed(self, name: str) -> bool:
        """True once a process has taken the order."""
        return not (self.failpoints / name).exists()

    @contextmanager
    def database(self) -> Iterator[Database[Doc]]:
        """MongoDB itself, past any proxy."""
        client: MongoClient[Doc]
        with MongoClient("127.0.0.1", self.ports["mongod"], directConnection=True, tz_aware=True) as client:
            yield client[DATABASE]

    def dump(self) -> list[Doc]:
        """All logs: every entry of every chat, by chat and seq."""
        with self.database() as found:
            return list(found["log"].find().sort([("chat", 1), ("seq", 1)]))

    def tops(self) -> dict[str, int]:
        """Each chat's newest number."""
        with self.database() as found:
            groups = found["log"].aggregate([{"$group": {"_id": "$chat", "top": {"$max": "$seq"}}}])
            return {str(group["_id"]): group["top"] for group in groups}

    def untold(self) -> int:
        """How many entries still wait to be told."""
        with self.database() as found:
            return found["log"].count_documents({"out.state": "new"})

    def output(self, name: str) -> str:
        """What it printed in all its lives."""
        return (self.folder / f"{name}.log").read_text(errors="replace")

    def close(self) -> None:
        """End everything."""
        for running in self.running.values():
            running.kill()
        for proxy in self.proxies.values():
            proxy.close()
