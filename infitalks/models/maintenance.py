"""Reports of maintenance tasks, and leases: who may do a piece of work now."""

from datetime import datetime

from bson import ObjectId
from mongoengine import BooleanField, DateTimeField, DictField, DynamicField, IntField, ListField, StringField

from infitalks.models.database import Stored

OPEN = ("queued", "running")


class Report(Stored):
    """One run of a maintenance task, written as it goes. `after`: where its last whole batch ended; `tries`: turns
    that began since then and were cut short; `halted_at`: since when each turn has come to nothing for want of a
    service, which `message` names; `touched_at`: when anything of it was written last."""

    task = StringField(required=True)
    state = StringField(required=True, choices=(*OPEN, "done", "failed"))
    by = StringField(required=True)
    dry_run = BooleanField(default=False)
    counts = DictField()
    lines = ListField(StringField())  # what it found, in words
    message = StringField(default="")
    total = IntField()  # how many there are to be looked at, where that is known
    seen = IntField(default=0)
    after = DynamicField()
    tries = IntField(default=0)
    halted_at = DateTimeField()
    queued_at = DateTimeField(required=True)
    touched_at = DateTimeField()
    started_at = DateTimeField()
    finished_at = DateTimeField()

    meta = {"collection": "maintenance_reports"}

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


class Lease(Stored):
    """`until` is by the database's clock; `holder` is the token of who took it last, so that a late one can be told."""

    id = StringField(primary_key=True)
    until = DateTimeField(required=True)
    holder = StringField(required=True)

    meta = {"collection": "leases"}


def report_by_id(report_id: ObjectId) -> Report | None:
    return Report.objects(id=report_id).first()


def newest_reports(limit: int) -> list[Report]:
    return list(Report.objects.order_by("-queued_at").limit(limit))


def newest_report_of(task: str) -> Report | None:
    """The last one that came to its end and was no trial."""
    return Report.objects(task=task, state="done", dry_run__ne=True).order_by("-queued_at").first()


def oldest_open_report(task: str) -> Report | None:
    return Report.objects(task=task, state__in=OPEN).order_by("queued_at", "id").first()


def asked_since(task: str, by: str, since: datetime) -> bool:
    return bool(Report.raw().find_one({"queued_at": {"$gt": since}, "task": task, "by": by}, {"_id": 1}))


def quiet_reports(since: datetime) -> list[Report]:
    """Those under way, or still to be taken up, of which nothing has been heard since then; the oldest first."""
    quiet = {"$or": [{"touched_at": {"$lt": since}}, {"touched_at": None, "queued_at": {"$lt": since}}]}
    return list(Report.objects(__raw__={"state": {"$in": list(OPEN)}, **quiet}).order_by("queued_at", "id"))
