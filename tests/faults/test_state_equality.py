"""After any sequence of actions, a page made of live events equals a fresh load, whatever was lost on the way.

The app, its fan-out and the gateway are the real ones; the pages are the port of the page's own machine (catchup.py),
and hypothesis loses, repeats, delays and reorders what they are told and what they are answered.
"""

from collections.abc import Callable
from typing import Any

import pytest
from bson import ObjectId
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from infitalks.access import visible
from infitalks.backends import realtime
from infitalks.models.chats import Chat, membership_of
from tests.api.conftest import app, page, person  # noqa: F401
from tests.api.listening import Page as Listener
from tests.api.listening import tell
from tests.faults import catchup
from tests.faults.conftest import Often
from tests.faults.pagelog import next_step
from tests.faults.pagestate import Effect, Input
from tests.people import Person

Doc = dict[str, Any]
SHOWN = ("message", "member", "chat")  # kinds of entries that have a row of their own
NEWEST = 4  # few, so that some of what happens is about older messages
HUGE = "☃" * 4000  # in UTF-8 more than an event may hold

WHO, PLACE = st.integers(0, 3), st.integers(0, 99)


class Desk:
    """A person before an open page. `asked`: calls it wants to make; `mail`: what it will hear, beside what it hears
    where that gets lost: nothing of an event, a failure of an answer."""

    def __init__(self, owner: Person, listener: Listener, chat: str) -> None:
        self.person, self.listener, self.chat = owner, listener, chat
        self.asked: list[Effect] = []
        self.mail: list[tuple[Input, Input | None]] = []
        self.now = 0.0
        listed = [self._got(f"/api/chats/{chat}")]
        boot = {"chats": [*filter(None, listed)], "open": chat, "page": self.read(f"limit={NEWEST}"), "up_to": None}
        self.page = catchup.begin(boot, self.now, 0.5)
        self.feed({"kind": "subscribed"})

    @property
    def log(self) -> Any:
        opened = self.page.chats.get(self.chat)
        return opened and opened.log

    def feed(self, given: Input) -> None:
        self.now += 1
        self.page, effects = catchup.step(self.page, given, self.now, 0.5)
        self.asked += [effect for effect in effects if effect["do"] not in ("reconnect", "forget")]
        self._shows_only_what_it_may()

    def _shows_only_what_it_may(self) -> None:
        membership = membership_of(ObjectId(self.chat), ObjectId(self.person.id))
        may = membership["intervals"] if membership else []
        shown = [row.seq for row in catchup.rows_of(self.page, self.chat)]
        assert [seq for seq in shown if not visible(seq, may)] == []

    def collect(self) -> None:
        """Everything that was sent to this person until now."""
        realtime.publish([self.listener.channel], [("mark", "{}")])
        while (heard := self.listener.next())[0] != "mark":
            name, data = heard
            if name == "log":
                self._may_hear(data)
                self.mail.append(({"kind": "event", "chat": data.pop("chat_id"), **data}, None))
            elif name == "chats":
                self.mail.append(({"kind": "changed", "chat": data["chat_id"]}, None))

    def _may_hear(self, event: Doc) -> None:
        membership = membership_of(ObjectId(self.chat), ObjectId(self.person.id))
        assert membership
        heard = [entry["seq"] for entry in event.get("entries", [])] or [event["last_seq"]]
        assert all(visible(seq, membership["intervals"]) for seq in heard), "told of what came after a removal"

    def perform(self, place: int) -> None:
        """Makes one of the calls; its answer is in the mail."""
        effect = self.asked.pop(place % len(self.asked))
        match effect:
            case {"do": "newest", "chat": chat}:
                self._fetch(chat, None, f"limit={NEWEST}")
            case {"do": "fetch", "chat": chat, "after": after}:
                self._fetch(chat, after, f"after={after}&limit={NEWEST}")
            case {"do": "detail", "chat": chat}:
                read, failed = self._got(f"/api/chats/{chat}"), {"kind": "detail_failed", "chat": chat}
                self._answer(read and {"kind": "listed", "chats": [read]}, failed)
            case {"do": "sync", "chats": chats}:
                synced = self.person.post("/api/sync", {"chats": chats}).get_json()
                self._answer({"kind": "synced", **synced}, {"kind": "sync_failed"})
            case {"do": "renew"}:
                self._answer({"kind": "renewed", "changed": False}, {"kind": "renew_failed"})

    def _fetch(self, chat: str, after: int | None, query: str) -> None:
        read, failed = self.read(query), {"kind": "fetch_failed", "chat": chat}
        self._answer(read and {"kind": "page", "chat": chat, "after": after, "page": read}, failed)

    def _answer(self, given: Doc | None, failed: Doc) -> None:
        """Without anything given the answer was 404."""
        self.mail.append((given or {**failed, "status": 404}, {**failed, "status": 0}))

    def read(self, query: str) -> Doc | None:
        """A page of the log; None where the chat is not there for this person."""
        return self._got(f"/api/chats/{self.chat}/log?{query}")

    def _got(self, path: str) -> Doc | None:
        answer = self.person.get(path)
        assert answer.status_code in (200, 404)
        return answer.json if answer.status_code == 200 else None

    def deliver(self, place: int, copies: int = 1) -> None:
        given, lost = self.mail.pop(place % len(self.mail))
        if lost:  # an answer never comes twice
            self.feed(given if copies else lost)
        else:
            for _ in range(copies):
                self.feed(given)

    def catch_up(self) -> None:
        """The connection was made anew, and all goes well from now on."""
        self.feed({"kind": "disconnected"})
        self.feed({"kind": "connected"})
        self.feed({"kind": "subscribed"})
        for _ in range(200):
            if self.asked:
                self.perform(0)
            elif self.mail:
                self.deliver(0)
            elif self.page.stale or (self.log and next_step(self.log)):
                self.now = catchup.next_due(self.page) or self.now
                self.feed({"kind": "tick"})
            else:
                return
        raise AssertionError("the page does not come to rest")

    def fresh(self) -> list[Doc]:
        """What a new page would show, read on another way: forwards, from the first entry on."""
        rows: list[Doc] = []
        after, more = 0, True
        while more and (read := self.read(f"after={after}&limit=100")):
            rows += [_row(entry, entry.get("message")) for entry in read["entries"] if entry["kind"] in SHOWN]
            after, more = read["through"], read["has_more"]
        return [row for row in rows if not self.log or row["seq"] >= self.log.start]

    def shown(self) -> list[Doc]:
        return [_row(row.entry, row.message) for row in catchup.rows_of(self.page, self.chat)]


