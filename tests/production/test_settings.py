"""What a production run refuses to start with, and in which words; what it checks of its database."""

import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from mongoengine import connection
from pymongo import MongoClient

from infitalks import failpoints
from infitalks.actions import migrations
from infitalks.app import require_journal
from infitalks.errors import Unavailable
from infitalks.local import mongod
from infitalks.local.ports import pick_port
from infitalks.local.process import Service
from infitalks.models.database import check_journal, connect_database, disconnect_database
from infitalks.settings import Settings, SettingsError, check_complete, load_settings
from tests.conftest import started

SECRET = "Xk3vQ9pLr7TzWm2bNc8dHs5fJy4gAe6u"  # 32 characters, as a generator makes them
DEPLOY = Path(__file__).parents[2] / "docs" / "deploy.md"

GOOD = {
    "SECRET_KEY": SECRET,
    "PUBLIC_URL": "https://chat.example.org",
    "MONGODB_URI": "mongodb+srv://user:password@cluster0.example.net/?retryWrites=true&w=majority",
    "REDIS_URL": "rediss://default:password@redis.example.net:6380/0",
    "PUSHER_APP_ID": "1234567",
    "PUSHER_KEY": "key",
    "PUSHER_SECRET": "secret of pusher",
    "PUSHER_CLUSTER": "eu",
    "CLOUDINARY_URL": "cloudinary://123:abc@cloud",
}


def start_with(**changes: str | None) -> None:
    """Load and check the good settings, changed; a change to None leaves the variable out."""
    environ = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    check_complete(load_settings(environ))


def test_complete_settings_are_taken_and_production_is_the_default() -> None:
    start_with()
    assert load_settings(GOOD).mode == "production"


@pytest.mark.parametrize("name", [name for name in GOOD if name != "PUSHER_CLUSTER"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(name: str, value: str | None) -> None:
    with pytest.raises(SettingsError, match=rf"not set: {name}\b"):
        start_with(**{name: value})


def test_all_missing_variables_are_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        check_complete(load_settings({}))
    assert all(name in str(refused.value) for name in GOOD)


def test_pusher_needs_a_cluster_or_a_host() -> None:
    with pytest.raises(SettingsError, match="PUSHER_CLUSTER or PUSHER_HOST"):
        start_with(PUSHER_CLUSTER=None)
    start_with(PUSHER_CLUSTER=None, PUSHER_HOST="live.example.org")


@pytest.mark.parametrize(
    "secret", ["change-me", "secret", "dev", "short-but-random-Xk3vQ9pLr7T", "a" * 64, "password" * 8, SECRET[:31]]
)
def test_a_sample_or_short_secret_is_refused(secret: str) -> None:
    with pytest.raises(SettingsError, match="SECRET_KEY"):
        start_with(SECRET_KEY=secret)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FLASK_DEBUG", "1"),
        ("FLASK_DEBUG", "true"),
        ("INFITALKS_RATE_LIMITS", "off"),
        ("MONGODB_URI", "mongodb://db.example.net/?journal=false"),
        ("MONGODB_URI", "mongodb://a.example.net,b.example.net/chat?replicaSet=rs0&Journal=False"),
        ("MONGODB_URI", "mongodb://db.example.net/?j=false"),
        ("MONGODB_URI", "mongodb://db.example.net/?w=0"),
        ("INFITALKS_FAILPOINTS", "faults"),
    ],
)
def test_what_is_unsafe_is_refused_in_production_alone(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        start_with(**{name: value})
    start_with(**{name: value}, INFITALKS_MODE="test")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("INFITALKS_MODE", "prod"),
        ("INFITALKS_PORT", "eighty"),
        ("INFITALKS_PORT", "65536"),
        ("PROXY_HOPS", "-1"),
        ("PROXY_HOPS", "many"),
        ("PUSHER_PORT", "0"),
        ("PUSHER_TLS", "perhaps"),
        ("PUSHER_APP_ID", "app"),
        ("FLASK_DEBUG", "perhaps"),
        ("INFITALKS_RATE_LIMITS", "no"),
        ("PUBLIC_URL", "chat.example.org"),
        ("PUBLIC_URL", "ftp://chat.example.org"),
        ("PUBLIC_URL", "https://example.org/chat"),
        ("MONGODB_URI", "db.example.net:27017"),
    ],
)
def test_a_value_of_the_wrong_form_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        start_with(**{name: value})


def test_a_provider_without_its_issuer_is_refused() -> None:
    with pytest.raises(SettingsError, match="OIDC_ISSUER"):
        start_with(OIDC_CLIENT_ID="client")


