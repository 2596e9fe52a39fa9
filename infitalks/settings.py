"""Every setting: its type, its default and one line of why. Nothing else reads the environment.

Not for: settings that an admin changes while the chat runs; those are stored.
"""

import hashlib
import hmac
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Literal, Self
from urllib.parse import parse_qsl, urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

SAMPLE_SECRETS = frozenset({"change-me", "changeme", "secret", "dev", "development", "test", "password"})
SHORTEST_SECRET = 32  # characters


class SettingsError(Exception):
    """A setting is missing or wrong; the text names the environment variable and the cure."""


class Settings(BaseModel):
    """All settings, named in the environment as their alias says."""

    model_config = ConfigDict(extra="ignore", frozen=True, populate_by_name=True)

    # `local` is set by `make run`, `test` by the tests; production is the default so that forgetting it is safe.
    mode: Literal["production", "local", "test"] = Field("production", alias="INFITALKS_MODE")
    # Address and port of the web server under `make run`.
    host: str = Field("127.0.0.1", alias="INFITALKS_HOST")
    port: int = Field(8000, alias="INFITALKS_PORT", ge=0, le=65535)
    # Everything that `make run` stores: databases, pictures, chosen ports, generated secrets.
    data: Path = Field(Path("var"), alias="INFITALKS_DATA")
    # Where people open the chat; links, cookies' Secure flag and sign-in callbacks are built from it.
    public_url: str = Field("", alias="PUBLIC_URL")
    # Signs cookies and tokens.
    secret_key: str = Field("", alias="SECRET_KEY")
    # Keys the content hashes of the log. Set it to the old SECRET_KEY when that one is changed.
    content_key: str = Field("", alias="CONTENT_KEY")
    # How many reverse proxies stand in front; their X-Forwarded-* headers are trusted, nobody else's.
    proxy_hops: int = Field(0, alias="PROXY_HOPS", ge=0, le=5)
    # `off` is for load tests; refused in production.
    rate_limits: Literal["on", "off"] = Field("on", alias="INFITALKS_RATE_LIMITS")
    debug: bool = Field(False, alias="FLASK_DEBUG")
    # Networks beside the public internet that webhooks may be sent to: CIDRs with commas between, 10.0.5.0/24 say.
    egress_allow: str = Field("", alias="INFITALKS_EGRESS_ALLOW")
    # One JSON object a line, for machines, or text for a person: by default JSON in production alone.
    log: Literal["json", "text"] | None = Field(None, alias="INFITALKS_LOG")
    # Who shows it as a bearer token may read /metrics; without one this machine alone, and in production nobody.
    metrics_token: str = Field("", alias="INFITALKS_METRICS_TOKEN", pattern=r"^[!-~]{16,200}$|^$")
    # Where workers answer for /metrics: 127.0.0.1:9465, say. None: nowhere.
    metrics_listen: str = Field("", alias="INFITALKS_METRICS_LISTEN")
    # Where the processes of one machine keep figures together; so named by the library, which reads it by itself.
    metrics_dir: Path | None = Field(None, alias="PROMETHEUS_MULTIPROC_DIR")
    # Where fault tests say at which points a process dies; refused outside of test mode.
    failpoints: Path | None = Field(None, alias="INFITALKS_FAILPOINTS")

    mongodb_uri: str = Field("", alias="MONGODB_URI")
    # Used when the URI names no database.
    mongodb_database: str = Field("infitalks", alias="MONGODB_DATABASE")
    redis_url: str = Field("", alias="REDIS_URL")

    # Pusher Channels, or any server of its protocol.
    pusher_app_id: str = Field("", alias="PUSHER_APP_ID", pattern=r"^\d*$")
    pusher_key: str = Field("", alias="PUSHER_KEY")
    pusher_secret: str = Field("", alias="PUSHER_SECRET")
    # The hosted service has a cluster; any other server has a host, a port and perhaps TLS.
    pusher_cluster: str = Field("", alias="PUSHER_CLUSTER")
    pusher_host: str = Field("", alias="PUSHER_HOST")
    pusher_port: int = Field(443, alias="PUSHER_PORT", ge=1, le=65535)
    pusher_tls: bool = Field(True, alias="PUSHER_TLS")
    # The host that browsers connect to: default PUSHER_HOST; `page` means the page's own host.
    pusher_page_host: str = Field("", alias="PUSHER_PAGE_HOST")
    # Where browsers meet a proxy that ends TLS, while we speak to the server itself: default PUSHER_PORT, PUSHER_TLS.
    pusher_page_port: int | None = Field(None, alias="PUSHER_PAGE_PORT", ge=1, le=65535)
    pusher_page_tls: bool | None = Field(None, alias="PUSHER_PAGE_TLS")

    # cloudinary://key:secret@cloud, as Cloudinary's console shows it.
    cloudinary_url: str = Field("", alias="CLOUDINARY_URL")
    # How large a file other than a picture may be, in MB of 1,048,576 bytes. Cloudinary's free plan takes 10.
    largest_file_mb: int = Field(10, alias="INFITALKS_LARGEST_FILE_MB", ge=1, le=100)
    # How much a person or bot may upload in a day, in MB; 0 is no bound.
    uploads_a_day_mb: int = Field(1000, alias="INFITALKS_UPLOADS_A_DAY_MB", ge=0)

    # Sign-in with Google and with any OpenID provider; each is on when its client id is set.
    google_client_id: str = Field("", alias="GOOGLE_CLIENT_ID")
    google_client_secret: str = Field("", alias="GOOGLE_CLIENT_SECRET")
    oidc_issuer: str = Field("", alias="OIDC_ISSUER")
    oidc_client_id: str = Field("", alias="OIDC_CLIENT_ID")
    oidc_client_secret: str = Field("", alias="OIDC_CLIENT_SECRET")
    oidc_name: str = Field("OpenID", alias="OIDC_NAME")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.oidc_client_id and not self.oidc_issuer:
            raise ValueError("OIDC_CLIENT_ID is set, so OIDC_ISSUER has to be too")
        host, _, port = self.metrics_listen.rpartition(":")
        if self.metrics_listen and not (_is_address(host) and port.isdecimal() and 0 < int(port[:6]) < 65536):
            raise ValueError("INFITALKS_METRICS_LISTEN has to be like 127.0.0.1:9465")
        if self.metrics_listen and not self.metrics_token and not _is_loopback(host):
            raise ValueError("INFITALKS_METRICS_LISTEN lets others than this machine ask: set INFITALKS_METRICS_TOKEN")
        if not _are_networks(self.egress_allow):
            raise ValueError("INFITALKS_EGRESS_ALLOW has to be networks like 10.0.5.0/24, with commas between")
        return self

    @property
    def egress_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The networks of INFITALKS_EGRESS_ALLOW."""
        return tuple(ip_network(text.strip()) for text in self.egress_allow.split(",") if text.strip())

    @property
    def https(self) -> bool:
        """True where people reach the chat over TLS."""
        return self.public_url.startswith("https://")

    @property
    def cookie_name(self) -> str:
        """The `__Host-` prefix binds the cookie to one host over TLS; browsers refuse it on plain http."""
        return "__Host-infitalks" if self.https else "infitalks"

    @property
    def json_log(self) -> bool:
        """Whether logs are for machines."""
        return (self.log or ("json" if self.mode == "production" else "text")) == "json"

    def lets_scrape(self, proof: str, address: str, *, forwarded: bool) -> bool:
        """Whether who comes from this address with this Authorization header may read /metrics.

        Without a token this machine alone may, and in production nobody: a proxy beside us comes from here too, and
        not every one says for whom (`forwarded`).
        """
        if self.metrics_token:
            return hmac.compare_digest(proof.encode(), f"Bearer {self.metrics_token}".encode())
        return self.mode != "production" and not forwarded and _is_loopback(address)

    def derived_key(self, purpose: str) -> bytes:
        """32 bytes for one purpose, so that no two uses share a key (HMAC-SHA256 of the purpose)."""
        base = self.content_key if purpose == "content" and self.content_key else self.secret_key
        return hmac.new(base.encode(), purpose.encode(), hashlib.sha256).digest()


def _is_address(text: str) -> bool:
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def _is_loopback(text: str) -> bool:
    return _is_address(text) and ip_address(text.strip("[]")).is_loopback


def _are_networks(text: str) -> bool:
    try:
        return all(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        return False


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Settings from an environment.

    Raises SettingsError, naming the variable, where one has the wrong form.
    Empty variables count as not set.
    """
    try:
        return Settings.model_validate({name: value for name, value in environ.items() if value != ""})
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors())
        raise SettingsError("; ".join(problems)) from None


