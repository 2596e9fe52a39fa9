"""Import of a Slack export: people, groups, direct chats and what was said in them, at the time it was said.

Whatever is made has an id made from Slack's, so that an import which was broken off, or comes again, goes on where
it stopped and doubles nothing. Nobody is told of it: the entries are marked as told before they are written, and all
members have read them. Not for: the format (integrations/slack_export.py, slack_archive.py).
"""

import re
from collections.abc import Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from bson import ObjectId
from pymongo.errors import PyMongoError

from infitalks.actions import log as chat_log
from infitalks.actions.chats import direct_id
from infitalks.actions.imported import Account, Counts, Ledger, People, Tell, claim_account, own_id
from infitalks.actions.log import Draft, append
from infitalks.actions.summaries import move_read_positions
from infitalks.errors import Unavailable
from infitalks.integrations.markdown import render_markdown
from infitalks.integrations.post import Post
from infitalks.integrations.slack_archive import Export, open_export
from infitalks.integrations.slack_export import Conversation, Key, Names, Said, posts_of, read_message
from infitalks.integrations.values import cut
from infitalks.models.chats import active_members
from infitalks.models.database import Doc
from infitalks.models.log import AT_ONCE, Entry, entry_at, entry_by_id
from infitalks.schemas.base import Name, fitting
from infitalks.schemas.cards import stored_card
from infitalks.schemas.chats import Topic

__all__ = ["claim_account", "import_slack"]

CONVERSATIONS_AT_ONCE = 8  # each in order; together they share the log's commits
TOLD: Doc = {"state": "done", "due": AT_ONCE, "tries": 0}


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


class _Import:
    def __init__(self, export: Export, tell: Tell, dry_run: bool, verified_only: bool) -> None:
        self._export, self._tell, self._dry_run = export, tell, dry_run
        self._ledger, self._ended = Ledger(), Event()
        self._people = People(export.people, self._ledger, tell, dry_run=dry_run, verified_only=verified_only)

    def run(self) -> Counts:
        for fate, count in self._export.parts.items():
            self._ledger.note("parts of the file", fate, count)
        for person in self._export.people:
            self._people.account(person)
        channels = {each.id: each.name for each in self._export.conversations if each.name}
        names = Names(self._people.usernames(), channels)
        with ThreadPoolExecutor(CONVERSATIONS_AT_ONCE) as threads:
            brought = [threads.submit(self._bring, each, names) for each in self._export.conversations]
            try:
                for done in as_completed(brought):
                    self._tell(done.result())
            finally:  # where one failed, the others end too
                self._ended.set()
                threads.shutdown(cancel_futures=True)
        counts = self._ledger.written()
        if counts.get("messages", 0) != sum(self._export.messages.values()):
            raise RuntimeError(f"not every message is accounted for: {counts}")
        return counts

    def _bring(self, conversation: Conversation, names: Names) -> str:
        """Returns what is to be said of it."""
        members = self._members(conversation)
        if not members:
            self._ledger.note("chats", "left out, nobody is in them")
            self._ledger.note("messages", "left out, of such chats", self._export.messages[conversation.id])
            return f"{conversation.name or conversation.id}: nobody is in it"
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
        return f"{conversation.name or conversation.id}: {count} messages"

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
                if self._ended.is_set():
                    raise CancelledError
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
                **({"thread": parent} if parent else {}),
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
        self.id = direct_id(members[0].id, members[1].id) if self._is_direct else own_id("chat", conversation.id)
        said = datetime.fromtimestamp(first[0], UTC) if first else None
        self._made_at = min(filter(None, (conversation.created, said)), default=datetime.now(UTC))
        self.threads: set[ObjectId] = set()  # first messages of threads, as they come by

    def entry_ids(self, ts: str, count: int) -> list[ObjectId]:
        """Of the messages that the one at `ts` becomes."""
        return [own_id("message", self._of.id, ts, number) for number in range(count)]

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
        move_read_positions((each["user"], entries[-1]) for each in active_members(self.id) if not _misses(each))

    def _topic_id(self) -> ObjectId:
        return own_id("topic", self._of.id)


def _misses(member: Doc) -> bool:
    """Whether something that was said here, and not brought in, is unread: that it stays."""
    said = {"chat": member["chat"], "kind": "message", "seq": {"$gt": member["read_seq"]}}
    here = {"client_id": {"$not": re.compile("^slack[.]")}, "author": {"$ne": member["user"]}}
    return Entry.raw().find_one({**said, **here}, {"_id": 1}) is not None


def _marks(reactions: Doc) -> int:
    return sum(map(len, reactions.values()))
