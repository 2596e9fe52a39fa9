"""Ports of the local services: picked once, kept in the data folder, so that open pages survive a restart.

Not for: the web server's port, which is a setting.
"""

import errno
import json
import random
import socket
from collections.abc import Iterable
from pathlib import Path

from infitalks.local.process import ServiceError

# Below what the system gives to outgoing connections: one could sit on a kept port at the next start.
FIRST, LAST = 20000, 29999


def is_free(host: str, port: int) -> bool:
    """True where a server could listen there now. Raises ServiceError where none ever could."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise ServiceError(f"cannot listen on {host}, port {port}: {error.strerror}") from None
            return False
        return True


def pick_port(taken: Iterable[int] = (), host: str = "127.0.0.1") -> int:
    """A free port outside `taken`."""
    choices = set(range(FIRST, LAST + 1)) - set(taken)
    for port in random.sample(sorted(choices), len(choices)):
        if is_free(host, port):
            return port
    raise ServiceError(f"no free port between {FIRST} and {LAST}")


def kept_ports(file: Path, names: Iterable[str]) -> dict[str, int]:
    """The port of each name, the same at every call with the same file."""
    ports: dict[str, int] = json.loads(file.read_text()) if file.exists() else {}
    for name in names:
        if name not in ports:
            ports[name] = pick_port(ports.values())
    file.write_text(json.dumps(ports, indent=1) + "\n")
    return {name: ports[name] for name in names}
