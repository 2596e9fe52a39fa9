"""The real services, each started once per test session and only when a test asks for it."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infitalks.local import mongod, services, valkey
from infitalks.local.ports import pick_port
from infitalks.local.process import Service, without_proxy
from tests.running import Running

WEB = "http://127.0.0.1:8000"

os.environ.update(without_proxy(os.environ))


@contextmanager
def started(service: Service, folder: Path) -> Iterator[Running]:
    """The service while the block runs."""
    running = Running(service, folder / f"{service.name}.log")
    try:
        yield running
    finally:
        running.kill()


@pytest.fixture(scope="session")
def services_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the session's services store and log."""
    return tmp_path_factory.mktemp("services")


@pytest.fixture(scope="session")
def mongod_process(services_folder: Path) -> Iterator[Running]:
    """The session's mongod; a fault test that kills it has to start it again."""
    with started(mongod.mongod(pick_port(), services_folder / "mongod"), services_folder) as running:
        yield running


@pytest.fixture(scope="session")
def redis_process(services_folder: Path) -> Iterator[Running]:
    """The session's Valkey or Redis; a fault test that kills it has to start it again."""
    with started(valkey.valkey(pick_port(), services_folder / "redis"), services_folder) as running:
        yield running


@pytest.fixture(scope="session")
def mongodb_uri(mongod_process: Running) -> str:
    """A real replica set of one."""
    return mongod.mongodb_uri(_port(mongod_process))


@pytest.fixture(scope="session")
def redis_url(redis_process: Running) -> str:
    """A real Valkey or Redis."""
    return valkey.redis_url(_port(redis_process))


@pytest.fixture(scope="session")
def pusher_environ() -> dict[str, str]:
    """PUSHER_* of the gateway that the `gateway_process` fixture starts; without it nobody answers there."""
    return {
        "PUSHER_APP_ID": str(secrets.randbelow(10**8)),
        "PUSHER_KEY": secrets.token_hex(10),
        "PUSHER_SECRET": secrets.token_hex(10),
        "PUSHER_HOST": "127.0.0.1",
        "PUSHER_PORT": str(pick_port()),
        "PUSHER_TLS": "false",
    }


@pytest.fixture(scope="session")
def gateway_process(pusher_environ: dict[str, str], services_folder: Path) -> Iterator[Running]:
    """The session's gateway."""
    port = int(pusher_environ["PUSHER_PORT"])
    with started(services.gateway("127.0.0.1", port, WEB, pusher_environ), services_folder) as running:
        yield running


@pytest.fixture(scope="session")
def cloudinary_url() -> str:
    """CLOUDINARY_URL of a service that the `media_process` fixture would start."""
    return services.cloudinary_url(secrets.token_hex(8), secrets.token_hex(16), pick_port())


@pytest.fixture(scope="session")
def media_process(cloudinary_url: str, services_folder: Path) -> Iterator[Running]:
    """The session's media service."""
    port = int(cloudinary_url.rpartition(":")[2])
    service = services.media(port, services_folder / "media", {"CLOUDINARY_URL": cloudinary_url})
    with started(service, services_folder) as running:
        yield running


@pytest.fixture(scope="session")
def stores_environ(
    mongodb_uri: str, redis_url: str, pusher_environ: dict[str, str], cloudinary_url: str
) -> dict[str, str]:
    """Environment of a Settings with real databases. Gateway and media service are named, but may not run."""
    return {
        "INFITALKS_MODE": "test",
        "SECRET_KEY": secrets.token_urlsafe(48),
        "PUBLIC_URL": WEB,
        "MONGODB_URI": mongodb_uri,
        "REDIS_URL": redis_url,
        "CLOUDINARY_URL": cloudinary_url,
        **pusher_environ,
    }


@pytest.fixture(scope="session")
def services_environ(
    stores_environ: dict[str, str], gateway_process: Running, media_process: Running
) -> dict[str, str]:
    """As stores_environ, with gateway and media service running."""
    return stores_environ


def _port(running: Running) -> int:
    argv = running.service.argv
    return int(argv[argv.index("--port") + 1])
