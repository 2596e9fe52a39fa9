"""Slack's export, as its JSON has it: people, conversations, messages in, what we make of them out. Pure.

Field names as in Slack's help on exports and its API's message types. Not for: the zip (slack_archive.py), nor for
storing anything (actions/imports.py).
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from infitalks.errors import Invalid
from infitalks.integrations.blocks import block_cards
from infitalks.integrations.cards import LONGEST_CARD_TEXT, escaped, labelled
from infitalks.integrations.mrkdwn import to_markdown
from infitalks.integrations.post import PayloadRefused, Post, compose, via
from infitalks.integrations.slack import attachment_cards
from infitalks.integrations.slack_emoji import read_emoji
from infitalks.integrations.values import at, cut, line, link, moment, obj, objs, text
from infitalks.schemas.media import LONGEST_ALT
from infitalks.schemas.messages import LONGEST_TEXT

SHOWN = frozenset({"", "bot_message", "me_message", "file_share", "file_comment", "thread_broadcast"})
LONGEST_RAW = 100_000  # characters of one message; Slack itself takes 40,000
DEEPEST = 40  # levels of a message; what is deeper is dropped
NAMELESS_BOT = "B0"  # of old integrations, whose messages name none

_ID = re.compile(r"[A-Z0-9]{2,24}")
_TS = re.compile(r"(\d{9,11})\.(\d{1,6})")
# Exports carry a token in the addresses of files, with which anybody could fetch all of them.
_TOKEN = re.compile(r"(?<=[?&])(?:t|token)=xox[a-z]-[\w.-]*&?")
_TOKENS = re.compile(
    r"```.*?```|`[^`\n]+`|<(?P<sign>[@#])(?P<id>[A-Z0-9]+)(?:\|(?P<label>[^<>\n]*))?>|<[^<>\n]*>"
    r"|(?<![A-Za-z0-9]):(?P<emoji>[a-z0-9_+'-]{1,60}(?:::skin-tone-[2-6])?):(?![A-Za-z0-9])",
    re.DOTALL,
)

Key = tuple[int, int]


@dataclass(frozen=True)
class Somebody:
    """A user or an app. `gone`: deactivated at Slack; `known`: users.json has them."""

    id: str
    name: str
    display_name: str
    email: str | None = None
    is_bot: bool = False
    gone: bool = False
    known: bool = True
    bot_id: str | None = None


@dataclass(frozen=True)
class Conversation:
    """`folders`: where its days may be in the zip; `members` and `creator` are Slack's ids."""

    id: str
    kind: Literal["group", "direct"]
    name: str
    topic: str
    folders: tuple[str, ...]
    created: datetime | None
    creator: str | None
    members: list[str]


@dataclass(frozen=True)
class Said:
    """A message. `ts` is its name within the conversation, `parent` that of the one it answers; `author` is Slack's
    id, and `profile` what the message itself tells of its author."""

    key: Key
    at: datetime
    author: str
    profile: Somebody
    parent: str | None
    edited_at: datetime | None
    via: dict[str, str] | None
    reactions: dict[str, list[str]]
    raw: dict[str, Any]
    left: Counter[tuple[str, str]] = field(default_factory=Counter)  # (noun, why) -> what of it is left out

    @property
    def ts(self) -> str:
        return write_key(self.key)

    @property
    def starts_thread(self) -> bool:
        return read_key(self.raw.get("thread_ts")) == self.key


@dataclass(frozen=True)
class Names:
    """What ids in texts are shown as: people by our username, conversations by their name."""

    people: Mapping[str, str]
    channels: Mapping[str, str]


def not_an_export(part: str, why: str) -> Invalid:
    """The refusal of the whole file, for what is wrong with this part of it."""
    return Invalid("This is not a Slack export that can be read.", fields={part: why})


def read_people(part: str, listed: Any) -> list[Somebody]:
    """Of users.json. Raises Invalid naming `part`."""
    return [_somebody(part, user) for user in _objects(part, listed)]


def _somebody(part: str, user: dict[str, Any]) -> Somebody:
    profile = obj(user.get("profile"))
    return Somebody(
        id=(key := _required_id(part, user)),
        name=line(user.get("name")) or key.lower(),
        display_name=_display_name(user, profile) or key,
        email=line(profile.get("email")) or None,
        is_bot=user.get("is_bot") is True or key == "USLACKBOT",
        gone=user.get("deleted") is True,
        bot_id=line(profile.get("bot_id")) or None,
    )


def _display_name(user: dict[str, Any], profile: dict[str, Any]) -> str:
    names = (profile.get("display_name"), profile.get("real_name"), user.get("real_name"), user.get("name"))
    return next((line(name) for name in names if line(name)), "")


def read_conversations(part: str, listed: Any) -> list[Conversation]:
    """Of channels.json, groups.json, mpims.json or dms.json. Raises Invalid naming `part`."""
    return [_conversation(part, each) for each in _objects(part, listed)]


