"""Pictures that tell on their senders, odd ones and bad ones, made here; and what of them is left over.

Not for sending them (test_pictures_bad.py, test_pictures_private.py).
"""

import io
import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from infitalks.models.database import database

SECRET = b"Secret"
Kept = dict[str, set[str]]


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def scene() -> Image.Image:
    image = Image.new("RGB", (80, 40), "red")
    image.paste("blue", (40, 0, 80, 40))
    return image


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))


def film(kind: str, count: int = 3, size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """A moving picture whose first frame is red."""
    frames = [Image.new("RGB", size, (255 - number * 255 // count, number * 20 % 256, 0)) for number in range(count)]
    return encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100, loop=0, **options)


# ---- that tell


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0110], exif[0x010E] = "SecretCamera", "SecretWords"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0), 3: "E", 4: (13.0, 24.0, 18.0), 29: "2026:11:22"})
    return exif


XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><exif:GPSLatitude>SecretXmp</exif:GPSLatitude></x:xmpmeta>"


def _telling_jpeg() -> bytes:
    data = encoded(scene(), "JPEG", exif=_exif(), comment=b"SecretComment", xmp=XMP)
    city = b"\x1c\x02\x5a" + struct.pack(">H", 10) + b"SecretCity"
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\x00\x00" + struct.pack(">I", len(city)) + city + b"\x00"
    return data[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + data[2:]


def _telling_png() -> bytes:
    text = PngInfo()
    text.add_text("Author", "SecretName")
    text.add_text("Comment", "SecretComment", zip=True)
    text.add_itxt("XML:com.adobe.xmp", XMP.decode())
    return encoded(scene(), "PNG", exif=_exif(), pnginfo=text)


def _telling_gif(data: bytes) -> bytes:
    """With a comment, and XMP behind its colours."""
    behind_colours = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    blocks = b"\x21\xfe" + bytes([13]) + b"SecretComment\x00"
    blocks += b"\x21\xff\x0bXMP DataXMP" + bytes([len(XMP)]) + XMP + b"\x00"
    return data[:behind_colours] + blocks + data[behind_colours:]


TELLING = {
    "a JPEG": _telling_jpeg(),
    "a PNG": _telling_png(),
    "a WebP": encoded(scene(), "WEBP", exif=_exif(), xmp=XMP),
    "a GIF": _telling_gif(encoded(scene().quantize(), "GIF")),
    "a moving GIF": _telling_gif(film("GIF")),
    "a moving WebP": film("WEBP", exif=_exif(), xmp=XMP),
}


def secrets_in(data: bytes) -> list[str]:
    """What the bytes of a picture tell beside its pixels, by the words in them and by what Pillow reads."""
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        told: dict[str, Any] = {"exif": dict(image.getexif()), "place": dict(image.getexif().get_ifd(0x8825))}
        told |= {name: image.info.get(name) for name in ("comment", "photoshop", "icc_profile", "xmp")}
        told |= {"text": getattr(image, "text", None)}
    words = {name: name.encode() in data for name in ("Secret", "Exif", "eXIf", "XMP", "xmpmeta", "Photoshop", "8BIM")}
    return [name for name, found in (told | words).items() if found]


# ---- odd, but good


def _rotated(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(scene(), "JPEG", exif=exif)


_GREY = Image.frombytes("I;16", (3, 1), struct.pack("<3H", 0, 128 * 256, 255 * 256))
# By name: the bytes, and the kind and size in which they come back.
ODD: dict[str, tuple[bytes, str, tuple[int, int]]] = {
    "CMYK": (encoded(scene().convert("CMYK"), "JPEG"), "image/jpeg", (80, 40)),
    "16 bits": (encoded(_GREY.resize((30, 10), 0), "PNG"), "image/png", (30, 10)),
    "a photo of two lenses": (encoded(scene(), "MPO", save_all=True, append_images=[scene()]), "image/jpeg", (80, 40)),
    "a moving PNG": (film("PNG"), "image/png", (60, 40)),
    "a GIF that does not move": (encoded(scene(), "GIF"), "image/png", (80, 40)),
    "something behind its end": (encoded(scene(), "JPEG") + b"<script>PK\x03\x04", "image/jpeg", (80, 40)),
    "a broken colour profile": (encoded(scene(), "PNG", icc_profile=b"no profile"), "image/png", (80, 40)),
    **{f"held as {n}": (_rotated(n), "image/jpeg", (80, 40) if n < 5 else (40, 80)) for n in range(1, 9)},
}


# ---- bad


def flood(width: int, height: int) -> bytes:
    """A PNG of so many pixels in a few kilobytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compressobj(9)
    line = bytes((width + 7) // 8 + 1)
    body = b"".join(rows.compress(line) for _ in range(height)) + rows.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


SVG = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
DAMAGED, TOO_LARGE, TOO_LONG = "damaged or cut off", "25 megapixels at most", "animation is too long"
# Refused at once: the bytes, the status and what the answer says.
REFUSED: dict[str, tuple[bytes, int, str]] = {
    "an SVG": (SVG, 415, "JPEG, PNG, WebP or GIF"),
    "HTML": (b"<!doctype html><script>alert(1)</script>", 415, "JPEG, PNG, WebP or GIF"),
    "a PDF": (b"%PDF-1.7\n", 415, "JPEG, PNG, WebP or GIF"),
    "a TIFF": (encoded(scene(), "TIFF"), 415, "JPEG, PNG, WebP or GIF"),
    "a Postscript": (encoded(scene(), "EPS"), 415, "JPEG, PNG, WebP or GIF"),
    "an archive": (b"PK\x03\x04" + bytes(100), 415, "JPEG, PNG, WebP or GIF"),
    "nothing": (b"", 422, "empty"),
    "over 10 MB": (encoded(scene(), "PNG").ljust(10 * 1024 * 1024 + 1, b"\0"), 413, "10 MB at most"),
}
# Shown as failed: the bytes and the reason.
FAILING: dict[str, tuple[bytes, str]] = {
    "a bomb": (flood(12_000, 12_000), TOO_LARGE),
    "a bomb that Pillow takes for one": (flood(50_000, 50_000), TOO_LARGE),
    "a little over 25 megapixels": (encoded(Image.new("L", (5001, 5000)), "JPEG"), TOO_LARGE),
    "a GIF of too many pixels": (film("GIF", 7, (3000, 2500)), TOO_LONG),
    "a WebP of too many pixels": (film("WEBP", 7, (3000, 2500)), TOO_LONG),
    "a GIF of too many frames": (film("GIF", 1001, (2, 2)), TOO_LONG),
    "HTML behind a GIF's first bytes": (b"GIF89a/*<script>alert(1)</script>*/=1", DAMAGED),
    "an SVG behind a JPEG's first bytes": (b"\xff\xd8\xff" + SVG, DAMAGED),
    **{
        f"half a {kind}": (data[: len(data) // 2], DAMAGED)
        for kind, data in ((kind, encoded(noise(60, 60), kind)) for kind in ("JPEG", "PNG", "WEBP", "GIF"))
    },
}


# ---- what is left over


def kept(folder: Path) -> Kept:
    """All that is kept of pictures: in MongoDB, and in the media service's folder."""
    folders = ("originals", "raw/originals", "derived", "chunks")
    files = {name: {path.name for path in (folder / name).iterdir()} for name in folders}
    rows = {name: set(map(str, database()[name].distinct("_id"))) for name in ("media", "spool.files")}
    chunks = {"spool.chunks": set(map(str, database()["spool.chunks"].distinct("files_id")))}
    return {**files, **rows, **chunks}


@contextmanager
def nothing_left(folder: Path) -> Iterator[None]:
    """After the block as much is kept as before."""
    before = kept(folder)
    yield
    after = kept(folder)
    assert {name: after[name] - before[name] for name in before if after[name] - before[name]} == {}
