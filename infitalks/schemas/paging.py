"""Lists that go on where they were left, by a cursor: newest first, by a time and an id. Not for: a log's pages, which
go by number (messages.py)."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated

from bson import ObjectId
from pydantic import Field

from infitalks.errors import Invalid, NotFound
from infitalks.models.database import Doc, object_id
from infitalks.schemas.base import Limit, Query


class PageQuery(Query):
    cursor: Annotated[str, Field(max_length=100)] | None = None
    limit: Limit = 20


def cut(rows: list[Doc], limit: int, at: str, key: str) -> tuple[list[Doc], str | None]:
    """A page's rows and the cursor of the next, where one row more was read than a page shows. `at`, `key`: the fields
    by which they are in order."""
    shown = rows[:limit]
    return shown, _write_cursor(shown[-1][at], shown[-1][key]) if len(rows) > limit else None


def _write_cursor(at: datetime, key: ObjectId) -> str:
    millis = int(at.timestamp() * 1000)
    return base64.urlsafe_b64encode(f"{millis}:{key}".encode()).decode()


def read_cursor(cursor: str | None) -> tuple[datetime, ObjectId] | None:
    """The place after which a list goes on; None is its beginning. Raises Invalid."""
    if not cursor:
        return None
    try:
        millis, key = base64.urlsafe_b64decode(cursor.encode()).decode().split(":")
        return datetime.fromtimestamp(int(millis) / 1000, UTC), object_id(key)
    except (ValueError, OverflowError, OSError, binascii.Error, NotFound):
        raise Invalid("The cursor is not one of ours.", fields={"cursor": "not one of ours"}) from None
