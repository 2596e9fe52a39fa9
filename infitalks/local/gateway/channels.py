"""Who is subscribed to which channel, and the one loop that every delivery goes through.

Not for permission: whoever calls join() has checked it.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol


class Subscriber(Protocol):
    """A websocket, as seen from a channel."""

    @property
    def socket_id(self) -> str: ...

    @property
    def transport(self) -> asyncio.WriteTransport: ...


class Channels:
    """The occupied channels.

    `occupied` and `vacated` are told a channel's name when its first subscriber comes and its last one goes.
    """

    def __init__(self, occupied: Callable[[str], None], vacated: Callable[[str], None]) -> None:
        self._occupied = occupied
        self._vacated = vacated
        self._members: dict[str, set[Subscriber]] = {}

    def join(self, name: str, member: Subscriber) -> None:
        """Subscribe; again is harmless."""
        if name not in self._members:
            self._members[name] = set()
            self._occupied(name)
        self._members[name].add(member)

    def leave(self, name: str, member: Subscriber) -> None:
        """Unsubscribe; again is harmless."""
        members = self._members.get(name, set())
        members.discard(member)
        if not members and self._members.pop(name, None) is not None:
            self._vacated(name)

    def deliver(self, name: str, frame: bytes, skip: str | None = None) -> None:
        """Write a frame to every subscriber, except the one whose socket id is `skip`.

        It never waits, so that each subscriber gets events in the order of these calls.
        """
        # A copy: a write that overflows a slow subscriber's buffer takes it out of the set.
        for member in tuple(self._members.get(name, ())):
            if member.socket_id != skip:
                member.transport.write(frame)

    def counts(self, prefix: str = "") -> dict[str, int]:
        """Occupied channels whose names start with `prefix`, with the number of subscriptions of each."""
        return {name: len(members) for name, members in self._members.items() if name.startswith(prefix)}

    def count(self, name: str) -> int:
        """Subscriptions to one channel; 0 where it is not occupied."""
        return len(self._members.get(name, ()))
