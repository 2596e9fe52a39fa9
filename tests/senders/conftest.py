"""The app on a socket, for senders that are programs of their own."""

import threading
from collections.abc import Iterator

import pytest
from flask import Flask
from werkzeug.serving import make_server

from tests.api.conftest import ada, app, hook, loopback, person, receiver

__all__ = ["ada", "app", "hook", "loopback", "person", "receiver"]


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where the app listens."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()