def _conversation(part: str, given: dict[str, Any]) -> Conversation:
    key, name, direct = _required_id(part, given), line(given.get("name")), part == "dms.json"
    if not name and not direct:
        raise not_an_export(part, f"{key} has no name")
    members = given.get("members") or []
    if not isinstance(members, list) or not all(is_id(member) for member in members):
        raise not_an_export(part, f"the members of {key} are no list of ids")
    topics = (line(at(given, where, "value")) for where in ("topic", "purpose"))
    return Conversation(
        id=key,
        kind="direct" if direct else "group",
        name="" if direct or part == "mpims.json" else name,
        topic=next(filter(None, topics), ""),
        folders=(name, key) if name else (key,),
        created=moment(given.get("created")),
        creator=given["creator"] if is_id(given.get("creator")) else None,
        members=list(dict.fromkeys(members)),
    )


def _objects(part: str, listed: Any) -> list[dict[str, Any]]:
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise not_an_export(part, "is no list of objects")
    found = [obj(cleaned(each)) for each in listed]
    ids = [text(each.get("id")) for each in found]
    if len(set(ids)) < len(ids):
        raise not_an_export(part, "has the same id twice")
    return found


def _required_id(part: str, given: dict[str, Any]) -> str:
    if not is_id(given.get("id")):
        raise not_an_export(part, "has one without an id")
    return str(given["id"])


def is_id(value: Any) -> bool:
    return isinstance(value, str) and bool(_ID.fullmatch(value))


def read_key(value: Any) -> Key | None:
    """A `ts` as what messages are sorted by; None where it is none."""
    found = _TS.fullmatch(value) if isinstance(value, str) and value.isascii() else None
    return (int(found[1]), int(found[2].ljust(6, "0"))) if found and moment(value) else None


def write_key(key: Key) -> str:
    return f"{key[0]}.{key[1]:06d}"


def read_message(given: Any, aliases: Mapping[str, str]) -> Said | str:
    """The message, or why it is left out. `aliases`: an app's bot_id -> its user's id."""
    raw = obj(cleaned(given))
    key, sub = read_key(raw.get("ts")), raw.get("subtype") or ""
    if key is None or not isinstance(sub, str) or raw.get("type", "message") != "message":
        return "unreadable"
    if sub not in SHOWN:
        return cut(line(sub), 40) or "unreadable"
    author = _author(raw, aliases)
    if raw.get("hidden") or author is None:
        return "hidden" if raw.get("hidden") else "without an author"
    left: Counter[tuple[str, str]] = Counter()
    parent = read_key(raw.get("thread_ts"))
    return Said(
        key=key,
        at=_time(key),
        author=author,
        profile=_profile(author, raw),
        parent=write_key(parent) if parent and parent < key else None,
        edited_at=moment(at(raw, "edited", "ts")),
        via=via(raw.get("username")) if sub == "bot_message" or raw.get("bot_id") else None,
        reactions=_reactions(raw.get("reactions"), left),
        raw=raw,
        left=left,
    )


