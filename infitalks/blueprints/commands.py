"""Slash commands' doors, and those of words to oneself. Not for: making commands (integrations.py)."""

from bson import ObjectId
from flask import Blueprint

from infitalks import access
from infitalks.actions import commands, ephemerals
from infitalks.blueprints.guard import api
from infitalks.models.database import Doc
from infitalks.models.users import User
from infitalks.schemas.commands import CommandIn, CommandsOut, RanOut
from infitalks.schemas.ephemerals import EphemeralOut, EphemeralsOut, ephemerals_out
from infitalks.schemas.messages import MessageOut, messages_out

blueprint = Blueprint("commands", __name__)


@blueprint.get("/api/chats/<chat_id>/commands")
@api(answers={200: CommandsOut})
def get_commands(me: User, chat_id: str) -> CommandsOut:
    return CommandsOut(commands=commands.list_commands(me, chat_id))


@blueprint.post("/api/chats/<chat_id>/commands")
@api(body=CommandIn, limit="60/minute", shared=True, answers={200: RanOut})
def post_command(me: User, chat_id: str, body: CommandIn) -> RanOut:
    message = commands.run_command(me, chat_id, body.text, body.client_id)
    return RanOut(message=_shown(me, message) if message else None)


def _shown(me: User, sent: Doc) -> MessageOut:
    message, membership = access.get_message_for(me.id, str(sent["_id"]))
    answer = messages_out([message])[0]
    access.require_unchanged(membership)
    return answer


def said_to(user_id: ObjectId) -> list[EphemeralOut]:
    """What was said to the user alone and may be shown now."""
    return ephemerals_out(ephemerals.list_ephemerals(user_id))


@blueprint.get("/api/ephemerals")
@api(answers={200: EphemeralsOut})
def get_ephemerals(me: User) -> EphemeralsOut:
    return EphemeralsOut(ephemerals=said_to(me.id))


@blueprint.delete("/api/ephemerals/<ephemeral_id>")
@api(answers={204: None})
def delete_ephemeral(me: User, ephemeral_id: str) -> None:
    ephemerals.dismiss_ephemeral(me.id, ephemeral_id)
