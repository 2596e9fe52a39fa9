"""Slack exports that are odd, broken or hostile: odd messages are left out by kind, bad files change nothing."""

import json
import secrets
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from infitalks.actions.imports import import_slack
from infitalks.errors import Invalid
from tests.api.importing import chat_of, everything, messages_in, quiet
from tests.slack_exports import Garden, SampleExport, ts, write_parts


@pytest.fixture
def sample(app: Flask) -> SampleExport:
    """An empty export of a workspace of its own."""
    return SampleExport(secrets.token_hex(3))


@pytest.fixture
def garden(sample: SampleExport) -> Garden:
    return Garden(sample)


@pytest.fixture
def file(garden: Garden, tmp_path: Path) -> Path:
    return garden.sample.write(tmp_path / "slack.zip")


ODD: list[tuple[str, dict[str, Any]]] = [
    ("unreadable", {"ts": "never"}),
    ("unreadable", {"ts": 12}),
    ("unreadable", {"ts": "99999999999.000000"}),
    ("unreadable", {"type": "presence"}),
    ("unreadable", {"subtype": {"a": 1}}),
    ("without an author", {"user": None}),
    ("without an author", {"user": {"id": "U1"}}),
    ("a time that another has", {"ts": ts(60)}),
    ("hidden", {"hidden": True}),
    ("tombstone", {"subtype": "tombstone"}),
    ("without words", {"text": None}),
    ("without words", {"text": ["a", "list"]}),
]


def test_odd_messages_are_left_out_by_kind_and_the_others_stay(sample: SampleExport, tmp_path: Path) -> None:
    ada = sample.user("ada")
    chat = sample.channel("odd", ada)
    sample.say(chat, ada, "first", ts=ts(60))
    parts = sample.parts()
    (day,) = [name for name in parts if name.startswith("odd/")]
    good = {"type": "message", "user": ada, "text": "odd"}
    odd: list[Any] = [{**good, "ts": ts(100 + n), **change} for n, (_, change) in enumerate(ODD)]
    odd += [None, 7, "text", [], {}]
    strange: dict[str, Any] = {**good, "ts": ts(9000), "text": "a\ud800b\u0000c", "reactions": 5, "files": {"a": 1}}
    strange |= {"attachments": "x", "blocks": [[[]]], "edited": [], "thread_ts": {}, "username": 3, "bot_id": 7}
    parts[day] = json.dumps([*json.loads(parts[day]), *odd, strange]).encode()
    counts = import_slack(write_parts(parts, tmp_path / "slack.zip"), quiet, False)
    wanted: dict[str, int] = {"unreadable": 5}
    for why, _ in ODD:
        wanted[why] = wanted.get(why, 0) + 1
    assert {name: counts.get(f"messages: left out, {name}") for name in wanted} == wanted
    assert counts["messages"] == len(ODD) + 7 and counts["messages: made"] == 2
    assert [each["text"] for each in messages_in(chat_of(chat))] == ["first", "a\ufffdbc"]


def no_zip(file: Path, sample: SampleExport) -> str:
    file.write_text("hello")
    return "file"


def gone(file: Path, sample: SampleExport) -> str:
    file.unlink()
    return "file"


def cut_short(file: Path, sample: SampleExport) -> str:
    file.write_bytes(file.read_bytes()[:-100])
    return "file"


def other_zip(file: Path, sample: SampleExport) -> str:
    write_parts({"cat.txt": b"meow"}, file)
    return "file"


def no_users(file: Path, sample: SampleExport) -> str:
    parts = sample.parts()
    del parts["users.json"]
    write_parts(parts, file)
    return "file"


def changed(name: str, content: bytes) -> Callable[[Path, SampleExport], str]:
    def change(file: Path, sample: SampleExport) -> str:
        assert name in sample.parts()
        write_parts({**sample.parts(), name: content}, file)
        return name

    return change


def added(name: str) -> Callable[[Path, SampleExport], str]:
    def change(file: Path, sample: SampleExport) -> str:
        write_parts({**sample.parts(), name: b"[]"}, file)
        return "file"

    return change


def bomb(file: Path, sample: SampleExport) -> str:
    write_parts({**sample.parts(), "general/2021-01-01.json": b"[" + b" " * 200_000_000 + b"]"}, file)
    return "file"


def damaged(file: Path, sample: SampleExport) -> str:
    data = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("general/2020-01-02.json")
    data[info.header_offset + 80] ^= 0xFF
    file.write_bytes(bytes(data))
    return "general/2020-01-02.json"


LAST = "general/2020-01-02.json"
BAD = {
    "no zip": no_zip,
    "gone": gone,
    "cut short": cut_short,
    "another zip": other_zip,
    "no users": no_users,
    "damaged": damaged,
    "a bomb": bomb,
    "a path that leads out": added("../../etc/cron.d/x"),
    "an absolute path": added("/etc/passwd"),
    "a path of Windows": added("general\\..\\x.json"),
    "broken JSON on the last day": changed(LAST, b'[{"type": "message"'),
    "a day that is no list": changed(LAST, b'{"ok": false}'),
    "a day in another encoding": changed(LAST, '[{"text": "é"}]'.encode("latin-1")),
    "a day nested too deeply": changed(LAST, b"[" * 100_000 + b"]" * 100_000),
    "a number of a million digits": changed(LAST, b"[" + b"9" * 1_000_000 + b"]"),
    "users that are no list": changed("users.json", b'"x"'),
    "users that are no objects": changed("users.json", b"[1]"),
    "a user without an id": changed("users.json", b'[{"name": "ada"}]'),
    "a user twice": changed("users.json", b'[{"id": "U1"}, {"id": "U1"}]'),
    "a channel without a name": changed("channels.json", b'[{"id": "C1"}]'),
    "members that are no ids": changed("channels.json", b'[{"id": "C1", "name": "x", "members": [{"a": 1}]}]'),
}


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD)
def test_what_is_no_whole_export_is_refused_by_name_and_changes_nothing(
    garden: Garden, file: Path, spoil: Callable[[Path, SampleExport], str]
) -> None:
    assert import_slack(file, quiet, True)["messages"] == 15
    before = everything()
    named = spoil(file, garden.sample)
    with pytest.raises(Invalid) as refused:
        import_slack(file, quiet, False)
    assert list(refused.value.fields or {}) == [named]
    assert everything() == before


def test_a_zip_under_a_password_is_refused(garden: Garden, file: Path) -> None:
    data = bytearray(file.read_bytes())
    place = data.find(b"PK\x01\x02")
    while place >= 0:  # the flag of every part in the zip's own list
        data[place + 8] |= 1
        place = data.find(b"PK\x01\x02", place + 4)
    file.write_bytes(bytes(data))
    with pytest.raises(Invalid) as refused:
        import_slack(file, quiet, False)
    assert "users.json" in (refused.value.fields or {})
