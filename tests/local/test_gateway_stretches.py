"""Events to very many subscribers: written in stretches between which others are served, each channel in order."""

import asyncio
from dataclasses import dataclass, field

from infitalks.local.gateway.channels import CHUNK, MAX_WAITING, Channels
from tests.running import run_async


@dataclass(eq=False)
class Ear(asyncio.WriteTransport):
    """A subscriber, and at once its transport, that keeps what is written to it."""

    socket_id: str = ""
    heard: list[bytes] = field(default_factory=list)
    closed: bool = False

    @property
    def transport(self) -> asyncio.WriteTransport:
        return self

    def write(self, data: object) -> None:
        assert isinstance(data, bytes) and not self.closed
        self.heard.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self, code: int = 0, reason: str = "") -> None:
        self.closed = True


def crowd(channels: Channels, number: int) -> list[Ear]:
    ears = [Ear(str(n)) for n in range(number)]
    for ear in ears:
        channels.join("crowd", ear)
    return ears


def silent() -> Channels:
    return Channels(lambda channel, user_id: None, lambda channel, user_id: None)


async def until_heard(ear: Ear, last: bytes) -> None:
    while ear.heard[-1:] != [last]:
        await asyncio.sleep(0)


def test_others_are_served_before_a_crowd_has_heard_all() -> None:
    async def scene() -> None:
        channels, other = silent(), Ear()
        ears = crowd(channels, 3 * CHUNK + 1)
        channels.join("small", other)
        channels.deliver("crowd", b"one")
        assert not ears[0].heard
        await asyncio.sleep(0)
        channels.deliver("small", b"meanwhile")
        assert [len(ear.heard) for ear in (ears[0], ears[CHUNK - 1], ears[CHUNK], ears[-1], other)] == [1, 1, 0, 0, 1]
        await until_heard(ears[-1], b"one")
        assert all(ear.heard == [b"one"] for ear in ears)

    run_async(scene())


def test_a_crowd_hears_everything_once_and_in_order_and_nothing_from_before_or_after_its_stay() -> None:
    async def scene() -> None:
        channels = silent()
        ears = crowd(channels, 2 * CHUNK + 1)
        newcomer, goes, returns, drops = Ear(), ears[-1], ears[-2], ears[-3]
        channels.deliver("crowd", b"1")
        channels.deliver("crowd", b"2", skip="0")
        await asyncio.sleep(0)
        drops.close()
        for ear in (goes, returns):
            channels.leave("crowd", ear)
        for ear in (newcomer, returns):
            channels.join("crowd", ear)
        channels.deliver("crowd", b"3")
        await until_heard(returns, b"3")
        assert newcomer.heard == returns.heard == [b"3"] and goes.heard == drops.heard == []
        assert ears[0].heard == [b"1", b"3"]
        assert all(ear.heard == [b"1", b"2", b"3"] for ear in ears[1:-3])

    run_async(scene())


def test_a_crowd_that_shrinks_is_still_told_in_order() -> None:
    async def scene() -> None:
        channels = silent()
        ears = crowd(channels, CHUNK + 1)
        channels.deliver("crowd", b"1")
        channels.leave("crowd", ears[-1])
        channels.deliver("crowd", b"2")
        await until_heard(ears[0], b"2")
        assert ears[0].heard == [b"1", b"2"] and ears[-1].heard == []

    run_async(scene())


def test_many_crowds_take_turns() -> None:
    async def scene() -> None:
        channels = silent()
        first = crowd(channels, CHUNK + 1)
        second = [Ear() for _ in range(CHUNK + 1)]
        for ear in second:
            channels.join("second", ear)
        for number in range(5):
            channels.deliver("crowd", b"%d" % number)
        channels.deliver("second", b"x")
        await until_heard(second[0], b"x")
        assert len(first[0].heard) == 1
        await until_heard(first[-1], b"4")
        assert second[-1].heard == [b"x"]

    run_async(scene())


def test_more_events_than_can_be_written_do_not_pile_up() -> None:
    async def scene() -> None:
        channels = silent()
        ears = crowd(channels, CHUNK + 1)
        numbers = [b"%d" % number for number in range(3 * MAX_WAITING)]
        for number in numbers:
            channels.deliver("crowd", number)
        assert len(ears[-1].heard) == len(numbers) - MAX_WAITING
        await until_heard(ears[-1], numbers[-1])
        assert all(ear.heard == numbers for ear in ears)

    run_async(scene())
