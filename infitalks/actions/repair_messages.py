"""What messages show of the entries about them, compared with these and mended: the last edit, who reacts with what,
who pinned it, that it was deleted, and the HTML of the text. What somebody said is never changed.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from bson import ObjectId

from infitalks.actions import log
from infitalks.actions.mentions import render_again
from infitalks.actions.turns import Turn
from infitalks.models.database import Doc
from infitalks.models.log import Entry
from infitalks.schemas.folding import fold

MESSAGES: Doc = {"kind": "message"}
DERIVED = (
    "text", "html", "mentions", "mentions_all", "cards", "attachments", "reply_to", "via", "reactions", "pin", "first",
    "edit_seq", "edited_at", "deleted_seq",
)  # fmt: skip


def repair_messages(turn: Turn) -> Iterator[Any]:
    turn.count(wrong=0, mended=0)
    if turn.total is None:
        turn.total = Entry.raw().count_documents(MESSAGES, hint="by_age")
    for found in turn.batches(Entry.raw(), MESSAGES, {}):
        abouts = _abouts([message["_id"] for message in found])
        for message in found:
            _look_at(turn, message, abouts[message["_id"]])
        yield found[-1]["_id"]


def _look_at(turn: Turn, message: Doc, about: list[Doc]) -> None:
    told = _as_told(message, about)
    wrong = _wrong_fields(message, told)
    left = told.get("deleted_seq") and any(entry["kind"] == "edit" and entry.get("text") for entry in about)
    if wrong or left:
        what = [*wrong, "its edits still say what was deleted"] if left else wrong
        turn.count(wrong=1)
        turn.say(f"Chat {message['chat']}, message {message['seq']}: {', '.join(what)}.")
        turn.count(mended=int(not turn.dry_run and _mend(message, {field: told.get(field) for field in wrong}, about)))


def _abouts(message_ids: list[ObjectId]) -> dict[ObjectId, list[Doc]]:
    """The entries about each message, in order; read after the messages, so that they are as new at least."""
    query = {"target": {"$in": message_ids}, "kind": {"$in": ["edit", "delete", "reaction", "pin"]}}
    abouts: dict[ObjectId, list[Doc]] = defaultdict(list)
    for entry in Entry.raw().find(query).sort("seq", 1):
        abouts[entry["target"]].append(entry)
    return abouts


def _as_told(message: Doc, about: list[Doc]) -> Doc:
    """The message as these entries, one after the other, make it. What none of them tells of stays: an import brings
    reactions and edits without entries."""
    deletions = [entry for entry in about if entry["kind"] == "delete"]
    if message.get("deleted_seq") and not deletions:
        return message
    # Of several at once the one that was applied first stands.
    deletions.sort(key=lambda entry: bool(entry["seq"] != message.get("deleted_seq")))
    told = _before(message, about)
    for entry in [entry for entry in about if entry["kind"] != "delete"] + deletions[:1]:
        told = fold(told, entry)
    if deletions:
        return {**told, "html": ""}
    # No entry tells of the first wording.
    return {**told, **render_again(told), "first": message.get("first")}


def _before(message: Doc, about: list[Doc]) -> Doc:
    """Without what these entries did to it, as far as that is known."""
    marked = {(str(entry["author"]), entry["emoji"]) for entry in about if entry["kind"] == "reaction"}
    reactions = {
        user: {emoji: mark for emoji, mark in marks.items() if (user, emoji) not in marked}
        for user, marks in (message.get("reactions") or {}).items()
    }
    edited = {"edit_seq": None} if any(entry["kind"] == "edit" for entry in about) else {}
    unpinned = {"pin": None} if any(entry["kind"] == "pin" for entry in about) else {}
    return {**message, **edited, **unpinned, "deleted_seq": None, "reactions": reactions}


def _wrong_fields(message: Doc, told: Doc) -> list[str]:
    return [field for field in DERIVED if _of(message, field) != _of(told, field)]


def _of(message: Doc, field: str) -> Any:
    value = message.get(field) or None
    if field == "reactions" and value:  # somebody without a mark is as good as not there
        return {user: marks for user, marks in value.items() if marks} or None
    return value


def _mend(message: Doc, change: Doc, about: list[Doc]) -> bool:
    """Conditional on what was read: whoever changed it since is right, and the next run looks at it again."""
    read = {field: message.get(field) for field in ("edit_seq", "deleted_seq", "reactions", "pin")}
    if change.get("deleted_seq"):  # first, by what was read: the change blanks the list that its deletion goes by
        log.drop_attachments(message.get("attachments") or [])
    if change and not Entry.raw().update_one({"_id": message["_id"], **read}, {"$set": change}).matched_count:
        return False
    for entry in about:
        if entry["kind"] != "reaction":
            log.apply(entry)  # its edits, and the chat's last message
    return True
