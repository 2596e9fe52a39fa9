"""Imports from Slack: counts in are counts out, nothing is doubled, nobody is told, and bad files change nothing."""

import json
import os
import secrets
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from bson import ObjectId
from flask import Flask

from infitalks.actions import imports
from infitalks.actions.imports import claim_account, import_slack
from infitalks.actions.realtime import fan_out
from infitalks.actions.users import Claims, check_login, sign_in_with
from infitalks.errors import Conflict, Invalid, Unauthenticated
from infitalks.models.chats import Chat, Membership
from infitalks.models.database import Doc, database
from infitalks.models.deliveries import Delivery
from infitalks.models.log import Entry, broken_chats, chats_with_waiting
from infitalks.models.users import User
from tests.people import Person
from tests.slack_exports import DAY, START, SampleExport, ts

ROOT = Path(__file__).parents[2]
# An import of its own process, which dies where it is told to as soon as it has brought in the first conversation.
KILLED = """
import os, sys
from pathlib import Path
from infitalks.actions.imports import import_slack
from infitalks.app import create_app
from infitalks.settings import load_settings
create_app(load_settings(os.environ))
heard = []
def tell(line):
    heard.append(line)
    if len(heard) == 2:
        Path(os.environ["INFITALKS_FAILPOINTS"], sys.argv[2]).write_text("kill")
import_slack(Path(sys.argv[1]), tell, False)
"""


def quiet(line: str) -> None:
    """Hears nothing."""


@pytest.fixture
def sample(app: Flask) -> SampleExport:
    """An empty export of a workspace of its own."""
    return SampleExport(secrets.token_hex(3))


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


@pytest.fixture
def garden(sample: SampleExport) -> Garden:
    return Garden(sample)


@pytest.fixture
def file(garden: Garden, tmp_path: Path) -> Path:
    return garden.sample.write(tmp_path / "slack.zip")


def everything() -> dict[str, list[Doc]]:
    """All that is stored, by collection."""
    names = sorted(set(database().list_collection_names()) - {"leases"})
    return {name: list(database()[name].find({}).sort("_id", 1)) for name in names}


def account(slack_id: str) -> Any:
    return User.objects(id=imports._own_id("user", slack_id)).get()


def chat_of(channel: str) -> ObjectId:
    return imports._own_id("chat", channel)


def messages_in(chat: ObjectId) -> list[Doc]:
    return list(Entry.raw().find({"chat": chat, "kind": "message"}).sort("seq", 1))


def fates(counts: dict[str, int], noun: str) -> int:
    return sum(count for name, count in counts.items() if name.startswith(f"{noun}: "))


def test_all_of_it_comes_in_and_is_counted(garden: Garden, file: Path) -> None:
    counts = import_slack(file, quiet, False)
    assert counts["messages"] == garden.sample.count == fates(counts, "messages") == 15
    left = {"messages: left out, channel_join": 1, "messages: left out, without words": 1}
    assert left.items() <= counts.items() and counts["messages: made"] == 13
    assert counts["people: made"] == 4 and counts["people who are not in users.json: made"] == 2
    assert counts["chats: made"] == counts["chats"] == 5
    assert (counts["reactions: made"], counts["reactions: of custom emoji"]) == (3, 1)
    assert (counts["files: linked"], counts["files: gone at Slack"]) == (1, 1)
    assert (counts["replies: joined"], counts["replies: left alone, what they answer is missing"]) == (2, 1)
    assert counts["parts of the file"] == len(zipfile.ZipFile(file).namelist()) == counts["parts of the file: read"]
    assert not broken_chats()


