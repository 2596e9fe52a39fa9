"""A total time for calls into libraries that only know one for each byte that comes, so that a service which drips
holds nobody for ever. Not for: what is done then."""

from collections.abc import Callable
from concurrent.futures import Future
from threading import BoundedSemaphore, Thread
from typing import TypeVar

T = TypeVar("T")

MOST_AT_ONCE = 32  # calls of this process, those that were given up among them until they end

_places = BoundedSemaphore(MOST_AT_ONCE)


def within(seconds: float, call: Callable[[], T]) -> T:
    """What `call` returns or raises. Raises TimeoutError after so many seconds, and at once where too many calls hang.

    A call that was given up runs on in its thread, since nothing can end it: it has to be one that does no harm late.
    """
    if not _places.acquire(blocking=False):
        raise TimeoutError("too many calls hang")
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(call())
        except BaseException as error:  # the caller's
            outcome.set_exception(error)
        finally:
            _places.release()

    Thread(target=run, name="patience", daemon=True).start()
    return outcome.result(timeout=seconds)