def test_failpoints_exist_in_test_mode_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    real, here = time.sleep, threading.current_thread()
    # The driver's threads sleep, too.
    monkeypatch.setattr(
        "time.sleep", lambda seconds: slept.append(seconds) if threading.current_thread() is here else real(seconds)
    )
    order = tmp_path / "append.before_insert"
    for mode in ("production", "local"):
        with pytest.raises(SettingsError, match="INFITALKS_FAILPOINTS"):
            start_with(INFITALKS_MODE=mode, INFITALKS_FAILPOINTS=str(tmp_path))
        # Not even where nobody checked the settings.
        failpoints.configure(load_settings({"INFITALKS_MODE": mode, "INFITALKS_FAILPOINTS": str(tmp_path)}))
        order.write_text("sleep 7")
        failpoints.failpoint(order.name)
        assert order.exists() and slept == []
    failpoints.configure(load_settings({"INFITALKS_MODE": "test", "INFITALKS_FAILPOINTS": str(tmp_path)}))
    for _ in range(2):
        failpoints.failpoint(order.name)
    assert not order.exists() and slept == [7.0]
    failpoints.configure(load_settings({}))


def test_the_page_on_deploying_names_every_variable() -> None:
    named = set(re.findall(r"`([A-Z_]+)`", DEPLOY.read_text()))
    known = {str(field.alias) for field in load_settings({}).__class__.model_fields.values()}
    assert known - named == set()


# The database


def production(uri: str) -> Any:
    return load_settings({**GOOD, "MONGODB_URI": uri})


def standalone(port: int, folder: Path) -> Service:
    """A mongod without a replica set."""
    service = mongod.mongod(port, folder)
    at = service.argv.index("--replSet")
    argv = service.argv[:at] + service.argv[at + 2 :]
    return Service("standalone", argv, ready=lambda: _answers(port), stop=service.stop)


def _answers(port: int) -> bool:
    try:
        with MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=300) as client:
            return bool(client.admin.command("ping"))
    except Exception:
        return False


def test_a_replica_set_that_journals_is_taken(mongodb_uri: str) -> None:
    assert check_journal(production(mongodb_uri)) is True


def test_a_standalone_mongod_is_refused(tmp_path: Path) -> None:
    port = pick_port()
    with started(standalone(port, tmp_path / "db"), tmp_path), pytest.raises(SettingsError, match="standalone"):
        check_journal(production(f"mongodb://127.0.0.1:{port}"))


def test_a_replica_set_that_answers_before_it_journals_is_refused(tmp_path: Path) -> None:
    port = pick_port()
    with started(mongod.mongod(port, tmp_path / "db"), tmp_path):
        settings = production(mongod.mongodb_uri(port))
        assert check_journal(settings)
        with MongoClient("127.0.0.1", port, directConnection=True) as client:
            config = client.admin.command("replSetGetConfig")["config"]
            config |= {"writeConcernMajorityJournalDefault": False, "version": config["version"] + 1}
            client.admin.command("replSetReconfig", config)
        with pytest.raises(SettingsError, match="before they are journaled"):
            check_journal(settings)


def test_a_mongodb_that_is_away_is_no_refusal_but_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert check_journal(production(f"mongodb://127.0.0.1:{pick_port()}")) is False
    assert "MongoDB is away" in caplog.text


@contextmanager
def connected(settings: Settings) -> Iterator[None]:
    """This process's connection is to the settings' database meanwhile."""
    with pytest.MonkeyPatch.context() as meanwhile:
        for registered in ("_connections", "_connection_settings", "_dbs"):
            meanwhile.setattr(connection, registered, {})
        connect_database(settings)
        try:
            yield
        finally:
            disconnect_database()


def test_a_server_refuses_a_database_that_was_not_migrated(mongodb_uri: str) -> None:
    settings = load_settings({**GOOD, "MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": "unmigrated"})
    with connected(settings):
        with pytest.raises(SettingsError, match=r"lacks m2026_\w+.*: run `infitalks db upgrade` first"):
            require_journal(Flask("site"), settings)
        migrations.upgrade()
        require_journal(Flask("site"), settings)


def test_a_site_that_started_without_mongodb_checks_it_at_first_use(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    port = pick_port()
    app = Flask("site")
    stored: list[str] = []

    @app.post("/store")
    def take() -> str:
        stored.append("x")
        return "stored"

    @app.get("/healthz")
    def health() -> str:
        return "ok"

    settings = production(f"mongodb://127.0.0.1:{port}")
    require_journal(app, settings)

    app.register_error_handler(Unavailable, lambda error: ("", error.status))

    def store() -> int:
        return app.test_client().post("/store").status_code

    assert app.test_client().get("/healthz").status_code == 200
    assert (store(), stored) == (503, [])
    with started(standalone(port, tmp_path / "standalone"), tmp_path):
        assert (store(), stored) == (503, [])
        assert "nothing is stored: MONGODB_URI: the server is a standalone" in caplog.text
    with started(mongod.mongod(port, tmp_path / "set"), tmp_path), connected(settings):
        assert (store(), stored) == (503, [])
        assert "nothing is stored: the database lacks m2026_" in caplog.text
        migrations.upgrade()
        assert (store(), stored) == (200, ["x"])