def test_words_stand_as_and_when_they_were_said(garden: Garden, file: Path) -> None:
    import_slack(file, quiet, False)
    first, answer, late, alone, marked, pictured, built, old, outside = messages_in(chat_of(garden.general))
    bob = account(garden.bob)
    assert first["text"] == f"Who waters, @{bob.username}? See #secret"
    assert first["at"] == datetime.fromtimestamp(START + 1000, UTC)
    assert answer["text"] == "**I** do 🎉" and "<strong>I</strong>" in answer["html"]
    assert answer["reply_to"] == late["reply_to"] == first["_id"] and alone["reply_to"] is None
    assert (
        late["edited_at"] == datetime.fromtimestamp(START + DAY + 9, UTC) and late["author"] == account(garden.eve).id
    )
    assert list(marked["reactions"][str(bob.id)]) == ["👍", "❤️"]
    assert pictured["text"] == "📎 [plan.pdf](<https://garden.slack.com/files/F1/plan.pdf>)"
    assert built["author"] == account(garden.app).id and built["via"] == {"name": "CI"}
    assert built["cards"][0]["title"] == "Build 7"
    assert old["via"] == {"name": "Old hook"} and User.objects.get(id=old["author"]).kind == "bot"
    assert User.objects.get(id=outside["author"]).display_name == "Zed"


def test_conversations_become_groups_and_direct_chats_with_their_people(garden: Garden, file: Path) -> None:
    import_slack(file, quiet, False)
    ada, bob, eve = (account(key) for key in (garden.ada, garden.bob, garden.eve))
    general = Chat.raw().find_one({"_id": chat_of(garden.general)})
    assert general and (general["kind"], general["name"], general["topic"]) == ("group", "general", "Tomatoes")
    assert general["created_at"] == datetime.fromtimestamp(START, UTC)
    roles = {each["user"]: each["role"] for each in Membership.raw().find({"chat": general["_id"]})}
    assert roles == {ada.id: "owner", bob.id: "member"}
    three = Chat.raw().find_one({"_id": chat_of(garden.three)})
    assert three and three["name"] == "ada, bob, eve"
    both = Membership.raw().find({"user": {"$in": [ada.id, bob.id]}})
    direct = Chat.raw().find_one({"_id": {"$in": [each["chat"] for each in both]}, "kind": "direct"})
    assert direct and [each["text"] for each in messages_in(direct["_id"])] == ["between us"]
    ghosts = list(Membership.raw().find({"chat": chat_of(garden.ghosts)}))  # Slack names nobody of an archived one
    assert [each["user"] for each in ghosts] == [bob.id]


def test_a_second_time_nothing_changes(garden: Garden, file: Path) -> None:
    first = import_slack(file, quiet, False)
    before = everything()
    again = import_slack(file, quiet, False)
    assert everything() == before
    assert again["messages"] == first["messages"] and again["messages: there already"] == first["messages: made"]
    assert again["people: there already"] == 4 and again["chats: there already"] == 5
    assert not any(name.endswith(": made") for name in again)


def test_a_later_export_adds_what_is_new(garden: Garden, file: Path) -> None:
    import_slack(file, quiet, False)
    garden.sample.say(garden.general, garden.bob, "one more", ts=ts(9 * DAY))
    counts = import_slack(garden.sample.write(file), quiet, False)
    assert counts["messages: made"] == 1 and counts["messages: there already"] == 13
    assert messages_in(chat_of(garden.general))[-1]["text"] == "one more"


def test_a_dry_run_counts_the_same_and_changes_nothing(garden: Garden, file: Path) -> None:
    before = everything()
    counted = import_slack(file, quiet, True)
    assert everything() == before
    assert counted == import_slack(file, quiet, False)


