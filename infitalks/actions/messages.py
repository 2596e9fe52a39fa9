"""Sending, editing, deleting, marking and pinning messages: each is one entry of the chat's log."""

from collections.abc import Callable
from typing import Any

from bson import ObjectId

from infitalks import access, events
from infitalks.actions.log import Draft, append, own_client_id, require_active
from infitalks.actions.media import claim_media, count_files
from infitalks.actions.mentions import render_for_members
from infitalks.errors import Conflict, Invalid, NotFound
from infitalks.integrations.cards import unrendered
from infitalks.models.database import Doc, object_id
from infitalks.models.log import count_pinned, entry_by_client_id, entry_by_id
from infitalks.models.threads import thread_of
from infitalks.schemas.cards import CardOut, stored_card

MOST_EMOJIS_EACH = 20  # different reactions of one user on one message
MOST_PINNED = 100  # messages of one chat


def send_message(
    user_id: ObjectId,
    chat_id: ObjectId,
    client_id: str,
    *,
    text: str,
    attachments: list[str] | None = None,
    reply_to: str | None = None,
    via: Doc | None = None,
    cards: list[CardOut] | None = None,
    said: Any = None,
    origin: Doc | None = None,
) -> tuple[Doc, bool]:
    """Append a message. Returns it as stored, and whether it is new (False: a repeat of the same send).

    `said` (JSON values) is what a repeat has to say the same of, where the message was made from something else.
    `origin` ({hops, bots}): which bots led to one another's posts until this one came about.

    Raises NotFound where the user is not in the chat, Invalid for pictures or a reply_to that cannot be used,
    Conflict for other content under the same client_id, Unavailable where it should be sent again.
    """
    answered = _check_reply(user_id, chat_id, reply_to)
    media = _claim_attachments(user_id, chat_id, client_id, attachments or [])
    body = {
        "text": text,
        **_called(render_for_members(chat_id, text)),
        "attachments": media,
        "files": count_files(media),
        "cards": _stored(cards),
        "reply_to": answered["_id"] if answered else None,
        **({"thread": thread_of(answered)} if answered else {}),
        "via": via,
        "reactions": {},
        **({"origin": origin} if origin else {}),
    }
    content = [text, attachments or [], reply_to, via, *unrendered(cards or [])] if said is None else said
    return append(Draft(chat_id, "message", user_id, client_id, body, content, require_active))


def _called(rendered: Doc) -> Doc:
    """Nothing is stored of nobody: the indexes of mentions hold only messages that have some."""
    return {key: value for key, value in rendered.items() if key == "html" or value}


def _stored(cards: list[CardOut] | None) -> list[Doc]:
    return [stored_card(card) for card in cards or []]


def _claim_attachments(user_id: ObjectId, chat_id: ObjectId, client_id: str, ids: list[str]) -> list[ObjectId]:
    if not ids:
        return []
    access.get_chat_for(user_id, str(chat_id))
    if entry_by_client_id(chat_id, user_id, client_id):  # a repeat, or a refusal: nothing new is reserved for it
        return [ObjectId(text) for text in ids]
    return claim_media(user_id, ids, chat_id, client_id)


def _check_reply(user_id: ObjectId, chat_id: ObjectId, reply_to: str | None) -> Doc | None:
    if reply_to is None:
        return None
    _, membership = access.get_chat_for(user_id, str(chat_id))
    message = entry_by_id(object_id(reply_to))
    known = message and message["chat"] == chat_id and message["kind"] == "message"
    if not message or not known or not access.visible(message["seq"], membership["intervals"]):
        raise Invalid("That message cannot be answered here.", fields={"reply_to": "no message of this chat"})
    return message


def named_in(chat_id: ObjectId, user_id: ObjectId, named: str | None) -> str | None:
    """The id of a message to answer, where the user sees it in this chat; programs name other systems' threads, too."""
    try:
        message, _ = access.get_message_for(user_id, named or "")
    except NotFound:
        return None
    return named if message["chat"] == chat_id else None


def edit_message(
    user_id: ObjectId,
    message_id: str,
    text: str,
    client_id: str | None,
    *,
    cards: list[CardOut] | None = None,
    said: Any = None,
) -> Doc:
    """Replace the text and the cards of one's own message. Returns the edit's entry. `said`: as in send_message."""
    message, _ = access.get_message_for(user_id, message_id)
    _require_present(message)
    access.require(access.can_edit(message, user_id), "Only its author edits a message.")
    if not text.strip() and not message["attachments"]:
        raise Invalid("A message cannot become empty: delete it.", fields={"text": "must not be empty"})
    body: Doc = {"text": text, **render_for_members(message["chat"], text)}
    if cards:
        body["cards"] = _stored(cards)
    content = ([text, *unrendered(cards)] if cards else text) if said is None else said
    return _append_about(message, user_id, "edit", client_id or own_client_id(), body, content)


def delete_message(user_id: ObjectId, message_id: str) -> None:
    """Blank a message for ever; its pictures go too. Repeatable."""
    message, membership = access.get_message_for(user_id, message_id)
    access.require(access.can_delete(message, membership), "Only its author or an owner deletes a message.")
    if message.get("deleted_seq") is None:
        _append_about(message, user_id, "delete", f"delete.{message_id}", {}, None, may=access.can_delete)
        for media in message["attachments"]:
            events.media_dropped(media)


def set_reaction(user_id: ObjectId, message_id: str, emoji: str, *, on: bool) -> Doc | None:
    """Put or take away one's emoji. Returns the entry, or None where it is so already."""
    message, _ = access.get_message_for(user_id, message_id)
    _require_present(message)
    mine = (message.get("reactions") or {}).get(str(user_id), {})
    if mine.get(emoji, {}).get("on", False) == on:
        return None
    if on and emoji not in mine and len(mine) >= MOST_EMOJIS_EACH:  # those taken away count too: they are kept
        raise Conflict(f"At most {MOST_EMOJIS_EACH} different reactions of one person.")
    return _append_about(message, user_id, "reaction", own_client_id(), {"emoji": emoji, "on": on}, [emoji, on])


def set_pin(user_id: ObjectId, message_id: str, *, on: bool) -> Doc | None:
    """Pin a message for all members, or take the pin away, whoever set it. Returns the entry, or None where it is so
    already. Raises Conflict where the chat has its 100 (a few more where several pin at the same moment)."""
    message, _ = access.get_message_for(user_id, message_id)
    _require_present(message)
    if (message.get("pin") or {}).get("on", False) == on:
        return None
    if on and count_pinned(message["chat"]) >= MOST_PINNED:
        raise Conflict(f"At most {MOST_PINNED} messages of a chat are pinned: take a pin away first.")
    return _append_about(message, user_id, "pin", own_client_id(), {"on": on}, on)


def _append_about(
    message: Doc,
    user_id: ObjectId,
    kind: str,
    client_id: str,
    body: Doc,
    said: Any,
    *,
    may: Callable[[Doc, Doc], bool] | None = None,
) -> Doc:
    """`may(message, membership)` is asked again as of the entry's number: a role can change on the way there."""

    def allow(membership: Doc | None) -> None:
        require_active(membership)
        access.require(not may or (membership is not None and may(message, membership)), "You may not any more.")

    target = {"target": message["_id"], **body}
    draft = Draft(message["chat"], kind, user_id, client_id, target, [str(message["_id"]), said], allow)
    entry, _ = append(draft)
    return entry


def _require_present(message: Doc) -> None:
    if message.get("deleted_seq") is not None:
        raise NotFound()
