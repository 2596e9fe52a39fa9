"""Uploads that come in pieces, until the last one is there. Not for what becomes of the whole (upload_api.py).

Each piece is a signed request with `X-Unique-Upload-Id` and `Content-Range: bytes first-last/total`. Pieces come in
order; the last one that came may come again, since its answer can get lost.
"""

import io
import re
import shutil
import time
from dataclasses import dataclass
from hashlib import sha256
from io import BufferedIOBase
from pathlib import Path
from threading import Lock

from infitalks.local.media.account import Refusal

LEAST_PIECE = 5_000_000  # bytes of each but the last, as at Cloudinary
MOST_OPEN = 32
OLDEST = 3600  # seconds since the last piece

_RANGE = re.compile(r"bytes ([0-9]{1,12})-([0-9]{1,12})/(-1|\*|[0-9]{1,12})")


@dataclass(frozen=True, slots=True)
class Piece:
    """Where a piece belongs: its first and last byte, and how many there are in all, None while nobody knows."""

    first: int
    last: int
    total: int | None

    @property
    def ends_it(self) -> bool:
        return self.total is not None and self.last + 1 == self.total


def piece_of(header: str, length: int, most_bytes: int) -> Piece:
    """Of a Content-Range header and the piece's own length. Raises Refusal 400."""
    match = _RANGE.fullmatch(header.strip())
    if not match:
        raise Refusal(400, f"Invalid Content-Range - {header[:100]}")
    first, last = int(match[1]), int(match[2])
    total = int(match[3]) if match[3].isdecimal() else None
    if last - first + 1 != length or (total is not None and last >= total):
        raise Refusal(400, f"Invalid Content-Range - {header[:100]} does not fit {length} bytes")
    if max(last + 1, total or 0) > most_bytes:
        raise Refusal(400, f"File size too large. Got {max(last + 1, total or 0)}. Maximum is {most_bytes}.")
    piece = Piece(first, last, total)
    if not piece.ends_it and length < LEAST_PIECE:
        raise Refusal(400, "All chunks except the last one must be larger than 5MB")
    return piece


class Chunks:
    """Unfinished uploads of one folder, by their ids. Safe for threads. None outlives the process."""

    def __init__(self, folder: Path) -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        self._folder = folder
        self._lock = Lock()

    def add(self, upload_id: str, piece: Piece, data: bytes) -> BufferedIOBase | None:
        """Keep a piece; the whole file, for its taker to close, where it was the last one.

        Raises Refusal 400 for one that does not follow.
        """
        if not 6 <= len(upload_id) <= 128:
            raise Refusal(400, "Invalid X-Unique-Upload-Id")
        path = self._folder / sha256(upload_id.encode()).hexdigest()
        with self._lock:
            self._drop_old()
            before = path.stat().st_size if path.exists() else 0
            if piece.first > before or piece.last + 1 < before:
                raise Refusal(400, f"Invalid Content-Range - expected a chunk that starts at byte {before}")
            if piece.ends_it and not piece.first:
                path.unlink(missing_ok=True)
                return io.BytesIO(data)
            self._write(path, piece.first, data)
            return _taken_out(path) if piece.ends_it else None

    def _write(self, path: Path, first: int, data: bytes) -> None:
        if not path.exists() and len(list(self._folder.iterdir())) >= MOST_OPEN:
            raise Refusal(420, "Too many unfinished uploads")
        try:
            with path.open("r+b" if path.exists() else "xb") as file:
                file.truncate(first)
                file.seek(first)
                file.write(data)
        except OSError:  # a full disk: half a piece is worse than none
            path.unlink(missing_ok=True)
            raise

    def _drop_old(self) -> None:
        for path in self._folder.iterdir():
            if time.time() - path.stat().st_mtime > OLDEST:
                path.unlink(missing_ok=True)


def _taken_out(path: Path) -> BufferedIOBase:
    """The file without its name: it is gone as soon as it is closed."""
    file = path.open("rb")
    path.unlink()
    return file
