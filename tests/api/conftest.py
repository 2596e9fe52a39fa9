"""The real app on real databases, and the people who call it."""

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from flask import Flask
from PIL import Image
from websockets.sync.client import connect

from infitalks.actions import migrations
from infitalks.app import create_app
from infitalks.settings import load_settings
from tests.api.listening import Page
from tests.people import Person
from tests.running import Running


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
