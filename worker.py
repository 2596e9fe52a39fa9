"""The Celery app: `celery -A worker worker`, `celery -A worker beat`."""

import os
import time
from threading import Thread
from typing import Any

from celery.signals import setup_logging, task_postrun, task_prerun, worker_init, worker_process_init, worker_ready
from celery.worker import state

from infitalks import logs, metrics
from infitalks.actions import migrations
from infitalks.app import create_app
from infitalks.backends.queue import celery_app, end_when_deaf
from infitalks.models.database import connect_database, disconnect_database, wait_for_journal
from infitalks.settings import SettingsError, load_settings

settings = load_settings(os.environ)
create_app(settings)
app = celery_app


if settings.json_log:  # in text Celery's own form is as good

    @setup_logging.connect
    def _log(loglevel: int, **_: Any) -> None:
        logs.configure(settings, loglevel)


@worker_init.connect
def _answer_for_figures(**_: Any) -> None:
    metrics.announce("worker")
    try:
        metrics.serve(settings)
    except SettingsError as error:
        raise SystemExit(f"InfiTalks cannot run: {error}") from None


@worker_init.connect
def _require_database(**_: Any) -> None:
    if settings.mode == "production":
        try:
            wait_for_journal(settings)
            migrations.require_known()
        except SettingsError as error:  # only an exit gets out of a signal
            raise SystemExit(f"InfiTalks cannot run: {error}") from None


@worker_process_init.connect
def _connect_anew(**_: Any) -> None:
    # A connection does not survive the fork into a pool process.
    disconnect_database()
    connect_database(settings)
    metrics.announce("worker")


_began: dict[str, float] = {}


@task_prerun.connect
def _note_begin(task_id: str, **_: Any) -> None:
    _began[task_id] = time.monotonic()


@task_postrun.connect
def _note_end(task_id: str, task: Any, state: str | None, **_: Any) -> None:
    seconds = time.monotonic() - _began.pop(task_id, time.monotonic())
    metrics.TASK_SECONDS.labels(task.name, (state or "unknown").lower()).observe(seconds)


@worker_ready.connect
def _listen_to_itself(**_: Any) -> None:
    queues = list(celery_app.amqp.queues.consume_from)
    Thread(target=end_when_deaf, args=(queues, _taken), name="deafness", daemon=True).start()


def _taken() -> tuple[int, int]:
    """Changes whenever a task is taken up; how many are held, and how many were ever begun."""
    return len(state.reserved_requests), sum(state.total_count.values())
