"""Doors to maintenance."""

from celery import shared_task

from infitalks.actions import maintenance, presence
from infitalks.models.database import object_id


@shared_task(name="maintenance.run")
def run(report_id: str) -> None:
    maintenance.run(object_id(report_id))


@shared_task(name="maintenance.run_named")
def run_named(name: str, dry_run: bool = False) -> None:
    """For `celery -A worker call maintenance.run_named --args='["check-log"]'`; its report is in the history."""
    maintenance.ask(name, "celery", dry_run=dry_run)


@shared_task(name="maintenance.ask_daily")
def ask_daily() -> None:
    maintenance.ask_daily()


@shared_task(name="maintenance.resume")
def resume() -> None:
    maintenance.resume()


@shared_task(name="maintenance.repair_presence")
def repair_presence() -> None:
    presence.repair_presence()
