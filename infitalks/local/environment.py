"""What the processes of a run are told: the settings, completed with ports and secrets from the data folder.

Not for: defaults of the application itself (settings.py).
"""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infitalks.local.mongod import mongodb_uri
from infitalks.local.ports import kept_ports
from infitalks.local.process import without_proxy
from infitalks.local.services import cloudinary_url, reachable
from infitalks.local.valkey import redis_url
from infitalks.settings import Settings


@dataclass(frozen=True)
class Environment:
    """One run: where it listens and stores, and the variables that its processes get."""

    host: str
    port: int
    data: Path
    # The stand-ins to start, each with its port; those whose URL the operator gave are not among them.
    stand_ins: Mapping[str, int]
    variables: Mapping[str, str]

    @property
    def web(self) -> str:
        """The web server's base URL as this machine reaches it."""
        return f"http://{url_host(reachable(self.host))}:{self.port}"


def prepare(settings: Settings, environ: Mapping[str, str]) -> Environment:
    """Read, or choose and keep, what the settings leave open. The data folder has to be ours alone by now."""
    data = settings.data.resolve()
    ports = kept_ports(data / "ports.json", needed_stand_ins(settings))
    port = settings.port or kept_ports(data / "ports.json", ["web"])["web"]
    at = f"http://{url_host(reachable(settings.host))}:{port}"
    variables = {
        "INFITALKS_MODE": environ.get("INFITALKS_MODE") or "local",
        "INFITALKS_HOST": settings.host,
        "INFITALKS_PORT": str(port),
        "INFITALKS_DATA": str(data),
        "PUBLIC_URL": settings.public_url or at,
        "INFITALKS_EGRESS_ALLOW": settings.egress_allow or own_machine(settings.host),
        "PROMETHEUS_MULTIPROC_DIR": str(settings.metrics_dir or data / "metrics"),
        "PYTHONUNBUFFERED": "1",
        **without_proxy(environ),
        **stand_in_variables(settings, ports, kept_secrets(data / "secrets.json")),
    }
    return Environment(settings.host, port, data, ports, variables)


def own_machine(host: str) -> str:
    """What webhooks may reach beside the internet: bots on this machine can be tried where only this machine's people
    can make webhooks. Its services' own ports stay closed."""
    return "127.0.0.0/8" if host == "localhost" or host.startswith("127.") or host == "::1" else ""


def needed_stand_ins(settings: Settings) -> list[str]:
    """The services that no setting names."""
    given = {
        "mongod": settings.mongodb_uri,
        "redis": settings.redis_url,
        "gateway": settings.pusher_host or settings.pusher_cluster,
        "media": settings.cloudinary_url,
    }
    return [name for name, setting in given.items() if not setting]


def stand_in_variables(settings: Settings, ports: Mapping[str, int], secret: Mapping[str, str]) -> dict[str, str]:
    """The secret key, and how to reach each service that we start."""
    variables = {"SECRET_KEY": settings.secret_key or secret["SECRET_KEY"]}
    if "mongod" in ports:
        variables["MONGODB_URI"] = mongodb_uri(ports["mongod"])
    if "redis" in ports:
        variables["REDIS_URL"] = redis_url(ports["redis"])
    if "media" in ports:
        url = cloudinary_url(secret["CLOUDINARY_KEY"], secret["CLOUDINARY_SECRET"], ports["media"])
        variables["CLOUDINARY_URL"] = url
    if "gateway" in ports:
        variables |= gateway_variables(settings, ports["gateway"], secret)
    return variables


def gateway_variables(settings: Settings, port: int, secret: Mapping[str, str]) -> dict[str, str]:
    """PUSHER_*: we reach the gateway here, browsers under the name that they opened the page with."""
    return {
        "PUSHER_APP_ID": settings.pusher_app_id or secret["PUSHER_APP_ID"],
        "PUSHER_KEY": settings.pusher_key or secret["PUSHER_KEY"],
        "PUSHER_SECRET": settings.pusher_secret or secret["PUSHER_SECRET"],
        "PUSHER_HOST": reachable(settings.host),
        "PUSHER_PORT": str(port),
        "PUSHER_TLS": "false",
        "PUSHER_PAGE_HOST": settings.pusher_page_host or "page",
    }


def kept_secrets(file: Path) -> dict[str, str]:
    """Secrets that nobody had to think of, made once; the file is for its owner's eyes."""
    if not file.exists():
        made = {
            "SECRET_KEY": secrets.token_urlsafe(48),
            "PUSHER_APP_ID": str(10**6 + secrets.randbelow(10**6)),
            "PUSHER_KEY": secrets.token_hex(10),
            "PUSHER_SECRET": secrets.token_hex(16),
            "CLOUDINARY_KEY": str(10**14 + secrets.randbelow(10**14)),
            "CLOUDINARY_SECRET": secrets.token_urlsafe(20),
        }
        fresh = file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w") as out:
            json.dump(made, out, indent=1)
        fresh.replace(file)  # whole or not at all, even when killed just now
    loaded: dict[str, str] = json.loads(file.read_text())
    return loaded


def url_host(host: str) -> str:
    """A host as it stands in a URL."""
    return f"[{host}]" if ":" in host else host
