"""Bots' doors: a person makes a bot, which then calls the same routes as people with its token."""

from flask import Blueprint

from infitalks.access import require_person
from infitalks.actions import users
from infitalks.blueprints.guard import api
from infitalks.models.users import User
from infitalks.schemas.bots import BotIn, BotOut
from infitalks.schemas.users import user_out

blueprint = Blueprint("bots", __name__)


@blueprint.post("/api/bots")
@api(body=BotIn, limit="10/minute", answers={201: BotOut})
def post_bot(me: User, body: BotIn) -> tuple[BotOut, int]:
    require_person(me)
    bot, token = users.create_bot(me.id, body.display_name or body.username, body.username)
    return BotOut(bot=user_out(bot.to_mongo()), token=token), 201
