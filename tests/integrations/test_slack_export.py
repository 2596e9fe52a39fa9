"""What Slack's export says, as messages of ours: names, marks, threads, files; and nothing makes the reader fall."""

import json
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infitalks.errors import Invalid
from infitalks.integrations.slack_archive import open_export
from infitalks.integrations.slack_emoji import read_emoji
from infitalks.integrations.slack_export import (
    LONGEST_RAW,
    SHOWN,
    Names,
    Said,
    cleaned,
    posts_of,
    read_conversations,
    read_message,
    read_people,
    split,
)
from infitalks.schemas.messages import LONGEST_TEXT
from tests.integrations.test_hostile import objects
from tests.slack_exports import DAY, SampleExport, ts

NAMES = Names({"UBOB": "bob-7"}, {"CGARDEN": "garden"})


def said(**more: Any) -> Said:
    found = read_message({"type": "message", "user": "UADA", "text": "", "ts": ts(60), **more}, {"BBOT": "UBOT"})
    assert isinstance(found, Said), found
    return found


def words(**more: Any) -> str:
    """All that the message says, in Markdown."""
    return "".join(post.text for post in posts_of(said(**more), NAMES, Counter()))


WORDS = {
    "hi <@UBOB>": "hi @bob-7",
    "hi <@UBOB|robert>": "hi @bob-7",
    "hi <@UEVE|eve>, <@UEVE>": "hi @eve, @UEVE",
    "in <#CGARDEN>, <#CGARDEN|>, <#COTHER|old>": "in #garden, #garden, #old",
    "<!here> <!subteam^S1|@gardeners>": "@here @gardeners",
    "*bold* _it_ ~no~": "**bold** _it_ ~~no~~",
    "<https://example.org/?a=1&amp;b=2|here> <mailto:a@b.org|a@b.org>": (
        "[here](<https://example.org/?a=1&b=2>) [a@b.org](<mailto:a@b.org>)"
    ),
    "1 &lt; 2 &amp; 3": "1 < 2 & 3",
    ":tada::+1: :wave::skin-tone-3: :acme-logo: 10:30:15": "🎉👍 👋🏼 :acme-logo: 10:30:15",
    "`<@UBOB> :tada:` ```*x* :tada:```": "`<@UBOB> :tada:` ```*x* :tada:```",
    "<https://example.org/:tada:/x>": "<https://example.org/:tada:/x>",
}


@pytest.mark.parametrize(("mrkdwn", "markdown"), WORDS.items(), ids=WORDS)
def test_words_are_as_they_were_shown(mrkdwn: str, markdown: str) -> None:
    assert words(text=mrkdwn) == markdown


def test_a_message_in_the_third_person_is_set_apart() -> None:
    assert words(text="waters", subtype="me_message") == "_waters_"


def test_rich_text_is_read_from_its_words_and_other_blocks_as_cards() -> None:
    rich = {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [{"text": "plain hi"}]}]}
    assert words(text="*hi*", blocks=[rich]) == "**hi**"
    assert words(text="", blocks=[rich]) == "plain hi"
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "for <@UBOB>"}}
    (post,) = posts_of(said(text="only for a notification", blocks=[section]), NAMES, Counter())
    assert [card.text for card in post.cards] == ["for @bob-7"]


def test_files_become_links_and_what_opens_them_for_anybody_stays_out() -> None:
    private = "https://files.slack.com/files-pri/T1-F1/a.pdf?t=xoxe-123-456-abcdef"
    listed = [
        {"name": "a [1].pdf", "url_private": private},
        {"title": "Plan", "permalink": "https://x.slack.com/files/F2", "alt_txt": "A *plan* of\nthe garden"},
        {"name": "gone", "mode": "tombstone"},
        {"name": "bad", "permalink": "javascript:alert(1)"},
    ]
    left: Counter[tuple[str, str]] = Counter()
    (post,) = posts_of(said(text="look", files=listed), NAMES, left)
    assert post.text.splitlines() == [
        "look",
        "📎 [a \\[1\\].pdf](<https://files.slack.com/files-pri/T1-F1/a.pdf?>)",
        "📎 [Plan](<https://x.slack.com/files/F2>): A \\*plan\\* of the garden",
    ]
    assert left["files", "linked"] == left["files", "gone at Slack"] == 2
    assert "xoxe" not in words(text=f"see <{private}>", attachments=[{"image_url": private, "text": private}])


def test_an_app_is_one_author_whichever_of_its_ids_a_message_names() -> None:
    by_bot = said(user=None, bot_id="BBOT", subtype="bot_message", username="CI")
    assert (by_bot.author, by_bot.via) == ("UBOT", {"name": "CI"})
    other = said(user=None, bot_id="BELSE", bot_profile={"name": "Deployer"})
    assert (other.author, other.profile.display_name, other.profile.is_bot) == ("BELSE", "Deployer", True)
    comment = said(user=None, subtype="file_comment", comment={"user": "UEVE", "comment": "nice"})
    assert (comment.author, comment.profile.is_bot) == ("UEVE", False)


