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
        return write_parts(self.parts(), file)

    @property
    def count(self) -> int:
        """Of messages of all kinds."""
        return sum(map(len, self.messages.values()))


def write_parts(parts: dict[str, bytes], file: Path) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file


class Garden:
    """A small workspace: a channel, a private one, a talk of three, a direct one; threads, reactions, files, bots."""

    def __init__(self, sample: SampleExport, ada_email: str | None = None) -> None:
        self.sample, mark = sample, sample.mark.lower()
        self.ada = sample.user("ada", ada_email or f"ada-{mark}@example.org")
        self.bob = sample.user("bob", f"bob-{mark}@example.org")
        self.eve = sample.user("eve", f"eve-{mark}@example.org", deleted=True)
        self.app = sample.user("builder", is_bot=True, profile={"real_name": "Builder", "bot_id": f"B{sample.mark}"})
        self.general = sample.channel("general", self.bob, self.ada, topic={"value": "Tomatoes"}, creator=self.ada)
        self.secret = sample.channel("secret", self.ada, part="groups.json")
        self.three = sample.channel("mpdm-x", self.ada, self.bob, self.eve, part="mpims.json")
        self.direct = sample.channel("ab", self.ada, self.bob, part="dms.json")
        self.ghosts = sample.channel("ghosts", is_archived=True)
        self.stranger = f"W{sample.mark}STRANGER"
        self._talk()

    def _talk(self) -> None:
        say, general = self.sample.say, self.general
        say(general, self.ada, "<@" + self.ada + "> joined", subtype="channel_join")
        root = ts(1000)
        say(general, self.ada, f"Who waters, <@{self.bob}>? See <#{self.secret}|secret>", ts=root, thread_ts=root)
        say(general, self.bob, "*I* do :tada:", ts=ts(1060), thread_ts=root)
        say(general, self.eve, "later", ts=ts(DAY + 5), thread_ts=root, edited={"user": self.eve, "ts": ts(DAY + 9)})
        say(general, self.bob, "an answer to nothing", ts=ts(DAY + 6), thread_ts=ts(3))
        marks = [
            {"name": "+1", "users": [self.bob, self.eve], "count": 2},
            {"name": "heart", "users": [self.bob], "count": 1},
            {"name": "partyparrot-x", "users": [self.ada], "count": 1},
        ]
        say(general, self.ada, "look", ts=ts(DAY + 50), reactions=marks)
        file = {"name": "plan.pdf", "permalink": "https://garden.slack.com/files/F1/plan.pdf"}
        say(general, self.ada, "", ts=ts(DAY + 60), files=[file, {"mode": "tombstone"}])
        attachment = {"title": "Build 7", "text": "green", "color": "good"}
        bot = {
            "subtype": "bot_message",
            "bot_id": f"B{self.sample.mark}",
            "username": "CI",
            "attachments": [attachment],
        }
        say(general, None, "", ts=ts(DAY + 70), **bot)
        say(general, None, "who?", ts=ts(DAY + 80), subtype="bot_message", username="Old hook")
        say(general, self.stranger, "hi from outside", ts=ts(DAY + 90), user_profile={"real_name": "Zed"})
        say(general, self.ada, "", ts=ts(DAY + 95))
        say(self.secret, self.ada, "psst")
        say(self.three, self.eve, "three of us")
        say(self.direct, self.bob, "between us")
        say(self.ghosts, self.bob, "boo")
