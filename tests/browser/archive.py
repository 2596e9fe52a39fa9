"""A group with a long past, laid down in the database at once: saying all of it would take minutes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bson import ObjectId
from playwright.sync_api import Browser
from pymongo import MongoClient
from pymongo.database import Database

from tests.browser.visitors import Visitor
from tests.whole import WholeRun

APART = timedelta(minutes=20)


class Archive:
    """`count` messages "number 1" … of Ada and Bob, three in a row, twenty minutes apart, up to now."""

    def __init__(self, browser: Browser, whole: WholeRun, count: int) -> None:
        self.count = count
        self.ada, self.bob = Visitor(browser, whole.url, "Ada"), Visitor(browser, whole.url, "Bob")
        for visitor in (self.ada, self.bob):
            visitor.register()
        self.chat = self.ada.group("archive", self.bob)
        ports = json.loads((Path(whole.environ["INFITALKS_DATA"]) / "ports.json").read_text())
        client: MongoClient[Any]
        with MongoClient("127.0.0.1", ports["mongod"], directConnection=True) as client:
            self._fill(client["infitalks"])

    def _fill(self, database: Database[Any]) -> None:
        made = [self._message(number) for number in range(1, self.count + 1)]
        database["log"].insert_many(made)
        newest = made[-1]
        last = {"id": newest["_id"], "attachments": 0, "deleted": False}
        last |= {key: newest[key] for key in ("seq", "author", "text", "at")}
        tops = {"last_seq": newest["seq"], "n": newest["n"], "last_message": last, "last_at": newest["at"]}
        database["chats"].update_one({"_id": ObjectId(self.chat)}, {"$set": tops})
        read = {"read_seq": newest["seq"], "read_n": newest["n"]}
        database["memberships"].update_many({"chat": ObjectId(self.chat)}, {"$set": read})

    def _message(self, number: int) -> dict[str, Any]:
        more = "\n\nand so on" if number % 7 == 0 else ""
        text = f"number {number}{more}"
        html = "".join(f"<p>{line}</p>" for line in text.split("\n\n"))
        author = (self.ada, self.bob)[number // 3 % 2].id
        at = datetime.now(UTC) - (self.count - number) * APART
        place = {"_id": ObjectId(), "chat": ObjectId(self.chat), "seq": number + 1, "n": number, "m": 1}
        said = {"kind": "message", "author": ObjectId(author), "at": at, "text": text, "html": html}
        unset: dict[str, Any] = {"attachments": [], "cards": [], "reply_to": None, "via": None, "reactions": {}}
        return {**place, **said, **unset, "client_id": f"s.{number}", "hash": "", "out": {"state": "done"}}

    def close(self) -> None:
        """Afterwards no script of its people's pages may have thrown anything."""
        for visitor in (self.ada, self.bob):
            visitor.context.close()
            assert visitor.problems == []
