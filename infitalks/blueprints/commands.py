"""Slash commands' doors, and those of words to oneself. Not for: making commands (integrations.py)."""

from bson import ObjectId
from flask import Blueprint

from infitalks.actions import ephemerals
from infitalks.blueprints.guard import api
from infitalks.models.users import User
from infitalks.schemas.ephemerals import EphemeralOut, EphemeralsOut, ephemerals_out

blueprint = Blueprint("commands", __name__)


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
