"""The local databases keep what they acknowledged, through kills and changed ports."""

import socket
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from infitalks.local import mongod, valkey
from infitalks.local.ports import is_free, kept_ports, pick_port
from infitalks.local.process import ServiceError
from infitalks.local.programs import find_program
from tests.conftest import started


def test_a_write_is_journaled_by_the_majority_unless_asked_otherwise(mongodb_uri: str) -> None:
    with MongoClient(mongodb_uri) as client:
        config = client.admin.command("replSetGetConfig")["config"]
        assert config["writeConcernMajorityJournalDefault"] is True
        assert client.admin.command("getDefaultRWConcern")["defaultWriteConcern"]["w"] == "majority"


def test_mongod_runs_no_javascript(mongodb_uri: str) -> None:
    with MongoClient(mongodb_uri) as client, pytest.raises(OperationFailure, match="ScriptEngine"):
        client.test.things.find_one({"$where": "true"})


def test_mongod_keeps_acknowledged_writes_through_a_kill_and_a_new_port(tmp_path: Path) -> None:
    first, second = pick_port(), pick_port()
    with (
        started(mongod.mongod(first, tmp_path / "db"), tmp_path),
        MongoClient(mongod.mongodb_uri(first)) as client,
    ):
        client.test.things.insert_many([{"_id": number} for number in range(50)])
    with (
        started(mongod.mongod(second, tmp_path / "db"), tmp_path),
        MongoClient(mongod.mongodb_uri(second)) as client,
    ):
        assert client.test.things.count_documents({}) == 50


def test_a_mongod_whose_writes_are_not_journaled_is_refused(tmp_path: Path) -> None:
    port = pick_port()
    service = mongod.mongod(port, tmp_path / "db")
    with started(service, tmp_path), MongoClient("127.0.0.1", port, directConnection=True) as client:
        config = client.admin.command("replSetGetConfig")["config"]
        config |= {"writeConcernMajorityJournalDefault": False, "version": config["version"] + 1}
        client.admin.command("replSetReconfig", config)
        with pytest.raises(ServiceError, match="not journaled"):
            service.ready()


def test_valkey_keeps_what_it_took_through_a_kill(tmp_path: Path) -> None:
    port = pick_port()
    with started(valkey.valkey(port, tmp_path / "redis"), tmp_path):
        assert _ask(port, "RPUSH bells one two") == ":2"
    with started(valkey.valkey(port, tmp_path / "redis"), tmp_path):
        assert _ask(port, "LLEN bells") == ":2"


def test_a_database_listens_on_loopback_alone(mongodb_uri: str, redis_url: str) -> None:
    for url in (mongodb_uri, redis_url):
        port = int(url.split(":")[2].split("/")[0])
        assert not is_free("127.0.0.1", port)
        assert is_free("127.0.0.2", port)


def test_ports_stay_the_same_from_run_to_run(tmp_path: Path) -> None:
    first = kept_ports(tmp_path / "ports.json", ("gateway", "media"))
    assert len(set(first.values())) == 2
    assert kept_ports(tmp_path / "ports.json", ("media", "redis"))["media"] == first["media"]
    assert kept_ports(tmp_path / "ports.json", ("gateway", "media")) == first


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert not is_free("127.0.0.1", port)
    assert is_free("127.0.0.1", port)


def test_a_program_that_is_nowhere_is_told_with_the_setting_that_does_without() -> None:
    with pytest.raises(ServiceError, match="Set MONGODB_URI"):
        find_program(("no-such-program",), "no_such_package", "bin/*", "MONGODB_URI")


def _ask(port: int, command: str) -> str:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(command.encode() + b"\r\n")
        return connection.recv(100).decode().strip()