@pytest.mark.parametrize("point", ["append.before_insert", "append.after_insert", "append.before_apply"])
def test_killed_in_the_middle_it_goes_on_and_comes_to_the_same(
    garden: Garden, file: Path, stores_environ: dict[str, str], tmp_path: Path, point: str
) -> None:
    points = tmp_path / "points"
    points.mkdir()
    own = {**stores_environ, "MONGODB_DATABASE": "api", "INFITALKS_FAILPOINTS": str(points)}
    argv = (sys.executable, "-c", KILLED, str(file), point)
    died = subprocess.run(argv, cwd=ROOT, env={**os.environ, **own}, capture_output=True, timeout=60, check=False)
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    counts = import_slack(file, quiet, False)
    assert counts["messages: there already"] > 0 and counts["messages: made"] > 0
    assert counts["messages: there already"] + counts["messages: made"] == 13
    for channel in (garden.general, garden.secret, garden.three, garden.ghosts):
        said = messages_in(chat_of(channel))
        chat = Chat.raw().find_one({"_id": chat_of(channel)})
        assert chat and chat["last_seq"] == said[-1]["seq"] and chat["last_message"]["id"] == said[-1]["_id"]
    assert len(messages_in(chat_of(garden.general))) == 9 and not broken_chats()


def test_nobody_is_told_and_nothing_is_unread(garden: Garden, file: Path, ada: Person) -> None:
    sample = garden.sample
    sample.users[0]["profile"]["email"] = ada.email
    import_slack(sample.write(file), quiet, False)
    chats = [chat_of(channel) for channel in (garden.general, garden.secret, garden.three)]
    assert not set(chats) & set(chats_with_waiting())
    listed = {chat["id"]: chat for chat in ada.get("/api/chats").json["chats"]}
    assert set(map(str, chats)) <= set(listed) and len(listed) == 4
    assert all(chat["unread"] == 0 for chat in listed.values())
    general = listed[str(chats[0])]
    assert general["last_at"] == "2020-01-02T12:01:30.000Z"  # it stands where it stood
    assert ada.texts(general["id"])[-1] == "hi from outside"
    # And it goes on from there.
    assert ada.say(general["id"], "here now")["seq"] == general["last_seq"] + 1


def test_webhooks_of_a_chat_that_gets_more_hear_nothing_of_it(garden: Garden, file: Path, ada: Person) -> None:
    garden.sample.users[0]["profile"]["email"] = ada.email
    import_slack(garden.sample.write(file), quiet, False)
    chat = chat_of(garden.secret)
    hook = {"kind": "outgoing", "name": "Ears", "url": "https://example.org/hook", "format": "events"}
    made = ada.post(f"/api/chats/{chat}/webhooks", hook)
    assert made.status_code == 201, made.text
    garden.sample.say(garden.secret, garden.ada, "later words", ts=ts(9 * DAY))
    import_slack(garden.sample.write(file), quiet, False)
    fan_out(chat)
    assert "later words" in [each["text"] for each in messages_in(chat)]
    told = [row["body"] for row in Delivery.raw().find({"chat": chat})]
    assert not any(b"later words" in body for body in told)


def test_somebody_with_the_address_is_taken_for_that_person_and_it_is_said(
    sample: SampleExport, ada: Person, tmp_path: Path
) -> None:
    garden, heard = Garden(sample, ada.email.upper()), list[str]()
    counts = import_slack(sample.write(tmp_path / "slack.zip"), heard.append, False)
    assert counts["people: matched by e-mail address"] == 1 and counts["people: made"] == 3
    assert any(ada.username in line and "nobody has verified" in line for line in heard)
    assert messages_in(chat_of(garden.secret))[0]["author"] == ObjectId(ada.id)
    # Once matched, always: an address may change.
    User.objects(id=ada.id).update_one(set__email=f"new-{ada.email}")
    again = import_slack(tmp_path / "slack.zip", quiet, False)
    assert again["people: there already"] == 4 and "messages: made" not in again


def test_with_verified_only_an_address_that_nobody_verified_opens_nothing(
    sample: SampleExport, ada: Person, tmp_path: Path
) -> None:
    garden = Garden(sample, ada.email)
    counts = import_slack(sample.write(tmp_path / "slack.zip"), quiet, False, verified_only=True)
    assert counts["people: made"] == 4
    assert account(garden.ada).email is None
    assert ada.get("/api/chats").json["chats"] == []


