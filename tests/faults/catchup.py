"""How a page stays complete: frontend/state/catchup.ts in Python, name for name, for the fault tests.

Pure: `step` takes the page, what happened, the time and a random number, and gives the page after it and what is to
be done. Both are held to one file of cases, tests/cases/catchup.json. Not for: doing it (the page of a fault test).
"""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any

from tests.faults import reconnect
from tests.faults.pagelog import (
    ChatLog,
    Row,
    about_message,
    add_live,
    add_newer,
    add_older,
    heard_of,
    next_step,
    open_log,
    set_aside,
)
from tests.faults.pagestate import Effect, Input, OpenedChat, Page, Turn, pause, poll_pause

MOST_SYNCED = 2000


def begin(boot: Mapping[str, Any], now: float, random: float) -> Page:
    """The page as it came.

    {chats: [{id, last_seq}], open: id or null, page: log page or null, up_to: seq or null, channels?: names}.
    """
    turn = Turn(Page(open=boot["open"], channels=boot.get("channels")), now, random)
    turn.page.known = {chat["id"]: chat["last_seq"] for chat in boot["chats"]}
    if boot["open"]:
        log = open_log(boot["page"], boot["up_to"]) if boot["page"] else None
        turn.page.chats = {boot["open"]: OpenedChat(log)}
    reconnect.schedule(turn)
    _poll_later(turn, False)
    return turn.page


def step(page: Page, given: Input, now: float, random: float) -> tuple[Page, list[Effect]]:
    """The page after this input, and what is to be done, in this order. `now` in ms, `random` from 0 to 1."""
    turn = Turn(copy(page), now, random)
    _HANDLERS[given["kind"]](turn, given)
    return turn.page, turn.effects


def next_due(page: Page) -> float | None:
    """When `tick` is to be given next; None: only something else can change anything."""
    times = (page.nudge_at, page.poll_at, *(chat.retry_at for chat in page.chats.values()))
    return min((time for time in times if time is not None), default=None)


def rows_of(page: Page, chat: str) -> tuple[Row, ...]:
    """What is shown of a chat."""
    opened = page.chats.get(chat)
    return opened.log.rows if opened and opened.log else ()


# All chats.


def _sync(turn: Turn) -> None:
    page = turn.page
    if page.signed_out:
        return
    if page.syncing:
        # What was asked before may have been read before.
        page.sync_again = True
        return
    page.syncing, page.asked_at, page.poll_at = True, turn.now, None
    turn.effects.append({"do": "sync", "chats": dict(list(page.known.items())[:MOST_SYNCED])})


def _on_synced(turn: Turn, given: Input) -> None:
    page = turn.page
    page.delay, page.syncing = turn.now - page.asked_at, False
    for chat in given["gone"]:
        _forget(turn, chat)
    _on_listed(turn, {"chats": given["changed"]})
    for chat in sorted(page.stale):
        _detail(turn, chat)
    page.stale = frozenset()
    if page.open:
        _fill(turn, page.open)
    reconnect.on_told(turn, given.get("channels"))
    _ask_on(turn, page.socket == "live")


def _on_sync_failed(turn: Turn, _: Input) -> None:
    turn.page.syncing = False
    _ask_on(turn, False)


def _ask_on(turn: Turn, live: bool) -> None:
    again, turn.page.sync_again = turn.page.sync_again, False
    if again:
        _sync(turn)
    else:
        _poll_later(turn, live)


def _poll_later(turn: Turn, live: bool) -> None:
    turn.page.poll_at = None if turn.page.signed_out else turn.now + poll_pause(live, turn.random)


def _on_listed(turn: Turn, given: Input) -> None:
    for chat in given["chats"]:
        _hear(turn, chat["id"], chat["last_seq"])
        _know(turn, chat["id"], chat["last_seq"])
        if turn.page.missing == chat["id"]:
            turn.page.missing = None  # back again
    if any(chat["id"] == turn.page.open for chat in given["chats"]):
        _fill(turn, turn.page.open or "")


def _know(turn: Turn, chat: str, seq: int) -> None:
    known = turn.page.known
    if seq > known.get(chat, -1):
        turn.page.known = {**known, chat: seq}


