"""Doors for the worker: an id in, one call. Importing this registers every task and what beat rings for."""

from typing import Any

from infitalks.tasks import maintenance, media, realtime, webhooks

__all__ = ["BEAT", "maintenance", "media", "realtime", "webhooks"]


def _every(task: str, seconds: float) -> dict[str, Any]:
    # A bell older than its period is worth nothing: the next one rings for the same work.
    return {"task": task, "schedule": seconds, "options": {"expires": max(seconds, 10)}}


BEAT = {
    "sweep the log": _every("realtime.sweep", 2),
    "sweep deliveries": _every("webhooks.sweep", 2),
    "sweep pictures": _every("media.sweep", 5),
    "repair presence": _every("maintenance.repair_presence", 30),
    "resume maintenance": _every("maintenance.resume", 10),
    "daily maintenance": _every("maintenance.ask_daily", 10),  # which looks whether the day is over
}
