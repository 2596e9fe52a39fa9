"""Threads' doors: one thread, following and having read it, and the list of those that one follows."""

from bson import ObjectId
from flask import Blueprint

from infitalks import access
from infitalks.actions import threads
from infitalks.blueprints.guard import api
from infitalks.models.chats import memberships_of
from infitalks.models.database import Doc
from infitalks.models.log import entries_after, entries_before, top_of
from infitalks.models.threads import followed_by, maybe_unread
from infitalks.models.users import User
from infitalks.schemas.messages import LogQuery, messages_by_id, messages_out
from infitalks.schemas.paging import PageQuery, cut, read_cursor
from infitalks.schemas.threads import FollowIn, FollowOut, ListedThreadOut, ThreadOut, ThreadsOut

blueprint = Blueprint("threads", __name__)


@blueprint.get("/api/messages/<message_id>/thread")
@api(query=LogQuery, answers={200: ThreadOut})
def get_thread(me: User, message_id: str, query: LogQuery) -> ThreadOut:
    root, membership = threads.get_thread_for(me.id, message_id)
    through = top_of(root["chat"]).seq  # read before the messages
    seen: Doc = {"$and": [{"thread": root["_id"]}, access.seen_filter(membership["intervals"])]}
    if query.after is not None:
        found = entries_after(root["chat"], seen, query.after, query.limit + 1)
        shown = found[: query.limit]
    else:
        found = entries_before(root["chat"], seen, query.before, query.limit + 1)
        shown = found[-query.limit :]
    first = [root] if access.visible(root["seq"], membership["intervals"]) else []
    told = messages_out([*first, *shown], membership)
    answer = ThreadOut(
        id=str(root["_id"]),
        chat_id=str(root["chat"]),
        root=told[0] if first else None,
        messages=told[len(first) :],
        has_more=len(found) > query.limit,
        as_of=through,
        **threads.standing_of(me.id, root, membership),
    )
    access.require_unchanged(membership)
    return answer


@blueprint.patch("/api/messages/<message_id>/thread")
@api(body=FollowIn, answers={200: FollowOut})
def patch_thread(me: User, message_id: str, body: FollowIn) -> FollowOut:
    root, membership = threads.set_follow(me.id, message_id, on=body.follow, read_seq=body.read_seq)
    answer = FollowOut(**threads.standing_of(me.id, root, membership))
    access.require_unchanged(membership)
    return answer


@blueprint.get("/api/threads")
@api(query=PageQuery, answers={200: ThreadsOut})
def get_threads(me: User, query: PageQuery) -> ThreadsOut:
    rows = followed_by(me.id, read_cursor(query.cursor), query.limit + 1)
    shown, following = cut(rows, query.limit, "last_at", "root")
    waiting = maybe_unread(me.id)
    mine = memberships_of(me.id, {row["chat"] for row in (*shown, *waiting)})
    unread = threads.unread_in(me.id, [row for row in (*shown, *waiting) if row["chat"] in mine], mine)
    answer = ThreadsOut(
        threads=_listed([row for row in shown if row["chat"] in mine], mine, unread),
        next=following,
        unread=sum(row["root"] in unread for row in waiting),
    )
    for membership in mine.values():
        access.require_unchanged(membership)
    return answer


def _listed(rows: list[Doc], mine: dict[ObjectId, Doc], unread: dict[ObjectId, int]) -> list[ListedThreadOut]:
    roots = messages_by_id(access.messages_seen([row["root"] for row in rows], mine), mine)
    return [
        ListedThreadOut(
            id=str(row["root"]),
            chat_id=str(row["chat"]),
            root=roots.get(row["root"]),
            last_at=row["last_at"],
            unread=unread.get(row["root"], 0),
        )
        for row in rows
    ]
