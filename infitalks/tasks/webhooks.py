"""Doors to what outgoing webhooks are told."""

from celery import shared_task

from infitalks.actions import sending
from infitalks.backends import queue
from infitalks.models.database import object_id


@shared_task(name="webhooks.deliver")
def deliver(webhook_id: str) -> None:
    queue.answer("webhooks.deliver", webhook_id)
    sending.deliver_waiting(object_id(webhook_id))


@shared_task(name="webhooks.sweep")
def sweep() -> None:
    sending.sweep()
