"""The built page's files, whose names change with their content, so that browsers keep them for ever; and what makes
the pages an app that can be installed."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Response, current_app, render_template, request, send_from_directory

from infitalks import words
from infitalks.blueprints.guard import page

blueprint = Blueprint("static_files", __name__)

VERSION_HEADER = "X-InfiTalks-Version"
TYPES = {".js": "text/javascript", ".css": "text/css", ".map": "application/json", ".json": "application/json"}


@blueprint.get("/static/dist/<name>")
@page(auth="secret", kind="file", limit="200/second")
def get_built(name: str) -> Response:
    """As the build compressed it, where the browser takes that."""
    folder = Path(current_app.static_folder or "") / "dist"
    compressed = request.accept_encodings.quality("gzip") > 0 and os.path.isfile(folder / f"{name}.gz")
    kind = TYPES.get(Path(name).suffix, "application/octet-stream")
    response = send_from_directory(folder, f"{name}.gz" if compressed else name, mimetype=kind)
    response.headers["Vary"] = "Accept-Encoding"
    if compressed:
        response.headers["Content-Encoding"] = "gzip"
    return response


@blueprint.get("/manifest.webmanifest")
@page(auth="secret", kind="file", limit="60/second")
def get_manifest() -> Response:
    """Name, icons and colours of the app, at the top so that its scope is the whole site."""
    folder = current_app.static_folder or ""
    return send_from_directory(folder, "manifest.webmanifest", mimetype="application/manifest+json")


@blueprint.get("/sw.js")
@page(auth="secret", kind="file", limit="60/second")
def get_worker() -> Response:
    """The service worker, at the top so that its scope is the whole site."""
    return send_from_directory(current_app.static_folder or "", "sw.js", mimetype="text/javascript", max_age=0)


@blueprint.get("/words.js")
@page(auth="secret", kind="file", limit="60/second")
def get_words() -> Response:
    """What the page's script says in the site's language."""
    response = Response(words.script_of(words.catalogue), mimetype="text/javascript")
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    response.make_conditional(request)
    return response


@blueprint.get("/offline")
@page(auth="anyone", limit="60/second")
def get_offline() -> str:
    """What the service worker shows where nothing can be reached."""
    return render_template("offline.html")


def page_version() -> str:
    """The version of the package, and of the built page as it lies there now: where a page that is open came from
    another one, it offers a reload."""
    manifest = Path(current_app.static_folder or "") / "dist" / "manifest.json"
    try:
        build = _digest(manifest, manifest.stat().st_mtime_ns)
    except OSError:  # not built, or just being built
        build = "none"
    return f"{current_app.config['VERSION']}+{build}"


@lru_cache(maxsize=4)
def _digest(file: Path, changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