def _on_gone(turn: Turn, given: Input) -> None:
    _forget(turn, given["chat"])


def _forget(turn: Turn, chat: str) -> None:
    page = turn.page
    page.known = {key: seq for key, seq in page.known.items() if key != chat}
    page.chats = {key: opened for key, opened in page.chats.items() if key != chat}
    page.stale -= {chat}
    if page.open == chat:
        page.missing = chat
    turn.effects.append({"do": "forget", "chat": chat})


# One chat.


def _on_event(turn: Turn, given: Input) -> None:
    chat, entries = given["chat"], given.get("entries")
    if entries is None:
        _hear(turn, chat, given["last_seq"])
        _sync(turn)
    else:
        _change(turn, chat, lambda log: add_live(log, entries))
        if chat != turn.page.open:
            _change(turn, chat, set_aside)
        _advance(turn, chat, entries)
        _look_again(turn, chat, entries)
    if chat == turn.page.open:
        _fill(turn, chat)


def _advance(turn: Turn, chat: str, entries: list[Any]) -> None:
    """The list follows the events where none is missing in between; else the server is asked."""
    top = _followed(turn.page.known.get(chat), entries)
    if top is None:
        _sync(turn)
    else:
        _know(turn, chat, top)


def _followed(top: int | None, entries: list[Any]) -> int | None:
    for seq in sorted(entry["seq"] for entry in entries):
        if top is None or seq > top + 1:
            return None
        top = max(top, seq)
    return top


def _look_again(turn: Turn, chat: str, entries: list[Any]) -> None:
    """Names, roles and members are read anew after entries about them."""
    if any(not about_message(entry) for entry in entries):
        _detail(turn, chat)


def _on_changed(turn: Turn, given: Input) -> None:
    _detail(turn, given["chat"])


def _detail(turn: Turn, chat: str) -> None:
    if not turn.page.signed_out:
        turn.effects.append({"do": "detail", "chat": chat})


def _on_detail_failed(turn: Turn, given: Input) -> None:
    if given["status"] == 404:
        _forget(turn, given["chat"])
    else:
        turn.page.stale |= {given["chat"]}


def _on_opened(turn: Turn, given: Input) -> None:
    chat, left = given["chat"], turn.page.open
    if left not in (None, chat):
        _change(turn, left, set_aside)
    turn.page.open, turn.page.missing = chat, None
    if chat is None:
        return
    opened = turn.page.chats.get(chat, OpenedChat())
    _put(turn, chat, opened)
    _detail(turn, chat)
    _fill(turn, chat, force=True, newest=opened.log is not None and opened.log.past)


def _on_more(turn: Turn, given: Input) -> None:
    if given["chat"] in turn.page.chats:
        _fill(turn, given["chat"], force=True)


def _fill(turn: Turn, chat: str, force: bool = False, newest: bool = False) -> None:
    """Fetches what is missing of a chat; one fetch at a time."""
    opened = turn.page.chats.get(chat, OpenedChat())
    if turn.page.signed_out or turn.page.missing == chat or opened.fetching:
        return
    wanted = "restart" if newest or not opened.log else next_step(opened.log, force)
    if wanted is None:
        return
    _put(turn, chat, replace(opened, fetching=True, retry_at=None))
    fetch: Effect = {"do": "newest", "chat": chat}
    turn.effects.append(fetch if wanted == "restart" else {"do": "fetch", "chat": chat, "after": wanted})


def _on_page(turn: Turn, given: Input) -> None:
    chat, after, page = given["chat"], given["after"], given["page"]
    opened = turn.page.chats.get(chat)
    if opened is None:
        return  # gone meanwhile
    read = _started(opened.log, page) if after is None else opened.log and add_newer(opened.log, page, after)
    if after is None and opened.log and read is not opened.log:
        _detail(turn, chat)  # whatever lies between the two is not read
    log = read and heard_of(read, turn.page.known.get(chat, 0))
    _put(turn, chat, OpenedChat(log))
    fresh = [entry for entry in page["entries"] if after is not None and entry["seq"] > after]
    _look_again(turn, chat, fresh)
    if _in_vain(log, after):
        _fail(turn, chat, opened.failures)
    elif chat == turn.page.open:
        _fill(turn, chat)


