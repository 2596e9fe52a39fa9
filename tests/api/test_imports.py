"""Imports from Slack: counts in are counts out, nothing is doubled, nobody is told."""

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

from infitalks.actions.imported import own_id
from infitalks.actions.imports import claim_account, import_slack
from infitalks.actions.realtime import fan_out
from infitalks.actions.users import Claims, check_login, sign_in_with
from infitalks.errors import Conflict, Invalid, Unauthenticated, Unavailable
from infitalks.models.chats import Chat, Membership
from infitalks.models.deliveries import Delivery
from infitalks.models.log import Entry, broken_chats, chats_with_waiting
from infitalks.models.users import User
from tests.api.importing import chat_of, everything, messages_in, quiet
from tests.people import Person
from tests.running import Running, wait_until
from tests.slack_exports import DAY, START, Garden, SampleExport, ts, write_parts

ROOT = Path(__file__).parents[2]
# An import of its own process, which dies at the point that it is told, at so many entries.
KILLED = """
import itertools, os, sys
from pathlib import Path
from infitalks.actions import imports
from infitalks.app import create_app
from infitalks.settings import load_settings
create_app(load_settings(os.environ))
numbers, real = itertools.count(1), imports.append
def append(draft):
    if next(numbers) == int(sys.argv[3]):
        Path(os.environ["INFITALKS_FAILPOINTS"], sys.argv[2]).write_text("kill")
    return real(draft)
imports.append = append
imports.import_slack(Path(sys.argv[1]), print, False)
"""


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


def account(slack_id: str) -> Any:
    return User.objects(id=own_id("user", slack_id)).get()


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
    assert answer["thread"] == late["thread"] == first["_id"] and "thread" not in alone
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


@pytest.fixture
def killed(stores_environ: dict[str, str], tmp_path: Path) -> Callable[[Path, str, int], None]:
    """`killed(file, point, number)`: an import that died there with its so-many-eth entry."""
    points = tmp_path / "points"
    points.mkdir()
    own = {**os.environ, **stores_environ, "MONGODB_DATABASE": "api", "INFITALKS_FAILPOINTS": str(points)}

    def kill(file: Path, point: str, number: int) -> None:
        argv = (sys.executable, "-c", KILLED, str(file), point, str(number))
        died = subprocess.run(argv, cwd=ROOT, env=own, capture_output=True, timeout=60, check=False)
        assert died.returncode == -signal.SIGKILL, died.stderr.decode()

    return kill


@pytest.mark.parametrize("point", ["append.before_insert", "append.after_insert", "append.before_apply"])
def test_killed_in_the_middle_it_goes_on_and_comes_to_the_same(
    garden: Garden, file: Path, killed: Callable[[Path, str, int], None], point: str
) -> None:
    killed(file, point, 13)  # of nineteen
    counts = import_slack(file, quiet, False)
    assert counts["messages: there already"] > 0 and counts["messages: made"] > 0
    assert counts["messages: there already"] + counts["messages: made"] == 13
    for channel in (garden.general, garden.secret, garden.three, garden.ghosts):
        said = messages_in(chat_of(channel))
        chat = Chat.raw().find_one({"_id": chat_of(channel)})
        assert chat and chat["last_seq"] == said[-1]["seq"] and chat["last_message"]["id"] == said[-1]["_id"]
    assert len(messages_in(chat_of(garden.general))) == 9 and not broken_chats()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_killed_between_an_entry_and_what_it_changes_it_is_mended(
    sample: SampleExport, killed: Callable[[Path, str, int], None], tmp_path: Path, number: int
) -> None:
    ada = sample.user("ada")
    garden = sample.channel("garden", ada, topic={"value": "Tomatoes"})
    sample.say(garden, ada)
    file = sample.write(tmp_path / "slack.zip")
    killed(file, "append.after_insert", number)
    assert Entry.raw().count_documents({"chat": chat_of(garden)}) == number
    import_slack(file, quiet, False)
    (said,), chat = messages_in(chat_of(garden)), Chat.raw().find_one({"_id": chat_of(garden)})
    assert chat and (chat["last_seq"], chat["n"], chat["topic"]) == (3, 1, "Tomatoes")
    assert chat["last_message"]["id"] == said["_id"] and chat["last_at"] == said["at"]
    (member,) = Membership.raw().find({"chat": chat["_id"]})
    assert (member["user"], member["read_seq"], member["read_n"]) == (account(ada).id, 3, 1)


def test_without_the_database_it_says_that_the_same_again_goes_on(
    app: Flask, garden: Garden, file: Path, mongod_process: Running
) -> None:
    def dies(line: str) -> None:
        if line.startswith("secret"):
            mongod_process.kill()

    try:
        with pytest.raises(Unavailable, match="goes on where it stopped"):
            garden.sample.say(garden.general, garden.ada, "the last", ts=ts(9 * DAY))
            for number in range(300):  # more than is written while the database dies
                garden.sample.say(garden.general, garden.ada, f"and {number}", ts=ts(10 * DAY + number))
            import_slack(garden.sample.write(file), dies, False)
    finally:
        mongod_process.start()
    ready = app.test_client()
    wait_until(lambda: ready.get("/readyz").status_code == 200, "the app has its database again")
    counts = import_slack(file, quiet, False)
    assert counts["messages: there already"] + counts["messages: made"] == 13 + 301 and not broken_chats()
    times = [each["at"] for each in messages_in(chat_of(garden.general))]
    assert len(times) == 9 + 301 and times == sorted(times)


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
    file = write_parts(parts, tmp_path / "slack.zip")
    counts = import_slack(file, quiet, False)
    times = [each["at"] for each in messages_in(chat_of(garden.general))]
    assert counts["messages"] == garden.sample.count and len(times) == 9 and times == sorted(times)
