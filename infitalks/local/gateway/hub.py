"""What every connection of one gateway shares. Not for logic: that is in the modules which use it."""

from dataclasses import dataclass, field

from infitalks.local.gateway.channels import Channels
from infitalks.local.gateway.signatures import App


@dataclass(frozen=True)
class Limits:
    """Where the gateway stops taking more. Times in seconds."""

    connections: int = 5000
    subscriptions: int = 500  # of one connection
    activity_timeout: int = 30  # silence before a ping; as long again before the close with 4201
    request_timeout: float = 10  # for one HTTP request to arrive


@dataclass(frozen=True)
class Hub:
    """The app that is served, who is subscribed to what, and the ids of the open sockets."""

    app: App
    channels: Channels
    limits: Limits = Limits()
    origins: frozenset[str] = frozenset({"same-host"})
    socket_ids: set[str] = field(default_factory=set)
