"""What an entry does to the message that it names, as a pure function.

`actions/log.py` does the same in the database, conditionally per field; both go by these rules: text goes to the
later edit, each user's emoji and the pin to their later entry, a deletion is final.
"""

from typing import Any

from infitalks.models.database import Doc

# What a deletion blanks; chat, seq, n, m, kind, at, author, client_id and hash stay for ever.
BLANK: Doc = {
    "text": "",
    "html": "",
    "mentions": [],
    "mentions_all": False,
    "attachments": [],
    "cards": [],
    "reactions": {},
    "pin": None,
    "reply_to": None,
    "via": None,
    "first": None,
    "edit_seq": None,
    "edited_at": None,
}
WORDING = ("text", "html", "cards")


def fold(message: Doc, entry: Doc) -> Doc:
    """The message after `entry`. Folding an entry twice, or entries in any order, comes to the same."""
    if message.get("deleted_seq") is not None:
        return message
    change = {"edit": _edit, "delete": _delete, "reaction": _react, "pin": _pin}.get(entry["kind"])
    return {**message, **change(message, entry)} if change else message


def _edit(message: Doc, entry: Doc) -> dict[str, Any]:
    if message.get("edit_seq") and message["edit_seq"] >= entry["seq"]:
        return {}
    first = {} if message.get("edit_seq") else {"first": {field: message.get(field) for field in WORDING}}
    return {**first, **edit_fields(entry)}


def edit_fields(entry: Doc) -> dict[str, Any]:
    """An edit without cards takes those away that the message had: they say what it said before."""
    new = {"text": entry["text"], "html": entry["html"], "cards": entry.get("cards") or []}
    called = {"mentions": entry.get("mentions") or [], "mentions_all": bool(entry.get("mentions_all"))}
    return {**new, **called, "edit_seq": entry["seq"], "edited_at": entry["at"]}


def _delete(message: Doc, entry: Doc) -> dict[str, Any]:
    return {**BLANK, "deleted_seq": entry["seq"]}


def _react(message: Doc, entry: Doc) -> dict[str, Any]:
    user, emoji = str(entry["author"]), entry["emoji"]
    all_marks = message.get("reactions") or {}
    marks = all_marks.get(user, {})
    if marks.get(emoji, {}).get("k", 0) >= entry["seq"]:
        return {}
    mark = {"k": entry["seq"], "on": entry["on"]}
    return {"reactions": {**all_marks, user: {**marks, emoji: mark}}}


def _pin(message: Doc, entry: Doc) -> dict[str, Any]:
    return {} if (message.get("pin") or {}).get("k", 0) >= entry["seq"] else {"pin": pin_of(entry)}


def pin_of(entry: Doc) -> Doc:
    """What a message keeps of an entry that pinned it, or took the pin away."""
    return {"k": entry["seq"], "on": entry["on"], "by": entry["author"], "at": entry["at"]}
