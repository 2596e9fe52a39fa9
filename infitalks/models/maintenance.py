"""Reports of maintenance tasks, and leases: who may do a piece of work now."""

from bson import ObjectId
from mongoengine import BooleanField, DateTimeField, DictField, StringField

from infitalks.models.database import Stored


class Report(Stored):
    """One run of a maintenance task, written as it goes."""

    task = StringField(required=True)
    state = StringField(required=True, choices=("queued", "running", "done", "failed"))
    by = StringField(required=True)
    dry_run = BooleanField(default=False)
    counts = DictField()
    message = StringField(default="")
    queued_at = DateTimeField(required=True)
    started_at = DateTimeField()
    finished_at = DateTimeField()

    meta = {"collection": "maintenance_reports"}


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
