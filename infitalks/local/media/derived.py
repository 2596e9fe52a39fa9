"""Keeps derived pictures on disk, up to a size; the ones that nobody asked for longest go first.

Not for making them. Losing one costs only the work to make it again, so nothing here is flushed.
"""

import shutil
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from threading import Lock

STRIPES = 64


class DerivedPictures:
    """Derived pictures by the version_id of their original and a name. Safe for threads."""

    def __init__(self, folder: Path, most_bytes: int) -> None:
        # Those of the last run go: what they were made from may be gone too.
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)
        self._folder, self._most, self._total = folder, most_bytes, 0
        self._sizes: OrderedDict[Path, int] = OrderedDict()
        self._lock = Lock()
        self._stripes = [Lock() for _ in range(STRIPES)]

    def get(self, version_id: str, name: str, make: Callable[[], bytes]) -> bytes:
        """The kept picture, or what `make` gives; asked for twice at once it is made once."""
        path = self._folder / f"{version_id}-{sha256(name.encode()).hexdigest()}"
        with self._stripes[hash(path) % STRIPES]:
            data = self._read(path)
            if data is None:
                data = make()
                self._keep(path, data)
            return data

    def forget(self, version_id: str) -> None:
        """Remove all that was made from that original."""
        with self._lock:
            for path in [path for path in self._sizes if path.name.startswith(version_id)]:
                self._remove(path)

    def count(self) -> int:
        """How many are kept."""
        with self._lock:
            return len(self._sizes)

    def _read(self, path: Path) -> bytes | None:
        with self._lock:
            if path not in self._sizes:
                return None
            self._sizes.move_to_end(path)
        try:
            return path.read_bytes()
        except FileNotFoundError:  # made room meanwhile
            return None

    def _keep(self, path: Path, data: bytes) -> None:
        beside = path.with_suffix(".tmp")
        try:
            beside.write_bytes(data)
        except OSError:  # a full disk costs only the keeping
            beside.unlink(missing_ok=True)
            return
        with self._lock:
            beside.rename(path)
            self._total += len(data) - self._sizes.pop(path, 0)
            self._sizes[path] = len(data)
            while self._total > self._most:
                self._remove(next(iter(self._sizes)))

    def _remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self._total -= self._sizes.pop(path)
