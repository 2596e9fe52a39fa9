"""How fast the gateway fans out, beside a bare event loop that writes the same bytes.

The client reads all sockets in one thread and so limits the rate; the server's CPU time (Linux) says more.
"""

import asyncio
import json
import os
import re
import subprocess
import sys
import time
from statistics import quantiles

from pusher import Pusher
from pusher.http import Request
from websockets.asyncio.client import connect

from infitalks.local.gateway.messages import frame

SOCKETS, EVENTS, BATCH, DATA, CHANNEL = 500, 1000, 10, "x" * 300, "private-benchmark"
GREETING = b"!"
KEY, FRAME, LIBRARY = "benchmark", frame("log", DATA, CHANNEL), Pusher("1", "benchmark", "not-a-secret")
# Its log as for people, which tells of no single event: nobody reads the pipe here.
ENVIRONMENT = os.environ | {"INFITALKS_LOG": "text"}
ENVIRONMENT |= {"PUSHER_APP_ID": "1", "PUSHER_KEY": KEY, "PUSHER_SECRET": "not-a-secret"}


async def serve_bare():
    """The limit: for each byte that anybody sends, the frame is written to everybody."""
    everybody = []

    async def greet(reader, writer):
        everybody.append(writer.transport)
        writer.write(GREETING)  # until when the client waits: else the first round may miss the last ones
        while asked := await reader.read(BATCH):
            for transport in everybody * len(asked):
                transport.write(FRAME)

    server = await asyncio.start_server(greet, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


class Reader(asyncio.Protocol):
    """Counts bytes, and notes when a whole round of events has come."""

    bytes = target = 0
    done: asyncio.Future | None = None

    def data_received(self, data):
        self.bytes += len(data)
        if self.bytes == self.target and self.done:
            self.done.set_result(time.perf_counter())


async def bare(port):
    pairs = [await bare_subscriber(port) for _ in range(SOCKETS)]

    async def publish(events):
        pairs[0][0].write(b"." * events)

    return [reader for _, reader in pairs], publish


async def bare_subscriber(port):
    loop = asyncio.get_running_loop()
    transport, reader = await loop.create_connection(Reader, "127.0.0.1", port)
    reader.target += len(GREETING)
    reader.done = reader.done or loop.create_future()
    if reader.bytes < reader.target:
        await reader.done
    return transport, reader


async def gateway(port):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def publish(events):
        batch = [{"name": "log", "channel": CHANNEL, "data": DATA}] * events
        request = Request(LIBRARY._pusher_client, "POST", "/apps/1/batch_events", {"batch": batch})
        head = f"POST {request.signed_path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(request.body)}\r\n\r\n"
        writer.write(head.encode() + request.body)
        assert (await reader.readuntil(b"\r\n\r\n{}")).startswith(b"HTTP/1.1 200 ")

    return [await subscriber(port) for _ in range(SOCKETS)], publish


async def subscriber(port):
    client = await connect(f"ws://127.0.0.1:{port}/app/{KEY}?protocol=7", proxy=None, ping_interval=None)
    socket_id = json.loads(json.loads(await client.recv())["data"])["socket_id"]
    subscription = {"channel": CHANNEL, **LIBRARY.authenticate(CHANNEL, socket_id)}
    await client.send(json.dumps({"event": "pusher:subscribe", "data": subscription}))
    assert "subscription_succeeded" in str(await client.recv())
    client.transport.set_protocol(reader := Reader())  # a bare counter takes the library's place
    return reader


async def rounds(readers, publish, events):
    """How long each reader waited, in milliseconds, for each round of `events` events."""
    waits = []
    for _ in range(EVENTS // BATCH):
        for reader in readers:
            reader.target += events * len(FRAME)
            reader.done = asyncio.get_running_loop().create_future()
        sent = time.perf_counter()
        _, *came = await asyncio.gather(publish(events), *(reader.done for reader in readers))
        waits += [(at - sent) * 1e3 for at in came]
    return waits


async def measure(name, attach, *module):
    server = subprocess.Popen([sys.executable, "-m", *module], stdout=subprocess.PIPE, env=ENVIRONMENT)
    assert server.stdout
    port = re.findall(rb"\d+", server.stdout.readline())[-1]  # its first line ends with it
    readers, publish = await attach(int(port))
    cpu, begin = time.clock_gettime(~server.pid << 3 | 2), time.perf_counter()
    await rounds(readers, publish, BATCH)
    seconds, cpu = time.perf_counter() - begin, time.clock_gettime(~server.pid << 3 | 2) - cpu
    cuts, sent = quantiles(await rounds(readers, publish, 1), n=100), SOCKETS * EVENTS
    server.terminate()
    server.communicate()
    print(f"{name:24}{sent / seconds:10,.0f}{cpu / sent * 1e6:14.2f}{cuts[49]:18.1f}{cuts[98]:8.1f}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:] == ["bare"]:
        asyncio.run(serve_bare())
    print(f"{SOCKETS} sockets on one channel, {EVENTS} events of {len(DATA)} bytes, {BATCH} in a request")
    print(f"{'':22}deliveries/s   CPU us each   1 event, ms: p50     p99", flush=True)
    for _ in range(2):
        asyncio.run(measure("bare loop (the limit)", bare, "benchmarks.gateway", "bare"))
        asyncio.run(measure("gateway", gateway, "infitalks.local.gateway", "--port", "0"))
