"""Incidents: one message when something goes wrong, edited while it lasts and when it is over.

Its state is the log itself: entries of the bot are called `alert.<incident>.<since>.fired` and `.resolved`, so that
two senders at once, a retry or a crash in between come to the same.
"""

import hashlib

from bson import ObjectId

from infitalks.actions.messages import edit_message, send_message
from infitalks.integrations.post import Incident, Post
from infitalks.models.database import Doc
from infitalks.models.hooks import entries_called

LARGEST_SINCE = 10**14 - 1  # milliseconds, in the digits that sort as text


def tell_incident(bot: ObjectId, chat: ObjectId, post: Post, incident: Incident) -> Doc:
    """News (it began, or began anew, later than all before) is a message; everything else edits what there is.

    Returns the message that shows it. Raises as send_message.
    """
    prefix = f"alert.{hashlib.sha256(incident.key.encode()).hexdigest()[:32]}."
    name = f"{prefix}{min(max(incident.since, 0), LARGEST_SINCE):014d}"
    found = entries_called(chat, bot, prefix)
    if incident.over:
        return _end(bot, chat, post, name, found)
    shown = next((entry for entry in _fired(found) if entry["client_id"] >= f"{name}.fired"), None)
    if shown is None:
        message, _ = send_message(bot, chat, f"{name}.fired", text=post.text, cards=post.cards, said=name)
        return message
    # A notice that comes late must not set fire to what is over.
    if _is_open(shown, found) and shown["text"] != post.text:
        edit_message(bot, str(shown["_id"]), post.text, None, cards=post.cards)
    return shown


def _fired(found: list[Doc]) -> list[Doc]:
    return [entry for entry in found if entry["client_id"].endswith(".fired")]


def _is_open(message: Doc, found: list[Doc]) -> bool:
    end = _end_of(message)
    return message.get("deleted_seq") is None and not any(entry["client_id"] == end for entry in found)


def _end_of(message: Doc) -> str:
    return str(message["client_id"]).removesuffix(".fired") + ".resolved"


def _end(bot: ObjectId, chat: ObjectId, post: Post, name: str, found: list[Doc]) -> Doc:
    """All that began until then shows that it is over; where nobody heard of it, a message says so."""
    earlier = [entry for entry in _fired(found) if entry["client_id"] <= f"{name}.fired"]
    for message in earlier:
        if _is_open(message, found):
            end = _end_of(message)
            edit_message(bot, str(message["_id"]), post.text, end, cards=post.cards, said=end)
    if earlier:
        return earlier[0]
    message, _ = send_message(bot, chat, f"{name}.resolved", text=post.text, cards=post.cards, said=name)
    return message
