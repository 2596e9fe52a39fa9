"""What the page's machine works on: its state, its inputs and effects, its pauses. frontend/state/page.ts in Python.

Not for: the rules (catchup.py), nor one chat's rows (pagelog.py).

Inputs, as JSON: {"kind": …} and
  connected, disconnected        the socket; every state but `connected` counts as disconnected
  subscribed                     all channels are subscribed (again)
  refused, moved                 a subscription failed; the channels have moved
  renewed {changed, channels?}, renew_failed       the answer to `renew`; `changed`: not as it was connected with
  event {chat, entries} or {chat, last_seq}        a `log` event, or an own message as its sender was answered
  changed {chat}, gone {chat}    a `chats` event
  listed {chats: [{id, last_seq}]}                 summaries that were read, by `detail` or otherwise
  page {chat, after, page}       the answer to `fetch`, or with `after` null to `newest`
  older {chat, before, page}     a page that was asked for with `before`
  fetch_failed {chat, status}, detail_failed {chat, status}    `status` 0: no answer
  synced {changed: [{id, last_seq}], gone: [id], channels?}, sync_failed
  tick                           the time `next_due` has come
  woke                           the tab is visible again, or the network is back
  opened {chat or null}, more {chat}     somebody looks at a chat; at the end of its rows, which lie in the past
  unauthorised, signed_in        a call was answered 401; the session is there again

Effects, as JSON: {"do": …} and
  fetch {chat, after}            GET /api/chats/<chat>/log?after=…&limit=100
  newest {chat}                  GET /api/chats/<chat>/log?limit=50
  detail {chat}                  GET /api/chats/<chat>; then `listed` or `detail_failed`
  sync {chats}                   POST /api/sync with these chats
  renew                          GET /api/realtime
  reconnect                      end the connection and make it anew, with the newest answer of `renew`
  forget {chat}                  the chat is gone for this user
  signed_out                     say so
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.faults.pagelog import ChatLog

Input = Mapping[str, Any]
Effect = dict[str, Any]

SHORT_NUDGE_MS, LONG_NUDGE_MS = 3000.0, 8000.0


@dataclass(frozen=True)
class OpenedChat:
    """A chat whose log is loaded, or is being. `retry_at`: when to fetch again after a failure."""

    log: ChatLog | None = None
    fetching: bool = False
    failures: int = 0
    retry_at: float | None = None


@dataclass
class Page:
    """All that decides what a page asks for. Times are milliseconds of any clock that only goes forward."""

    socket: Literal["down", "up", "refused", "live"] = "down"
    failures: int = 0
    nudge_at: float | None = None
    renewing: bool = False
    poll_at: float | None = None
    syncing: bool = False
    sync_again: bool = False
    asked_at: float = 0
    delay: float = 0
    signed_out: bool = False
    open: str | None = None
    missing: str | None = None
    known: Mapping[str, int] = field(default_factory=dict)
    chats: Mapping[str, OpenedChat] = field(default_factory=dict)
    stale: frozenset[str] = frozenset()
    channels: Sequence[str] | None = None


@dataclass
class Turn:
    """One step on its way: `page` is its own copy."""

    page: Page
    now: float
    random: float
    effects: list[Effect] = field(default_factory=list)


def pause(failures: int, random: float) -> float:
    """Milliseconds to wait after the nth failure in a row (from 0): 1, 2, 4, 8 s, each between half and whole."""
    return 1000 * 2 ** min(failures, 3) * (0.5 + random / 2)


def nudge_pause(failures: int, delay: float, random: float) -> float:
    """The same for the connection, but at most 3 s; longer where the server's last answer took long to come."""
    # A new connection takes a few round trips; on a slow network it must not be cut short again and again.
    most = min(max(8 * delay, SHORT_NUDGE_MS), LONG_NUDGE_MS)
    return min(1000 * 2 ** min(failures, 3), most) * (0.5 + random / 2)


def poll_pause(live: bool, random: float) -> float:
    """Milliseconds until the next poll of all chats: 8 s with a live socket, 5 s without, two or one more or less."""
    return 6000 + random * 4000 if live else 4000 + random * 2000
