"""Doors to the pictures' work."""

from celery import shared_task

from infitalks.actions import media
from infitalks.models.database import object_id


@shared_task(name="media.process")
def process(media_id: str) -> None:
    media.process_media(object_id(media_id))


@shared_task(name="media.destroy")
def destroy(media_id: str) -> None:
    media.destroy_media(object_id(media_id))


@shared_task(name="media.sweep")
def sweep() -> None:
    media.sweep_media()
