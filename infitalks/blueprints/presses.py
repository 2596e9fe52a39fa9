"""Doors for pressing buttons, of messages and of words to oneself."""

from flask import Blueprint

from infitalks.actions import presses
from infitalks.blueprints.guard import api
from infitalks.models.users import User
from infitalks.schemas.cards import PressIn

blueprint = Blueprint("presses", __name__)


@blueprint.post("/api/messages/<message_id>/actions")
@api(body=PressIn, limit="60/minute", shared=True, answers={204: None})
def post_action(me: User, message_id: str, body: PressIn) -> None:
    presses.press_button(me, message_id, body.button, body.client_id)


@blueprint.post("/api/ephemerals/<ephemeral_id>/actions")
@api(body=PressIn, limit="60/minute", shared=True, answers={204: None})
def post_ephemeral_action(me: User, ephemeral_id: str, body: PressIn) -> None:
    presses.press_ephemeral_button(me, ephemeral_id, body.button, body.client_id)
