"""Looks at every part that the chat stands on, says what is wrong and how to mend it. It changes nothing.

Not for: machines that ask often (`/healthz`, `/readyz`).
"""

import shutil
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure

from infitalks.actions import migrations
from infitalks.actions.realtime import MOST_TRIES
from infitalks.actions.upkeep import DEAD_DELIVERIES, DEAD_ENTRIES
from infitalks.backends import media, queue, realtime
from infitalks.models.database import check_journal, database
from infitalks.models.deliveries import Delivery
from infitalks.models.log import Entry
from infitalks.models.maintenance import Lease
from infitalks.settings import Settings, SettingsError, check_complete

MOST_SKEW = timedelta(seconds=5)
MOST_QUIET = timedelta(seconds=30)  # of beat, which rings every 2 s
MOST_WAIT = timedelta(seconds=60)
LEAST_FREE = 1024**3  # bytes
ANSWER_SECONDS = 3


@dataclass(frozen=True)
class Finding:
    """How one part is; `fault` and `cure` are empty where it is well."""

    part: str
    fault: str = ""
    cure: str = ""


Check = Callable[[Settings], Iterator[tuple[str, str]]]


def examine(settings: Settings) -> list[Finding]:
    """One finding or more for each part, in the order in which they are best mended."""
    found: list[Finding] = []
    for part, check, needs in CHECKS:
        if any(finding.fault and finding.part in needs for finding in found):
            continue  # what stands on a broken part says nothing of its own
        faults = [Finding(part, *fault) for fault in check(settings)]
        found += faults or [Finding(part)]
    return found


def _settings(settings: Settings) -> Iterator[tuple[str, str]]:
    try:
        check_complete(settings)
    except SettingsError as error:
        yield str(error), "Set it as docs/deploy.md says, for all processes alike, and start them again."


def _disk(settings: Settings) -> Iterator[tuple[str, str]]:
    if settings.data.exists() and (free := shutil.disk_usage(settings.data).free) < LEAST_FREE:
        yield (
            f"{settings.data} has {free // 1024**2} MiB left; MongoDB ends when there is nothing left",
            "Make room, or move the data folder (INFITALKS_DATA) to a larger disk.",
        )


def _mongodb(settings: Settings) -> Iterator[tuple[str, str]]:
    try:
        database().command("ping")
        check_journal(settings)
    except SettingsError as error:
        yield str(error), "Change the server's configuration; a chat on it could lose messages."
    except ConnectionFailure:
        yield "it does not answer", "Start it, and look whether MONGODB_URI names its host and port."
    except (OperationFailure, ConfigurationError) as error:
        yield f"it lets nobody in: {error}", "Look at the user and the password in MONGODB_URI."


def _migrations(settings: Settings) -> Iterator[tuple[str, str]]:
    try:
        migrations.require_known()
    except SettingsError as error:
        yield str(error), "Install that version again."
    else:
        if pending := migrations.pending():
            yield f"{len(pending)} changes are pending, the first {pending[0]}", "infitalks db upgrade"


def _clock(settings: Settings) -> Iterator[tuple[str, str]]:
    theirs = next(database().aggregate([{"$documents": [{}]}, {"$set": {"now": "$$NOW"}}]))["now"]
    if abs(datetime.now(UTC) - theirs) > MOST_SKEW:
        yield (
            f"this machine's is {(datetime.now(UTC) - theirs).total_seconds():.0f} s ahead of MongoDB's",
            "Have both set their clocks by NTP: sessions and signed links go by them.",
        )


def _redis(settings: Settings) -> Iterator[tuple[str, str]]:
    try:
        queue.ping()
    except queue.QueueUnavailable as error:
        yield (
            f"it does not let us in: {error}",
            "Start it, and look at host, port and password in REDIS_URL. Until then pages poll.",
        )


def _workers(settings: Settings) -> Iterator[tuple[str, str]]:
    try:
        unserved = queue.unserved(ANSWER_SECONDS)
    except queue.QueueUnavailable as error:
        yield f"they could not be asked: {error}", "Look again; if it stays, restart Redis."
        return
    for name in sorted(unserved):
        yield f"nobody serves the queue `{name}`", f"celery -A worker worker --queues {name}"


def _beat(settings: Settings) -> Iterator[tuple[str, str]]:
    swept = Lease.objects(id="sweep:log").first()
    if not swept or datetime.now(UTC) - swept.until > MOST_QUIET:
        yield "nobody has looked for unsent work lately", "celery -A worker beat, once, beside the workers."


def _realtime(settings: Settings) -> Iterator[tuple[str, str]]:
    try:
        realtime.occupied_channels("private-user-")
    except realtime.RealtimeUnavailable as error:
        yield (
            f"it cannot be used: {error}",
            "Look at PUSHER_HOST and PUSHER_PORT (or PUSHER_CLUSTER), PUSHER_APP_ID, PUSHER_KEY and PUSHER_SECRET, "
            "and whether it runs. Until then pages poll.",
        )
    except realtime.RealtimeRefused as error:
        yield f"it refuses us: {error}", "Look at PUSHER_APP_ID, PUSHER_KEY and PUSHER_SECRET."


def _media(settings: Settings) -> Iterator[tuple[str, str]]:
    try:
        media.store().destroy("infitalks-doctor")  # there is none, but whoever asks has to be known
    except media.MediaUnavailable as error:
        yield f"it cannot be used: {error}", "Start it, and look at CLOUDINARY_URL. Until then pictures wait."
    except media.MediaRefused as error:
        yield f"it refuses us: {error}", "Look at the key and the secret in CLOUDINARY_URL."


def _address(settings: Settings) -> Iterator[tuple[str, str]]:
    url = f"{settings.public_url.rstrip('/')}/healthz"
    try:
        with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as answer:
            ours = answer.read(3) == b"ok"
    except (OSError, ValueError) as error:
        yield f"{url} does not answer: {error}", "Start the web server and its proxy, or correct PUBLIC_URL."
        return
    if not ours:
        yield f"{url} is answered by something else", "Correct PUBLIC_URL, or the proxy in front."


def _work(settings: Settings) -> Iterator[tuple[str, str]]:
    late = datetime.now(UTC) - MOST_WAIT
    if waiting := Entry.raw().count_documents({"out.state": "new", "at": {"$lt": late}}, hint="waiting"):
        yield f"log entries that wait for more than a minute to be told: {waiting}", "See to the parts above first."
    if dead := Entry.raw().count_documents(DEAD_ENTRIES, hint="dead"):
        yield (
            f"log entries that were set aside after {MOST_TRIES} failures: {dead}",
            "The worker's log says why, by their numbers. Then: infitalks maintenance run dead-entries",
        )
    if failed := Delivery.raw().count_documents(DEAD_DELIVERIES, hint="dead"):
        yield (
            f"webhooks' deliveries that failed for good: {failed}",
            "infitalks webhooks list, and redeliver ID --failed, or the webhook's own page.",
        )


CHECKS: tuple[tuple[str, Check, tuple[str, ...]], ...] = (
    ("settings", _settings, ()),
    ("disk", _disk, ()),
    ("MongoDB", _mongodb, ("settings",)),
    ("database", _migrations, ("settings", "MongoDB")),
    ("clock", _clock, ("settings", "MongoDB")),
    ("Redis", _redis, ("settings",)),
    ("workers", _workers, ("settings", "Redis")),
    ("beat", _beat, ("settings", "MongoDB", "Redis", "workers")),
    ("live events", _realtime, ("settings",)),
    ("pictures", _media, ("settings",)),
    ("address", _address, ("settings",)),
    ("work", _work, ("settings", "MongoDB", "database")),
)
