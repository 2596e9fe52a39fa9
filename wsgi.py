"""The web app for a WSGI server: `granian --interface wsgi wsgi:app`, or any other."""

import os

from infitalks.app import create_app
from infitalks.settings import load_settings

app = create_app(load_settings(os.environ))
