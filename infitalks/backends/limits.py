"""Limits on how often somebody may ask, and on how many may be served at once.

Rates are counted in this process for what happens often, in Redis for sign-in, so that more processes do not mean more
guesses; while Redis is away these too are counted here.
"""

import time
from threading import Condition

from limits import RateLimitItem, RateLimitItemPerDay, parse
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter, RateLimiter

from infitalks.errors import Unavailable
from infitalks.settings import Settings

AVOID_SECONDS = 5.0  # how long a failing Redis is left alone


class Limiter:
    """`hit` answers the seconds to wait, 0 where the call may go on."""

    def __init__(self, settings: Settings) -> None:
        self._on = settings.rate_limits == "on"
        here, shared = MemoryStorage(), _redis_storage(settings.redis_url)
        self._here, self._shared = MovingWindowRateLimiter(here), MovingWindowRateLimiter(shared)
        # Amounts are added up from the first one on, since single ones cannot be remembered.
        self._sums_here, self._sums_shared = FixedWindowRateLimiter(here), FixedWindowRateLimiter(shared)
        self._avoid_until = 0.0

    def hit(self, rate: str, *keys: str, shared: bool = False) -> int:
        """Count one call of `keys` under `rate` ("10/second", "20 per minute")."""
        item = parse(rate)
        if shared:
            return self._count_shared(self._shared, self._here, item, keys)
        return self._count(self._here, item, keys) if self._on else 0

    def spend(self, amount: int, most_a_day: int, *keys: str) -> int:
        """Add an amount to what `keys` spent within a day, for all processes together; what is too much adds nothing.
        `most_a_day` 0 is no limit."""
        if not most_a_day:
            return 0
        item = RateLimitItemPerDay(most_a_day)
        return self._count_shared(self._sums_shared, self._sums_here, item, keys, amount)

    def give_back(self, amount: int, most_a_day: int, *keys: str) -> None:
        """Take back a `spend` of this amount that came to nothing."""
        if most_a_day:
            item = RateLimitItemPerDay(most_a_day)
            self._count_shared(self._sums_shared, self._sums_here, item, keys, -amount)

    def _count_shared(
        self, shared: RateLimiter, here: RateLimiter, item: RateLimitItem, keys: tuple[str, ...], amount: int = 1
    ) -> int:
        if not self._on:
            return 0
        if time.monotonic() >= self._avoid_until:
            try:
                return self._count(shared, item, keys, amount)
            except Exception:  # the storage raises whatever its driver does
                self._avoid_until = time.monotonic() + AVOID_SECONDS
        return self._count(here, item, keys, amount)

    @staticmethod
    def _count(limiter: RateLimiter, item: RateLimitItem, keys: tuple[str, ...], amount: int = 1) -> int:
        # A sum grows with each try, so a large one is looked at first.
        if (amount <= 1 or limiter.test(item, *keys, cost=amount)) and limiter.hit(item, *keys, cost=amount):
            return 0
        return max(1, round(limiter.get_window_stats(item, *keys).reset_time - time.time()))


class Bulkhead:
    """Lets `most` requests work at once. Further ones wait for a place, and are refused where nobody has finished for
    `patience` seconds: a database that hangs takes those threads of the process, and the others can say so."""

    def __init__(self, most: int, patience: float) -> None:
        self._most, self._patience = most, patience
        self._since: dict[object, float] = {}  # who works, and since when
        self._changed = Condition()

    def enter(self) -> object:
        """A place, to be given back with `leave`. Raises Unavailable."""
        with self._changed:
            while len(self._since) >= self._most:
                youngest = max(self._since.values())
                if not self._changed.wait(max(0.0, youngest + self._patience - time.monotonic())):
                    self._refuse_if_stuck()
            place = object()
            self._since[place] = time.monotonic()
            return place

    def leave(self, place: object) -> None:
        with self._changed:
            self._since.pop(place, None)
            self._changed.notify()

    def _refuse_if_stuck(self) -> None:
        if len(self._since) >= self._most and time.monotonic() - max(self._since.values()) >= self._patience:
            raise Unavailable("Everything here is waiting for something. Send again with the same client_id.")


def _redis_storage(url: str) -> Storage:
    storage = storage_from_string(url, socket_timeout=0.5, socket_connect_timeout=0.5)
    assert isinstance(storage, Storage)  # the async kinds need a scheme of their own
    return storage