def _time(key: Key) -> datetime:
    """To the millisecond, as all times are stored."""
    found = moment(key[0])
    assert found  # read_key has looked
    return found.replace(microsecond=key[1] // 1000 * 1000)


def _author(raw: dict[str, Any], aliases: Mapping[str, str]) -> str | None:
    for named in (raw.get("user"), at(raw, "comment", "user"), raw.get("bot_id")):
        if is_id(named):
            return aliases.get(str(named), str(named))
    return NAMELESS_BOT if raw.get("subtype") == "bot_message" else None


def _profile(author: str, raw: dict[str, Any]) -> Somebody:
    is_bot = author != raw.get("user") and not at(raw, "comment", "user")
    if author == NAMELESS_BOT:
        return Somebody(author, "slack-app", "Slack app", is_bot=True, known=False)
    profile = obj(raw.get("bot_profile" if is_bot else "user_profile"))
    called = _display_name({**profile, **({"real_name": raw.get("username")} if is_bot else {})}, profile)
    return Somebody(author, line(profile.get("name")) or author.lower(), called or author, is_bot=is_bot, known=False)


def _reactions(given: Any, left: Counter[tuple[str, str]]) -> dict[str, list[str]]:
    """Emoji -> who put it, in Slack's order."""
    found: dict[str, list[str]] = {}
    for each in objs(given):
        users = [user for user in each.get("users") or [] if is_id(user)] if _has_users(each) else []
        emoji, count = read_emoji(text(each.get("name"))), each.get("count")
        unnamed = count - len(users) if isinstance(count, int) and count < 10**6 else 0
        left["reactions", "whose people the export does not name"] += max(unnamed, 0)
        if emoji is None:
            left["reactions", "of custom emoji"] += len(users)
            continue
        fresh = [user for user in dict.fromkeys(users) if user not in found.get(emoji, ())]
        left["reactions", "put twice"] += len(users) - len(fresh)
        found.setdefault(emoji, []).extend(fresh)
    return {emoji: users for emoji, users in found.items() if users}


def _has_users(reaction: dict[str, Any]) -> bool:
    return isinstance(reaction.get("users"), list)


def cleaned(value: Any) -> Any:
    """The same without tokens, NUL, halves of surrogate pairs, and what is nested too deeply."""
    return _mapped(value, _clean)


def _mapped(value: Any, change: Callable[[str], str], depth: int = 0) -> Any:
    if isinstance(value, str):
        return change(value)
    if depth > DEEPEST:
        return None
    if isinstance(value, list):
        return [_mapped(each, change, depth + 1) for each in value]
    if isinstance(value, dict):
        return {_clean(key): _mapped(each, change, depth + 1) for key, each in value.items()}
    return value


def _clean(words: str) -> str:
    if not words.isascii():
        words = words.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _TOKEN.sub("", words.replace("\x00", ""))


def posts_of(said: Said, names: Names, left: Counter[tuple[str, str]]) -> list[Post]:
    """What the message says, as one or more of ours, none where it says nothing. `left` gets what was done to it."""
    raw, words = said.raw, _raw_text(said.raw)
    if len(words) > LONGEST_RAW:
        left["long texts", "cut"] += 1
        words = words[:LONGEST_RAW]
    blocks = _mapped(raw.get("blocks"), lambda each: _named(each, names))
    rich = all(block.get("type") == "rich_text" for block in objs(blocks))
    # Beside rich text, `text` says the same, with its marks; beside other blocks it is a line for a notification.
    lead = to_markdown(_named(words, names)) if rich or not objs(blocks) else ""
    attachments = _mapped(raw.get("attachments"), lambda each: _named(each, names))
    cards = [*(block_cards(blocks) if not lead.strip() else ()), *attachment_cards(attachments)]
    lead = "\n".join(filter(None, (lead, *_file_lines(raw, left))))
    return list(_composed(lead, [card for card in cards if card], left))


def _raw_text(raw: dict[str, Any]) -> str:
    words = raw.get("text") or at(raw, "comment", "comment")
    words = words if isinstance(words, str) else ""
    return f"_{words.strip()}_" if raw.get("subtype") == "me_message" and words.strip() else words


def _composed(lead: str, cards: list[Any], left: Counter[tuple[str, str]]) -> Iterator[Post]:
    apart = len(lead) > (LONGEST_CARD_TEXT if cards else LONGEST_TEXT)  # else compose would cut the words
    if apart:
        left["long texts", "split"] += 1
        yield from (Post(piece) for piece in split(lead, LONGEST_TEXT))
    try:
        post = compose("" if apart else lead, cards)
    except PayloadRefused:
        return
    left["messages' cards", "cut"] += bool(post.cards and post.cards[-1].text == "…")
    yield post


def split(words: str, longest: int) -> Iterator[str]:
    """Pieces of at most `longest` characters that together are the words, parted at line ends or blanks."""
    while len(words) > longest:
        end = max(words.rfind("\n", longest // 2, longest), words.rfind(" ", longest - 200, longest)) + 1 or longest
        yield words[:end]
        words = words[end:]
    if words.strip():
        yield words


def _named(words: str, names: Names) -> str:
    """Mentions by the names that we know them by, emoji as themselves; code stays as it is."""

    def named(found: re.Match[str]) -> str:
        if found["emoji"]:
            return read_emoji(found["emoji"]) or found[0]
        if not found["id"]:
            return found[0]
        known = names.people if found["sign"] == "@" else names.channels
        return f"<{found['sign']}{found['id']}|{known.get(found['id']) or found['label'] or found['id']}>"

    return _TOKENS.sub(named, words)


def _file_lines(raw: dict[str, Any], left: Counter[tuple[str, str]]) -> Iterator[str]:
    """Files as links: who may see them at Slack can open them there."""
    for file in objs(raw.get("files") or [raw.get("file")]):
        address = link(file.get("permalink") or file.get("url_private"))
        if not address or file.get("mode") in ("tombstone", "hidden_by_limit"):
            left["files", "gone at Slack"] += 1
            continue
        left["files", "linked"] += 1
        name = line(file.get("title")) or line(file.get("name")) or "file"
        shows = cut(_visible(line(file.get("alt_txt"))), LONGEST_ALT)
        words = f": {escaped(shows)}" if shows else ""
        yield f"📎 {labelled(escaped(cut(_visible(name), 200)), address)}{words}"


def _visible(name: str) -> str:
    return "".join(char for char in name if unicodedata.category(char) not in ("Cc", "Cf"))
