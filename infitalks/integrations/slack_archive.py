"""Slack's export as a zip, read within bounds and checked to its end before anything is made of it.

Nothing is ever unpacked to a disk. Not for: what the JSON in it means (slack_export.py).
"""

import json
import re
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infitalks.integrations.slack_export import (
    Conversation,
    Key,
    Somebody,
    not_an_export,
    read_conversations,
    read_key,
    read_people,
)
from infitalks.integrations.values import obj

LISTS = ("channels.json", "groups.json", "mpims.json", "dms.json")
LARGEST_PART = 64 * 1024 * 1024  # bytes, unpacked: one day of one conversation
LARGEST_TOGETHER = 4 * LARGEST_PART  # of days whose messages are mixed, which have to be sorted together
FREELY = 100 * 1024 * 1024  # bytes that any file may unpack to
MOST_GROWTH = 100  # times its size, beyond that; JSON grows ten- to thirtyfold
AT_ONCE = 200  # messages

_DAY = re.compile(r"(?P<folder>[^/]+)/\d{4}-\d\d-\d\d\.json")
_UNREADABLE: Key = (0, 0)


@dataclass(frozen=True)
class Export:
    """An export that was checked. `messages`: conversation -> how many there are; `parts`: by what became of them."""

    archive: zipfile.ZipFile
    people: list[Somebody]
    conversations: list[Conversation]
    days: dict[str, list[list[str]]]  # conversation -> parts in order; those to be sorted together stand together
    messages: Counter[str]
    parts: Counter[str]

    def raw_messages(self, conversation: Conversation) -> Iterator[list[Any]]:
        """As they are in JSON, in order of `ts`, some at a time."""
        for together in self.days[conversation.id]:
            found = [message for part in together for message in _load(self.archive, part)]
            found.sort(key=_key_of)
            for start in range(0, len(found), AT_ONCE):
                yield found[start : start + AT_ONCE]

    def first_key(self, conversation: Conversation) -> Key | None:
        """When its first message was said."""
        raw = next(self.raw_messages(conversation), [])
        return next(filter(None, (read_key(obj(each).get("ts")) for each in raw)), None)


@contextmanager
def open_export(file: Path) -> Iterator[Export]:
    """Raises Invalid, naming the file or the part of it, for what is not a whole Slack export."""
    try:
        archive = zipfile.ZipFile(file)
    except (OSError, ValueError, zipfile.BadZipFile, NotImplementedError) as error:
        raise not_an_export("file", str(error)) from None
    with archive:
        _check_names(archive, file.stat().st_size)
        people = read_people("users.json", _load(archive, "users.json"))
        conversations = _conversations(archive)
        export = Export(archive, people, conversations, {}, Counter(), Counter())
        _look_through(export)
        yield export


def _check_names(archive: zipfile.ZipFile, size: int) -> None:
    names = archive.namelist()
    for name in names:
        if name.startswith("/") or "\\" in name or ".." in name.split("/"):
            raise not_an_export("file", f"a part's name leads out of it: {name[:100]!r}")
    if len(set(names)) < len(names):
        raise not_an_export("file", "it has two parts of one name")
    if "users.json" not in names or not set(names) & set(LISTS):
        raise not_an_export("file", "users.json, and one of " + ", ".join(LISTS) + ", have to be in it")
    if sum(each.file_size for each in archive.infolist()) > FREELY + MOST_GROWTH * size:
        raise not_an_export("file", f"it unpacks to more than {MOST_GROWTH} times its size")


def _load(archive: zipfile.ZipFile, name: str) -> list[Any]:
    """The list that a part holds."""
    try:
        with archive.open(name) as part:
            data = part.read(LARGEST_PART + 1)
        if len(data) > LARGEST_PART:
            raise not_an_export(name, f"is larger than {LARGEST_PART} bytes")
        loaded = json.loads(data.decode("utf-8-sig"))
    except (RuntimeError, NotImplementedError) as error:  # under a password; packed in a way that Python knows not
        raise not_an_export(name, str(error) or "is nested too deeply") from None
    except (ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise not_an_export(name, f"is no JSON in UTF-8, or damaged: {error}") from None
    if not isinstance(loaded, list):
        raise not_an_export(name, "is no list")
    return loaded


def _conversations(archive: zipfile.ZipFile) -> list[Conversation]:
    names = [name for name in LISTS if name in archive.namelist()]
    found = [each for name in names for each in read_conversations(name, _load(archive, name))]
    if len({each.id for each in found}) < len(found):
        raise not_an_export("channels.json", "a conversation is in two of the lists")
    return found


def _look_through(export: Export) -> None:
    """Read every day once: what cannot be read must be known before anything is made."""
    folders: dict[str, list[str]] = defaultdict(list)
    for name in export.archive.namelist():
        if day := _DAY.fullmatch(name):
            folders[day["folder"]].append(name)
        elif not name.endswith("/"):
            export.parts["read" if name in ("users.json", *LISTS) else "left out, not understood"] += 1
    for each in export.conversations:
        found = [folders.pop(folder) for folder in each.folders if folder in folders][:1]
        spans = [_span(export, each.id, part) for parts in found for part in parts]
        export.days[each.id] = _grouped(export.archive, spans)
        export.parts["read"] += len(spans)
    export.parts["left out, of no conversation that is listed"] += sum(map(len, folders.values()))


def _span(export: Export, conversation: str, part: str) -> tuple[Key, Key, str]:
    """The first and last time in it."""
    keys = [_key_of(message) for message in _load(export.archive, part)]
    export.messages[conversation] += len(keys)
    readable = [key for key in keys if key != _UNREADABLE] or [_UNREADABLE]
    return min(readable), max(readable), part


def _key_of(message: Any) -> Key:
    return read_key(obj(message).get("ts")) or _UNREADABLE


def _grouped(archive: zipfile.ZipFile, spans: list[tuple[Key, Key, str]]) -> list[list[str]]:
    """Days follow one another, mostly; where their messages are mixed they are sorted together."""
    groups: list[list[str]] = []
    end: Key | None = None
    for first, last, part in sorted(spans):
        if end is not None and first <= end:
            groups[-1].append(part)
        else:
            groups.append([part])
        end = max(end or last, last)
    for group in groups:
        if len(group) > 1 and sum(archive.getinfo(part).file_size for part in group) > LARGEST_TOGETHER:
            raise not_an_export(group[0], "and the days after it are mixed up")
    return groups
