"""What every connection of one gateway shares. Not for logic: that is in the modules which use it."""

from dataclasses import dataclass, field

from infitalks.local.gateway.channels import Channels
from infitalks.local.gateway.places import Places
from infitalks.local.gateway.signatures import App
from infitalks.settings import Settings

SPARE_CONNECTIONS = 200  # beyond the sockets, for the HTTP API


@dataclass(frozen=True)
class Limits:
    """Where the gateway stops taking more. Times in seconds."""

    connections: int = 5000
    per_address: int = 2500  # of the connections: nobody alone shuts out the others
    subscriptions: int = 200  # of one connection
    messages: int = 20  # a second from one connection, after a start in which it may say all that it has to
    activity_timeout: int = 30  # silence before a ping; as long again before the close with 4201
    request_timeout: float = 10  # for one HTTP request to arrive

    @property
    def burst(self) -> int:
        """Messages at once: after a reconnect a client subscribes to all its channels, and may leave them again."""
        return 2 * self.subscriptions + 100


@dataclass(frozen=True)
class Hub:
    """The app that is served, who is subscribed to what, and which sockets and connections are open."""

    app: App
    channels: Channels
    limits: Limits = Limits()
    origins: frozenset[str] = frozenset({"same-host"})
    settings: Settings | None = None  # None: nobody reads the figures
    socket_ids: set[str] = field(default_factory=set)
    sockets: Places = field(init=False)
    connections: Places = field(init=False)

    def __post_init__(self) -> None:
        most, most_each = self.limits.connections, self.limits.per_address
        object.__setattr__(self, "sockets", Places(most, most_each))
        object.__setattr__(self, "connections", Places(most + SPARE_CONNECTIONS, most_each + SPARE_CONNECTIONS))
