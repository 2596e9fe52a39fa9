"""Each broken set-up is named with its cure, and nothing else is blamed for it."""

import secrets
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bson import ObjectId

from infitalks.actions import doctor, migrations
from infitalks.app import create_app
from infitalks.backends.queue import QUEUES
from infitalks.local import services, valkey
from infitalks.local.ports import pick_port
from infitalks.local.process import Service
from infitalks.models.database import database, disconnect_database
from infitalks.models.deliveries import Delivery
from infitalks.models.log import Entry
from infitalks.settings import Settings, load_settings
from tests.conftest import started
from tests.production.test_settings import standalone

Examine = Callable[..., dict[str, list[doctor.Finding]]]


@pytest.fixture
def sick(services_environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Examine]:
    """`sick(NAME=value)` examines a place that is well but for that, without workers and web server: faults by part."""
    monkeypatch.setattr(doctor, "ANSWER_SECONDS", 0.3)  # nobody is there to answer
    environ = {**services_environ, "MONGODB_DATABASE": f"doctor-{secrets.token_hex(4)}"}

    def examine(migrated: bool = True, **broken: str) -> dict[str, list[doctor.Finding]]:
        settings = load_settings({**environ, **broken})
        disconnect_database()
        create_app(load_settings({**environ, **broken, "SECRET_KEY": environ["SECRET_KEY"]}))
        if migrated and "MONGODB_URI" not in broken:
            migrations.upgrade()
        return faults(settings)

    yield examine
    disconnect_database()
    create_app(load_settings(environ))
    database().client.drop_database(environ["MONGODB_DATABASE"])
    disconnect_database()
    create_app(load_settings({**services_environ, "INFITALKS_RATE_LIMITS": "off", "MONGODB_DATABASE": "api"}))


def faults(settings: Settings) -> dict[str, list[doctor.Finding]]:
    found: dict[str, list[doctor.Finding]] = {}
    for finding in doctor.examine(settings):
        if finding.fault:
            assert finding.cure
            found.setdefault(finding.part, []).append(finding)
    return found


def test_where_only_workers_and_web_server_are_missing_only_they_are_named(sick: Examine) -> None:
    found = sick()
    assert set(found) == {"workers", "address"}
    assert [finding.fault.split("`")[1] for finding in found["workers"]] == sorted(QUEUES)


def test_settings_that_are_missing_are_named_and_nothing_that_stands_on_them(sick: Examine) -> None:
    found = sick(SECRET_KEY="")
    assert set(found) == {"settings"} and "SECRET_KEY" in found["settings"][0].fault


def nobody() -> int:
    """A port on which nobody listens."""
    return pick_port()


def test_a_mongodb_that_is_away(sick: Examine) -> None:
    found = sick(MONGODB_URI=f"mongodb://127.0.0.1:{nobody()}/?replicaSet=rs0")
    assert "does not answer" in found["MongoDB"][0].fault and not {"database", "clock", "work", "beat"} & set(found)


def test_a_mongodb_that_could_lose_messages(sick: Examine, tmp_path: Path) -> None:
    port = pick_port()
    with started(standalone(port, tmp_path / "db"), tmp_path):
        found = sick(MONGODB_URI=f"mongodb://127.0.0.1:{port}/?directConnection=true")
    assert "standalone" in found["MongoDB"][0].fault


def test_a_database_that_was_not_migrated(sick: Examine) -> None:
    found = sick(migrated=False)
    assert "pending" in found["database"][0].fault and found["database"][0].cure == "infitalks db upgrade"


def test_a_database_that_is_newer(sick: Examine, services_environ: dict[str, str]) -> None:
    sick()
    database()["migrations"].insert_one({"_id": "m2999_01_01_flying_cars"})
    found = faults(load_settings(services_environ))
    assert "m2999_01_01_flying_cars" in found["database"][0].fault


def test_a_redis_that_is_away(sick: Examine) -> None:
    found = sick(REDIS_URL=f"redis://127.0.0.1:{nobody()}/0")
    assert "Redis" in found and "workers" not in found and "REDIS_URL" in found["Redis"][0].cure


def test_a_redis_that_wants_a_password(sick: Examine, tmp_path: Path) -> None:
    service = valkey.valkey(port := pick_port(), tmp_path / "redis")
    guarded = Service("redis", (*service.argv, "--requirepass", "sesame"), ready_line=service.ready_line)
    with started(guarded, tmp_path):
        found = sick(REDIS_URL=f"redis://127.0.0.1:{port}/0")
    assert "uthentication" in found["Redis"][0].fault


def test_a_gateway_that_is_away_and_one_that_does_not_know_us(sick: Examine) -> None:
    assert "live events" in sick(PUSHER_PORT=str(nobody()))
    assert "signature is wrong" in sick(PUSHER_SECRET="0" * 20)["live events"][0].fault


def test_a_media_service_that_is_away_and_one_that_does_not_know_us(sick: Examine, cloudinary_url: str) -> None:
    assert "pictures" in sick(CLOUDINARY_URL=services.cloudinary_url("key", "f" * 32, nobody()))
    key, _, rest = cloudinary_url.partition("@")
    assert "secret" in sick(CLOUDINARY_URL=f"{key[:-8]}{'0' * 8}@{rest}")["pictures"][0].cure


def test_an_address_where_nobody_answers(sick: Examine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = sick(PUBLIC_URL=f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert "does not answer" in found["address"][0].fault


def test_a_disk_that_is_nearly_full(sick: Examine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE", 2**60)
    assert "MiB left" in sick(INFITALKS_DATA=str(tmp_path))["disk"][0].fault


def test_work_that_waits_or_failed(sick: Examine, services_environ: dict[str, str]) -> None:
    sick()
    old = datetime.now(UTC) - timedelta(minutes=2)
    for seq, state in enumerate(("new", "dead"), 1):
        Entry.raw().insert_one({"chat": ObjectId(), "seq": seq, "client_id": state, "at": old, "out": {"state": state}})
    rows: dict[str, dict[str, object]] = {
        "told in vain": {"type": "message.sent"},
        "came in and was refused, of which its sender heard": {"type": "post.slack", "incoming": True},
        "asked in vain, of which who asked heard": {"type": "command", "user": ObjectId()},
    }
    for name, row in rows.items():
        Delivery.raw().insert_one({"_id": name, "webhook": ObjectId(), "state": "dead", **row})
    said = [finding.fault for finding in faults(load_settings(services_environ))["work"]]
    assert [text[-3:] for text in said] == [": 1", ": 1", ": 1"]
    assert ["wait" in said[0], "set aside" in said[1], "deliveries" in said[2]] == [True] * 3
