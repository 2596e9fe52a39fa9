"""Whether a socket may subscribe to a channel, and as whom. Not for who is subscribed (channels.py)."""

from typing import Any

from infitalks.local.gateway.hub import Hub
from infitalks.local.gateway.messages import CHANNEL_NAME
from infitalks.local.gateway.presence import MAX_MEMBERS, Member, TooLarge, read_member

# Encrypted and cache channels.
NOT_SERVED = ("cache-", "private-encrypted-", "private-cache-", "presence-cache-", "presence-encrypted-")
# Nobody is signed in here, so nobody is the user that such a channel is for.
USER_CHANNEL = "#server-to-user-"


class Refused(Exception):
    """The fields of a pusher:subscription_error; the statuses are those that other servers of the protocol send."""

    def __init__(self, kind: str, status: int, text: str) -> None:
        super().__init__(text)
        self.data = {"type": kind, "error": text, "status": status}


def admit(hub: Hub, socket_id: str, joined: set[str], channel: str, data: dict[str, Any]) -> Member | None:
    """Check a `pusher:subscribe`; the member that the socket becomes in a presence channel. Raises Refused.

    `joined` is what the socket is subscribed to by now.
    """
    _check_name(channel)
    member = _authentic_member(hub, socket_id, channel, data)
    if channel in joined:
        return None  # again is harmless, and does not make it somebody else
    if len(joined) >= hub.limits.subscriptions:
        raise Refused("LimitReached", 4100, "This connection has too many subscriptions.")
    roster = hub.channels.roster(channel)
    if member and member.user_id not in roster and len(roster) >= MAX_MEMBERS:
        raise Refused("LimitReached", 4100, f"The channel has {MAX_MEMBERS} members already.")
    return member


def _check_name(channel: str) -> None:
    if channel.startswith(USER_CHANNEL):
        raise _unauthorised()
    if not CHANNEL_NAME.fullmatch(channel):
        raise Refused("LimitReached", 4009, "The channel's name is too long or has characters that none may have.")
    if channel.startswith(NOT_SERVED):
        raise Refused("NotServed", 403, "Channels of this kind are not served here.")


def _authentic_member(hub: Hub, socket_id: str, channel: str, data: dict[str, Any]) -> Member | None:
    auth, channel_data = data.get("auth"), data.get("channel_data")
    if channel.startswith("presence-"):
        if not isinstance(channel_data, str) or not _signed(hub, f"{socket_id}:{channel}:{channel_data}", auth):
            raise _unauthorised()
        return _member(channel_data)
    if channel.startswith("private-") and not _signed(hub, f"{socket_id}:{channel}", auth):
        raise _unauthorised()
    return None


def _signed(hub: Hub, text: str, auth: object) -> bool:
    return isinstance(auth, str) and hub.app.allows(text, auth)


def _member(channel_data: str) -> Member:
    try:
        return read_member(channel_data)
    except TooLarge as error:
        raise Refused("LimitReached", 4301, f"{error}.") from None
    except ValueError as error:
        raise Refused("AuthError", 400, f"The channel_data cannot be read: {error}.") from None


def _unauthorised() -> Refused:
    return Refused("AuthError", 401, "The connection is unauthorized.")
