"""The rules of what notifies whom: each reason once, what outranks what, and quiet hours by the user's clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infitalks.actions.deciding import Hearer, Said, decide, is_quiet, words_of
from infitalks.schemas.users import PreferencesOut

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
QUIET = PreferencesOut(quiet_from="11:00", quiet_to="13:00")
WORDS = words_of("The Release of C++ 2.0, finally!")


def said(**other: Any) -> Said:
    return Said(**{"author": "ada", "seq": 7, "direct": False, "large": False, "words": WORDS, **other})


def hearer(**other: Any) -> Hearer:
    plain = {"user": "bob", "read_seq": 3, "muted": False, "level": None, "wishes": PreferencesOut()}
    return Hearer(**{**plain, **other})


NOTIFIES = [
    ("direct", said(direct=True), hearer()),
    ("every_message", said(), hearer()),
    ("every_message", said(large=True), hearer(level="all")),
    ("mention", said(mentions=frozenset({"bob"}), mentions_all=True), hearer(level="mentions")),
    ("reply", said(answers="bob"), hearer(level="mentions")),
    ("thread", said(followers=frozenset({"bob"}), mentions_all=True), hearer(level="mentions")),
    ("mention_all", said(mentions_all=True, large=True), hearer()),
    ("keyword", said(large=True), hearer(wishes=PreferencesOut(keywords=["release"]))),
    ("keyword", said(large=True), hearer(wishes=PreferencesOut(keywords=["c++ 2"]))),
]
SILENT = [
    ("own", said(direct=True, mentions_all=True), hearer(user="ada", muted=True)),
    ("muted", said(mentions=frozenset({"bob"})), hearer(muted=True, level="all")),
    ("level_none", said(mentions=frozenset({"bob"})), hearer(level="none")),
    ("already_read", said(direct=True), hearer(read_seq=7)),
    ("mentions_only", said(direct=True), hearer(level="mentions")),
    ("large_chat", said(large=True), hearer()),
    ("large_chat", said(large=True), hearer(wishes=PreferencesOut(keywords=["ease", "of 2"]))),
    ("do_not_disturb", said(mentions=frozenset({"bob"})), hearer(wishes=QUIET)),
    ("mentions_only", said(), hearer(level="mentions", wishes=QUIET)),
]


@pytest.mark.parametrize(("reason", "message", "member"), NOTIFIES)
def test_what_notifies_says_by_which_rule(reason: str, message: Said, member: Hearer) -> None:
    assert decide(message, member, NOON) == (True, reason)


@pytest.mark.parametrize(("reason", "message", "member"), SILENT)
def test_what_stays_silent_says_by_which_rule(reason: str, message: Said, member: Hearer) -> None:
    assert decide(message, member, NOON) == (False, reason)


@pytest.mark.parametrize(
    ("zone", "at", "quiet"),
    [
        ("UTC", "21:59", False),
        ("UTC", "22:00", True),
        ("UTC", "06:59", True),
        ("UTC", "07:00", False),
        ("Europe/Berlin", "20:30", True),  # 22:30 there, in summer
        ("Europe/Berlin", "05:30", False),
        ("America/New_York", "01:59", False),
        ("America/New_York", "02:00", True),
        ("Nowhere/Unknown", "23:00", True),  # stored by a machine that knew it: taken for UTC
    ],
)
def test_quiet_hours_follow_the_clock_of_the_users_zone_over_midnight_too(zone: str, at: str, quiet: bool) -> None:
    wishes = PreferencesOut.model_construct(quiet_from="22:00", quiet_to="07:00", time_zone=zone, quiet_until=None)
    assert is_quiet(wishes, datetime.fromisoformat(f"2026-07-01T{at}:00+00:00")) is quiet


def test_a_pause_ends_by_itself() -> None:
    paused = PreferencesOut(quiet_until=NOON)
    assert is_quiet(paused, NOON - timedelta(seconds=1)) and not is_quiet(paused, NOON)
