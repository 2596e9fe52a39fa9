"""Live events' doors: where to connect, which channel, and the server's own webhooks."""

from flask import Blueprint, Response, current_app, request

from infitalks.actions import presence
from infitalks.backends import realtime as server
from infitalks.blueprints.guard import api, page
from infitalks.errors import Forbidden, Malformed
from infitalks.models.users import User, channel_name
from infitalks.schemas.realtime import AwayIn, ChannelAuthOut, RealtimeOut

blueprint = Blueprint("realtime", __name__)


def realtime_out(me: User) -> RealtimeOut:
    """How this user's pages connect."""
    return RealtimeOut(**current_app.config["REALTIME"], channels=[channel_name(me.id, me.epoch)])


@blueprint.get("/api/realtime")
@api(answers={200: RealtimeOut})
def get_realtime(me: User) -> RealtimeOut:
    return realtime_out(me)


@blueprint.post("/api/realtime/auth")
@api(answers={200: ChannelAuthOut})
def post_auth(me: User) -> ChannelAuthOut:
    """Form fields socket_id and channel_name, as pusher-js sends them: one channel, and only one's own current one."""
    form = request.form
    if len(form.getlist("socket_id")) != 1 or len(form.getlist("channel_name")) != 1:
        raise Malformed("socket_id and channel_name: one of each is needed.")
    if form["channel_name"] != channel_name(me.id, me.epoch):
        raise Forbidden("This channel is not yours, or not any more.")
    try:
        return ChannelAuthOut(auth=server.sign_channel(form["socket_id"], form["channel_name"]))
    except ValueError:
        raise Malformed("socket_id: not of the form 123.456.") from None


@blueprint.put("/api/realtime/away")
@api(body=AwayIn, limit="30/minute", answers={204: None})
def put_away(me: User, body: AwayIn) -> None:
    """Whether the user of the page, which is still open, has left it alone for a while."""
    presence.note_away(me.id, body.away)


@blueprint.post("/api/realtime/webhook")
@page(auth="signed", csrf=False, limit="200/second", kind="file")
def post_webhook() -> Response:
    """Who came and went, from the Pusher server. A bad signature gets 401 and changes nothing."""
    key, signature = request.headers.get("X-Pusher-Key", ""), request.headers.get("X-Pusher-Signature", "")
    try:
        payload = server.read_webhook(key, signature, request.get_data(as_text=True))
    except (ValueError, TypeError, KeyError, AttributeError):
        payload = None
    if payload is None:
        return Response("bad signature", status=401, mimetype="text/plain")
    for event in payload.get("events", []):
        if event.get("name") in ("channel_occupied", "channel_vacated"):
            presence.note_presence(str(event.get("channel")), event["name"] == "channel_occupied")
    return Response("ok", mimetype="text/plain")
