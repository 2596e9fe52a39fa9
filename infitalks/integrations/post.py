"""What every incoming format comes to: a Post, or the word for why it is none."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from infitalks.integrations.buttons import named
from infitalks.integrations.cards import fallback, plain
from infitalks.integrations.values import cut, line, link
from infitalks.schemas.cards import CardOut
from infitalks.schemas.messages import LONGEST_TEXT

LONGEST_VIA = 80  # characters of a name that a sender gives itself
MOST_CARDS = 20
MOST_IN_CARDS = 24_000  # characters of all cards' texts together


class PayloadRefused(Exception):
    """Slack's own word for what is wrong (`invalid_payload`, `no_text` …), which each dialect says in its own way."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Incident:
    """What goes on until it is over, so that its end edits the message that told of its beginning.

    `key` names it for the sender's whole life; `since` (epoch milliseconds) is when the newest of it began: a later
    one is news and makes a message of its own.
    """

    key: str
    since: int
    over: bool


@dataclass(frozen=True)
class Post:
    """A message that a webhook asks for, in Markdown. `via` is the name the sender gave, never the author; `reply_to`
    may be one of our messages; `repeat_key` is the payload's own mark of a repeat."""

    text: str
    cards: list[CardOut] = field(default_factory=list)
    via: dict[str, str] | None = None
    reply_to: str | None = None
    repeat_key: str | None = None
    incident: Incident | None = None


def compose(lead: str, cards: Iterable[CardOut | None] = (), **more: Any) -> Post:
    """A post of plain Markdown and cards; where there are cards, the plain words become the first of them.

    Too much is cut and ends in an ellipsis. Raises PayloadRefused where nothing is said.
    """
    shown = _first_of(card for card in cards if card)
    if not shown:
        if not lead.strip():
            raise PayloadRefused("no_text")
        return Post(cut(lead, LONGEST_TEXT), **more)
    first = plain(lead)
    kept = named([first, *shown] if first else shown)
    return Post(cut("\n\n".join(map(fallback, kept)), LONGEST_TEXT), kept, **more)


def _first_of(cards: Iterable[CardOut]) -> list[CardOut]:
    """As many as are shown. The rest are not even made: a payload can ask for thousands."""
    kept: list[CardOut] = []
    room = MOST_IN_CARDS
    for card in cards:
        room -= len(fallback(card))
        if kept and (room < 0 or len(kept) == MOST_CARDS):
            return [*kept, *filter(None, [plain("…")])]
        kept.append(card)
    return kept


def via(name: Any, icon_url: Any = None, icon_emoji: Any = None) -> dict[str, str] | None:
    """The name that a sender gives itself, and its picture; None without a name."""
    given = {"name": line(name), "icon_url": link(icon_url), "icon_emoji": line(icon_emoji)}
    named = {key: value[:LONGEST_VIA] if key != "icon_url" else value for key, value in given.items() if value}
    return named if "name" in named else None