def test_threads_edits_and_reactions_are_read() -> None:
    marks = [
        {"name": "thumbsup", "users": ["UBOB", "UEVE", "UBOB"], "count": 5},
        {"name": "+1", "users": ["UBOB"]},
        {"name": "acme", "users": ["UBOB"]},
        {"name": None, "users": None},
    ]
    found = said(thread_ts=ts(1), edited={"ts": ts(90)}, reactions=marks)
    assert found.parent == ts(1) and found.edited_at and found.reactions == {"👍": ["UBOB", "UEVE"]}
    assert found.left == {
        ("reactions", "put twice"): 2,
        ("reactions", "whose people the export does not name"): 2,
        ("reactions", "of custom emoji"): 1,
    }
    assert said(thread_ts=ts(60)).parent is None and said(thread_ts=ts(60)).starts_thread
    assert said(thread_ts=ts(61)).parent is None  # what it answers would come later


def test_long_words_are_split_or_where_nobody_can_have_written_them_cut() -> None:
    left: Counter[tuple[str, str]] = Counter()
    posts = posts_of(said(text="word\n" * 10_000), NAMES, left)
    assert "".join(post.text for post in posts) == "word\n" * 10_000
    assert all(len(post.text) <= LONGEST_TEXT for post in posts) and left["long texts", "split"] == 1
    assert sum(len(post.text) for post in posts_of(said(text="x" * 10**6), NAMES, left)) == LONGEST_RAW
    assert left["long texts", "cut"] == 1


@given(st.text(), st.integers(10, 500))
def test_pieces_together_are_the_words(text: str, longest: int) -> None:
    pieces = list(split(text, longest))
    assert text.startswith("".join(pieces)) and not text[len("".join(pieces)) :].strip()
    assert all(len(piece) <= longest for piece in pieces)


FIELDS = ["subtype", "user", "text", "ts", "thread_ts", "files", "file", "reactions", "blocks", "attachments", "edited"]
FIELDS += ["bot_id", "bot_profile", "user_profile", "username", "comment", "hidden", "type"]


@given(st.dictionaries(st.sampled_from(FIELDS), objects), st.sampled_from(sorted(SHOWN)))
def test_no_message_makes_the_reader_fall(change: dict[str, Any], subtype: str) -> None:
    given_one = {"type": "message", "user": "UADA", "text": "hi", "ts": ts(60), "subtype": subtype, **change}
    found = read_message(given_one, {})
    if isinstance(found, Said):
        for post in posts_of(found, NAMES, found.left):
            assert "\x00" not in post.text and post.text.encode()


@given(objects)
def test_no_list_makes_the_reader_fall(listed: Any) -> None:
    for read in (read_people, read_conversations):
        try:
            read("some.json", listed)
        except Invalid as refused:
            assert list(refused.fields or {}) == ["some.json"]


def test_halves_of_pairs_nul_and_bottomless_nesting_are_taken_out() -> None:
    deep: Any = "end"
    for _ in range(500):
        deep = [deep]
    found = cleaned({"a": "x\ud83dy\x00", "b": "\ud83d\ude00", "c": deep, "\ud800": 1})
    assert (found["a"], found["b"], found["\ufffd"]) == ("x\ufffdy", "😀", 1)
    assert "end" not in json.dumps(found)


def test_emoji_of_unicode_are_read_and_a_workspaces_own_are_not() -> None:
    read = {"eyes": "👀", "+1": "👍", "heavy_check_mark": "✔", "wave::skin-tone-6": "👋🏿", "man-shrugging": "🤷‍♂️"}
    assert {name: read_emoji(name) for name in read} == read
    for name in ("acme", "", "a", "digit_one", "latin_small_letter_a", "space", "null"):
        assert read_emoji(name) is None, name


def test_mixed_up_days_are_sorted_together_and_orderly_ones_read_one_by_one(tmp_path: Path) -> None:
    sample = SampleExport()
    ada = sample.user("ada")
    garden = sample.channel("garden", ada)
    for seconds in (5, DAY, 2 * DAY, 3 * DAY):
        sample.say(garden, ada, ts=ts(seconds))
    parts = sample.parts()
    days = sorted(name for name in parts if "/" in name)
    with open_export(sample.write(tmp_path / "orderly.zip")) as export:
        assert export.days[garden] == [[day] for day in days]
    late = json.loads(parts[days[3]])
    parts[days[0]] = json.dumps([*json.loads(parts[days[0]]), {"type": "message", "ts": ts(DAY + 9)}]).encode()
    sample.more = {days[0]: parts[days[0]], "garden/2021-01-01.json": json.dumps(late).encode(), "odd/x.json": b"[]"}
    sample.more |= {"canvases.json": b"[]", "nowhere/2020-01-01.json": b"[]"}
    with open_export(sample.write(tmp_path / "mixed.zip")) as export:
        assert export.days[garden] == [days[:2], [days[2]], [days[3], "garden/2021-01-01.json"]]
        read = [message["ts"] for batch in export.raw_messages(export.conversations[0]) for message in batch]
        assert read == sorted(read) and len(read) == 6 == export.messages[garden]
        left = {"left out, not understood": 2, "left out, of no conversation that is listed": 1}
        assert left.items() <= export.parts.items()
        assert export.parts.total() == len(zipfile.ZipFile(tmp_path / "mixed.zip").namelist())
