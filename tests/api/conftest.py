"""The real app on real databases, and the people who call it."""

import io
import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from flask import Flask
from PIL import Image
from websockets.sync.client import connect

from infitalks.actions import migrations
from infitalks.app import create_app
from infitalks.backends import http, realtime
from infitalks.local.ports import pick_port
from infitalks.settings import load_settings
from tests.api.listening import Page
from tests.api.providing import set_to
from tests.conftest import started
from tests.hooks import Hook
from tests.people import Person
from tests.providers import Forger, Visitor, forging, issuer, mock_provider
from tests.receivers import Receiver, receiving
from tests.running import Running

_forgers = itertools.count(1)


@pytest.fixture(scope="session")
def app(stores_environ: dict[str, str]) -> Iterator[Flask]:
    """The app on a database of its own."""
    app = create_app(load_settings({**stores_environ, "INFITALKS_RATE_LIMITS": "off", "MONGODB_DATABASE": "api"}))
    migrations.upgrade()
    yield app


@pytest.fixture
def person(app: Flask) -> Callable[[str], Person]:
    """`person("ada")` signs somebody up."""
    return lambda name: Person(app.test_client(), name)


@pytest.fixture
def ada(person: Callable[[str], Person]) -> Person:
    return person("ada")


@pytest.fixture
def bob(person: Callable[[str], Person]) -> Person:
    return person("bob")


@pytest.fixture
def eve(person: Callable[[str], Person]) -> Person:
    """Somebody who is in none of the others' chats."""
    return person("eve")


@pytest.fixture
def picture() -> bytes:
    """A small PNG."""
    data = io.BytesIO()
    Image.new("RGB", (64, 48), "skyblue").save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def page(gateway_process: Running, pusher_environ: dict[str, str]) -> Iterator[Callable[[Person], Page]]:
    """`page(ada)` opens one."""
    address = f"ws://127.0.0.1:{pusher_environ['PUSHER_PORT']}/app/{pusher_environ['PUSHER_KEY']}?protocol=7"

    with ExitStack() as opened:
        yield lambda person: Page(opened.enter_context(connect(address, proxy=None)), person)


@pytest.fixture(scope="session")
def provider(services_folder: Path) -> Iterator[str]:
    """The mock provider's issuer."""
    port = pick_port()
    with started(mock_provider(port), services_folder):
        yield issuer(port)


@pytest.fixture
def site(app: Flask, stores_environ: dict[str, str], provider: str) -> Iterator[Flask]:
    """The app, with the mock provider."""
    with set_to(app, stores_environ, provider):
        yield app


@pytest.fixture
def forger(app: Flask, stores_environ: dict[str, str]) -> Iterator[Forger]:
    """A provider that forges; the app uses it."""
    with forging() as forger, set_to(app, stores_environ, forger.address):
        number = next(_forgers)
        forger.subject = f"mallory-{number}"
        forger.about["email"] = f"mallory-{number}@example.org"
        yield forger


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app.test_client())


@pytest.fixture
def no_gateway(app: Flask, stores_environ: dict[str, str]) -> Iterator[None]:
    """Nobody listens where live events are sent to."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    realtime.configure(load_settings({**stores_environ, "PUSHER_PORT": str(closed)}))
    yield
    realtime.configure(load_settings(stores_environ))


@pytest.fixture
def loopback(app: Flask, stores_environ: dict[str, str]) -> Iterator[None]:
    """Webhooks may be sent to receivers on this machine."""
    http.configure(load_settings({**stores_environ, "INFITALKS_EGRESS_ALLOW": "127.0.0.0/8"}))
    yield
    http.configure(load_settings(stores_environ))


@pytest.fixture
def receiver(loopback: None) -> Iterator[Receiver]:
    """One that takes all that it is sent."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def hook(app: Flask, ada: Person) -> Hook:
    """An incoming webhook of a group of its own."""
    return Hook(app, ada, ada.group())


@pytest.fixture(scope="module")
def quiet(app: Flask) -> Hook:
    """One whose chat stays as it is, since nothing that it gets is taken."""
    owner = Person(app.test_client(), "ada")
    return Hook(app, owner, owner.group())
