"""The first indexes. The unique ones carry the promises: one entry for each number, one for each client_id."""

from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.database import Database


def upgrade(db: Database[dict[str, Any]]) -> None:
    log = db["log"]
    log.create_index([("chat", ASCENDING), ("seq", ASCENDING)], unique=True)
    log.create_index([("chat", ASCENDING), ("author", ASCENDING), ("client_id", ASCENDING)], unique=True)
    waiting = {"out.state": "new"}
    log.create_index([("chat", ASCENDING), ("seq", ASCENDING)], name="waiting", partialFilterExpression=waiting)
    log.create_index([("target", ASCENDING)], name="about_waiting", partialFilterExpression=waiting)
    log.create_index([("target", ASCENDING), ("kind", ASCENDING)], sparse=True, name="about")
    log.create_index([("chat", ASCENDING), ("kind", ASCENDING), ("seq", ASCENDING)])

    db["memberships"].create_index([("user", ASCENDING), ("active", ASCENDING)])
    db["memberships"].create_index([("chat", ASCENDING), ("joined", ASCENDING)])
    db["chats"].create_index([("last_at", DESCENDING), ("_id", DESCENDING)])

    users = db["users"]
    users.create_index("username", unique=True)
    users.create_index("email", unique=True, partialFilterExpression={"email": {"$type": "string"}})
    users.create_index(
        [("identities.issuer", ASCENDING), ("identities.subject", ASCENDING)],
        unique=True,
        partialFilterExpression={"identities.issuer": {"$type": "string"}},
    )
    users.create_index("token_hash", unique=True, partialFilterExpression={"token_hash": {"$type": "string"}})
    users.create_index("search")
    users.create_index("online", partialFilterExpression={"online": True})

    sessions = db["sessions"]
    sessions.create_index("user")
    sessions.create_index("refresh_hash", sparse=True)
    sessions.create_index("spent_refresh", sparse=True)
    sessions.create_index("expires_at")

    media = db["media"]
    media.create_index([("state", ASCENDING), ("due", ASCENDING)])
    media.create_index(
        [("told", ASCENDING), ("state", ASCENDING)], name="untold", partialFilterExpression={"told": False}
    )
    media.create_index([("message", ASCENDING), ("created_at", ASCENDING)])

    db["webhooks"].create_index("secret_hash", unique=True)
    db["webhooks"].create_index("chat")
    db["maintenance_reports"].create_index([("queued_at", DESCENDING)])
