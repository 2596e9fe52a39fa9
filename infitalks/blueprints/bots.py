"""Bots' doors: a person makes a bot, which then calls the same routes as people with its token, and hears what
happens by asking for it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Lock

from bson import ObjectId
from flask import Blueprint, current_app, g

from infitalks.access import require, require_person
from infitalks.actions import bots, users
from infitalks.blueprints.guard import api
from infitalks.models.users import User
from infitalks.schemas.bots import BotIn, BotOut, EventsOut, EventsQuery
from infitalks.schemas.users import user_out

MOST_WAITING = 4  # of the 16 threads of a web process
LOOK_SECONDS = 0.5

blueprint = Blueprint("bots", __name__)


class Bench:
    """Where bots wait: so many of them, each once. Who finds no place does not wait, and a bot that comes again
    sends its earlier request off, whose asker has most likely gone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.called: dict[ObjectId, Event] = {}
        self._lock = Lock()

    @contextmanager
    def seat(self, bot_id: ObjectId) -> Iterator[Event]:
        """An event that is set when the wait is over; from the start where there is no place."""
        called = Event()
        with self._lock:
            earlier = self.called.get(bot_id)
            (earlier or Event()).set()
            if earlier or len(self.called) < self._most:
                self.called[bot_id] = called
            else:
                called.set()
        try:
            yield called
        finally:
            with self._lock:
                if self.called.get(bot_id) is called:
                    del self.called[bot_id]


bench = Bench(MOST_WAITING)


@blueprint.post("/api/bots")
@api(body=BotIn, limit="10/minute", answers={201: BotOut})
def post_bot(me: User, body: BotIn) -> tuple[BotOut, int]:
    require_person(me)
    bot, token = users.create_bot(me.id, body.display_name or body.username, body.username)
    return BotOut(bot=user_out(bot.to_mongo()), token=token), 201


@blueprint.get("/api/bots/events")
@api(query=EventsQuery, limit="20/second", answers={200: EventsOut})
def get_events(me: User, query: EventsQuery) -> EventsOut:
    require(me.kind == "bot", "This is for bots, with their token.")
    if query.after is None:
        return EventsOut(**bots.start_listening(me.id)._asdict())
    with bench.seat(me.id) as called:
        return EventsOut(**bots.listen(me.id, query.after, _pausing(called, query.wait))._asdict())


def _pausing(called: Event, seconds: int) -> Callable[[], bool]:
    """Rests a moment at each call; false at the end of so many seconds, or when `called`."""
    until = time.monotonic() + seconds

    def pause() -> bool:
        left = until - time.monotonic()
        if left <= 0 or called.is_set():
            return False
        _rest(called, min(left, LOOK_SECONDS))
        return not called.is_set()

    return pause


def _rest(called: Event, seconds: float) -> None:
    # Without a place among those who work: they would be refused one for a wait that needs none.
    at_work = current_app.extensions["at_work"]
    at_work.leave(g.pop("place"))
    called.wait(seconds)
    g.place = at_work.enter()
