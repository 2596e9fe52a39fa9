"""Maintenance: tasks that an admin runs by name, in short turns that a killed worker loses nothing by, with a stored
report. Not for: what a turn is (turns.py), nor what the tasks do.
"""

import logging
import time
from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pymongo
from bson import ObjectId
from pymongo.errors import ConnectionFailure, ExecutionTimeout, PyMongoError, WTimeoutError

from infitalks import events
from infitalks.actions import inspection, repair, repair_messages, retention, upkeep
from infitalks.actions.leases import leased, renew_lease
from infitalks.actions.migrations import first_migrated_at
from infitalks.actions.turns import Task, Turn
from infitalks.errors import Invalid, NotFound, Unavailable
from infitalks.failpoints import failpoint
from infitalks.models.database import TASK_SECONDS
from infitalks.models.maintenance import (
    OPEN,
    Report,
    asked_since,
    newest_reports,
    oldest_open_report,
    quiet_reports,
    report_by_id,
)
from infitalks.models.site import site

logger = logging.getLogger(__name__)

TURN_SECONDS = 20.0  # then pictures, which share the worker, have theirs
LEASE_SECONDS = 30.0  # renewed after each batch: a killed worker's place is soon free
QUIET = timedelta(seconds=10)
MOST_TRIES = 5  # turns that are cut short, one after the other
BEAT = "beat"  # who asks for what runs every day
PATIENCE = timedelta(days=1)  # with a service that is away

TASKS = {
    task.name: task
    for task in (
        Task(
            "expired-sessions",
            "Forget sessions and tokens that nobody can use any more.",
            upkeep.end_expired_sessions,
            daily=True,
        ),
        Task(
            "orphaned-pictures",
            "Drop uploads of a day ago that nothing shows.",
            upkeep.drop_orphaned_pictures,
            takes_away=True,
            daily=True,
        ),
        Task(
            "unknown-pictures",
            "Drop what the media service has held for a day and no record here names. Not where others use the same "
            "account: theirs are unknown here, too.",
            upkeep.drop_unknown_assets,
            takes_away=True,
        ),
        Task(
            "spooled-files",
            "Drop uploaded bytes of a day ago that no picture needs.",
            upkeep.drop_spooled_files,
            takes_away=True,
            daily=True,
        ),
        Task("failed-pictures", "Try failed pictures once more.", upkeep.retry_failed_pictures),
        Task(
            "retention",
            "Blank messages that are older than the site keeps them.",
            retention.keep_retention,
            takes_away=True,
            daily=True,
        ),
        Task("dead-entries", "Tell once more what could not be told three times.", upkeep.replay_dead_entries),
        Task("dead-deliveries", "Send once more what webhooks did not take.", upkeep.redeliver_dead),
        Task(
            "repair",
            "Mend what is derived from the logs: memberships, names, counts, last messages.",
            repair.repair_derived,
        ),
        Task(
            "repair-messages",
            "Mend what messages show of their edits, reactions and deletions.",
            repair_messages.repair_messages,
        ),
        Task("check-log", "Look whether every chat's log is whole; change nothing.", inspection.check_log),
        Task("inactive-accounts", "List people who have not been here for long.", inspection.list_inactive),
        Task("storage", "Weigh what is stored.", inspection.weigh, daily=True),
        Task("activity", "Count the messages of each day that is over.", inspection.count_days, daily=True),
    )
}


def get_task(name: str) -> Task:
    """Raises NotFound naming the tasks there are."""
    if not isinstance(name, str) or name not in TASKS:
        raise NotFound(f"There is no maintenance task {name!r}. There are: {', '.join(sorted(TASKS))}.")
    return TASKS[name]


def ask(name: str, by: str, *, dry_run: bool = False) -> Report:
    """Queue a task. Returns its report, which fills as it runs. Raises NotFound naming the tasks there are, Invalid for
    what is neither true nor false: a trial must not be done for good by mistake."""
    task = get_task(name)
    if not isinstance(dry_run, bool):
        raise Invalid("dry_run is true or false.", fields={"dry_run": "is neither true nor false"})
    report = Report(task=task.name, state="queued", by=by, dry_run=dry_run, queued_at=datetime.now(UTC))
    report.save(force_insert=True)
    events.maintenance_asked(report.id)
    return report


def daily_tasks() -> set[str]:
    """The names of those that beat asks for: as admins chose, else as they come."""
    chosen = site().daily
    return {task.name for task in TASKS.values() if chosen.get(task.name, task.daily)}


