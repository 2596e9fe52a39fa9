"""The web app as it must not be: its writes are answered before they are journaled, its reads may be taken back.

For the control run alone, in which the checker has to find what that loses. The product has no such switch.
"""

from typing import Any

import mongoengine

from infitalks.models import database


def _connect(**options: Any) -> Any:
    return mongoengine.connect(**{**options, "w": 1, "journal": False, "readConcernLevel": "local"})


database.connect = _connect  # type: ignore[attr-defined]

from wsgi import app  # noqa: E402 - it connects when it is imported

__all__ = ["app"]
