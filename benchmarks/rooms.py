"""What one message costs in rooms of several sizes whose members are all online, and what an open socket costs.

`python -m benchmarks.rooms`: a whole run; the members' sockets are all in this process. Processor time (Linux) is each
program's own, so it means something on a busy machine too; the waits do not.
"""

import asyncio
import json
import secrets
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

from bson import ObjectId
from pusher import Pusher
from websockets.asyncio.client import connect

from benchmarks.sending import Client
from infitalks.actions import chats
from infitalks.app import create_app
from infitalks.backends import queue
from infitalks.local.environment import prepare
from infitalks.models.database import database
from infitalks.models.log import Entry
from infitalks.models.users import User
from infitalks.settings import Settings, load_settings
from tests.running import descendants, wait_until
from tests.whole import WholeRun

SIZES, SENDS, LATE = (2, 100, 1000), 30, 5  # members of the rooms; messages in each; people who come online last
ROLES = {
    "mongod": "mongod",
    "web": "granian",
    "worker": "-n realtime@",
    "gateway": "infitalks.local.gateway",
    "redis": "valkey-server",
}
LIVE = b'"event":"log"'


class Programs:
    """The run's programs, each with all of its processes."""

    def __init__(self, run: WholeRun) -> None:
        found = descendants(run.process.pid)
        self.pids = {role: [pid for pid, command in found if mark in command] for role, mark in ROLES.items()}

    def seconds(self) -> dict[str, float]:
        """Processor time so far, by program."""
        return {role: sum(time.clock_gettime(~pid << 3 | 2) for pid in pids) for role, pids in self.pids.items()}

    def begin(self, idle: Mapping[str, float] | None = None) -> Callable[[int], dict[str, float]]:
        """To be called when so many things are done: milliseconds of processor time for each of them, by program,
        less what it would have taken meanwhile with nothing to do (`idle`, in seconds of each second)."""
        clock, before = time.perf_counter(), self.seconds()

        def end(done: int) -> dict[str, float]:
            after, waited = self.seconds(), time.perf_counter() - clock
            took = {role: after[role] - before[role] - (idle or {}).get(role, 0.0) * waited for role in after}
            return {role: took[role] / done * 1e3 for role in took}

        return end

    def idle(self, seconds: int = 6) -> dict[str, float]:
        """Processor time, and operations of MongoDB, in a second without anybody."""
        end, asked = self.begin(), self.operations()
        time.sleep(seconds)
        return {
            **{role: milliseconds / 1e3 for role, milliseconds in end(seconds).items()},
            "operations": (self.operations() - asked) / seconds,
        }

    def operations(self) -> int:
        """What MongoDB was asked to do so far."""
        counted = database().command("serverStatus")["opcounters"]
        return sum(int(count) for count in counted.values())

    def memory(self, role: str) -> int:
        """Bytes in memory now."""
        fields = (Path(f"/proc/{pid}/statm").read_text().split() for pid in self.pids[role])
        return sum(int(pages[1]) for pages in fields) * 4096


class Ear(asyncio.Protocol):
    """One member's socket: counts live messages, also where one comes in two pieces."""

    def __init__(self, room: "Room") -> None:
        self.room, self.tail = room, b""

    def data_received(self, data: bytes) -> None:
        text = self.tail + data
        self.room.heard += text.count(LIVE)
        self.tail = text[-(len(LIVE) - 1) :]
        if self.room.heard >= self.room.expected and not self.room.all_heard.is_set():
            self.room.all_heard.set()


class Room:
    """A chat, and everybody's ears in it."""

    def __init__(self, ada: Client, members: list[str]) -> None:
        # By the action, since the API takes a hundred at once and each one who is added later is an entry.
        self.id = str(chats.create_group(ObjectId(ada.id), f"Room of {len(members) + 1}", members))
        self.size, self.heard, self.expected, self.operations = len(members) + 1, 0, 0, 0.0
        self.all_heard = asyncio.Event()


def people(ada: str, count: int) -> list[tuple[str, str]]:
    """(id, live channel) of so many members, made like one who registered: a thousand passwords take long to hash."""
    users = User.raw()
    like = users.find_one({"_id": ObjectId(ada)}) or {}
    rows = []
    for number in range(count):
        own = {"_id": ObjectId(), "username": f"member{number}", "email": f"member{number}@example.org"}
        rows.append({**like, **own, "epoch": secrets.token_hex(16), "search": [own["username"]], "is_admin": False})
    users.insert_many(rows)
    return [(str(row["_id"]), f"private-user-{row['_id']}-{row['epoch']}") for row in rows]


async def listen(url: str, library: Pusher, channel: str):
    """A socket that is subscribed as a page's is; whoever comes takes its protocol's place."""
    client = await connect(url, proxy=None, ping_interval=None, max_queue=None)  # or it stops to read
    socket_id = json.loads(json.loads(await client.recv())["data"])["socket_id"]
    subscription = {"channel": channel, **library.authenticate(channel, socket_id)}
    await client.send(json.dumps({"event": "pusher:subscribe", "data": subscription}))
    assert "subscription_succeeded" in str(await client.recv())
    return client