def check_complete(settings: Settings) -> None:
    """Raise SettingsError unless everything that serving needs is set and, in production, safe."""
    needed = {
        "SECRET_KEY": settings.secret_key,
        "PUBLIC_URL": settings.public_url,
        "MONGODB_URI": settings.mongodb_uri,
        "REDIS_URL": settings.redis_url,
        "PUSHER_APP_ID": settings.pusher_app_id,
        "PUSHER_KEY": settings.pusher_key,
        "PUSHER_SECRET": settings.pusher_secret,
        "PUSHER_CLUSTER or PUSHER_HOST": settings.pusher_cluster or settings.pusher_host,
        "CLOUDINARY_URL": settings.cloudinary_url,
    }
    missing = [name for name, value in needed.items() if not value]
    if missing:
        raise SettingsError(f"not set: {', '.join(missing)}. `make run` sets them all; docs/deploy.md says how to.")
    parts = urlsplit(settings.public_url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise SettingsError("PUBLIC_URL: has to be like https://chat.example.org, without a path")
    if not settings.mongodb_uri.startswith(("mongodb://", "mongodb+srv://")):
        raise SettingsError("MONGODB_URI: has to begin with mongodb:// or mongodb+srv://")
    if settings.failpoints and settings.mode != "test":
        raise SettingsError("INFITALKS_FAILPOINTS: is for fault tests, with INFITALKS_MODE=test")
    if settings.mode == "production":
        _check_production(settings)


def _check_production(settings: Settings) -> None:
    secret = settings.secret_key
    if secret.lower() in SAMPLE_SECRETS or len(secret) < SHORTEST_SECRET or len(set(secret)) < 8:
        raise SettingsError(
            f"SECRET_KEY: a sample or too short a secret. Give at least {SHORTEST_SECRET} random characters: "
            'python -c "import secrets; print(secrets.token_urlsafe(48))"'
        )
    if settings.debug:
        raise SettingsError("FLASK_DEBUG: must be off in production")
    if settings.rate_limits == "off":
        raise SettingsError("INFITALKS_RATE_LIMITS: must be on in production")
    asked = {name.lower(): value.lower() for name, value in parse_qsl(urlsplit(settings.mongodb_uri).query)}
    if "false" in (asked.get("journal"), asked.get("j")) or asked.get("w") == "0":
        raise SettingsError("MONGODB_URI: asks for writes that are not journaled; take journal=false or w=0 out of it")
