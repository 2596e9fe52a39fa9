"""The web app for a WSGI server: `granian --interface wsgi wsgi:app`, or any other."""

import os

from infitalks import logs, metrics
from infitalks.app import create_app, require_journal
from infitalks.settings import load_settings

settings = load_settings(os.environ)
logs.configure(settings)
app = create_app(settings)
require_journal(app, settings)
metrics.announce("web")
