"""Deliveries of webhooks in JSON: what they are told, and what came in."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from infitalks.models.database import Doc
from infitalks.schemas.base import Id, Limit, Out, Query, Time

DeliveryId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{24}:[0-9a-f]{24}$")]
State = Literal["new", "sending", "wait", "ok", "dead"]


class DeliveriesQuery(Query):
    """`before`: the id of the last one known, newest first."""

    state: State | None = None
    before: DeliveryId | None = None
    limit: Limit = 50


class AttemptOut(Out):
    """`status`: of the receiver's answer, null where none came; of ours, where it came in. `answer`: its beginning.
    `reply`: what became of an answer, or of what came in, that was to be posted."""

    at: Time
    status: int | None = None
    reason: str | None = None
    took_ms: int
    answer: str | None = None
    reply: str | None = None


class ReplayOut(Out):
    """`by` null: the machine's admin."""

    at: Time
    by: Id | None


class DeliveryOut(Out):
    """`id` is the `webhook-id` of every attempt, `body` what they all send. `due`: when it is tried next, null where
    it is not any more: `state` ok, or dead for the `reason`.

    What came in has `type` post.<format> (edit, delete), `state` ok or dead, and those `headers` that its format
    reads; `cut`: only the beginning of the body was kept. `private`: somebody else asked the bot for this, so what they
    asked and were answered is left out. `message_id`: the message that shows it, or that it tells of.
    """

    id: DeliveryId
    webhook_id: Id
    chat_id: Id
    seq: int
    type: str
    state: State
    reason: str | None
    tries: int
    due: Time | None
    created_at: Time
    message_id: Id | None
    content_type: str
    headers: dict[str, str]
    body: str
    cut: bool
    private: bool
    redeliverable: bool
    attempts: list[AttemptOut]
    replays: list[ReplayOut]


class DeliveriesOut(Out):
    deliveries: list[DeliveryOut]
    has_more: bool


class RedeliveredOut(Out):
    redelivered: int


def delivery_out(doc: Doc) -> DeliveryOut:
    post = not doc.get("incoming") or doc["type"].startswith("post.")
    return DeliveryOut(
        id=doc["_id"],
        webhook_id=str(doc["webhook"]),
        chat_id=str(doc["chat"]),
        seq=doc["seq"],
        type=doc["type"],
        state=doc["state"],
        reason=doc.get("reason"),
        tries=doc["tries"],
        due=doc.get("due"),
        created_at=doc["created_at"],
        content_type=doc["content_type"],
        message_id=str(doc["message"]) if doc.get("message") else None,
        headers=dict(doc.get("headers", ())),
        body=doc["body"].decode(errors="replace"),
        cut=doc.get("cut", False),
        private=doc.get("private", False),
        redeliverable=post and not doc.get("cut") and not doc.get("unsigned"),
        attempts=[AttemptOut(**attempt) for attempt in doc["attempts"]],
        replays=[
            ReplayOut(at=replay["at"], by=str(replay["by"]) if replay["by"] else None) for replay in doc["replays"]
        ],
    )
