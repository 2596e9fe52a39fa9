"""How fast the gateway fans out, beside a bare event loop that writes the same bytes in the same run.

    python -m benchmarks.gateway

One server process and this one, the client, on 127.0.0.1. The client reads all sockets in one thread and so
limits the rate; the server's CPU time per delivery (read as on Linux) says more.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from statistics import quantiles

from pusher import Pusher
from pusher.http import Request
from websockets.asyncio.client import connect

from infitalks.local.gateway.messages import frame

SOCKETS, EVENTS, BATCH = 500, 2000, 10
KEY, SECRET, CHANNEL, DATA = "benchmark", "not-a-secret", "private-benchmark", "x" * 300
FRAME, LIBRARY = frame("log", DATA, CHANNEL), Pusher("1", KEY, SECRET)
ENVIRONMENT = os.environ | {"PUSHER_APP_ID": "1", "PUSHER_KEY": KEY, "PUSHER_SECRET": SECRET}


class Bare(asyncio.Protocol):
    """The limit: for each byte that anybody sends, the frame is written to everybody."""

    everybody: list[asyncio.WriteTransport] = []

    def connection_made(self, transport):
        self.everybody.append(transport)

    def data_received(self, data):
        for _ in data:
            for transport in self.everybody:
                transport.write(FRAME)


class Reader(asyncio.Protocol):
    """Counts bytes, and notes when each whole round of events has come."""

    def __init__(self):
        self.bytes, self.target, self.at, self.done = 0, 0, 0.0, asyncio.Event()

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.bytes += len(data)
        if self.bytes >= self.target:
            self.at = time.perf_counter()
            self.done.set()


async def serve_bare():
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


async def bare(port):
    create = asyncio.get_running_loop().create_connection
    readers = [(await create(Reader, "127.0.0.1", port))[1] for _ in range(SOCKETS)]

    async def publish(events):
        readers[0].transport.write(b"." * events)

    return readers, publish


async def gateway(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def publish(events):
        batch = [{"name": "log", "channel": CHANNEL, "data": DATA}] * events
        request = Request(LIBRARY._pusher_client, "POST", "/apps/1/batch_events", {"batch": batch})
        head = (
            f"POST {request.signed_path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(request.body)}\r\n\r\n"
        )
        writer.write(head.encode() + request.body)
        assert (await reader.readuntil(b"\r\n\r\n{}")).startswith(b"HTTP/1.1 200 ")

    return [await subscriber(port) for _ in range(SOCKETS)], publish


async def subscriber(port):
    """The library says hello and subscribes; then a bare counter takes its place."""
    client = await connect(f"ws://127.0.0.1:{port}/app/{KEY}?protocol=7", proxy=None, ping_interval=None)
    socket_id = json.loads(json.loads(await client.recv())["data"])["socket_id"]
    data = {"channel": CHANNEL, **LIBRARY.authenticate(CHANNEL, socket_id)}
    await client.send(json.dumps({"event": "pusher:subscribe", "data": data}))
    assert "subscription_succeeded" in str(await client.recv())
    client.transport.set_protocol(reader := Reader())
    return reader


async def rounds(readers, publish, events):
    """How long each reader waited, in seconds, for each round of `events` events."""
    waits = []
    for _ in range(EVENTS // BATCH):
        for reader in readers:
            reader.target += events * len(FRAME)
            reader.done.clear()
        sent = time.perf_counter()
        await asyncio.gather(publish(events), *(reader.done.wait() for reader in readers))
        waits += [reader.at - sent for reader in readers]
    assert all(reader.bytes == reader.target for reader in readers)
    return waits


async def measure(name, attach, *module):
    server = subprocess.Popen([sys.executable, "-m", *module], stdout=subprocess.PIPE, env=ENVIRONMENT)
    clock = ~server.pid << 3 | 2  # of the process's CPU time
    readers, publish = await attach(int(server.stdout.readline().split()[-1]))
    cpu, begin = time.clock_gettime(clock), time.perf_counter()
    await rounds(readers, publish, BATCH)
    seconds, cpu, number = time.perf_counter() - begin, time.clock_gettime(clock) - cpu, SOCKETS * EVENTS
    cuts = quantiles(await rounds(readers, publish, 1), n=100)
    print(f"{name:24}{number / seconds:10,.0f}{cpu / number * 1e6:14.2f}", end="")
    print(f"{cuts[49] * 1e3:18.1f}{cuts[98] * 1e3:8.1f}", flush=True)
    server.terminate()
    server.communicate()


if __name__ == "__main__":
    if sys.argv[1:] == ["bare"]:
        asyncio.run(serve_bare())
    print(f"{SOCKETS} sockets on one channel, {EVENTS} events of {len(DATA)} bytes, {BATCH} in a request")
    print(f"{'':22}deliveries/s   CPU us each   1 event, ms: p50     p99")
    for _ in range(2):
        asyncio.run(measure("bare loop (the limit)", bare, "benchmarks.gateway", "bare"))
        asyncio.run(measure("gateway", gateway, "infitalks.local.gateway", "--port", "0"))
