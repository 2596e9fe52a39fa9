"""How much room a message takes in MongoDB, by index, and what the indexes cost it in processor time (Linux).

`python -m benchmarks.storage`: one message is sent by the product's own code, then there are many like it, with other
words, people and chats, in the order in which busy chats write.
"""

import random
import string
import tempfile
import time
import uuid
from pathlib import Path
from statistics import mean, median

from bson import ObjectId
from pymongo.database import Database

from infitalks.actions import chats, messages, migrations, users
from infitalks.app import create_app
from infitalks.local import mongod
from infitalks.local.ports import pick_port
from infitalks.models.database import Doc, database
from infitalks.models.log import Entry
from infitalks.schemas.users import RegisterIn
from infitalks.settings import load_settings
from tests.running import Running

MANY, CHATS, PEOPLE, WORDS = 100_000, 1000, 500, 12  # messages; chats; people; words of a message
ROUND, ROUNDS, BATCH = 4000, 5, 8  # of the cost: messages in a round; rounds; messages that are written together
dice = random.Random(7)
VOCABULARY = ["".join(dice.choices(string.ascii_lowercase, k=dice.randint(2, 9))) for _ in range(5000)]


def words() -> str:
    """As people write: some words often, most of them seldom."""
    return " ".join(VOCABULARY[min(4999, int(dice.paretovariate(0.6)) - 1)] for _ in range(WORDS))


def one_message() -> Doc:
    ada, bob = (
        users.register(RegisterIn(email=f"{name}@example.org", username=name, password="correct horse battery"))
        for name in ("ada", "bob")
    )
    chat = chats.create_group(ada.id, "Benchmark", [str(bob.id)])
    sent, _ = messages.send_message(ada.id, chat, str(uuid.uuid4()), text=words())
    return Entry.raw().find_one({"_id": sent["_id"]}) or {}


class Writers:
    """Messages like a given one, each with the next number of some chat."""

    def __init__(self, like: Doc) -> None:
        self.like, self.tops = {**like, "out": {"state": "done", "tries": 0}}, [0] * CHATS
        self.chats = [ObjectId() for _ in range(CHATS)]
        self.people = [ObjectId() for _ in range(PEOPLE)]

    def some(self, count: int) -> list[Doc]:
        return [self._next(dice.randrange(CHATS)) for _ in range(count)]

    def _next(self, chat: int) -> Doc:
        self.tops[chat] += 1
        own = {"_id": ObjectId(), "chat": self.chats[chat], "author": dice.choice(self.people)}
        numbers = {"seq": self.tops[chat], "n": self.tops[chat], "client_id": str(uuid.uuid4())}
        text = words()
        return {
            **self.like,
            **own,
            **numbers,
            "text": text,
            "html": f"<p>{text}</p>\n",
            "hash": dice.randbytes(32).hex(),
        }


def show_room(db: Database[Doc]) -> None:
    db.client.admin.command("fsync")
    found = db.command("collStats", "log")
    count, indexes = found["count"], found["indexSizes"]
    letters = mean(len(row["text"]) for row in db["log"].find({"kind": "message"}, {"text": 1}).limit(2000))
    print(f"{count:,} messages of {letters:.0f} letters, bytes of each:")
    print(f"  {'as BSON':28}{found['size'] / count:8.0f}")
    print(f"  {'on disk':28}{found['storageSize'] / count:8.0f}")
    for name, size in sorted(indexes.items(), key=lambda pair: -pair[1]):
        print(f"  {'index ' + name:28}{size / count:8.1f}")
    print(f"  {'all indexes':28}{sum(indexes.values()) / count:8.0f}")


def with_indexes(db: Database[Doc], name: str, wanted: set[str]) -> None:
    """A collection that has these of the log's indexes."""
    for index, options in db["log"].index_information().items():
        if index in wanted:
            keys = options.pop("key")
            options.pop("v")
            db[name].create_index(keys, name=index, **options)


def show_cost(db: Database[Doc], like: Doc, pid: int) -> None:
    """Processor time of mongod for a message, the sets of indexes in turn, so that other load meets all alike."""
    every = set(db["log"].index_information())
    unique = {name for name, options in db["log"].index_information().items() if options.get("unique")}
    aged = {name for name in every if name.startswith("by_age")}
    sets = {"none but _id": set(), "the unique ones": unique, "all but by_age*": every - aged, "all": every}
    took: dict[str, list[float]] = {name: [] for name in sets}
    for name, wanted in sets.items():
        with_indexes(db, name, wanted)
    writers = {name: Writers(like) for name in sets}
    for _ in range(ROUNDS):
        for name in sets:
            rows, clock = writers[name].some(ROUND), ~pid << 3 | 2
            begin = time.clock_gettime(clock)
            for start in range(0, ROUND, BATCH):
                db[name].insert_many(rows[start : start + BATCH])
            took[name].append((time.clock_gettime(clock) - begin) / ROUND * 1e6)
    print(f"processor time of mongod for a message, {BATCH} written together, median and least of {ROUNDS} rounds:")
    for name, micros in took.items():
        print(f"  indexes: {name:28}{median(micros):8.0f}{min(micros):8.0f} us")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        port = pick_port()
        store = Running(mongod.mongod(port, Path(folder) / "db"), Path(folder) / "mongod.log")
        try:
            away = f"127.0.0.1:{pick_port()}"  # nobody has to be told
            create_app(
                load_settings(
                    {
                        "INFITALKS_MODE": "test",
                        "SECRET_KEY": "x" * 40,
                        "PUBLIC_URL": "http://127.0.0.1",
                        "MONGODB_URI": mongod.mongodb_uri(port),
                        "REDIS_URL": f"redis://{away}",
                        "PUSHER_APP_ID": "1",
                        "PUSHER_KEY": "k",
                        "PUSHER_SECRET": "s",
                        "PUSHER_HOST": "127.0.0.1",
                        "CLOUDINARY_URL": f"cloudinary://k:s@local?upload_prefix=http://{away}",
                    }
                )
            )
            migrations.upgrade()
            like, db = one_message(), database()
            writers = Writers(like)
            for _ in range(MANY // 1000):
                db["log"].insert_many(writers.some(1000), ordered=False)
            show_room(db)
            show_cost(db, like, store.process.pid)
        finally:
            store.kill()


if __name__ == "__main__":
    main()
