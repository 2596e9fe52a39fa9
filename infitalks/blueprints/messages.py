"""Messages' doors: send, read, edit and what was before, delete, react, pin."""

from operator import itemgetter

from bson import ObjectId
from flask import Blueprint

from infitalks import access
from infitalks.actions import messages
from infitalks.actions.loops import origin_of_post
from infitalks.blueprints.guard import api
from infitalks.models.database import Doc
from infitalks.models.log import edits_of, entries_after, entries_before, only_messages, pinned_in
from infitalks.models.users import User
from infitalks.schemas.base import validate
from infitalks.schemas.history import HistoryOut, history_out
from infitalks.schemas.messages import (
    EditIn,
    MessageIn,
    MessageOut,
    MessagesOut,
    MessagesQuery,
    PinsOut,
    ReactionPath,
    messages_out,
    sent_out,
)

blueprint = Blueprint("messages", __name__)


def _now(me: User, message_id: str) -> MessageOut:
    """The message as it is now."""
    message, membership = access.get_message_for(me.id, message_id)
    answer = messages_out([message], membership)[0]
    access.require_unchanged(membership)
    return answer


@blueprint.get("/api/messages")
@api(query=MessagesQuery, answers={200: MessagesOut})
def get_messages(me: User, query: MessagesQuery) -> MessagesOut:
    chat, membership = access.get_chat_for(me.id, query.chat)  # `last_seq` is read before the messages
    shown, more = (_named(query.ids, membership), False) if query.ids else _page(query, membership)
    answer = MessagesOut(messages=messages_out(shown, membership), has_more=more, as_of=chat["last_seq"])
    access.require_unchanged(membership)
    return answer


def _named(ids: str, membership: Doc) -> list[Doc]:
    seen = access.messages_seen(map(ObjectId, ids.split(",")), {membership["chat"]: membership})
    return sorted(seen, key=itemgetter("seq"))


def _page(query: MessagesQuery, membership: Doc) -> tuple[list[Doc], bool]:
    """And whether there are more that way."""
    seen = only_messages(access.seen_filter(membership["intervals"]))
    if query.after is not None:
        found = entries_after(membership["chat"], seen, query.after, query.limit + 1)
        return found[: query.limit], len(found) > query.limit
    found = entries_before(membership["chat"], seen, query.before, query.limit + 1)
    return found[-query.limit :], len(found) > query.limit


@blueprint.post("/api/messages")
@api(body=MessageIn, limit="30/second", answers={200: MessageOut, 201: MessageOut})
def post_message(me: User, body: MessageIn) -> tuple[MessageOut, int]:
    chat_id = ObjectId(body.chat_id)
    message, new = messages.send_message(
        me.id,
        chat_id,
        body.client_id,
        text=body.text,
        attachments=body.attachments,
        reply_to=body.reply_to,
        origin=origin_of_post(me.id, chat_id, body.client_id, body.reply_to) if me.kind == "bot" else None,
    )
    if new:
        return sent_out(message, me.to_mongo()), 201
    return _now(me, str(message["_id"])), 200


@blueprint.get("/api/messages/<message_id>")
@api(answers={200: MessageOut})
def get_message(me: User, message_id: str) -> MessageOut:
    return _now(me, message_id)


@blueprint.get("/api/messages/<message_id>/history")
@api(answers={200: HistoryOut})
def get_history(me: User, message_id: str) -> HistoryOut:
    message, membership = access.get_message_for(me.id, message_id)
    access.require(access.can_delete(message, membership), "Only its author and owners see what a message was before.")
    answer = history_out(message, edits_of(message["_id"]))
    access.require_unchanged(membership)
    return answer


@blueprint.patch("/api/messages/<message_id>")
@api(body=EditIn, answers={200: MessageOut})
def patch_message(me: User, message_id: str, body: EditIn) -> MessageOut:
    messages.edit_message(me.id, message_id, body.text, body.client_id)
    return _now(me, message_id)


@blueprint.delete("/api/messages/<message_id>")
@api(answers={204: None})
def delete_message(me: User, message_id: str) -> None:
    messages.delete_message(me.id, message_id)


@blueprint.put("/api/messages/<message_id>/reactions/<emoji>")
@api(answers={200: MessageOut})
def put_reaction(me: User, message_id: str, emoji: str) -> MessageOut:
    return _react(me, message_id, emoji, on=True)


@blueprint.delete("/api/messages/<message_id>/reactions/<emoji>")
@api(answers={200: MessageOut})
def delete_reaction(me: User, message_id: str, emoji: str) -> MessageOut:
    return _react(me, message_id, emoji, on=False)


def _react(me: User, message_id: str, emoji: str, *, on: bool) -> MessageOut:
    checked = validate(ReactionPath, {"emoji": emoji})
    messages.set_reaction(me.id, message_id, checked.emoji, on=on)
    return _now(me, message_id)


@blueprint.get("/api/chats/<chat_id>/pins")
@api(answers={200: PinsOut})
def get_pins(me: User, chat_id: str) -> PinsOut:
    chat, membership = access.get_chat_for(me.id, chat_id)
    found = pinned_in(chat["_id"], access.seen_filter(membership["intervals"]), messages.MOST_PINNED)
    answer = PinsOut(messages=messages_out(found, membership))
    access.require_unchanged(membership)
    return answer


@blueprint.put("/api/messages/<message_id>/pin")
@api(answers={200: MessageOut})
def put_pin(me: User, message_id: str) -> MessageOut:
    messages.set_pin(me.id, message_id, on=True)
    return _now(me, message_id)


@blueprint.delete("/api/messages/<message_id>/pin")
@api(answers={200: MessageOut})
def delete_pin(me: User, message_id: str) -> MessageOut:
    messages.set_pin(me.id, message_id, on=False)
    return _now(me, message_id)
