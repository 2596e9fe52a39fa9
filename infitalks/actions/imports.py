"""Import of a Slack export: people, groups, direct chats and what was said in them, at the time it was said.

Whatever is made has an id made from Slack's, so that an import which was broken off, or comes again, goes on where
it stopped and doubles nothing. Nobody is told of it: the entries are marked as told before they are written, and all
members have read them. Not for: the format (integrations/slack_export.py, slack_archive.py).
"""

import hashlib
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from bson import ObjectId
from mongoengine.errors import NotUniqueError
from pymongo.errors import PyMongoError

from infitalks.actions import log as chat_log
from infitalks.actions.chats import _direct_id
from infitalks.actions.log import Draft, append
from infitalks.actions.passwords import hash_password
from infitalks.actions.summaries import move_read_positions
from infitalks.errors import Conflict, Invalid, NotFound, Unavailable
from infitalks.integrations.markdown import render_markdown
from infitalks.integrations.post import Post
from infitalks.integrations.slack_archive import Export, open_export
from infitalks.integrations.slack_export import Conversation, Key, Names, Said, Somebody, posts_of, read_message
from infitalks.integrations.values import cut
from infitalks.models.chats import active_members
from infitalks.models.database import Doc, database
from infitalks.models.log import AT_ONCE, Entry, entry_at, entry_by_id
from infitalks.models.users import User, user_by_email, user_by_id, user_by_login
from infitalks.schemas.base import Name, fitting
from infitalks.schemas.cards import stored_card
from infitalks.schemas.chats import Topic
from infitalks.schemas.users import Email, Password, Username

TOLD: Doc = {"state": "done", "due": AT_ONCE, "tries": 0}

Counts = dict[str, int]
Tell = Callable[[str], None]


def import_slack(file: Path, tell: Tell, dry_run: bool, *, verified_only: bool = False) -> Counts:
    """Bring in all of a Slack export; with `dry_run` only count. `tell` hears of each conversation, and of each person
    who is taken for somebody here by their e-mail address; with `verified_only`, only where a sign-in provider has
    verified that one.

    Returns, for each noun, how many the file has ("messages") and what became of them ("messages: made"): together
    they are as many. Raises Invalid for what is no whole export, and then nothing is changed; Unavailable where a part
    was away: the same again goes on.
    """
    try:
        with open_export(file) as export:
            tell(f"{file.name} is whole: {len(export.people)} people, {len(export.conversations)} conversations")
            return _Import(export, tell, dry_run, verified_only).run()
    except (Unavailable, PyMongoError) as error:
        why = f"The import was broken off: {error}. Run the same again, and it goes on where it stopped."
        raise Unavailable(why) from error


def claim_account(login: str, password: str) -> User:
    """Give an imported person, who has no other way in yet, a password. Raises NotFound, Conflict, Invalid."""
    user = user_by_login(login)
    if not user:
        raise NotFound(f"Nobody has the login {login!r}.")
    if fitting(Password, password) is None:
        raise Invalid("This password cannot be taken.", fields={"password": "needs 8 to 256 characters"})
    unclaimed = {"_id": user.id, "password_hash": None, "identities.0": {"$exists": False}, "disabled_at": None}
    if not User.objects(__raw__=unclaimed).update_one(set__password_hash=hash_password(password)):
        raise Conflict("This account is somebody's already, or closed.", fields={"login": "is claimed or closed"})
    user.reload()
    return user


class Account(NamedTuple):
    """Somebody of the export here. `is_open`: a person who is not shut out."""

    id: ObjectId
    username: str
    display_name: str
    is_open: bool


