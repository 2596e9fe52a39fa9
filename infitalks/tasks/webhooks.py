"""Doors to what webhooks are told, and to what is asked through them."""

from celery import shared_task

from infitalks.actions import sending, sending_asks
from infitalks.backends import queue
from infitalks.models.database import object_id


@shared_task(name="webhooks.deliver")
def deliver(webhook_id: str) -> None:
    queue.answer("webhooks.deliver", webhook_id)
    sending.deliver_waiting(object_id(webhook_id))


@shared_task(name="webhooks.ask")
def ask(delivery_id: str) -> None:
    queue.answer("webhooks.ask", delivery_id)
    sending_asks.send_ask(delivery_id)


@shared_task(name="webhooks.sweep")
def sweep() -> None:
    sending.sweep()
    sending_asks.sweep()