def test_imported_people_cannot_sign_in_until_they_claim_their_account(app: Flask, garden: Garden, file: Path) -> None:
    import_slack(file, quiet, False)
    bob, eve = account(garden.bob), account(garden.eve)
    with pytest.raises(Unauthenticated):
        check_login(bob.email, "")
    claim_account(bob.email, "quite a password")
    assert check_login(bob.email, "quite a password").id == bob.id
    with pytest.raises(Conflict):
        claim_account(bob.email, "another password")
    with pytest.raises(Conflict):  # who left Slack is shut out here too
        claim_account(eve.username, "quite a password")
    with pytest.raises(Invalid):
        claim_account(account(garden.ada).username, "short")


def test_a_sign_in_provider_that_vouches_for_the_address_claims_the_account(garden: Garden, file: Path) -> None:
    import_slack(file, quiet, False)
    bob = account(garden.bob)
    who = Claims("Example", "https://issuer.example", secrets.token_hex(8), bob.email, True, "Bob")
    assert sign_in_with(who).id == bob.id


def test_long_texts_are_split_and_none_of_their_words_are_lost(garden: Garden, tmp_path: Path) -> None:
    words = " ".join(f"w{number}" for number in range(6000))
    garden.sample.say(garden.secret, garden.ada, words, ts=ts(2 * DAY))
    card = [{"title": "a card", "text": "beside it"}]
    garden.sample.say(garden.secret, garden.ada, words[:9000], ts=ts(3 * DAY), attachments=card)
    file = garden.sample.write(tmp_path / "slack.zip")
    counts = import_slack(file, quiet, False)
    assert counts["long texts: split"] == 2
    first, *rest = messages_in(chat_of(garden.secret))
    assert "".join(each["text"] for each in rest).startswith(words) and all(
        len(each["text"]) <= 16_000 for each in rest
    )
    assert rest[-1]["cards"][0]["title"] == "a card" and words[:9000] in [each["text"] for each in rest]
    again = import_slack(file, quiet, False)
    assert "messages: made" not in again


def test_messages_come_in_order_of_time_even_where_the_files_mix_them(garden: Garden, tmp_path: Path) -> None:
    parts = garden.sample.parts()
    days = sorted(name for name in parts if name.startswith("general/"))
    both = json.loads(parts[days[0]]) + json.loads(parts[days[1]])
    parts[days[0]], parts[days[1]] = json.dumps(both[1::2][::-1]).encode(), json.dumps(both[0::2]).encode()
    file = write(parts, tmp_path / "slack.zip")
    counts = import_slack(file, quiet, False)
    times = [each["at"] for each in messages_in(chat_of(garden.general))]
    assert counts["messages"] == garden.sample.count and len(times) == 9 and times == sorted(times)


def write(parts: dict[str, bytes], file: Path) -> Path:
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return file


ODD = [
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
    counts = import_slack(write(parts, tmp_path / "slack.zip"), quiet, False)
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
    write({"cat.txt": b"meow"}, file)
    return "file"


def no_users(file: Path, sample: SampleExport) -> str:
    parts = sample.parts()
    del parts["users.json"]
    write(parts, file)
    return "file"


def changed(name: str, content: bytes) -> Callable[[Path, SampleExport], str]:
    def change(file: Path, sample: SampleExport) -> str:
        assert name in sample.parts()
        write({**sample.parts(), name: content}, file)
        return name

    return change


def added(name: str) -> Callable[[Path, SampleExport], str]:
    def change(file: Path, sample: SampleExport) -> str:
        write({**sample.parts(), name: b"[]"}, file)
        return "file"

    return change


def bomb(file: Path, sample: SampleExport) -> str:
    write({**sample.parts(), "general/2021-01-01.json": b"[" + b" " * 200_000_000 + b"]"}, file)
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
