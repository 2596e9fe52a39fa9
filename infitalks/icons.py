"""The icons of pages as they are without script, from the drawings of the page's sprite (frontend/ui/icons.tsx)."""

import json
from pathlib import Path

from markupsafe import Markup

PATHS: dict[str, str] = json.loads((Path(__file__).parent / "static" / "icons.json").read_text())
ALONG = {"back", "left", "right", "reply"}  # they turn round where the line runs the other way


def icon(name: str) -> Markup:
    """The SVG of an icon, as tall and coloured as the styles say. Raises KeyError where nothing is called so."""
    look = "icon along" if name in ALONG else "icon"
    drawn = Markup('<svg class="{}" viewBox="0 0 24 24" aria-hidden="true"><path d="{}"/></svg>')
    return drawn.format(look, PATHS[name])
