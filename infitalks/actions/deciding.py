"""Whether a message notifies somebody, and why: one pure function. Not for: reading or storing (notifications.py)."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infitalks.schemas.notifications import Level, Reason
from infitalks.schemas.users import PreferencesOut

_WORD = re.compile(r"[\w+#]+")  # so that c++ and c# are words, too


@dataclass(frozen=True)
class Said:
    """What of a message matters. `answers`: whose message it is a reply to. `followers`: of its thread.
    `words`: from `words_of`."""

    author: str
    seq: int
    direct: bool
    large: bool  # a chat of so many that not every message is for all, unless they ask for it
    mentions: frozenset[str] = frozenset()
    mentions_all: bool = False
    answers: str | None = None
    followers: frozenset[str] = frozenset()
    words: str = ""


@dataclass(frozen=True)
class Hearer:
    """What of a member matters. `level` None: not chosen, so it is as the chat's size says."""

    user: str
    read_seq: int
    muted: bool
    level: Level | None
    wishes: PreferencesOut


class Decision(NamedTuple):
    notifies: bool
    reason: Reason


def decide(said: Said, hearer: Hearer, now: datetime) -> Decision:
    """The first rule that fits: what keeps it silent for good, then what asks for it, then quiet hours."""
    if silence := _silenced(said, hearer):
        return Decision(False, silence)
    asked = _asked_for(said, hearer)
    if asked is None:
        return Decision(False, "large_chat" if hearer.level is None else "mentions_only")
    if is_quiet(hearer.wishes, now):
        return Decision(False, "do_not_disturb")
    return Decision(True, asked)


def _silenced(said: Said, hearer: Hearer) -> Reason | None:
    if hearer.user == said.author:
        return "own"
    if hearer.muted:
        return "muted"
    if hearer.level == "none":
        return "level_none"
    return "already_read" if hearer.read_seq >= said.seq else None


def _asked_for(said: Said, hearer: Hearer) -> Reason | None:
    if hearer.user in said.mentions:
        return "mention"
    if said.answers == hearer.user:
        return "reply"
    if hearer.user in said.followers:
        return "thread"
    if said.mentions_all:
        return "mention_all"
    if any(words_of(keyword) in said.words for keyword in hearer.wishes.keywords):
        return "keyword"
    if hearer.level == "mentions" or (hearer.level is None and said.large):
        return None
    return "direct" if said.direct else "every_message"


def words_of(text: str) -> str:
    """The words of a text, in one case, each between blanks: a keyword's stand in a message's where they are said."""
    return f" {' '.join(_WORD.findall(text.casefold()))} "


def is_quiet(wishes: PreferencesOut, now: datetime) -> bool:
    """Whether it is not to be disturbed at `now`: for a while, or by the clock of the user's zone."""
    if wishes.quiet_until and now < wishes.quiet_until:
        return True
    if not wishes.quiet_from or not wishes.quiet_to:
        return False
    clock = now.astimezone(_zone(wishes.time_zone or "UTC")).strftime("%H:%M")
    if wishes.quiet_from <= wishes.quiet_to:
        return wishes.quiet_from <= clock < wishes.quiet_to
    return clock >= wishes.quiet_from or clock < wishes.quiet_to


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):  # taken by a machine that knows more zones than this one
        return ZoneInfo("UTC")