def _started(log: ChatLog | None, page: Mapping[str, Any]) -> ChatLog:
    """A log begun anew keeps what came live meanwhile."""
    if log and not log.past and log.through >= page["last_seq"]:
        return log
    return add_live(open_log(page), log.early.values() if log else ())


def _in_vain(log: ChatLog | None, after: int | None) -> bool:
    """Whether the very same would be fetched again."""
    wanted = log and next_step(log)
    return wanted == "restart" if after is None else wanted == after


def _on_older(turn: Turn, given: Input) -> None:
    _change(turn, given["chat"], lambda log: add_older(log, given["page"], given["before"]))


def _on_fetch_failed(turn: Turn, given: Input) -> None:
    chat = given["chat"]
    if given["status"] == 404:
        _forget(turn, chat)
    else:
        _fail(turn, chat, turn.page.chats.get(chat, OpenedChat()).failures)


def _fail(turn: Turn, chat: str, failures: int) -> None:
    opened = turn.page.chats.get(chat)
    retry_at = turn.now + pause(failures, turn.random)
    if opened:
        _put(turn, chat, replace(opened, fetching=False, failures=failures + 1, retry_at=retry_at))


def _hear(turn: Turn, chat: str, seq: int) -> None:
    _change(turn, chat, lambda log: heard_of(log, seq))


def _change(turn: Turn, chat: str, how: Callable[[ChatLog], ChatLog]) -> None:
    opened = turn.page.chats.get(chat)
    if opened and opened.log:
        _put(turn, chat, replace(opened, log=how(opened.log)))


def _put(turn: Turn, chat: str, opened: OpenedChat) -> None:
    turn.page.chats = {**turn.page.chats, chat: opened}


# The clock, the connection and the person.


def _on_subscribed(turn: Turn, given: Input) -> None:
    reconnect.on_subscribed(turn, given)
    _sync(turn)


def _on_tick(turn: Turn, _: Input) -> None:
    page = turn.page
    if page.nudge_at is not None and page.nudge_at <= turn.now:
        reconnect.nudge(turn)
    if page.poll_at is not None and page.poll_at <= turn.now:
        _sync(turn)
    for chat, opened in page.chats.items():
        if opened.retry_at is not None and opened.retry_at <= turn.now:
            _put(turn, chat, replace(opened, retry_at=None))
            if chat == page.open:
                _fill(turn, chat)


def _on_woke(turn: Turn, _: Input) -> None:
    reconnect.hurry(turn)
    _sync(turn)


def _on_unauthorised(turn: Turn, _: Input) -> None:
    page = turn.page
    page.nudge_at = page.poll_at = None
    if not page.signed_out:
        page.signed_out = True
        turn.effects.append({"do": "signed_out"})


def _on_signed_in(turn: Turn, _: Input) -> None:
    turn.page.signed_out = False
    if turn.page.socket == "up":
        turn.page.socket = "refused"
    reconnect.hurry(turn)
    _sync(turn)


_HANDLERS: dict[str, Callable[[Turn, Input], None]] = {
    "connected": reconnect.on_connected,
    "disconnected": reconnect.on_disconnected,
    "subscribed": _on_subscribed,
    "refused": reconnect.on_refused,
    "moved": reconnect.on_refused,
    "renewed": reconnect.on_renewed,
    "renew_failed": reconnect.on_renew_failed,
    "event": _on_event,
    "changed": _on_changed,
    "gone": _on_gone,
    "listed": _on_listed,
    "page": _on_page,
    "older": _on_older,
    "fetch_failed": _on_fetch_failed,
    "detail_failed": _on_detail_failed,
    "synced": _on_synced,
    "sync_failed": _on_sync_failed,
    "tick": _on_tick,
    "woke": _on_woke,
    "opened": _on_opened,
    "more": _on_more,
    "unauthorised": _on_unauthorised,
    "signed_in": _on_signed_in,
}
