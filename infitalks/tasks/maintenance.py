"""Doors to maintenance."""

from celery import shared_task

from infitalks.actions import maintenance, presence
from infitalks.models.database import object_id


@shared_task(name="maintenance.run")
def run(report_id: str) -> None:
    maintenance.run(object_id(report_id))


@shared_task(name="maintenance.ask_daily")
def ask_daily() -> None:
    maintenance.ask_daily()


@shared_task(name="maintenance.resume")
def resume() -> None:
    maintenance.resume()


@shared_task(name="maintenance.repair_presence")
def repair_presence() -> None:
    presence.repair_presence()
