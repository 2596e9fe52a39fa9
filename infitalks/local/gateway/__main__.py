"""The gateway's command: `python -m infitalks.local.gateway`. Not for anything but reading its options."""

import argparse
import asyncio
import errno
import logging
import os
import resource
import sys
from urllib.parse import urlsplit

from infitalks.local.gateway.channels import Channels
from infitalks.local.gateway.hub import Hub, Limits
from infitalks.local.gateway.server import serve
from infitalks.local.gateway.signatures import App
from infitalks.local.gateway.webhooks import Webhooks
from infitalks.logs import configure
from infitalks.settings import Settings, SettingsError, load_settings

PORT_BUSY = 48  # exit code


def main() -> int:
    """Run until told to stop; the exit code."""
    options = _options()
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # a line for each bad handshake is noise
    _allow_files(options.max_connections + 1000)
    try:
        settings = load_settings(os.environ)
        _log(settings)
        asyncio.run(_run(settings, options))
    except SettingsError as error:
        return _fail(str(error), 2)
    except OSError as error:
        busy = error.errno == errno.EADDRINUSE
        place = f"port {options.port} on {options.host}"
        return _fail(f"{place} is in use" if busy else f"{place}: {error.strerror}", PORT_BUSY if busy else 1)
    return 0


def _log(settings: Settings) -> None:
    if settings.json_log:
        configure(settings)
    else:
        logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(message)s")
        logging.getLogger("infitalks.events").setLevel(logging.WARNING)  # one for each event is for machines


async def _run(settings: Settings, options: argparse.Namespace) -> None:
    app = _app(settings)
    webhooks = Webhooks(app, options.webhook_url, options.webhook_prefix) if options.webhook_url else None
    channels = Channels(webhooks.came, webhooks.went) if webhooks else Channels(_ignore, _ignore)
    limits = Limits(
        connections=options.max_connections,
        per_address=options.max_per_address,
        subscriptions=options.max_subscriptions,
        messages=options.max_messages,
        activity_timeout=options.activity_timeout,
        request_timeout=options.request_timeout,
    )
    hub = Hub(app, channels, limits, frozenset(options.origin or ["same-host"]), settings)
    await serve(hub, options.host, options.port)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "infitalks.local.gateway",
        description="A Pusher Channels server for one machine.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    option = parser.add_argument
    option("--host", default="127.0.0.1", help="address to listen on")
    option("--port", type=int, default=6001, help="0 picks a free one")
    option("--webhook-url", type=http_url, help="where it is posted who came and went")
    option("--webhook-prefix", default="", help="of the channels that are told there")
    option("--origin", action="append", help="whose pages may connect, or same-host (if none is given)")
    option("--max-connections", type=int, default=Limits.connections, help="websockets")
    option("--max-per-address", type=int, default=Limits.per_address, help="websockets of one client address")
    option("--max-subscriptions", type=int, default=Limits.subscriptions, help="of one websocket")
    option("--max-messages", type=int, default=Limits.messages, help="a second, of one websocket")
    option("--activity-timeout", type=int, default=Limits.activity_timeout, help="seconds")
    option("--request-timeout", type=float, default=Limits.request_timeout, help="seconds")
    return parser.parse_args()


def http_url(text: str) -> str:
    """An absolute http or https URL; ValueError for anything else, for argparse to tell."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
        raise ValueError
    return text


def _app(settings: Settings) -> App:
    if not (settings.pusher_app_id and settings.pusher_key and settings.pusher_secret):
        raise SettingsError("PUSHER_APP_ID, PUSHER_KEY and PUSHER_SECRET have to be set")
    return App(settings.pusher_app_id, settings.pusher_key, settings.pusher_secret)


def _allow_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _ignore(channel: str, user_id: str | None) -> None:
    pass


def _fail(reason: str, code: int) -> int:
    sys.stderr.write(f"gateway: {reason}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
