"""Backup of everything as of one moment, while the chat runs, and its restore into an empty place.

A backup is a zip: `backup.json`, `db/<collection>.bson`, `pictures/<media id>`, files too, and, last, `sums.json`,
which tells one that was cut short or changed. It holds what people said and webhooks' secrets. Not in it: sessions
(people sign in again) and the settings with their SECRET_KEY.
"""

import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import bson
import pymongo
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from infitalks.actions import log as chat_log
from infitalks.actions import migrations
from infitalks.actions.archives import copy_media, new_zip, put
from infitalks.actions.media import store_again
from infitalks.backends.media import MediaRefused, MediaUnavailable
from infitalks.errors import Conflict, Invalid, Unavailable
from infitalks.models.database import TASK_SECONDS, Doc, database
from infitalks.models.log import broken_chats
from infitalks.models.media import Media

FORM = 1  # of the file
LEFT_OUT = frozenset({"leases", "sessions", "restores"})
LAST = ("users", "migrations")  # until its people are there, nobody signs in to half of a restore, and talks
HISTORY_SECONDS = 300  # MongoDB's own
AT_ONCE = 500  # documents in one write
CHUNK = 1024 * 1024
TOO_OLD = (239, 246)  # SnapshotTooOld, SnapshotUnavailable
RAW: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)

Counts = dict[str, int]
Tell = Callable[[str], None]


def make_backup(file: Path, tell: Tell) -> Counts:
    """Write everything into `file`, which must not exist yet; `tell` hears of each part. Returns what was counted.

    Raises as `new_zip`, and Unavailable where a part was away or all of it took too long: then nothing is left behind.
    """
    with new_zip(file) as archive, pymongo.timeout(TASK_SECONDS):
        return _write_all(Writer(archive), tell)


