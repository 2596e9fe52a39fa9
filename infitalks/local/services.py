"""Which processes a run of InfiTalks consists of, as data.

Not for: starting them (run.py, supervisor.py and the tests do), nor what they are told (environment.py).
"""

import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from infitalks.local.process import Service, Stop, answers_http

PYTHON = sys.executable
ROOT = Path(__file__).parents[2]
# In a container everybody is root, and a warning at every start teaches to overlook warnings.
ROOT_IS_FINE = "ignore:You're running the worker with superuser privileges"
CELERY = (PYTHON, "-W", ROOT_IS_FINE, "-m", "celery", "-q", "-A", "worker")

# Warm: finish the tasks at hand. Cold: put them back into the queue.
STOP_WORKER: Stop = ((signal.SIGTERM, 10), (signal.SIGQUIT, 5))


def gateway(host: str, port: int, web: str, env: Mapping[str, str]) -> Service:
    """The Pusher-protocol server; `web` is the app's base URL, `env` has the PUSHER_* credentials."""
    # Whoever knows the key, and so everybody, may open public channels: the app is not to be rung for those.
    webhooks = ("--webhook-url", f"{web}/api/realtime/webhook", "--webhook-prefix", "private-user-")
    options = ("--host", host, "--port", str(port), "--origin", "same-host", *webhooks)
    argv = (PYTHON, "-m", "infitalks.local.gateway", *options)
    return Service("gateway", argv, env, cwd=ROOT, ready=lambda: answers_http(reachable(host), port))


def media(port: int, folder: Path, env: Mapping[str, str]) -> Service:
    """The Cloudinary-compatible server; `env` has CLOUDINARY_URL."""
    argv = (PYTHON, "-m", "infitalks.local.media", "--port", str(port), "--data", str(folder))
    return Service("media", argv, env, cwd=ROOT, ready=lambda: answers_http("127.0.0.1", port))


def upgrade(env: Mapping[str, str]) -> Service:
    """The migrations; ends by itself."""
    return Service("upgrade", (PYTHON, "-m", "infitalks.cli", "db", "upgrade"), env, cwd=ROOT)


def web(host: str, port: int, env: Mapping[str, str]) -> Service:
    """The web server."""
    options = (
        f"--interface wsgi --host {host} --port {port} --workers 1 --blocking-threads 16 --no-ws "
        "--workers-kill-timeout 15 --log-level warning"
    )
    argv = (PYTHON, "-m", "granian", *options.split(), "wsgi:app")
    return Service("web", argv, env, cwd=ROOT, ready=lambda: answers_http(reachable(host), port), shown=without_advice)


def without_advice(line: str) -> str | None:
    """Granian finds more threads than cores too many; ours mostly wait for the database."""
    return None if "Configuration allows spawning" in line else line


def worker(name: str, queues: str, at_once: int, env: Mapping[str, str], *, threads: bool = False) -> Service:
    """A Celery worker, named after what it is for: so many processes, or threads, for what mostly waits for others."""
    options = f"-n {name}@%h -Q {queues} --concurrency {at_once} --without-mingle --without-gossip --loglevel INFO"
    options += " --pool threads" if threads else ""
    return Service(
        name,
        (*CELERY, "worker", *options.split()),
        env,
        cwd=ROOT,
        ready_line=" ready.",
        stop=STOP_WORKER,
        shown=without_info,
    )


def beat(folder: Path, env: Mapping[str, str]) -> Service:
    """Celery's clock."""
    folder.mkdir(parents=True, exist_ok=True)
    options = ("-s", str(folder / "schedule"), "--pidfile=", "--loglevel", "INFO")
    argv = (*CELERY, "beat", *options)
    return Service("beat", argv, env, cwd=ROOT, ready_line="beat: Starting", shown=without_info)


def without_info(line: str) -> str | None:
    """Celery tells of every task at INFO, and that is also where it says that it is ready."""
    return None if ": INFO/" in line or not line else line


def cloudinary_url(key: str, secret: str, port: int) -> str:
    """How the application reaches the media service."""
    at = f"127.0.0.1:{port}"
    return f"cloudinary://{key}:{secret}@local?upload_prefix=http://{at}&cname={at}"


def reachable(host: str) -> str:
    """An address to connect to for an address to listen on: "all of them" is no destination."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
