"""A TCP proxy whose faults are switched while it runs. Not for: understanding what it forwards."""

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

CHUNK = 65_536
RESET = struct.pack("ii", 1, 0)  # closing sends RST


class Link:
    """One client's connection, with the one that was made to the target for it."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.writers = writers
        self.deaf = False  # its next answer is swallowed, and it is reset
        self.frozen = False  # nothing of it comes through any more
        self.answered = 0  # bytes

    def reset(self) -> None:
        for writer in self.writers:
            with suppress(OSError):
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            writer.transport.abort()


class Proxy:
    """Forwards from `port` on loopback to the port `target`, in a thread of its own, as it was told last."""

    def __init__(self, target: int) -> None:
        self.target, self.port = target, 0
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._forwarding = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._thread.start()
        self._run(self._set("pass"))

    def pass_on(self) -> None:
        """Forward everything, also what a black hole has held."""
        self._run(self._set("pass"))

    def refuse(self) -> None:
        """Reset what is open, and let nobody connect."""
        self._run(self._set("refuse"))

    def blackhole(self) -> None:
        """Accept connections and hold whatever comes, in both directions."""
        self._run(self._set("blackhole"))

    def delay(self, ms: float, jitter: float = 0) -> None:
        """Hold each piece for `ms`, plus or minus `jitter`, in both directions."""
        self._run(self._set("delay", ms=ms, jitter=jitter))

    def cut_after(self, count: int) -> None:
        """Reset each connection that has been answered `count` bytes from now on."""
        self._run(self._set("cut", count=count))

    def drop_reply(self, count: int = 1, to: bytes = b"") -> None:
        """Forward the next `count` requests that hold `to`, swallow what is answered and reset: done, but unheard."""
        self._run(self._set("drop", count=count, to=to))

    def half_open(self) -> None:
        """What is open now hears nothing more, for ever, and is not closed. New connections are well."""
        self._run(self._set("half open"))

    def close(self) -> None:
        """End it and its connections."""
        self._run(self._set("refuse"))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, change: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(change, self._loop).result(10)

    async def _set(self, mode: str, *, count: int = 0, to: bytes = b"", ms: float = 0, jitter: float = 0) -> None:
        self._mode, self._count, self._to, self._ms, self._jitter = mode, count, to, ms, jitter
        if mode == "blackhole":
            self._forwarding.clear()
        else:
            self._forwarding.set()
        for link in self._links:
            link.answered, link.frozen = 0, link.frozen or mode == "half open"
        await (self._shut() if mode == "refuse" else self._listen())

    async def _listen(self) -> None:
        if not self._server:
            self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, reuse_address=True)
            self.port = self._server.sockets[0].getsockname()[1]

    async def _shut(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for link in self._links:
            link.reset()
        self._links.clear()
        await asyncio.gather(*self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            Link(writer).reset()
            return
        link = Link(writer, far_writer)
        self._links.add(link)
        for pump in (self._pump(link, reader, far_writer, False), self._pump(link, far_reader, writer, True)):
            task = asyncio.ensure_future(pump)
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: bool
    ) -> None:
        """One direction of a link, until it ends: in order, or with the other side's reset."""
        end = writer.close
        try:
            while data := await reader.read(CHUNK):
                await self._forwarding.wait()
                writer.write(await self._treat(link, data, answers))
                await writer.drain()
        except OSError:
            end = link.reset
        if not link.frozen:
            self._links.discard(link)
            end()

    async def _treat(self, link: Link, data: bytes, answers: bool) -> bytes:
        """What of the data is passed on."""
        if link.frozen:
            return b""
        if self._mode == "delay":
            await asyncio.sleep((self._ms + random.uniform(-self._jitter, self._jitter)) / 1000)
        if self._mode == "drop" and not answers and self._count and self._to in data:
            self._count -= 1
            link.deaf = True
        if answers and link.deaf:
            link.reset()
            return b""
        if self._mode == "cut" and answers:
            return self._cut(link, data)
        return data

    def _cut(self, link: Link, data: bytes) -> bytes:
        left = self._count - link.answered
        link.answered += len(data)
        if len(data) > left:
            self._loop.call_later(0.01, link.reset)  # after these last bytes are out
        return data[: max(left, 0)]