def _row(entry: Any, message: Any) -> Doc:
    return {"seq": entry["seq"], "kind": entry["kind"], "about": message or entry}


class Conversation(RuleBasedStateMachine):
    """A group of three and somebody who is not in it yet; each has its page open."""

    arrive: Callable[[], list[tuple[Person, Listener]]]

    @initialize(history=st.booleans())
    def begins(self, history: bool) -> None:
        self.people, listeners = zip(*self.arrive(), strict=True)
        self.chat = self.people[0].group(*self.people[1:3])
        Chat.raw().update_one({"_id": ObjectId(self.chat)}, {"$set": {"history": history}})
        self.messages: list[str] = []
        self.texts = 0
        self.people[0].say(self.chat, "welcome")
        self.desks = [Desk(one, listener, self.chat) for one, listener in zip(self.people, listeners, strict=True)]

    # What people do; what they may not is refused, and that is fine.

    @rule(who=WHO, huge=st.booleans())
    def says(self, who: int, huge: bool) -> None:
        self.texts += 1
        body = {"chat_id": self.chat, "client_id": f"say {self.texts}", "text": f"{self.texts} {HUGE if huge else ''}"}
        said = self._does(who, "POST", "/api/messages", body)
        if said:
            self.messages.append(said["id"])
            own = {key: said[key] for key in ("chat_id", "seq", "author")}
            entry = {**own, "n": 0, "kind": "message", "at": said["created_at"], "message": said}
            self.desks[who].mail.append(({"kind": "event", "chat": self.chat, "entries": [entry]}, None))

    @precondition(lambda self: self.messages)
    @rule(who=WHO, which=PLACE)
    def edits(self, who: int, which: int) -> None:
        self.texts += 1
        self._does(who, "PATCH", self._message(which), {"text": f"edit {self.texts}"})

    @precondition(lambda self: self.messages)
    @rule(who=WHO, which=PLACE)
    def deletes(self, who: int, which: int) -> None:
        self._does(who, "DELETE", self._message(which))

    @precondition(lambda self: self.messages)
    @rule(who=WHO, which=PLACE, method=st.sampled_from(["PUT", "DELETE"]), emoji=st.sampled_from("👍🎉"))
    def reacts(self, who: int, which: int, method: str, emoji: str) -> None:
        self._does(who, method, f"{self._message(which)}/reactions/{emoji}")

    @rule(who=WHO)
    def renames(self, who: int) -> None:
        self.texts += 1
        self._does(who, "PATCH", f"/api/chats/{self.chat}", {"name": f"Garden {self.texts}"})

    @rule(whom=WHO)
    def is_added(self, whom: int) -> None:
        self._does(0, "POST", f"/api/chats/{self.chat}/members", {"user_ids": [self.people[whom].id]})

    @rule(whom=st.integers(1, 3))
    def is_removed(self, whom: int) -> None:
        self._does(0, "DELETE", f"/api/chats/{self.chat}/members/{self.people[whom].id}")

    @rule(who=st.integers(1, 3))
    def leaves(self, who: int) -> None:
        self._does(who, "DELETE", f"/api/chats/{self.chat}/members/me")

    def _does(self, who: int, method: str, path: str, body: Any = None) -> Any:
        answer = self.people[who].call(method, path, body)
        assert answer.status_code < 500, answer.text
        return answer.json if answer.status_code in (200, 201) else None

    def _message(self, which: int) -> str:
        return f"/api/messages/{self.messages[which % len(self.messages)]}"

    # What reaches the pages.

    @rule()
    def is_told(self) -> None:
        tell(self.chat)
        for desk in self.desks:
            desk.collect()

    @precondition(lambda self: any(desk.mail for desk in self.desks))
    @rule(who=WHO, places=st.lists(st.tuples(PLACE, st.sampled_from([1, 1, 2, 0])), min_size=1, max_size=6))
    def hears(self, who: int, places: list[tuple[int, int]]) -> None:
        desk = self.desks[who]
        for place, copies in places:
            if desk.mail:
                desk.deliver(place, copies)

    @precondition(lambda self: any(desk.asked for desk in self.desks))
    @rule(who=WHO, places=st.lists(PLACE, min_size=1, max_size=4))
    def asks(self, who: int, places: list[int]) -> None:
        desk = self.desks[who]
        for place in places:
            if desk.asked:
                desk.perform(place)

    @rule(who=WHO, what=st.sampled_from(["woke", "disconnected", "tick", "opened"]))
    def goes_on(self, who: int, what: str) -> None:
        desk = self.desks[who]
        desk.now = catchup.next_due(desk.page) or desk.now
        desk.feed({"kind": what, "chat": self.chat})

    @rule(who=WHO)
    def scrolls_up(self, who: int) -> None:
        desk = self.desks[who]
        if desk.log and not desk.log.begins:
            read = desk.read(f"before={desk.log.start}&limit=2")
            if read:
                desk.mail.append(({"kind": "older", "chat": self.chat, "before": desk.log.start, "page": read}, None))

    @rule(who=WHO, loses=st.booleans())
    def is_whole_again(self, who: int, loses: bool) -> None:
        desk = self.desks[who]
        if loses:
            desk.mail = [(lost, lost) for _, lost in desk.mail if lost]
        desk.catch_up()
        assert desk.shown() == desk.fresh()

    def teardown(self) -> None:
        for who in range(4):
            self.is_whole_again(who, loses=True)


@pytest.mark.timeout(900)
def test_a_page_made_of_what_got_through_equals_a_fresh_load(
    person: Callable[[str], Person],  # noqa: F811
    page: Callable[[Person], Listener],  # noqa: F811
    often: Often,
) -> None:
    class Here(Conversation):
        @staticmethod
        def arrive() -> list[tuple[Person, Listener]]:
            people = [person(name) for name in ("ada", "bob", "cem", "dan")]
            return [(one, page(one)) for one in people]

    told = settings(
        derandomize=True,
        deadline=None,
        max_examples=often(12, 100),
        stateful_step_count=40,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),  # making a failure smaller would take minutes: each step is a few calls
    )
    run_state_machine_as_test(Here, settings=told)