class Writer:
    """Puts parts into the archive and keeps their sums."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._sums: dict[str, str] = {}

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        total = hashlib.sha256()

        def summed() -> Iterator[bytes]:
            for chunk in chunks:
                total.update(chunk)
                yield chunk

        put(self._archive, name, summed())
        self._sums[name] = total.hexdigest()

    def put_json(self, name: str, content: Any) -> None:
        self.put(name, [json.dumps(content, indent=1).encode()])

    def end(self) -> None:
        self._archive.writestr("sums.json", json.dumps(self._sums))


def _write_all(writer: Writer, tell: Tell) -> Counts:
    names = sorted(name for name in database().list_collection_names() if _is_kept(name))
    writer.put_json("backup.json", _header())
    counts = {"documents": 0, "pictures": 0, "missing_pictures": 0}
    with _one_moment() as session:
        for name in names:
            before = counts["documents"]
            writer.put(f"db/{name}.bson", _documents(name, session, counts))
            tell(f"{name}: {counts['documents'] - before}")
        pictures = list(Media.raw().find({"state": "ready", "dropped": {"$ne": True}}, session=session))
    for media in pictures:
        _write_picture(writer, media, counts)
    tell(f"pictures: {counts['pictures']}")
    writer.end()
    return counts


def _is_kept(name: str) -> bool:
    return name not in LEFT_OUT and not name.startswith("system.")


def _header() -> Doc:
    return {
        "form": FORM,
        "made_at": datetime.now(UTC).isoformat(),
        "migrations": sorted(migrations.applied()),
        "content_key": chat_log.content_key_mark(),
    }


@contextmanager
def _one_moment() -> Iterator[ClientSession]:
    """All that is read in this session is of one moment, however long it takes."""
    with _long_memory(), database().client.start_session(snapshot=True) as session:
        try:
            yield session
        except OperationFailure as error:
            if error.code not in TOO_OLD:
                raise
            raise Unavailable(
                "This took longer than MongoDB remembers how things were. Have it remember longer: setParameter "
                "minSnapshotHistoryWindowInSeconds."
            ) from error


@contextmanager
def _long_memory() -> Iterator[None]:
    """MongoDB by itself remembers five minutes; hosted ones do not let us change that."""
    name, admin = "minSnapshotHistoryWindowInSeconds", database().client.admin
    try:
        before = admin.command({"getParameter": 1, name: 1})[name]
        admin.command({"setParameter": 1, name: int(TASK_SECONDS)})
    except OperationFailure:
        yield
        return
    try:
        yield
    finally:
        # A backup that was killed, or another one, has left it long.
        admin.command({"setParameter": 1, name: before if before < TASK_SECONDS else HISTORY_SECONDS})


def _documents(name: str, session: ClientSession, counts: Counts) -> Iterator[bytes]:
    for doc in database()[name].with_options(codec_options=RAW).find({}, session=session):
        counts["documents"] += 1
        yield bytes(doc.raw)


def _write_picture(writer: Writer, media: Doc, counts: Counts) -> None:
    is_there = copy_media(media, lambda chunks: writer.put(f"pictures/{media['_id']}", chunks))
    counts["pictures" if is_there else "missing_pictures"] += 1  # deleted since


def restore_backup(file: Path, tell: Tell) -> Counts:
    """Bring back all of a backup. One that was broken off is begun anew by running it again.

    Raises Invalid for a file that is no whole backup or not of this place, Conflict where somebody is here already,
    SettingsError where it was made by a newer version, Unavailable where a part is away. Before the file has been
    checked to its end nothing is changed.
    """
    with _opened(file) as archive, pymongo.timeout(TASK_SECONDS):
        sums = _check_sums(archive, file)
        header = json.loads(archive.read("backup.json"))
        _check_header(header)
        _begin(sums)
        migrations.upgrade()  # the indexes: the backup's own list says that they are there
        names = [name[len("db/") : -len(".bson")] for name in archive.namelist() if name.startswith("db/")]
        counts = {"documents": sum(_restore(archive, name, tell) for name in sorted(names) if name not in LAST)}
        counts["pictures"] = _restore_pictures(archive, tell)
        counts["documents"] += sum(_restore(archive, name, tell) for name in LAST if name in names)
        migrations.upgrade()
        if broken := broken_chats():
            raise Conflict(f"The log of {len(broken)} chats has holes, the first {broken[0]}.")
        database()["restores"].update_one({"_id": "restore"}, {"$set": {"state": "done"}})
    return counts


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile) as error:
        raise _no_backup(file, str(error)) from None
    with archive:
        yield archive


def _no_backup(file: Path, why: str) -> Invalid:
    return Invalid(f"{file} is not a whole backup.", fields={"file": why})


def _check_sums(archive: zipfile.ZipFile, file: Path) -> dict[str, str]:
    try:
        sums: dict[str, str] = json.loads(archive.read("sums.json"))
        if set(sums) != set(archive.namelist()) - {"sums.json"}:
            raise _no_backup(file, "parts are missing")
        for name, sum in sums.items():
            if _sum_of(archive, name) != sum:
                raise _no_backup(file, f"{name} was changed")
    except (KeyError, ValueError, OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise _no_backup(file, str(error)) from None
    return sums


def _sum_of(archive: zipfile.ZipFile, name: str) -> str:
    total = hashlib.sha256()
    with archive.open(name) as part:
        while chunk := part.read(CHUNK):
            total.update(chunk)
    return total.hexdigest()


def _check_header(header: Doc) -> None:
    if header["form"] > FORM or set(header["migrations"]) - set(migrations.names()):
        raise Invalid("This backup is of a newer InfiTalks.", fields={"file": "restore it with that version"})
    if header["content_key"] != chat_log.content_key_mark():
        raise Invalid(
            "This backup was made under another SECRET_KEY. Set CONTENT_KEY to that one, and keep it: by it "
            "repeated sends are told.",
            fields={"CONTENT_KEY": "not the key that the backup was made under"},
        )


def _begin(sums: dict[str, str]) -> None:
    """Only into an empty place, or one where a restore was broken off."""
    unfinished = database()["restores"].find_one({"_id": "restore", "state": "running"})
    if not unfinished and database()["users"].find_one({}, {"_id": 1}):
        raise Conflict("People are here already. Restore into an empty place: another INFITALKS_DATA or database.")
    running = {"state": "running", "at": datetime.now(UTC), "parts": len(sums)}
    database()["restores"].update_one({"_id": "restore"}, {"$set": running}, upsert=True)


def _restore(archive: zipfile.ZipFile, name: str, tell: Tell) -> int:
    database()[name].delete_many({})
    count = _insert(archive, name)
    tell(f"{name}: {count}")
    return count


def _insert(archive: zipfile.ZipFile, name: str) -> int:
    count, batch = 0, list[RawBSONDocument]()
    with archive.open(f"db/{name}.bson") as part:
        for doc in bson.decode_file_iter(part, RAW):
            batch.append(doc)
            if len(batch) == AT_ONCE:
                count += _insert_batch(name, batch)
                batch = []
    return count + _insert_batch(name, batch)


def _insert_batch(name: str, batch: list[RawBSONDocument]) -> int:
    if batch:
        database()[name].with_options(codec_options=RAW).insert_many(batch, ordered=False)
    return len(batch)


def _restore_pictures(archive: zipfile.ZipFile, tell: Tell) -> int:
    """And files, into the media service of this place, under the same ids; its versions are its own."""
    count = 0
    for name in archive.namelist():
        if name.startswith("pictures/"):
            media = Media.raw().find_one({"_id": bson.ObjectId(name.removeprefix("pictures/"))})
            if media:
                with archive.open(name) as stored:
                    _restore_picture(media, stored)
                count += 1
    tell(f"pictures: {count}")
    return count


def _restore_picture(media: Doc, stored: IO[bytes]) -> None:
    try:
        store_again(media, stored)
    except (MediaUnavailable, MediaRefused) as error:
        raise Unavailable(f"A picture could not be stored: {error}. Run the same again.") from error
