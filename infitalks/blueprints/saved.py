"""Doors to what somebody saved for later."""

from flask import Blueprint

from infitalks import access
from infitalks.actions import saved
from infitalks.blueprints.guard import api
from infitalks.models.chats import memberships_of
from infitalks.models.saved import saved_by
from infitalks.models.users import User
from infitalks.schemas.messages import messages_by_id
from infitalks.schemas.paging import PageQuery, cut, read_cursor
from infitalks.schemas.saved import SavedIdsOut, SavedListOut, SavedMessageOut

blueprint = Blueprint("saved", __name__)


@blueprint.get("/api/saved")
@api(query=PageQuery, answers={200: SavedListOut})
def get_saved(me: User, query: PageQuery) -> SavedListOut:
    rows = saved_by(me.id, read_cursor(query.cursor), query.limit + 1)
    shown, following = cut(rows, query.limit, "at", "message")
    mine = memberships_of(me.id, {row["chat"] for row in shown})
    seen = access.messages_seen([row["message"] for row in shown], mine)
    found = messages_by_id((doc for doc in seen if doc.get("deleted_seq") is None), mine)
    answer = SavedListOut(
        saved=[
            SavedMessageOut(saved_at=row["at"], message=found[row["message"]])
            for row in shown
            if row["message"] in found
        ],
        next=following,
    )
    for membership in mine.values():
        access.require_unchanged(membership)
    return answer


@blueprint.get("/api/saved/ids")
@api(answers={200: SavedIdsOut})
def get_saved_ids(me: User) -> SavedIdsOut:
    return SavedIdsOut(ids=[str(row["message"]) for row in saved_by(me.id, None, saved.MOST_SAVED)])


@blueprint.put("/api/messages/<message_id>/saved")
@api(answers={204: None})
def put_saved(me: User, message_id: str) -> None:
    saved.save_message(me.id, message_id)


@blueprint.delete("/api/messages/<message_id>/saved")
@api(answers={204: None})
def delete_saved(me: User, message_id: str) -> None:
    saved.forget_saved(me.id, message_id)
