"""Bytes on their way to who asked: at once where they are few, else from one of a few places, so that slow readers
never hold all threads of a web process. Not for: whose they are, and who may have them (media.py).
"""

import time
import weakref
from collections.abc import Iterator
from threading import Lock

from bson import ObjectId
from flask import Response

from infitalks.backends.media import Download, MediaUnavailable
from infitalks.errors import Unavailable

CACHE_SECONDS = 300  # how long a removed member's browser may still show what it has
FEW = 256 * 1024  # bytes that the server takes off a thread's hands in one piece, however slowly they are read
MOST_UNTOLD = 32 * 1024 * 1024  # bytes that are kept in memory where the service does not tell how many come
MOST, MOST_OF_ONE = 6, 3  # larger ones at once, each of which may hold one of this process's 16 threads; of one account
GRACE = 30.0  # seconds
SLOWEST = 16 * 1024  # bytes a second: who takes them more slowly, and longer than GRACE, is cut off

_taken: dict[object, ObjectId] = {}  # the places, and whose they are
_taking = Lock()


class SlowReader(Exception):
    """Told to the server, which then ends the connection: fewer bytes came than were announced."""


def send(reader: ObjectId, download: Download, content_type: str) -> Response:
    """An answer with these bytes, for this person or bot. Closes the download, sooner or later.

    Raises Unavailable where too many are under way; MediaUnavailable where it is seen in time that not all bytes come.
    """
    try:
        chunks, length = _measured(download)
        few = length <= FEW
        response = Response(_whole(chunks, length) if few else _paced(chunks), mimetype=content_type)
        if not few:
            _take_place(reader, response)
    except BaseException:
        download.close()
        raise
    response.headers.update(
        {
            "Cache-Control": f"private, max-age={CACHE_SECONDS}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Content-Length": str(length),
        }
    )
    response.call_on_close(download.close)
    return response


def _measured(download: Download) -> tuple[Iterator[bytes], int]:
    """The bytes, and how many they are. Where that is not told they are all taken first: a reader who is not told it
    either would take an end in the middle for the end."""
    if download.length is not None:
        return download.chunks, download.length
    chunks, length = [], 0
    for chunk in download.chunks:
        chunks.append(chunk)
        length += len(chunk)
        if length > MOST_UNTOLD:
            raise MediaUnavailable("more comes than a picture has")
    return iter(chunks), length


def _whole(chunks: Iterator[bytes], length: int) -> bytes:
    body = b"".join(chunks)
    if len(body) != length:
        raise MediaUnavailable(f"{len(body)} bytes came instead of {length}")
    return body


def _take_place(reader: ObjectId, response: Response) -> None:
    """Given back when the answer is closed, or at the latest when it is forgotten."""
    place = object()
    with _taking:  # giving back needs no lock, and must not: it may come in the middle of anything
        readers = list(_taken.copy().values())
        if len(readers) >= MOST or readers.count(reader) >= MOST_OF_ONE:
            raise Unavailable("Too many downloads are under way. Try again in a moment.", retry_after=5)
        _taken[place] = reader
    response.call_on_close(weakref.finalize(response, _taken.pop, place, None))


def _paced(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Only the reader's time counts, as only the service's does where the chunks come from."""
    waited, sent = 0.0, 0
    for chunk in chunks:
        began = time.monotonic()
        yield chunk
        waited, sent = waited + time.monotonic() - began, sent + len(chunk)
        if waited > GRACE + sent / SLOWEST:
            raise SlowReader(f"{sent} bytes in {waited:.0f} s")