class Ledger:
    """What there was, and what became of each of it."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def note(self, noun: str, fate: str, count: int = 1) -> None:
        self._counts[noun, fate] += count

    def note_all(self, noted: Counter[tuple[str, str]]) -> None:
        self._counts.update(noted)

    def written(self) -> Counts:
        counts: Counts = {}
        for (noun, fate), count in sorted(self._counts.items()):
            if count:
                counts[noun] = counts.get(noun, 0) + count
                counts[f"{noun}: {fate}"] = count
        return counts


class _Import:
    def __init__(self, export: Export, tell: Tell, dry_run: bool, verified_only: bool) -> None:
        self._export, self._tell, self._dry_run = export, tell, dry_run
        self._ledger = Ledger()
        self._people = People(export.people, self._ledger, tell, dry_run=dry_run, verified_only=verified_only)

    def run(self) -> Counts:
        for fate, count in self._export.parts.items():
            self._ledger.note("parts of the file", fate, count)
        for person in self._export.people:
            self._people.account(person)
        channels = {each.id: each.name for each in self._export.conversations if each.name}
        names = Names(self._people.usernames(), channels)
        for conversation in self._export.conversations:
            self._bring(conversation, names)
        counts = self._ledger.written()
        if counts.get("messages", 0) != sum(self._export.messages.values()):
            raise RuntimeError(f"not every message is accounted for: {counts}")
        return counts

    def _bring(self, conversation: Conversation, names: Names) -> None:
        members = self._members(conversation)
        if not members:
            self._ledger.note("chats", "left out, nobody is in them")
            self._ledger.note("messages", "left out, of such chats", self._export.messages[conversation.id])
            return
        creator = self._people.id_of(conversation.creator)
        chat = Room(conversation, members, creator, self._export.first_key(conversation))
        self._ledger.note("chats", "there already" if entry_at(chat.id, 1) else "made")
        if not self._dry_run:
            chat.open()
        last, count = None, 0
        for batch in self._messages(conversation):
            made = [self._planned(chat, said, names) for said in batch]
            count += len(made)
            last = self._write(chat, [each for each in made if each.posts]) or last
        if not self._dry_run:
            chat.settle(last)
        self._tell(f"{conversation.name or conversation.id}: {count} messages")

    def _members(self, conversation: Conversation) -> list[Account]:
        """Of an archived channel Slack lists nobody: those who wrote in it."""
        if conversation.members:
            return self._people.accounts(conversation.members)
        found = (said for batch in self._messages(conversation, counted=False) for said in batch)
        writers = {said.author: said.profile for said in found}
        return [self._people.account(profile) for profile in writers.values()]

    def _messages(self, conversation: Conversation, *, counted: bool = True) -> Iterator[list[Said]]:
        """Those that are shown, in order; the others are counted."""
        ledger, last = self._ledger if counted else Ledger(), None
        for batch in self._export.raw_messages(conversation):
            found = []
            for raw in batch:
                said = read_message(raw, self._people.aliases)
                if isinstance(said, str):
                    ledger.note("messages", f"left out, {said}")
                elif said.key == last:
                    ledger.note("messages", "left out, a time that another has")
                else:
                    last = said.key
                    found.append(said)
            yield found

    def _planned(self, chat: "Room", said: Said, names: Names) -> "Planned":
        posts = posts_of(said, names, said.left)
        reactions: Doc = {}
        for number, (emoji, users) in enumerate(said.reactions.items()):
            for account in self._people.accounts(users):
                # Below every entry's number, so that whatever is said of it here wins; and in Slack's order.
                reactions.setdefault(str(account.id), {})[emoji] = {"k": number - len(said.reactions), "on": True}
        self._ledger.note_all(said.left)
        if not posts:
            self._ledger.note("messages", "left out, without words")
            self._ledger.note("reactions", "left out, to messages without words", _marks(reactions))
        return Planned(said, posts, self._people.account(said.profile), reactions, chat.entry_ids(said.ts, len(posts)))

    def _write(self, chat: "Room", plans: "list[Planned]") -> ObjectId | None:
        """Append what is not there yet. Returns the last one's id."""
        asked = [key for each in plans for key in each.ids]
        parents = [chat.entry_ids(each.said.parent, 1)[0] for each in plans if each.said.parent]
        known = {row["_id"] for row in Entry.raw().find({"_id": {"$in": asked + parents}}, {"_id": 1})}
        for plan in plans:
            self._count(plan, "there already" if known.issuperset(plan.ids) else "made")
            parent = self._parent(chat, plan.said, known)
            for draft in () if self._dry_run else plan.drafts(chat, parent, known):
                append(draft)
            known.update(plan.ids)
            if plan.said.starts_thread:
                chat.threads.add(plan.ids[0])
        return asked[-1] if asked else None

    def _parent(self, chat: "Room", said: Said, known: set[ObjectId]) -> ObjectId | None:
        if not said.parent:
            return None
        (parent,) = chat.entry_ids(said.parent, 1)
        is_there = parent in known or parent in chat.threads
        self._ledger.note("replies", "joined" if is_there else "left alone, what they answer is missing")
        return parent if is_there else None

    def _count(self, plan: "Planned", fate: str) -> None:
        self._ledger.note("messages", fate)
        self._ledger.note("reactions", fate, _marks(plan.reactions))


