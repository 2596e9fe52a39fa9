"""How a page connects to live events, in JSON."""

from infitalks.schemas.base import In, Out


class RealtimeOut(Out):
    """`host` null: the page's own host; hosted Pusher: `host` and `port` null, `cluster` set."""

    key: str
    cluster: str | None
    host: str | None
    port: int | None
    tls: bool
    channels: list[str]


class AwayIn(In):
    away: bool


class ChannelAuthOut(Out):
    auth: str
