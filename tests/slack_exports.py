"""Sample Slack exports, in the public shape: lists of people and conversations, and a file for each of its days."""

import itertools
import json
import zipfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

START = 1_577_880_000  # 1 January 2020, 12:00 UTC
DAY = 86_400  # seconds


def ts(seconds: float) -> str:
    """A message's name and time, so long after the start."""
    return f"{START + seconds:.6f}"


class SampleExport:
    """Fill it, then `write` it. Its people have their ids from their names; so have its conversations."""

    def __init__(self, mark: str = "") -> None:
        self.mark = mark.upper()  # in all ids, so that two samples are of two workspaces
        self.users: list[dict[str, Any]] = []
        self.lists: dict[str, list[dict[str, Any]]] = {
            "channels.json": [],
            "groups.json": [],
            "mpims.json": [],
            "dms.json": [],
        }
        self.folders: dict[str, str] = {}
        self.messages: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.more: dict[str, bytes] = {}  # other parts
        self._seconds = itertools.count(60, 60)

    def user(self, name: str, email: str | None = None, **more: Any) -> str:
        key = f"U{self.mark}{name.upper()}"
        profile = {"real_name": name.title(), "display_name": name, **({"email": email} if email else {})}
        self.users.append({"id": key, "name": name, "deleted": False, "is_bot": False, "profile": profile, **more})
        return key

    def channel(self, name: str, *members: str, part: str = "channels.json", **more: Any) -> str:
        prefix = {"channels.json": "C", "groups.json": "G", "mpims.json": "G", "dms.json": "D"}[part]
        key = f"{prefix}{self.mark}{name.upper().replace('-', '')}"
        listed = {"id": key, "created": START, "creator": members[0] if members else "", "members": list(members)}
        named = {} if part == "dms.json" else {"name": name, "topic": {"value": ""}, "purpose": {"value": ""}}
        self.lists[part].append({**listed, **named, **more})
        self.folders[key] = key if part == "dms.json" else name
        return key

    def say(self, channel: str, user: str | None, text: str = "hello", **more: Any) -> str:
        """A message a minute after the one before, unless `ts` says when. Returns its ts."""
        said = {"type": "message", "text": text, "ts": ts(next(self._seconds)), **({"user": user} if user else {})}
        self.messages[channel].append({**said, **more})
        return str(self.messages[channel][-1]["ts"])

    def parts(self) -> dict[str, bytes]:
        """The zip's parts by name."""
        found: dict[str, Any] = {"users.json": self.users, **{k: v for k, v in self.lists.items() if v}}
        for channel, messages in self.messages.items():
            for message in messages:
                day = datetime.fromtimestamp(float(message["ts"]), UTC).date()
                found.setdefault(f"{self.folders[channel]}/{day}.json", []).append(message)
        return {**{name: json.dumps(content).encode() for name, content in found.items()}, **self.more}

    def write(self, file: Path) -> Path:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in self.parts().items():
                archive.writestr(name, content)
        return file

    @property
    def count(self) -> int:
        """Of messages of all kinds."""
        return sum(map(len, self.messages.values()))