@dataclass(frozen=True)
class Planned:
    """What a message of theirs becomes: one or more of ours, with these ids."""

    said: Said
    posts: list[Post]
    author: Account
    reactions: Doc
    ids: list[ObjectId]

    def drafts(self, chat: "Room", parent: ObjectId | None, known: set[ObjectId]) -> Iterator[Draft]:
        """Of those whose ids are not known."""
        for number, (key, post) in enumerate(zip(self.ids, self.posts, strict=True)):
            if key in known:
                continue
            body = {
                "_id": key,
                "text": post.text,
                "html": render_markdown(post.text),
                "attachments": [],
                "cards": [stored_card(card) for card in post.cards],
                "reply_to": parent,
                "via": self._via(),
                "reactions": self.reactions if number == 0 else {},
                "edited_at": self.said.edited_at,
            }
            name = f"{self.said.ts}.{number}" if number else self.said.ts
            yield chat.draft("message", self.author, name, self.said.at, body)

    def _via(self) -> dict[str, str] | None:
        via = self.said.via
        return via if via and via["name"] != self.author.display_name else None


class Room:
    """The chat that a conversation becomes."""

    def __init__(
        self, conversation: Conversation, members: list[Account], creator: ObjectId | None, first: Key | None
    ) -> None:
        self._of = conversation
        self._members = sorted(members, key=lambda each: (not each.is_open, each.id != creator))
        self._is_direct = conversation.kind == "direct" and len(members) == 2
        self.id = _direct_id(members[0].id, members[1].id) if self._is_direct else _own_id("chat", conversation.id)
        said = datetime.fromtimestamp(first[0], UTC) if first else None
        self._made_at = min(filter(None, (conversation.created, said)), default=datetime.now(UTC))
        self.threads: set[ObjectId] = set()  # first messages of threads, as they come by

    def entry_ids(self, ts: str, count: int) -> list[ObjectId]:
        """Of the messages that the one at `ts` becomes."""
        return [_own_id("message", self._of.id, ts, number) for number in range(count)]

    def draft(self, kind: str, author: Account, name: str, at: datetime, body: Doc) -> Draft:
        """Who is in the chat now need not be who was when it was said: whoever said it is its author. `at` and `out`
        of the body go before those that the writer gives."""
        client_id = f"slack.{self._of.id}.{name}"
        return Draft(self.id, kind, author.id, client_id, {**body, "at": at, "out": TOLD}, client_id, lambda _: None)

    def open(self) -> None:
        """Its first entry, with all members, and its topic."""
        owner, topic = self._members[0], fitting(Topic, cut(self._of.topic, 250))
        if not entry_at(self.id, 1):
            append(self.draft("member", owner, "created", self._made_at, self._created()))
        if topic and not self._is_direct and not entry_by_id(self._topic_id()):
            changes = {"_id": self._topic_id(), "changes": {"topic": topic}}
            append(self.draft("chat", owner, "topic", self._made_at, changes))

    def _created(self) -> Doc:
        roles = ["member" if self._is_direct or number else "owner" for number in range(len(self._members))]
        members = [{"user": each.id, "role": role} for each, role in zip(self._members, roles, strict=True)]
        kind = "direct" if self._is_direct else "group"
        name = None if self._is_direct else self._name()
        return {"action": "created", "history": True, "chat_kind": kind, "name": name, "members": members}

    def _name(self) -> str:
        called = self._of.name or ", ".join(each.display_name for each in self._members)
        return fitting(Name, cut(called, 80)) or self._of.id

    def settle(self, last: ObjectId | None) -> None:
        """Whoever was killed between an entry and what it changes left that to the next, since no fan-out looks at
        it; and nobody finds it all unread."""
        newest = entry_by_id(last) if last else None
        entries = [each for each in (entry_at(self.id, 1), entry_by_id(self._topic_id()), newest) if each]
        chat_log.apply_all(entries)
        move_read_positions((member["user"], entries[-1]) for member in active_members(self.id))

    def _topic_id(self) -> ObjectId:
        return _own_id("topic", self._of.id)


