"""Maintenance: tasks that an admin runs by name, each safe to repeat, with a stored report."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pymongo
from bson import ObjectId

from infitalks import events
from infitalks.actions.media import destroy_media
from infitalks.actions.sessions import end_session, expired_sessions
from infitalks.backends.media import MediaRefused, MediaUnavailable
from infitalks.errors import NotFound
from infitalks.models.chats import Chat
from infitalks.models.database import TASK_SECONDS
from infitalks.models.log import AT_ONCE, Entry
from infitalks.models.maintenance import Report, report_by_id
from infitalks.models.media import Media, spool, unattached_media, unclaimed_spool
from infitalks.models.users import User

logger = logging.getLogger(__name__)

ORPHAN_AGE = timedelta(hours=24)

Counts = dict[str, int]


@dataclass(frozen=True)
class Task:
    """`run(dry_run)` returns what was counted; with dry_run it changes nothing."""

    name: str
    summary: str
    run: Callable[[bool], Counts]


def _end_expired_sessions(dry_run: bool) -> Counts:
    counts = {"expired": 0, "ended": 0}
    for session in expired_sessions(datetime.now(UTC)):
        counts["expired"] += 1
        if not dry_run:
            end_session(session)  # which also closes the ears of its pages
            counts["ended"] += 1
    return counts


def _drop_orphaned_pictures(dry_run: bool) -> Counts:
    counts = {"orphaned": 0, "dropped": 0, "kept": 0}
    for media in unattached_media(datetime.now(UTC) - ORPHAN_AGE):
        counts["orphaned"] += 1
        if not dry_run:
            counts["dropped" if _try_to_destroy(media["_id"]) else "kept"] += 1
    return counts


def _try_to_destroy(media_id: ObjectId) -> bool:
    """One stubborn picture must not keep the others."""
    try:
        destroy_media(media_id)
    except (MediaUnavailable, MediaRefused) as error:
        logger.warning("picture %s stays for now: %s", media_id, error)
        return False
    return True


def _drop_spooled_files(dry_run: bool) -> Counts:
    """Bytes whose upload ended before its record was written, or whose record is gone."""
    counts = {"left behind": 0, "dropped": 0}
    for file_id in unclaimed_spool(datetime.now(UTC) - ORPHAN_AGE):
        counts["left behind"] += 1
        if not dry_run:
            spool().delete(file_id)
            counts["dropped"] += 1
    return counts


def _replay_dead_entries(dry_run: bool) -> Counts:
    dead = {"out.state": "dead"}
    counts = {"dead": Entry.raw().count_documents(dead), "replayed": 0}
    if not dry_run:
        again = {"out.state": "new", "out.tries": 0, "out.due": AT_ONCE}
        counts["replayed"] = Entry.raw().update_many(dead, {"$set": again}).modified_count
    return counts


TASKS = {
    task.name: task
    for task in (
        Task("expired-sessions", "Forget sessions that nobody can use any more.", _end_expired_sessions),
        Task("orphaned-pictures", "Drop uploads of a day ago that nothing shows.", _drop_orphaned_pictures),
        Task("spooled-files", "Drop uploaded bytes of a day ago that no picture needs.", _drop_spooled_files),
        Task("dead-entries", "Tell once more what could not be told three times.", _replay_dead_entries),
    )
}
DAILY = ("expired-sessions", "orphaned-pictures", "spooled-files")


def ask(name: str, by: str, *, dry_run: bool = False) -> Report:
    """Queue a task. Returns its report, which fills as it runs. Raises NotFound naming the tasks there are."""
    if name not in TASKS:
        raise NotFound(f"There is no maintenance task {name!r}. There are: {', '.join(sorted(TASKS))}.")
    report = Report(task=name, state="queued", by=by, dry_run=dry_run, queued_at=datetime.now(UTC))
    report.save(force_insert=True)
    events.maintenance_asked(report.id)
    return report


def ask_daily() -> None:
    """What beat asks for."""
    for name in DAILY:
        ask(name, "beat")


def run(report_id: ObjectId) -> None:
    """A worker's turn. A report that was run already is left as it is."""
    started = Report.objects(id=report_id, state__in=["queued", "running"]).modify(
        set__state="running", set__started_at=datetime.now(UTC), new=True
    )
    if not started:
        return
    try:
        with pymongo.timeout(TASK_SECONDS):  # a request's limit is not a task's
            counts = TASKS[started.task].run(bool(started.dry_run))
    except Exception as error:
        _finish(started, "failed", {}, f"{type(error).__name__}: {error}"[:500])
        raise
    _finish(started, "done", counts, "Nothing was changed." if started.dry_run else "")


def _finish(report: Report, state: str, counts: Counts, message: str) -> None:
    Report.objects(id=report.id).update_one(
        set__state=state, set__counts=counts, set__message=message, set__finished_at=datetime.now(UTC)
    )


def resume() -> None:
    """Ring again for reports whose bell was lost or whose worker died."""
    late = datetime.now(UTC) - timedelta(minutes=5)
    for report in Report.objects(__raw__={"state": {"$in": ["queued", "running"]}, "queued_at": {"$lt": late}}):
        events.maintenance_asked(report.id)


def report_of(report_id: ObjectId) -> Report:
    report = report_by_id(report_id)
    if not report:
        raise NotFound()
    return report


def site_counts() -> Counts:
    """Figures for the admin page; approximate where exact ones would read everything."""
    return {
        "people": User.objects(kind="person", disabled_at=None).count(),
        "bots": User.objects(kind="bot", disabled_at=None).count(),
        "chats": Chat.raw().estimated_document_count(),
        "log entries": Entry.raw().estimated_document_count(),
        "pictures": Media.raw().estimated_document_count(),
    }
