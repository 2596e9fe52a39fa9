"""What a message said before it was edited, in JSON. Not for: messages as they now are (messages)."""

from infitalks.models.database import Doc
from infitalks.schemas.base import Out, Time


class VersionOut(Out):
    """`at`: since when it said so."""

    text: str
    html: str
    at: Time


class HistoryOut(Out):
    """The oldest first; the last one is what the message says now. The first wording of a message that was edited
    before such were kept is not there. A deleted message has none."""

    versions: list[VersionOut]


def history_out(message: Doc, edits: list[Doc]) -> HistoryOut:
    """From a stored message and the edits of it, in order."""
    if message.get("deleted_seq") is not None:
        return HistoryOut(versions=[])
    first = message if not message.get("edit_seq") else message.get("first")
    worded = [({"at": message["at"]}, first)] if first else []
    worded += [(edit, edit) for edit in edits]
    return HistoryOut(
        versions=[VersionOut(text=said["text"] or "", html=said["html"] or "", at=when["at"]) for when, said in worded]
    )
