"""Notifications' doors: what notified me, and why something did or did not."""

from bson import ObjectId
from flask import Blueprint

from infitalks.access import require_person
from infitalks.actions import notifications
from infitalks.blueprints.guard import api
from infitalks.models.users import User
from infitalks.schemas.notifications import NotificationsOut, NotificationsQuery, WhyOut

blueprint = Blueprint("notifications", __name__)


@blueprint.get("/api/notifications")
@api(query=NotificationsQuery, answers={200: NotificationsOut})
def get_notifications(me: User, query: NotificationsQuery) -> NotificationsOut:
    require_person(me)
    return notifications.list_notifications(me.id, ObjectId(query.after) if query.after else None, query.limit)


@blueprint.get("/api/messages/<message_id>/notification")
@api(answers={200: WhyOut})
def get_notification(me: User, message_id: str) -> WhyOut:
    require_person(me)
    return notifications.explain(me.id, message_id)
