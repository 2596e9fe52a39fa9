"""Deliveries of outgoing webhooks in JSON."""

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
    """`status`: of the receiver's answer, null where none came. `answer`: its beginning. `reply`: what became of an
    answer that was to be posted."""

    at: Time
    status: int | None = None
    reason: str | None = None
    took_ms: int
    answer: str | None = None
    reply: str | None = None


class ReplayOut(Out):
    at: Time
    by: Id


class DeliveryOut(Out):
    """`id` is the `webhook-id` of every attempt, `body` what they all send. `due`: when it is tried next, null where
    it is not any more: `state` ok, or dead for the `reason`."""

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
    content_type: str
    body: str
    attempts: list[AttemptOut]
    replays: list[ReplayOut]


class DeliveriesOut(Out):
    deliveries: list[DeliveryOut]
    has_more: bool


class RedeliveredOut(Out):
    redelivered: int


def delivery_out(doc: Doc) -> DeliveryOut:
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
        body=doc["body"].decode(),
        attempts=[AttemptOut(**attempt) for attempt in doc["attempts"]],
        replays=[ReplayOut(at=replay["at"], by=str(replay["by"])) for replay in doc["replays"]],
    )
