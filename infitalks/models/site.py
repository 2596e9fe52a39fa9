"""What admins decide while the chat runs, what they did, and how many people wrote how much on each day.

Not for: settings of processes (settings.py).
"""

from collections.abc import Iterable

from mongoengine import DateTimeField, DictField, IntField, ObjectIdField, StringField

from infitalks.models.database import Doc, Stored


class Site(Stored):
    """One document. `retention_days` None: messages are kept for ever."""

    id = StringField(primary_key=True)
    retention_days = IntField()
    inactive_days = IntField(default=90)  # after which somebody who wrote nothing counts as inactive
    daily = DictField()  # maintenance tasks by name: True every day, False not; others as they come

    meta = {"collection": "site"}


class Act(Stored):
    """Something that an admin did on the admin's pages: to what, in words."""

    at = DateTimeField(required=True)
    by = ObjectIdField(required=True)
    by_name = StringField(required=True)
    what = StringField(required=True)
    about = StringField(default="")

    meta = {"collection": "admin_acts"}


class Day(Stored):
    """A day that is over, by UTC; `id` is like 2026-01-31. `people` are those who wrote."""

    id = StringField(primary_key=True)
    messages = IntField(required=True)
    people = IntField(required=True)

    meta = {"collection": "days"}


def site() -> Site:
    return Site.objects(id="settings").first() or Site(id="settings")


def newest_acts(limit: int) -> list[Act]:
    return list(Act.objects.order_by("-at", "-id").limit(limit))


def stored_days(ids: Iterable[str]) -> dict[str, Doc]:
    return {row["_id"]: row for row in Day.raw().find({"_id": {"$in": list(ids)}})}
