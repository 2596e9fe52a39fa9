"""Celery, as a doorbell: work is named here and kept in MongoDB. Losing every ring loses nothing: a sweep finds it."""

import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import redis
from celery import Celery
from kombu.entity import Queue
from redis.backoff import NoBackoff
from redis.retry import Retry

from infitalks import metrics
from infitalks.failpoints import failpoint
from infitalks.settings import Settings

log = logging.getLogger(__name__)

# Which queue a task rings on, by the first part of its name.
QUEUES = {"realtime": "realtime", "media": "media", "webhooks": "webhooks", "maintenance": "maintenance"}
BELL_SECONDS = 5  # a bell that was lost with its task keeps later ones quiet for so long at most
RING_SECONDS = 60  # an older ring is stale: what it was about, a sweep has found
VISIBILITY_SECONDS = 600  # longer than any task may run
DEAF_SECONDS = 6

celery_app = Celery("infitalks")
_waiting: queue.Queue[tuple[str, tuple[str, ...], bool]] = queue.Queue(maxsize=1000)
_started = threading.Lock()
_ringer: threading.Thread | None = None
_redis: redis.Redis | None = None


def configure(settings: Settings) -> Celery:
    """Set Celery up for this process; nothing is connected yet."""
    global _redis
    celery_app.conf.update(
        broker_url=settings.redis_url,
        result_backend=None,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        worker_cancel_long_running_tasks_on_connection_loss=False,  # True made tasks run twice in 5.6.3
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        task_publish_retry=False,
        task_time_limit=240,
        task_queues=[Queue(name) for name in QUEUES.values()],
        task_default_queue="realtime",
        task_create_missing_queues=False,
        task_routes={f"{prefix}.*": {"queue": name} for prefix, name in QUEUES.items()},
        timezone="UTC",
        broker_transport_options={
            "visibility_timeout": VISIBILITY_SECONDS,
            "unacked_restore_interval": 5,
            "unacked_restore_throttle": 1,
            "socket_connect_timeout": 1,
            "socket_timeout": 2,
            "health_check_interval": 30,
            "socket_keepalive": True,
            "max_retries": 1,
            "interval_start": 0,
            "interval_step": 0.1,
            "interval_max": 0.2,
        },
    )
    celery_app.set_default()
    # An explicit retry policy: the library's own turns a time-out of 1 s into 15 s on a hung server.
    _redis = redis.Redis.from_url(
        settings.redis_url,
        socket_timeout=1,
        socket_connect_timeout=1,
        retry=Retry(NoBackoff(), 0),
        decode_responses=True,
    )
    return celery_app


def ring(task: str, *args: str) -> None:
    """Ask a worker to run `task`. Costs the caller nothing, even when Redis is down, hung or full."""
    _hand_over(task, args, once=False)


def ring_once(task: str, *args: str) -> None:
    """Like `ring`, but while one such bell waits to be answered (5 s at most) further ones are swallowed."""
    _hand_over(task, args, once=True)


def answer(task: str, *args: str) -> None:
    """A worker took the bell up; the next `ring_once` rings again. Call it before reading what there is to do."""
    with suppress(redis.RedisError):  # the bell expires by itself
        _connection().delete(_bell(task, args))


class QueueUnavailable(Exception):
    """Redis cannot be reached, does not let us in, or gave no answer that could be used."""


@contextmanager
def _asking() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Redis', Celery's and Kombu's: they have a dozen
        raise QueueUnavailable(str(error) or type(error).__name__) from error


def ping() -> None:
    """Raises QueueUnavailable unless Redis answers within a second."""
    with _asking():
        _connection().ping()


def unserved(seconds: float) -> set[str]:
    """The queues that no worker which answers within so many seconds takes tasks from. Raises QueueUnavailable."""
    # Of its own: one of the library's pool may have been closed long ago, which is found out only when it is used.
    with _asking(), celery_app.connection_for_read() as connection:
        answers = celery_app.control.inspect(timeout=seconds, connection=connection).active_queues() or {}
    return set(QUEUES.values()) - {queue["name"] for queues in answers.values() for queue in queues}


def depths() -> dict[str, int]:
    """How many tasks wait in each queue. Raises QueueUnavailable."""
    connection: Any = _connection()
    with _asking():
        return {name: connection.llen(name) for name in QUEUES.values()}


def end_when_deaf(queues: Sequence[str], taken: Callable[[], tuple[int, int]]) -> None:
    """For a worker's own thread: end the process where tasks wait in these queues and it, with nothing to do, takes
    none. `taken` tells how many it holds, and how many it ever began.

    Its connection is dead then: not closed, as behind a firewall that forgot it, or reset while it acknowledged a
    task; the library goes on waiting for an answer (both seen with kombu 5.7). Whoever runs it starts it again.
    """
    last_well, before = time.monotonic(), taken()
    while True:
        looked = time.monotonic()
        time.sleep(1)
        held_up = time.monotonic() - looked > 1 + DEAF_SECONDS / 4  # this process itself was
        now = taken()
        if held_up or now[0] or now != before or not _any_waits(queues):
            last_well = time.monotonic()
        elif time.monotonic() - last_well > DEAF_SECONDS:
            log.critical("tasks wait in Redis and none is taken: ending, to be started again")
            os._exit(1)
        before = now


def _any_waits(queues: Sequence[str]) -> bool:
    with suppress(redis.RedisError):
        return any(_connection().llen(queue) for queue in queues)
    return False


def _connection() -> redis.Redis:
    if _redis is None:
        raise RuntimeError("backends.queue.configure has not been called")
    return _redis


def _bell(task: str, args: tuple[str, ...]) -> str:
    return ":".join(("bell", task, *args))


def _hand_over(task: str, args: tuple[str, ...], *, once: bool) -> None:
    _start_ringer()
    try:
        _waiting.put_nowait((task, args, once))
    except queue.Full:
        metrics.BELLS.labels(task, "dropped").inc()
        log.warning("dropped the bell for %s: the sweep will find its work", task)


def _start_ringer() -> None:
    # Started with the first ring, not at import: threads do not survive a fork.
    global _ringer
    with _started:
        if _ringer is None or not _ringer.is_alive():
            _ringer = threading.Thread(target=_ring_for_ever, name="ringer", daemon=True)
            _ringer.start()


def _ring_for_ever() -> None:
    while True:
        task, args, once = _waiting.get()
        failpoint("queue.before_ring")
        try:
            rings = not once or _connection().set(_bell(task, args), "1", nx=True, ex=BELL_SECONDS)
            if rings:
                celery_app.send_task(task, args=args, expires=RING_SECONDS)
            metrics.BELLS.labels(task, "rung" if rings else "swallowed").inc()
        except Exception as error:  # whatever Redis or Kombu raise, the ringer lives on
            metrics.BELLS.labels(task, "failed").inc()
            log.warning("could not ring %s (%s): the sweep will find its work", task, type(error).__name__)
