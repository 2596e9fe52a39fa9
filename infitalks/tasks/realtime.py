"""Doors to the fan-out and the small notices."""

from celery import shared_task

from infitalks.actions import realtime
from infitalks.backends import queue
from infitalks.models.database import object_id


@shared_task(name="realtime.fan_out")
def fan_out(chat_id: str) -> None:
    queue.answer("realtime.fan_out", chat_id)
    realtime.fan_out(object_id(chat_id))


@shared_task(name="realtime.sweep")
def sweep() -> None:
    realtime.sweep()


@shared_task(name="realtime.tell_read")
def tell_read(chat_id: str, user_id: str) -> None:
    realtime.tell_read(object_id(chat_id), object_id(user_id))


@shared_task(name="realtime.tell_typing")
def tell_typing(chat_id: str, user_id: str) -> None:
    realtime.tell_typing(object_id(chat_id), object_id(user_id))


@shared_task(name="realtime.tell_me")
def tell_me(user_id: str) -> None:
    realtime.tell_me(object_id(user_id))


@shared_task(name="realtime.tell_saved")
def tell_saved(user_id: str) -> None:
    realtime.tell_saved(object_id(user_id))


@shared_task(name="realtime.tell_own_chat")
def tell_own_chat(chat_id: str, user_id: str) -> None:
    realtime.tell_own_chat(object_id(chat_id), object_id(user_id))


@shared_task(name="realtime.tell_presence")
def tell_presence(user_id: str) -> None:
    realtime.tell_presence(object_id(user_id))


@shared_task(name="realtime.tell_ephemeral")
def tell_ephemeral(user_id: str, chat_id: str) -> None:
    realtime.tell_ephemeral(object_id(user_id), object_id(chat_id))


@shared_task(name="realtime.tell_moved")
def tell_moved(channel: str) -> None:
    realtime.tell_moved(channel)
