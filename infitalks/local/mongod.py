"""The local MongoDB: a real mongod as a replica set of one, whose acknowledged writes are on disk.

Not for: a MongoDB that the operator runs; that one is only ever reached by its URL.
"""

import json
import signal
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from infitalks.local.process import Service, ServiceError
from infitalks.local.programs import find_program

REPLICA_SET = "rs0"
NOT_YET_INITIALIZED, ALREADY_INITIALIZED = 94, 23

Client = MongoClient[dict[str, Any]]


def find_mongod() -> str:
    """The mongod to run. Raises ServiceError where there is none."""
    return find_program(("mongod",), "fiftyone", "db/bin/mongod", "MONGODB_URI")


def mongod(port: int, folder: Path) -> Service:
    """A mongod on loopback that stores in `folder`. Ready when it takes writes and they are journaled."""
    folder.mkdir(parents=True, exist_ok=True)
    options = (
        f"--port {port} --bind_ip 127.0.0.1 --nounixsocket --noscripting --quiet --replSet {REPLICA_SET} "
        "--oplogSize 128 --wiredTigerCacheSizeGB 0.25 --setParameter diagnosticDataCollectionEnabled=false"
    )
    return Service(
        name="mongod",
        argv=(find_mongod(), "--dbpath", str(folder), *options.split()),
        ready=lambda: _is_primary(port),
        stop=((signal.SIGTERM, 30),),
        shown=_only_errors,
    )


def mongodb_uri(port: int) -> str:
    """How the application reaches it."""
    return f"mongodb://127.0.0.1:{port}/?replicaSet={REPLICA_SET}"


def _is_primary(port: int) -> bool:
    client: Client
    with MongoClient("127.0.0.1", port, directConnection=True, serverSelectionTimeoutMS=500) as client:
        try:
            if not client.admin.command("hello").get("isWritablePrimary"):
                _form_replica_set(client, f"127.0.0.1:{port}")
                return False
            _require_journaled_majority(client)
        except PyMongoError:
            return False
        return True


def _form_replica_set(client: Client, address: str) -> None:
    """Make this server the set's only member, under the address that it has now."""
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == NOT_YET_INITIALIZED:
            _initiate(client, address)
        return
    if config["members"][0]["host"] != address:  # the port changed: without this it serves nobody
        config["members"][0]["host"] = address
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)


def _initiate(client: Client, address: str) -> None:
    config = {"_id": REPLICA_SET, "members": [{"_id": 0, "host": address}]}
    try:
        client.admin.command("replSetInitiate", config)
    except OperationFailure as error:
        if error.code != ALREADY_INITIALIZED:
            raise


def _require_journaled_majority(client: Client) -> None:
    """Raise ServiceError unless a write is by default answered only when a majority has journaled it."""
    concern = client.admin.command("getDefaultRWConcern").get("defaultWriteConcern", {})
    if concern.get("w") != "majority":  # before MongoDB 5 the default is 1
        client.admin.command("setDefaultRWConcern", 1, defaultWriteConcern={"w": "majority"})
        concern = client.admin.command("getDefaultRWConcern").get("defaultWriteConcern", {})
    config = client.admin.command("replSetGetConfig")["config"]
    if concern.get("w") != "majority" or not config.get("writeConcernMajorityJournalDefault", True):
        raise ServiceError("MongoDB: writes are not journaled by default, so a crash could lose messages")


def _only_errors(line: str) -> str | None:
    """mongod writes a JSON document per line, most of them of no interest to people."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line
    if entry.get("s") not in ("E", "F"):
        return None
    return f"{entry.get('msg')} {json.dumps(entry.get('attr', {}))}"
