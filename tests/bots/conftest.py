"""Bots that call the real app on real databases."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.api.conftest import ada, app, bob, eve, person
from tests.api.test_removal import meanwhile
from tests.bots.listener import Bot
from tests.people import Person

__all__ = ["ada", "app", "bob", "eve", "meanwhile", "person"]


@pytest.fixture
def bot(app: Flask, ada: Person) -> Callable[[], Bot]:
    """`bot()` is a new one of ada's, in no chat."""
    return lambda: Bot(app, ada)


@pytest.fixture
def robot(bot: Callable[[], Bot]) -> Bot:
    return bot()
