"""Originals on disk: each is a file, written whole or not at all, and a row that makes it exist.

Not for derived pictures (derived.py), nor for deciding who may store or read.
"""

import fcntl
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from io import BufferedIOBase
from pathlib import Path
from threading import Lock
from typing import Any

from infitalks.local.media.account import Refusal

SCHEMA = """
CREATE TABLE IF NOT EXISTS assets (
    type TEXT NOT NULL, public_id TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (type, public_id)
) WITHOUT ROWID
"""
LAST_CHARACTER = "\U0010ffff"

# A position in the list of all assets: type and public id.
Position = tuple[str, str]


class FolderBusy(Exception):
    """Another process serves this folder."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One stored picture or, of resource type `raw`, any other file, which has no format nor sides; field names as in
    Cloudinary's answers."""

    type: str
    public_id: str
    asset_id: str
    version_id: str  # also names the file, so that no two uploads share one
    version: int  # unix seconds
    format: str
    width: int
    height: int
    pages: int
    bytes: int
    etag: str
    created_at: str
    tags: list[str]
    context: dict[str, str]
    original_filename: str = "file"  # without its extension
    resource_type: str = "image"


class Store:
    """All originals of one folder and resource type. Safe for threads; only one process may have the folder."""

    def __init__(self, folder: Path) -> None:
        self._files = folder / "originals"
        self._files.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._own(folder)
        self._db = sqlite3.connect(folder / "assets.sqlite3", check_same_thread=False)
        self._lock = Lock()
        self._db.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {SCHEMA}")
        self._remove_strays()

    def path(self, asset: Asset) -> Path:
        """The original's file. It is gone as soon as the asset is."""
        return self._files / asset.version_id

    def find(self, type: str, public_id: str) -> Asset | None:
        """The asset of that type and id."""
        with self._lock:
            return self._find(type, public_id)

    def save(self, asset: Asset, file: BufferedIOBase, *, overwrite: bool) -> tuple[Asset, Asset | None]:
        """Store it durably; what is stored in the end, and what was there before.

        A replaced asset keeps its asset_id and gets a higher version.
        """
        write_whole(self.path(asset), file)
        try:
            asset, old = self._enter(asset, overwrite=overwrite)
        except BaseException:
            self.path(asset).unlink(missing_ok=True)  # on a full disk, say: without its row it is nobody's
            raise
        if old:
            self.path(old if overwrite else asset).unlink(missing_ok=True)
        return (asset if overwrite or not old else old), old

    def _enter(self, asset: Asset, *, overwrite: bool) -> tuple[Asset, Asset | None]:
        with self._lock, self._db:
            old = self._find(asset.type, asset.public_id)
            if old and overwrite:
                version = max(asset.version, old.version + 1)
                asset = replace(asset, asset_id=old.asset_id, version=version)
            if overwrite or not old:
                self._put(asset)
            return asset, old

    def remove(self, type: str, public_id: str) -> Asset | None:
        """The asset that was there, now gone."""
        with self._lock, self._db:
            asset = self._find(type, public_id)
            self._db.execute("DELETE FROM assets WHERE type = ? AND public_id = ?", (type, public_id))
        if asset:
            self.path(asset).unlink(missing_ok=True)
        return asset

    def rename(self, old: Position, new: Position, *, overwrite: bool) -> tuple[Asset, Asset | None]:
        """The asset in its new position, and the one that it replaced. Raises Refusal where it is taken or gone."""
        with self._lock, self._db:
            asset, taken = self._find(*old), self._find(*new)
            if not asset:
                raise Refusal(404, f"Resource not found - {old[1]}")
            if old == new:
                return asset, None
            if taken and not overwrite:
                raise Refusal(400, f"to_public_id {new[1]} already exists")
            self._db.execute("DELETE FROM assets WHERE type = ? AND public_id = ?", old)
            version = max(int(time.time()), asset.version + 1)
            renamed = replace(asset, type=new[0], public_id=new[1], version=version)
            self._put(renamed)
        if taken:
            self.path(taken).unlink(missing_ok=True)
        return renamed, taken

    def describe(self, type: str, public_id: str, **changes: Any) -> Asset:
        """Set tags or context of an asset. Raises Refusal 404."""
        with self._lock, self._db:
            asset = self._find(type, public_id)
            if not asset:
                raise Refusal(404, f"Resource not found - {public_id}")
            asset = replace(asset, **changes)
            self._put(asset)
            return asset

    def totals(self) -> tuple[int, int]:
        """How many assets there are, and their bytes."""
        with self._lock:
            query = "SELECT count(*), coalesce(sum(json_extract(record, '$.bytes')), 0) FROM assets"
            count, size = self._db.execute(query).fetchone()
            return int(count), int(size)

    def page(self, type: str | None, prefix: str, after: Position | None, limit: int) -> list[Asset]:
        """At most `limit` assets in the order of their positions, after that one."""
        query = (
            "SELECT record FROM assets WHERE (?1 IS NULL OR type = ?1) AND public_id >= ?2 AND public_id < ?3"
            " AND (type, public_id) > (?4, ?5) ORDER BY type, public_id LIMIT ?6"
        )
        values = (type, prefix, prefix + LAST_CHARACTER, *(after or ("", "")), limit)
        with self._lock:
            return [_asset(row) for row in self._db.execute(query, values)]

    def several(self, type: str, public_ids: Sequence[str]) -> list[Asset]:
        """Those of the ids that exist."""
        with self._lock:
            found = (self._find(type, public_id) for public_id in public_ids)
            return [asset for asset in found if asset]

    def _find(self, type: str, public_id: str) -> Asset | None:
        query = "SELECT record FROM assets WHERE type = ? AND public_id = ?"
        row = self._db.execute(query, (type, public_id)).fetchone()
        return _asset(row) if row else None

    def _put(self, asset: Asset) -> None:
        row = (asset.type, asset.public_id, json.dumps(asdict(asset)))
        self._db.execute("INSERT OR REPLACE INTO assets VALUES (?, ?, ?)", row)

    def _own(self, folder: Path) -> None:
        self._lock_file = (folder / "lock").open("w")  # the lock lasts as long as the open file
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FolderBusy(f"another media service uses {folder}") from None

    def _remove_strays(self) -> None:
        """Files that a kill left without a row, or half written."""
        known = {_asset(row).version_id for row in self._db.execute("SELECT record FROM assets")}
        for file in self._files.iterdir():
            if file.name not in known:
                file.unlink()


def _asset(row: tuple[str]) -> Asset:
    return Asset(**json.loads(row[0]))


def write_whole(path: Path, source: BufferedIOBase) -> None:
    """The file with all of `source` on disk, or no file: written beside, flushed, renamed."""
    beside = path.with_name(path.name + ".tmp")
    try:
        with beside.open("xb") as file:
            source.seek(0)
            shutil.copyfileobj(source, file)
            file.flush()
            os.fsync(file.fileno())
        beside.rename(path)
    finally:
        beside.unlink(missing_ok=True)  # on a full disk a half file would make it worse
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
