"""Who is subscribed to which channel, and the one loop that every delivery goes through.

Not for permission: whoever calls join() has checked it.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from infitalks.local.gateway.messages import frame, to_json
from infitalks.local.gateway.presence import Member, Roster
from infitalks.local.gateway.tally import Tally

CHUNK = 500  # writes at a stretch: about 3 ms in which nobody else is served
MAX_WAITING = 100  # events of one channel, between those stretches

# Told a channel's name, and the user_id where it is about a member of it.
Told = Callable[[str, str | None], None]


class Subscriber(Protocol):
    """A websocket, as seen from a channel."""

    @property
    def socket_id(self) -> str: ...

    @property
    def transport(self) -> asyncio.WriteTransport: ...

    def close(self, code: int, reason: str) -> None: ...


@dataclass(eq=False, slots=True)
class Subscription:
    """One stay of a subscriber in a channel: who comes again gets a new one, and nothing from before."""

    subscriber: Subscriber
    member: Member | None
    live: bool = True


@dataclass(eq=False, slots=True)
class Sending:
    """An event on its way to those who were subscribed when it came."""

    frame: bytes
    skip: str | None
    to: Iterator[Subscription]
    tally: Tally

    def write(self, most: int) -> bool:
        """Write to the next `most` of them; whether there may be more."""
        next_ones = tuple(islice(self.to, most))
        for subscription in next_ones:
            to = subscription.subscriber
            # Closing: a write before this one overflowed its buffer.
            if subscription.live and to.socket_id != self.skip and not to.transport.is_closing():
                to.transport.write(self.frame)
                self.tally.sent += 1
        return len(next_ones) == most


@dataclass(eq=False, slots=True)
class Channel:
    """An occupied channel."""

    subscriptions: dict[Subscriber, Subscription] = field(default_factory=dict)
    roster: Roster = field(default_factory=Roster)
    waiting: list[Sending] = field(default_factory=list)

    def write_oldest(self, most: int) -> None:
        """Go on with the oldest waiting event, for `most` writes."""
        if not self.waiting[0].write(most):
            del self.waiting[0]


class Channels:
    """The occupied channels.

    `came` is told when a channel gets its first subscriber or a member its first socket there, `went` when the last
    one goes.
    """

    def __init__(self, came: Told, went: Told) -> None:
        self._came = came
        self._went = went
        self.tally = Tally()
        self._channels: dict[str, Channel] = {}
        self._busy: deque[Channel] = deque()

    def join(self, name: str, subscriber: Subscriber, member: Member | None = None) -> None:
        """Subscribe, as `member` in a presence channel; again is harmless and changes nothing."""
        if name not in self._channels:
            self._channels[name] = Channel()
            self._came(name, None)
        channel = self._channels[name]
        if subscriber in channel.subscriptions:
            return
        if member and channel.roster.add(member):
            # Before the newcomer is in: it learns of itself from the list of members.
            self._tell(name, "member_added", {"user_id": member.user_id, "user_info": member.info})
            self._came(name, member.user_id)
        channel.subscriptions[subscriber] = Subscription(subscriber, member)

    def leave(self, name: str, subscriber: Subscriber) -> None:
        """Unsubscribe; again is harmless."""
        channel = self._channels.get(name)
        subscription = channel.subscriptions.pop(subscriber, None) if channel else None
        if not channel or not subscription:
            return
        subscription.live = False
        if subscription.member and channel.roster.remove(subscription.member):
            self._tell(name, "member_removed", {"user_id": subscription.member.user_id})
            self._went(name, subscription.member.user_id)
        if not channel.subscriptions:
            del self._channels[name]
            self._went(name, None)

    def deliver(self, name: str, frame: bytes, skip: str | None = None) -> None:
        """Write a frame to every subscriber, except the one whose socket id is `skip`.

        Each subscriber gets a channel's events in the order of these calls. Where they are many, the writing is
        done in stretches, between which other sockets and channels are served.
        """
        channel = self._channels.get(name)
        if not channel:
            return
        sending = Sending(frame, skip, iter(tuple(channel.subscriptions.values())), self.tally)
        if len(channel.subscriptions) <= CHUNK and not channel.waiting:
            sending.write(CHUNK)
        else:
            self._queue(channel, sending)

    def _queue(self, channel: Channel, sending: Sending) -> None:
        if not channel.waiting:
            self._busy.append(channel)
            if len(self._busy) == 1:
                asyncio.get_running_loop().call_soon(self._write_some)
        channel.waiting.append(sending)
        if len(channel.waiting) > MAX_WAITING:
            # Somebody sends faster than that takes away: everybody else waits, rather than that the queue grows.
            channel.write_oldest(sys.maxsize)

    def _write_some(self) -> None:
        channel = self._busy.popleft()
        channel.write_oldest(CHUNK)
        if channel.waiting:
            self._busy.append(channel)
        if self._busy:
            asyncio.get_running_loop().call_soon(self._write_some)

    def _tell(self, name: str, event: str, data: dict[str, object]) -> None:
        self.deliver(name, frame(f"pusher_internal:{event}", to_json(data), name))

    def names(self, prefix: str = "") -> list[str]:
        """The occupied channels whose names start with `prefix`."""
        return [name for name in self._channels if name.startswith(prefix)]

    def count(self, name: str) -> int:
        """Subscriptions to one channel; 0 where it is not occupied."""
        channel = self._channels.get(name)
        return len(channel.subscriptions) if channel else 0

    def roster(self, name: str) -> Roster:
        """The members of a presence channel; an empty list for any other."""
        channel = self._channels.get(name)
        return channel.roster if channel else Roster()

    def sockets_of(self, user_id: str) -> set[Subscriber]:
        """The sockets that have joined a presence channel as this user."""
        there = [channel for channel in self._channels.values() if user_id in channel.roster]
        everybody = (subscription for channel in there for subscription in channel.subscriptions.values())
        return {s.subscriber for s in everybody if s.member and s.member.user_id == user_id}
