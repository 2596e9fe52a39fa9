"""How large a picture will be shown, by its header alone, so that pages keep room for it while it is being prepared.

Not for: whether it can be shown (pictures.py). Nothing is decoded here, so hostile bytes may come in.
"""

import struct
from typing import IO

from PIL import ExifTags, Image

HEAD_OF_WEBP = 30  # bytes
LYING = range(5, 9)  # EXIF's orientations whose width is the picture's height


def read_dimensions(stream: IO[bytes]) -> tuple[int, int] | None:
    """(width, height) in pixels once it is upright; None where the header does not say."""
    try:
        found = _of_webp(stream.read(HEAD_OF_WEBP)) or _of_others(stream)
    except Exception:  # on hostile bytes the library raises whatever it likes
        found = None
    stream.seek(0)
    return found if found and min(found) > 0 else None


def _of_others(stream: IO[bytes]) -> tuple[int, int]:
    stream.seek(0)
    with Image.open(stream, formats=("JPEG", "PNG", "GIF")) as picture:
        width, height = picture.size
        lies = picture.getexif().get(ExifTags.Base.Orientation) in LYING
    return (height, width) if lies else (width, height)


def _of_webp(head: bytes) -> tuple[int, int] | None:
    """By RFC 9649, 2.5 to 2.7. The library would make room for all of the picture's pixels to tell."""
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        (bits,) = struct.unpack("<I", head[21:25])
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack("<HH", head[26:30]))
    return width, height
