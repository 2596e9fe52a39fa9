"""Zips that an admin is given: whole or not there at all, and for their owner alone. Not for: what is in them
(backups.py, exports.py)."""

import os
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from infitalks.actions.media import open_stored
from infitalks.actions.uploads import extension_of
from infitalks.backends.media import MediaRefused, MediaUnavailable
from infitalks.errors import Conflict, Invalid, Unavailable
from infitalks.models.database import Doc
from infitalks.models.media import is_file

RUN_BY_BROWSERS = frozenset(
    f".{name}" for name in ["htm", "html", "xhtml", "xht", "shtml", "mht", "mhtml", "svg", "svgz", "xml", "xsl", "xslt"]
)


@contextmanager
def new_zip(file: Path) -> Iterator[zipfile.ZipFile]:
    """It gets its name when it is whole and on the disk; until then it is a .part, which an error takes away.

    Raises Conflict where the file is there, Invalid naming `file` where it cannot be written.
    """
    if file.exists():
        raise Conflict(f"{file} is there already.", fields={"file": "is there already"})
    part = file.with_name(f"{file.name}.part")
    try:
        part.unlink(missing_ok=True)  # of one who was killed; anybody might have opened it since
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)  # for its owner alone
        try:
            with os.fdopen(descriptor, "wb") as stream:
                with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
                    yield archive
                stream.flush()
                os.fsync(stream.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise Invalid(f"{file} cannot be written.", fields={"file": error.strerror or str(error)}) from error


def put(archive: zipfile.ZipFile, name: str, chunks: Iterable[bytes]) -> None:
    """Write a part as it comes."""
    with archive.open(name, "w", force_zip64=True) as part:
        for chunk in chunks:
            part.write(chunk)


def part_name(media: Doc) -> str:
    """A stored picture's or file's, from nothing that its sender chose but the extension.

    Where a browser that opened it would run what is in it, it gets another one behind that.
    """
    if not is_file(media):
        return f"pictures/{media['_id']}.{media['format']}"
    extension = extension_of(media["name"]).lower()
    extension = f".{extension}" if re.fullmatch("[a-z0-9]{1,12}", extension) else ""
    return f"files/{media['_id']}{extension}{'.txt' if extension in RUN_BY_BROWSERS else ''}"


def copy_media(media: Doc, write: Callable[[Iterable[bytes]], None]) -> bool:
    """Let `write` have the stored picture's or file's bytes; False where it is stored nowhere any more.

    Raises Unavailable where the media service is away, or does not know us.
    """
    try:
        with closing(open_stored(media)) as download:
            write(download.chunks)
    except MediaRefused as refused:
        if refused.status != 404:
            raise Unavailable(f"The media service refuses us: {refused}. Look at CLOUDINARY_URL.") from refused
        return False
    except MediaUnavailable as error:
        raise Unavailable(f"The media service could not be read: {error}.") from error
    return True