class People:
    """Who somebody of the export is here: an account made for them, or the one that has their e-mail address."""

    def __init__(
        self, people: list[Somebody], ledger: Ledger, tell: Tell, *, dry_run: bool, verified_only: bool
    ) -> None:
        self._known = {person.id: person for person in people}
        self.aliases = {person.bot_id: person.id for person in people if person.bot_id}
        self._ledger, self._tell, self._dry_run, self._verified_only = ledger, tell, dry_run, verified_only
        self._accounts: dict[str, Account] = {}

    def accounts(self, ids: list[str]) -> list[Account]:
        found = (self.account(Somebody(key, key.lower(), key, known=False)) for key in ids)
        return list(dict.fromkeys(found))

    def account(self, somebody: Somebody) -> Account:
        if somebody.id not in self._accounts:
            self._accounts[somebody.id] = self._find(self._known.get(somebody.id, somebody))
        return self._accounts[somebody.id]

    def id_of(self, key: str | None) -> ObjectId | None:
        """Of somebody whose account is known by now."""
        return self._accounts[key].id if key in self._accounts else None

    def usernames(self) -> dict[str, str]:
        return {key: account.username for key, account in self._accounts.items()}

    def _find(self, person: Somebody) -> Account:
        noun = "people" if person.known else "people who are not in users.json"
        user = user_by_id(_own_id("user", person.id)) or self._matched_before(person)
        if user:
            self._ledger.note(noun, "there already")
        elif user := self._match(person):
            self._ledger.note(noun, "matched by e-mail address")
        else:
            self._ledger.note(noun, "made")
            user = self._make(person)
        return Account(user.id, user.username, user.display_name, user.kind == "person" and not user.disabled_at)

    def _matched_before(self, person: Somebody) -> User | None:
        row = database()["imports"].find_one({"_id": f"slack.{person.id}"})
        return user_by_id(row["user"]) if row else None

    def _match(self, person: Somebody) -> User | None:
        """Kept, since an address may change between two imports."""
        email = fitting(Email, person.email)
        user = user_by_email(email) if email and not person.is_bot else None
        if not user or user.kind != "person" or (self._verified_only and not user.email_verified):
            return None
        verified = "" if user.email_verified else ", whose address nobody has verified"
        self._tell(f"{person.name} ({email}) is taken for {user.username}{verified}")
        if not self._dry_run:
            row = {"user": user.id, "at": datetime.now(UTC)}
            database()["imports"].update_one({"_id": f"slack.{person.id}"}, {"$setOnInsert": row}, upsert=True)
        return user

    def _make(self, person: Somebody) -> User:
        """Without a password; whoever has left Slack is shut out here too."""
        called = re.sub(r"[^a-z0-9._-]", "", person.name.lower()).strip("._-")
        wish = fitting(Username, called[:32].strip("._-")) or f"slack-{person.id.lower()}"
        email = fitting(Email, person.email)
        user = User(
            id=_own_id("user", person.id),
            kind="bot" if person.is_bot else "person",
            display_name=fitting(Name, cut(person.display_name, 80)) or wish,
            email=email if email and not person.is_bot and not user_by_email(email) else None,
            epoch=secrets.token_hex(8),
            disabled_at=datetime.now(UTC) if person.gone else None,
            created_at=datetime.now(UTC),
        )
        return self._named(user, wish, person)

    def _named(self, user: User, wish: str, person: Somebody) -> User:
        words = user.display_name.casefold()
        for name in (wish, f"{wish[: 31 - len(person.id)]}-{person.id.lower()}", f"slack-{user.id}"):
            user.username = name
            user.search = sorted({name, words, *words.split()}) if person.known and not person.is_bot else []
            try:
                return user if self._dry_run else user.save(force_insert=True)
            except NotUniqueError:
                continue
        raise Conflict(f"No free username could be found for {person.name}.", fields={"users.json": person.id})


def _marks(reactions: Doc) -> int:
    return sum(map(len, reactions.values()))


def _own_id(*of: Any) -> ObjectId:
    """The same for the same thing of Slack's, whenever it is imported."""
    return ObjectId(hashlib.sha256("\n".join(("slack", *map(str, of))).encode()).digest()[:12])
