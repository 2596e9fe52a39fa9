"""What open pages ask for, and what it costs: the list of chats, the log, /api/sync every few seconds, signing in.

`python -m benchmarks.reading`: a whole run; one person in a thousand chats, one in twenty. Waits are of one caller at a
time; processor time (Linux) is each program's own. Beside them what the bare query and the bare hash take.
"""

import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import requests
from argon2 import PasswordHasher
from bson import ObjectId

from benchmarks.rooms import Programs, all_told, connected
from benchmarks.sending import Client
from infitalks.actions.passwords import hash_password, password_fits
from infitalks.models.chats import Chat
from tests.whole import WholeRun

MANY, FEW, ENTRIES = 1000, 20, 60  # chats of the one and of the other; messages in the chat whose log is read
TIMES = 40
PASSWORD = "correct horse battery"


def chats_of(person: Client, others: list[str], count: int) -> list[str]:
    def make(number: int) -> str:
        group = {"kind": "group", "name": f"Chat {number}", "member_ids": others}
        return person.call("POST", "/api/chats", json=group)["id"]

    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(make, range(count)))


def show(name: str, programs: Programs, idle: dict[str, float], once: Callable[[], object]) -> None:
    once()
    waits = []
    end = programs.begin(idle)
    for _ in range(TIMES):
        begin = time.perf_counter()
        once()
        waits.append(time.perf_counter() - begin)
    costs = end(TIMES)
    print(
        f"{name:46}{median(waits) * 1e3:8.1f}{max(waits) * 1e3:9.1f}{costs['web']:9.2f}{costs['mongod']:9.2f}",
        flush=True,
    )


def show_bare(name: str, once: Callable[[], object]) -> None:
    """In this process: what cannot be gone below."""
    waits = []
    for _ in range(TIMES):
        begin = time.perf_counter()
        once()
        waits.append(time.perf_counter() - begin)
    print(f"{name:46}{median(waits) * 1e3:8.1f}{max(waits) * 1e3:9.1f}", flush=True)


def whole_list(person: Client) -> None:
    cursor: str | None = ""
    while cursor is not None:
        cursor = person.call("GET", f"/api/chats?limit=100{'&cursor=' + cursor if cursor else ''}")["next"]


def measure(run: WholeRun) -> None:
    ada, bob = Client(run.url, "ada"), Client(run.url, "bob")
    ids = chats_of(ada, [], MANY - FEW)
    shared = chats_of(bob, [ada.id], FEW)
    for _ in range(ENTRIES):
        bob.send(shared[0])
    programs, every, few = Programs(run), [ObjectId(each) for each in ids + shared], set(shared)
    all_told()
    time.sleep(3)
    idle = programs.idle()
    tops = {str(row["_id"]): row["last_seq"] for row in Chat.raw().find({"_id": {"$in": every}}, {"last_seq": 1})}
    some = {chat: top for chat, top in tops.items() if chat in few}
    log = f"/api/chats/{shared[0]}/log?limit=50"
    stored = hash_password(PASSWORD)
    login = {"login": "ada", "password": PASSWORD}
    print(f"{'':46}{'p50':>8}{'most':>9} ms{'web':>6}{'mongod':>9} ms of processor time")
    show(f"sync, {FEW} chats, nothing new", programs, idle, lambda: bob.call("POST", "/api/sync", json={"chats": some}))
    show(
        f"sync, {MANY} chats, nothing new", programs, idle, lambda: ada.call("POST", "/api/sync", json={"chats": tops})
    )
    show_bare("  bare: that query", lambda: list(Chat.raw().find({"_id": {"$in": every}}, {"last_seq": 1})))
    show(f"the first 50 of {MANY} chats", programs, idle, lambda: ada.call("GET", "/api/chats?limit=50"))
    show(f"all {MANY} chats, 100 at once", programs, idle, lambda: whole_list(ada))
    show_bare("  bare: all of them in one query", lambda: list(Chat.raw().find({"_id": {"$in": every}})))
    show("the newest 50 entries of a chat", programs, idle, lambda: bob.call("GET", log))
    show("sign in", programs, idle, lambda: requests.post(f"{run.url}/api/auth/tokens", json=login).raise_for_status())
    show_bare("  bare: the hash (Argon2id, 19 MiB, 2 passes)", lambda: password_fits(stored, PASSWORD))
    show_bare("  bare: the library's own choice (64 MiB, 3)", lambda: PasswordHasher().hash(PASSWORD))


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = WholeRun(Path(folder))
        try:
            connected(run)
            measure(run)
        finally:
            run.stop()


if __name__ == "__main__":
    main()
