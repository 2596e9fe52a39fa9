"""What every request leaves behind: its id in the answer, a line in the log, and its place among the figures.

Not for: deciding anything about it (guard.py).
"""

import time

from flask import Flask, Response, g, request

from infitalks import logs, metrics, trace
from infitalks.blueprints.static import VERSION_HEADER, page_version
from infitalks.settings import Settings

QUIET = ("/static/", "/healthz", "/readyz", "/metrics")  # asked all the time, and of no interest when answered well


def watch(app: Flask, settings: Settings) -> None:
    """To be called first: so its beginning is the first thing, and its end the last, that happens to a request."""

    @app.before_request
    def begin() -> None:
        # Anybody can name an id: only a proxy's is taken.
        trace.begin(request.headers.get(trace.HEADER) if settings.proxy_hops else None)
        g.began = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[trace.HEADER] = trace.current()
        if request.path.startswith("/api/"):
            response.headers[VERSION_HEADER] = page_version()
        _tell(response.status_code, time.perf_counter() - g.began)
        return response


def _tell(status: int, seconds: float) -> None:
    route = request.url_rule.rule if request.url_rule else "none"  # never the path, which may hold a secret
    metrics.count_request(request.method, route, status, seconds)
    if status < 400 and request.path.startswith(QUIET):
        return
    who = g.get("caller")
    fields = {"method": request.method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
    logs.note("request", **fields, user=str(who.user.id) if who else None)