async def say(ada: Client, room: Room) -> float:
    """Seconds from a send until the last of all members has it."""
    room.expected, room.heard = room.size - 1, 0
    room.all_heard.clear()
    begin = time.perf_counter()
    await asyncio.to_thread(ada.send, room.id)
    async with asyncio.timeout(20):
        await room.all_heard.wait()
    return time.perf_counter() - begin


async def measure(ada: Client, room: Room, clients: list, programs: Programs, idle: dict[str, float]) -> None:
    for client in clients[: room.size - 1]:
        client.transport.set_protocol(Ear(room))
    await say(ada, room)
    end, asked, begin = programs.begin(idle), programs.operations(), time.perf_counter()
    waits = [await say(ada, room) for _ in range(SENDS)]
    await asyncio.to_thread(all_told)
    sent, waited = programs.operations() - asked, time.perf_counter() - begin
    show("message", room, f"{median(waits) * 1e3:12.0f}{max(waits) * 1e3:9.0f}", end(SENDS))
    room.operations = sent / SENDS - idle["operations"] * waited / SENDS


async def arrive(url: str, library: Pusher, late: list[str], room: Room, programs: Programs, idle: dict) -> list:
    """Each of them shares the largest room with all the others, who are told."""
    end = programs.begin(idle)
    clients = [await listen(url, library, channel) for channel in late]
    online = {"epoch": {"$in": [channel.rpartition("-")[2] for channel in late]}, "online": True}

    def told() -> bool:
        return User.raw().count_documents(online) == LATE and not queue.depths()["realtime"]

    await asyncio.to_thread(wait_until, told, "they came", 60)
    await asyncio.sleep(2)
    show("arrival", room, f"{'':21}", end(LATE))
    return clients


def add(ada: Client, room: Room, newcomers: list[str], programs: Programs, idle: dict[str, float]) -> None:
    end = programs.begin(idle)
    ada.call("POST", f"/api/chats/{room.id}/members", json={"user_ids": newcomers})
    all_told()
    show("newcomer", room, f"{'':21}", end(len(newcomers)))


def all_told() -> None:
    wait_until(lambda: not Entry.raw().count_documents({"out.state": "new"}, hint="waiting"), "all is told", 120)


def show(what: str, room: Room, waits: str, costs: dict[str, float]) -> None:
    print(f"{room.size:7} {what:9}{waits}" + "".join(f"{costs[role]:9.2f}" for role in ROLES), flush=True)


async def attend(ada: Client, programs: Programs, library: Pusher) -> None:
    where = ada.call("GET", "/api/realtime")
    url = f"ws://127.0.0.1:{where['port']}/app/{where['key']}?protocol=7"
    *members, (first, _), (second, _) = people(ada.id, max(SIZES) + 1)
    away = [channel for _, channel in members[-LATE:]]
    empty = programs.memory("gateway")
    # Before the rooms: who shares a chat with nobody comes online without a word to anybody.
    clients = [await listen(url, library, channel) for _, channel in members[:-LATE]]
    everybody = {"username": {"$regex": "^member"}, "online": True}
    # Waited for in another thread: the sockets have to answer pings meanwhile.
    await asyncio.to_thread(
        wait_until, lambda: User.raw().count_documents(everybody) == len(clients), "they are online", 60
    )
    rooms = [Room(ada, [user for user, _ in members[: size - 1]]) for size in SIZES]
    await asyncio.to_thread(all_told)
    each = (programs.memory("gateway") - empty) / len(clients) / 1024
    print(f"{len(clients)} open sockets: {each:.1f} KiB of the gateway's memory each")
    idle = await asyncio.to_thread(programs.idle)
    print("idle, ms of processor time in a second: " + ", ".join(f"{role} {idle[role] * 1e3:.0f}" for role in ROLES))
    print(f"idle, operations of MongoDB in a second: {idle['operations']:.0f}")
    print(f"{'':17}{'last hears, ms':>21}   processor time for one, ms, idling not counted")
    print(f"{'members':17}{'p50':>12}{'most':>9}" + "".join(f"{role:>9}" for role in ROLES))
    clients += await arrive(url, library, away, rooms[-1], programs, idle)
    for room in rooms:
        await measure(ada, room, clients, programs, idle)
    for room in rooms:
        print(f"{room.size:7} message: {room.operations:.0f} operations of MongoDB")
    for room in rooms:
        await asyncio.to_thread(add, ada, room, [first, second], programs, idle)


def connected(run: WholeRun) -> Settings:
    """This process uses the run's database and queues from now on."""
    here = load_settings({**run.environ, **prepare(load_settings(run.environ), run.environ).variables})
    create_app(here)
    return here


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = WholeRun(Path(folder))
        try:
            here = connected(run)
            library = Pusher(here.pusher_app_id, here.pusher_key, here.pusher_secret)
            asyncio.run(attend(Client(run.url, "ada"), Programs(run), library))
        finally:
            run.stop()


if __name__ == "__main__":
    main()
