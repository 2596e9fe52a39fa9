"""How a page's connection comes back soon: frontend/state/reconnect.ts in Python.

Not for: what is asked once it is back (catchup.py).
"""

from collections.abc import Sequence

from tests.faults.pagestate import Input, Turn, nudge_pause

SUBSCRIBING_MS = 8000.0


def on_connected(turn: Turn, _: Input) -> None:
    turn.page.socket = "up"
    _nudge_in(turn, SUBSCRIBING_MS * (0.5 + turn.random / 2))


def on_disconnected(turn: Turn, _: Input) -> None:
    was, turn.page.socket = turn.page.socket, "down"
    if was != "down" or turn.page.nudge_at is None:
        schedule(turn)


def on_subscribed(turn: Turn, _: Input) -> None:
    turn.page.socket, turn.page.failures, turn.page.nudge_at = "live", 0, None


def on_refused(turn: Turn, _: Input) -> None:
    if turn.page.socket in ("up", "live"):
        turn.page.socket = "refused"
        schedule(turn)


def on_told(turn: Turn, channels: Sequence[str] | None) -> None:
    """Other channels than it was told of: they have moved, and the word of it was lost."""
    known = turn.page.channels
    if channels is not None and known is not None and channels != known:
        on_refused(turn, {})


def on_renewed(turn: Turn, given: Input) -> None:
    turn.page.renewing = False
    turn.page.channels = given.get("channels", turn.page.channels)
    if given["changed"] or turn.page.socket in ("down", "refused"):
        _reconnect(turn)


def on_renew_failed(turn: Turn, _: Input) -> None:
    turn.page.renewing = False
    if turn.page.socket == "down":
        _reconnect(turn)


def schedule(turn: Turn) -> None:
    _nudge_in(turn, nudge_pause(turn.page.failures, turn.page.delay, turn.random))
    turn.page.failures += 1


def _nudge_in(turn: Turn, ms: float) -> None:
    turn.page.nudge_at = None if turn.page.signed_out else turn.now + ms


def nudge(turn: Turn) -> None:
    page = turn.page
    if page.socket == "up":
        page.socket = "refused"  # its channels did not come
    # The gateway may have come back somewhere else, so now and then this is asked, too.
    ask = page.socket == "refused" or page.failures % 3 == 2
    schedule(turn)
    if ask and not page.renewing:
        page.renewing = True
        turn.effects.append({"do": "renew"})
    elif page.socket == "down":
        _reconnect(turn)


def hurry(turn: Turn) -> None:
    if turn.page.socket in ("down", "refused") and not turn.page.signed_out:
        turn.page.failures = 0
        nudge(turn)


def _reconnect(turn: Turn) -> None:
    if not turn.page.signed_out:
        turn.page.socket = "down"
        turn.effects.append({"do": "reconnect"})
