"""What somebody saved for later, in JSON."""

from infitalks.schemas.base import Id, Out, Time
from infitalks.schemas.messages import MessageOut


class SavedMessageOut(Out):
    saved_at: Time
    message: MessageOut


class SavedListOut(Out):
    """What was saved last first. A page may hold less than `limit`: what one does not see any more is left out."""

    saved: list[SavedMessageOut]
    next: str | None


class SavedIdsOut(Out):
    """Of all messages that one saved, at most 1,000."""

    ids: list[Id]
