"""Figures for Prometheus. Not for people: the admin's page has plots."""

from flask import Blueprint, Response, current_app, request

from infitalks import metrics
from infitalks.actions import gauges
from infitalks.blueprints.guard import page
from infitalks.errors import NotFound

blueprint = Blueprint("metrics", __name__)

PROXYS = ("X-Forwarded-For", "X-Real-Ip", "Forwarded", "Via")


@blueprint.get("/metrics")
@page(auth="secret", kind="file", limit="20/second")
def get_metrics() -> Response:
    """To whoever Settings.lets_scrape; to others there is no such thing."""
    proof, forwarded = request.headers.get("Authorization", ""), any(name in request.headers for name in PROXYS)
    settings = current_app.extensions["settings"]
    if not settings.lets_scrape(proof, request.remote_addr or "", forwarded=forwarded):
        raise NotFound()
    return Response(metrics.render(gauges.look_up()), content_type=metrics.CONTENT_TYPE_LATEST)
