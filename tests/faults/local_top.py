"""The web app with a log that reads its tops as the primary has them by itself, not as a majority has.

For the control of test_replica_set.py, which has to find the hole that this leaves. Not for: anything else.
"""

from bson import ObjectId
from pymongo.read_concern import ReadConcern

from infitalks.models import log
from wsgi import app

__all__ = ["app"]


def top_of(chat_id: ObjectId) -> log.Top:
    entries = log.Entry.raw().with_options(read_concern=ReadConcern("local"))
    found = entries.find_one({"chat": chat_id}, {"seq": 1, "n": 1, "m": 1}, sort=[("seq", -1)])
    return log.Top(found["seq"], found["n"], found["m"]) if found else log.Top(0, 0, 0)


log.top_of = top_of
