"""Which processes a run of InfiTalks consists of, as data, in the order in which they start.

Not for: starting them (run.py, supervisor.py and the tests do).
"""

import sys
from pathlib import Path

from infitalks.local.process import Service, answers_http

PYTHON = sys.executable
ROOT = Path(__file__).parents[2]


def gateway(host: str, port: int, web: str, env: dict[str, str]) -> Service:
    """The Pusher-protocol server; `web` is the app's base URL, `env` has the PUSHER_* credentials."""
    webhook = f"{web}/api/realtime/webhook"
    options = ("--host", host, "--port", str(port), "--webhook-url", webhook, "--origin", "same-host")
    argv = (PYTHON, "-m", "infitalks.local.gateway", *options)
    return Service("gateway", argv, env, cwd=ROOT, ready=lambda: answers_http(reachable(host), port))


def media(port: int, folder: Path, env: dict[str, str]) -> Service:
    """The Cloudinary-compatible server; `env` has CLOUDINARY_URL."""
    argv = (PYTHON, "-m", "infitalks.local.media", "--port", str(port), "--data", str(folder))
    return Service("media", argv, env, cwd=ROOT, ready=lambda: answers_http("127.0.0.1", port))


def cloudinary_url(key: str, secret: str, port: int) -> str:
    """How the application reaches the media service."""
    at = f"127.0.0.1:{port}"
    return f"cloudinary://{key}:{secret}@local?upload_prefix=http://{at}&cname={at}"


def reachable(host: str) -> str:
    """An address to connect to for an address to listen on: "all of them" is no destination."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)
