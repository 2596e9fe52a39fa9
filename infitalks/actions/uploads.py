"""What comes in: a picture or another file, told apart by its content, its name cleaned, its bytes kept until a worker
takes them up. Not for: what becomes of it (media.py)."""

import os
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from mimetypes import MimeTypes
from typing import IO, Literal

from bson import ObjectId

from infitalks import events
from infitalks.actions.media import PUBLIC_IDS
from infitalks.errors import Invalid, TooLarge, WrongType
from infitalks.integrations.dimensions import read_dimensions
from infitalks.integrations.pictures import sniff
from infitalks.models.database import Doc
from infitalks.models.media import Media, spool

LARGEST_PICTURE = 10 * 1024 * 1024  # bytes, as on Cloudinary's free plan
LONGEST_NAME = 200  # characters
LONGEST_EXTENSION = 20
PICTURE_NAMES = frozenset({"jpg", "jpeg", "png", "webp", "gif"})
ANY_TYPE = "application/octet-stream"

_types = MimeTypes()  # the library's own table, not the machine's, so that a name means the same everywhere
_OFFICE = "application/vnd.openxmlformats-officedocument"
_OPEN = "application/vnd.oasis.opendocument"
for _extension, _type in {
    **{".docx": f"{_OFFICE}.wordprocessingml.document", ".odt": f"{_OPEN}.text"},
    **{".xlsx": f"{_OFFICE}.spreadsheetml.sheet", ".ods": f"{_OPEN}.spreadsheet"},
    **{".pptx": f"{_OFFICE}.presentationml.presentation", ".odp": f"{_OPEN}.presentation"},
    **{".7z": "application/x-7z-compressed", ".rar": "application/vnd.rar", ".md": "text/markdown"},
}.items():
    _types.add_type(_type, _extension)


@dataclass(frozen=True, slots=True)
class Upload:
    """What somebody sends; `size` in bytes. A file's content type is only what its name claims."""

    kind: Literal["picture", "file"]
    name: str
    content_type: str
    size: int
    stream: IO[bytes]
    dimensions: tuple[int, int] | None = None  # of a picture, as its header has them


def read_upload(name: str, stream: IO[bytes], largest_file: int) -> Upload:
    """Tell what it is. A file may have `largest_file` bytes.

    Raises Invalid where it is empty, TooLarge, and WrongType for what is called a picture and begins like none:
    people would take it for one that does not show.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    if not size:
        raise Invalid("The file is empty.", fields={"file": "is empty"})
    claimed = sniff(stream.read(16))
    stream.seek(0)
    cleaned = clean_name(name)
    if not claimed and extension_of(cleaned).lower() not in PICTURE_NAMES:
        _check_size("file", size, largest_file)
        return Upload("file", cleaned or "file", _types.guess_type(cleaned)[0] or ANY_TYPE, size, stream)
    _check_size("picture", size, LARGEST_PICTURE)
    if not claimed:
        raise WrongType(
            "It is called a picture, but is no JPEG, PNG, WebP or GIF.",
            fields={"file": "is no picture, as its name says"},
        )
    return Upload("picture", cleaned or "picture", claimed, size, stream, read_dimensions(stream))


def read_picture(name: str, stream: IO[bytes]) -> Upload:
    """The same for where nothing but a picture can be used."""
    upload = read_upload(name, stream, LARGEST_PICTURE)
    if upload.kind != "picture":
        raise WrongType("Pictures are JPEG, PNG, WebP or GIF.", fields={"file": "is no picture of these kinds"})
    return upload


def _check_size(kind: str, size: int, most: int) -> None:
    if size > most:
        mb = most // 1024**2
        raise TooLarge(f"A {kind} may have {mb} MB at most.", fields={"file": f"is larger than {mb} MB"})


def clean_name(name: str) -> str:
    """A label: no path, nothing that cannot be seen or that turns the direction of reading, 200 characters at most.

    The extension stays. Empty where nothing is left.
    """
    last = re.split(r"[/\\]", name)[-1]
    seen = "".join(" " if char.isspace() else char for char in last if char.isspace() or char.isprintable())
    label = re.sub(" +", " ", seen).strip().rstrip(" .")
    if len(label) <= LONGEST_NAME:
        return label
    extension = extension_of(label)
    return f"{label[: LONGEST_NAME - len(extension) - 1]}.{extension}" if extension else label[:LONGEST_NAME]


def extension_of(name: str) -> str:
    """Without its dot; empty where there is none, or what is there is too long to be one."""
    stem, _, extension = name.rpartition(".")
    return extension if stem and len(extension) <= LONGEST_EXTENSION else ""


def upload_media(user_id: ObjectId, upload: Upload) -> Doc:
    """Keep it until a worker has stored it. Returns the stored media."""
    now = datetime.now(UTC)
    width, height = upload.dimensions or (None, None)
    media: Doc = {
        "_id": ObjectId(),
        "owner": user_id,
        "kind": upload.kind,
        "state": "processing",
        "reason": None,
        "name": upload.name,
        "content_type": upload.content_type,
        "bytes": upload.size,
        "width": width,
        "height": height,
        "spool": spool().upload_from_stream("upload", upload.stream),
        "tries": 0,
        "due": now,
        "public_id": f"{PUBLIC_IDS}{secrets.token_hex(16)}",
        "told": False,
        "created_at": now,
    }
    Media.raw().insert_one(media)
    events.media_uploaded(media["_id"])
    return media