def ask_daily() -> None:
    """What was not asked for since yesterday, and is not still under way; on a new site from its second day on.

    By the reports: beat's own memory is a file, which is gone with its container.
    """
    day_ago = datetime.now(UTC) - timedelta(days=1)
    if (made := first_migrated_at()) and made > day_ago:
        return
    with leased("maintenance:daily", LEASE_SECONDS) as token:  # of two beats one looks at a time
        for name in sorted(daily_tasks()) if token else ():
            if not oldest_open_report(name) and not asked_since(name, BEAT, day_ago):
                ask(name, BEAT)


def run(report_id: ObjectId) -> None:
    """A worker's turn at the oldest report of this one's task. Reports of one task run one after the other."""
    asked = report_by_id(report_id)
    if not asked or not asked.is_open:
        return
    with leased(lease := f"maintenance:{asked.task}", LEASE_SECONDS) as token:
        report = oldest_open_report(asked.task) if token else None
        if not token or not report or not _take_turn(report, lease, token):
            return  # whoever has it rings for the next turn; what failed is taken up by `resume`
    if following := oldest_open_report(asked.task):
        events.maintenance_asked(following.id)


def _take_turn(report: Report, lease: str, token: str) -> bool:
    """Batches until all is done or the time is up. Returns whether the next turn may come at once."""
    if report.task not in TASKS or report.tries >= MOST_TRIES:
        why = "Its worker died again and again." if report.task in TASKS else "This version knows no such task."
        _finish(report, "failed", why)
        return True
    _begin(report)
    turn = Turn(bool(report.dry_run), report.after, Counter(report.counts), report.lines, report.total, report.seen)
    end = time.monotonic() + TURN_SECONDS
    try:
        with pymongo.timeout(TASK_SECONDS):  # a request's limit is not a task's
            for after in TASKS[report.task].work(turn):
                failpoint("maintenance.before_keep")
                _keep(report, turn, after)
                if not renew_lease(lease, token, LEASE_SECONDS) or time.monotonic() > end:
                    return True
        _keep(report, turn, report.after)
    except (ConnectionFailure, WTimeoutError, ExecutionTimeout, Unavailable) as error:
        return _halt(report, str(error)[:500])
    except Exception as error:
        _finish(report, "failed", f"{type(error).__name__}: {error}"[:500])
        raise
    _finish(report, "done", "Nothing was changed." if report.dry_run else "")
    return True


def _halt(report: Report, why: str) -> bool:
    """It goes on when what is away has come back, which `resume` tries; not for ever. Returns whether it is over."""
    logger.warning("%s goes on later: %s", report.task, why)
    now = datetime.now(UTC)
    since = report.halted_at or now
    if now - since >= PATIENCE:
        _finish(report, "failed", why)
        return True
    halted = {"message": f"It waits and goes on later. {why}", "halted_at": since, "tries": 0, "touched_at": now}
    with suppress(PyMongoError):  # which may be what is away
        Report.raw().update_one({"_id": report.id, "state": {"$in": OPEN}}, {"$set": halted})
    return False


def _begin(report: Report) -> None:
    now = datetime.now(UTC)
    change = {} if report.started_at else {"set__started_at": now}
    report.update(set__state="running", set__touched_at=now, inc__tries=1, **change)


def _keep(report: Report, turn: Turn, after: object) -> None:
    """How far it has come, in one step, so that a later turn begins there."""
    progress = {"counts": dict(turn.counts), "lines": turn.lines, "total": turn.total, "seen": turn.seen}
    fresh = {"tries": 0, "message": "", "halted_at": None, "touched_at": datetime.now(UTC)}
    kept = {**progress, "after": after, **fresh}
    Report.raw().update_one({"_id": report.id, "state": {"$in": OPEN}}, {"$set": kept})


def _finish(report: Report, state: str, message: str) -> None:
    ended = {"state": state, "message": message, "finished_at": datetime.now(UTC)}
    Report.raw().update_one({"_id": report.id, "state": {"$in": OPEN}}, {"$set": ended})


def resume() -> None:
    """Ring again for reports whose bell was lost or whose worker died."""
    for report in quiet_reports(datetime.now(UTC) - QUIET):
        events.maintenance_asked(report.id)


def report_of(report_id: ObjectId) -> Report:
    report = report_by_id(report_id)
    if not report:
        raise NotFound()
    return report


def history(limit: int = 20) -> list[Report]:
    """What was asked for last, the newest first."""
    return newest_reports(limit)
