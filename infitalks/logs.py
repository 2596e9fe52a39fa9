"""How our processes log: one JSON object a line in production, text for a person elsewhere.

Never what people wrote, never a secret or an address: fields are ids and numbers, and of an exception there are its
type and place, not its text, which may hold what somebody sent. Not for: what is counted (metrics.py).
"""

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any

from infitalks import trace
from infitalks.settings import Settings

FRAMES = 12  # of an exception, the innermost ones

_events = logging.getLogger("infitalks.events")


def note(event: str, **fields: Any) -> None:
    """Something happened as it should: a line in production, nothing in text, where a person waits for other words."""
    _events.info(event, extra={"fields": fields})


class JsonLines(logging.Formatter):
    """`time`, `level`, `logger`, `event`, the event's own fields, `request_id` where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        said = {"time": at, "level": record.levelname.lower(), "logger": record.name, "event": _event(record)}
        said |= {"request_id": trace.current()} if trace.current() else {}
        said |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[1]:
            said |= _told(record.exc_info[1])
        return json.dumps(said, default=str)


def _event(record: logging.LogRecord) -> str:
    """What happened. Where a library tells of an exception, as Celery does, without its text behind the colon."""
    text = record.getMessage()
    return text.partition(": ")[0] if record.exc_info and not record.name.startswith("infitalks") else text


def _told(error: BaseException) -> dict[str, Any]:
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return {
        "exception": type(error).__name__,
        "cause": type(error.__cause__).__name__ if error.__cause__ else None,
        "at": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }


class TextLines(logging.Formatter):
    """`WARNING what happened`, and the request's id where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        request_id = trace.current()
        return f"{super().format(record)}{f' (request {request_id})' if request_id else ''}"


def configure(settings: Settings, level: int = logging.INFO) -> None:
    """Take over what this process logs, its server's lines included."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines() if settings.json_log else TextLines("%(levelname)s %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    _events.setLevel(logging.INFO if settings.json_log else logging.WARNING)
    for name in ("_granian", "granian.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
