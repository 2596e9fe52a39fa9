"""Makes an uploaded picture safe and small: bytes in, bytes out. What it returns holds nothing but pixels.

Not for: storing or sending pictures. Hostile bytes go through `prepare_in_child`, never `prepare` itself.
"""

import base64
import io
import json
import resource
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image, ImageCms, ImageFilter

MAX_BYTES = 10_485_760  # Cloudinary's free plan, as are the next two
MAX_PIXELS = 25_000_000
MAX_PIXELS_OF_ALL_FRAMES = 50_000_000
MAX_FRAMES = 1000
LONGEST_SIDE = 2560  # pixels
LARGEST_PNG = 2 * 1024 * 1024  # bytes; a larger one is a photo, for which WebP is made

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
MOVING = ("WEBP", "GIF")
EXTENSIONS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif"}

NOT_A_PICTURE = "Only JPEG, PNG, WebP and GIF pictures can be sent."
TOO_MANY_PIXELS = "A picture can have 25 megapixels at most."
TOO_LONG = "This animation is too long."
DAMAGED = "This picture is damaged or cut off."
TOO_HARD = "This picture takes too much memory or time to read."


class PictureRefused(Exception):
    """This picture cannot be taken; `reason` is a sentence for people."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Prepared:
    """A clean picture. `format` is jpg, png, webp or gif; `placeholder` a data URI of some blurred pixels; `moving`:
    it has more than one frame."""

    data: bytes
    content_type: str
    format: str
    width: int
    height: int
    placeholder: str
    moving: bool


@dataclass(frozen=True, slots=True)
class _Film:
    """The frames of a picture, all of one size; one frame where it does not move."""

    frames: list[Image.Image]
    durations: list[int]  # milliseconds
    loop: int | None  # as GIF counts: 0 is for ever, None plays once


def sniff(data: bytes) -> str | None:
    """The content type that the first bytes claim, or None where it is none of the four that can be sent."""
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return None


def prepare(data: bytes) -> Prepared:
    """Upright, at most 2560 pixels long, sRGB, without metadata or trailing bytes; moving ones still move.

    Raises PictureRefused.
    """
    if sniff(data) is None:
        raise PictureRefused(NOT_A_PICTURE)
    if len(data) > MAX_BYTES:
        raise PictureRefused("This picture is larger than 10 MB.")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as source:
            _check_size(source)
            # What two-lens and HDR cameras write is a JPEG with other pictures behind it, which go.
            kind = "JPEG" if source.format == "MPO" else source.format or ""
            film = _read(source)
        return _finish(film, kind)
    except (PictureRefused, MemoryError):
        raise
    except Image.DecompressionBombError:  # Pillow's own limit is looser, but looked at before ours
        raise PictureRefused(TOO_MANY_PIXELS) from None
    except Exception as error:  # on hostile bytes decoders raise whatever they like
        raise PictureRefused(DAMAGED) from error


def _check_size(source: Image.Image) -> None:
    if source.width * source.height > MAX_PIXELS:
        raise PictureRefused(TOO_MANY_PIXELS)


def _read(source: Image.Image) -> _Film:
    """A moving PNG gives its still picture."""
    if source.format not in MOVING or not getattr(source, "is_animated", False):
        return _Film([_shape(source)], [0], None)
    frames: list[Image.Image] = []
    durations: list[int] = []
    for frame in _frames_within_limits(source):
        frames.append(_shape(frame.copy()))
        # read after the copy: a WebP frame knows its duration only once it is decoded
        durations.append(int(source.info.get("duration", 0)))
    return _Film(_alike(frames), durations, source.info.get("loop"))


def _frames_within_limits(source: Image.Image) -> Iterator[Image.Image]:
    # Counted while decoding: a GIF asked for its number of frames walks them all, half a million in 10 MB.
    most = min(MAX_FRAMES, MAX_PIXELS_OF_ALL_FRAMES // (source.width * source.height))
    if source.format == "WEBP" and getattr(source, "n_frames", 1) > most:
        raise PictureRefused(TOO_LONG)
    for number in range(most + 1):
        try:
            source.seek(number)
        except EOFError:
            return
        if number == most:
            raise PictureRefused(TOO_LONG)
        yield source


def _shape(image: Image.Image) -> Image.Image:
    """One frame: eight bits, limited in size, upright, sRGB, no metadata. May change `image`."""
    profile = image.info.get("icc_profile")
    orientation = _orientation(image)
    image = _resizable(image)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)  # decodes a large JPEG at a fraction
    image = _in_srgb(image, profile)
    if orientation is not None:
        image = image.transpose(orientation)
    clean = image.copy()
    clean.info = {}
    return clean


_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _orientation(image: Image.Image) -> Image.Transpose | None:
    try:
        value = image.getexif().get(0x0112)
        return _UPRIGHT.get(value) if isinstance(value, int) else None
    except Exception:  # cameras and editors write broken EXIF; the picture is still good
        return None


def _resizable(image: Image.Image) -> Image.Image:
    """As RGB, RGBA, L or CMYK, the modes that resize smoothly and keep their colours."""
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion to L cuts all above 255 to white
        return image.convert("I").point(lambda level: level / 256).convert("L")
    if image.has_transparency_data:
        return image if image.mode == "RGBA" else image.convert("RGBA")
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    mode = "RGB" if image.mode == "CMYK" else image.mode
    if profile and mode != "L":
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode=mode)
            return converted or image
        except (ImageCms.PyCMSError, OSError):  # a broken profile, or one of another colour model
            pass
    return image if image.mode == mode else image.convert(mode)


def _alike(frames: list[Image.Image]) -> list[Image.Image]:
    """All in one mode: a GIF's frames differ, and many have an alpha channel that is nowhere see-through."""
    mode = "RGBA" if any(_is_see_through(frame) for frame in frames) else "RGB"
    return [frame if frame.mode == mode else frame.convert(mode) for frame in frames]


def _is_see_through(image: Image.Image) -> bool:
    return image.mode == "RGBA" and image.getchannel("A").getextrema() != (255, 255)


def _finish(film: _Film, kind: str) -> Prepared:
    data, kind = _encode(film, kind)
    if len(data) > MAX_BYTES:
        raise PictureRefused("This picture stays larger than 10 MB.")
    first = film.frames[0]
    return Prepared(
        data,
        Image.MIME[kind],
        EXTENSIONS[kind],
        first.width,
        first.height,
        placeholder=_placeholder(first),
        moving=len(film.frames) > 1,
    )


def _encode(film: _Film, kind: str) -> tuple[bytes, str]:
    """The bytes and the format chosen for them."""
    if len(film.frames) > 1:
        data = _save_moving(film, kind)
        if len(data) > MAX_BYTES and kind == "GIF":
            return _save_moving(film, "WEBP"), "WEBP"
        return data, kind
    still = film.frames[0]
    kind = "PNG" if kind == "GIF" else kind
    data = _save_still(still, kind)
    if kind == "PNG" and len(data) > LARGEST_PNG:
        return _save_still(still, "WEBP"), "WEBP"
    return data, kind


def _save_still(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "JPEG":
        image.save(out, kind, quality=85, optimize=True, progressive=True)
    elif kind == "WEBP":
        image.save(out, kind, quality=85, method=4)
    else:
        image.save(out, kind)
    return out.getvalue()


def _save_moving(film: _Film, kind: str) -> bytes:
    first, *rest = film.frames
    options: dict[str, object] = {"save_all": True, "append_images": rest, "duration": film.durations}
    if kind == "WEBP":
        options |= {"loop": 1 if film.loop is None else film.loop, "quality": 80, "method": 2}
    else:
        # Where frames are see-through the one before has to go, else it shines through.
        options |= {"disposal": 2 if first.mode == "RGBA" else 0}
        options |= {} if film.loop is None else {"loop": film.loop}
    out = io.BytesIO()
    first.save(out, kind, **options)
    return out.getvalue()


def _placeholder(image: Image.Image) -> str:
    """Below 400 characters even for noise: 16 pixels are too few to need more."""
    tiny = image.copy()
    tiny.thumbnail((16, 16))
    out = io.BytesIO()
    tiny.filter(ImageFilter.GaussianBlur(1)).save(out, "WEBP", quality=20, alpha_quality=20, method=6)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def prepare_in_child(data: bytes, *, seconds: int = 20, memory: int = 512 * 1024 * 1024) -> Prepared:
    """`prepare` in a process of its own that can use so much time and memory (bytes), and no files.

    Raises PictureRefused, also where the limits stop it; RuntimeError where the child itself does not work.
    """
    command = [sys.executable, "-m", "infitalks.integrations.pictures", str(seconds), str(memory)]
    try:
        # No environment: whoever takes over a decoder should find no secrets in it.
        child = subprocess.run(
            command,
            input=data,
            capture_output=True,
            timeout=seconds,
            env={},
            cwd=Path(__file__).parents[2],
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PictureRefused(TOO_HARD) from None
    if child.returncode < 0:
        raise PictureRefused(TOO_HARD)
    if child.returncode:
        raise RuntimeError(f"the picture process ended with {child.returncode}: {child.stderr[-500:]!r}")
    return _unpack(child.stdout)


def _unpack(answer: bytes) -> Prepared:
    (length,) = struct.unpack_from(">I", answer)
    header = json.loads(answer[4 : 4 + length])
    if "refused" in header:
        raise PictureRefused(header["refused"])
    return Prepared(data=answer[4 + length :], **header)


def _pack(header: dict[str, object], data: bytes = b"") -> bytes:
    """A big-endian length of four bytes, a JSON header of that length, the picture."""
    text = json.dumps(header).encode()
    return struct.pack(">I", len(text)) + text + data


def _limit_this_process(seconds: int, memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.alarm(seconds)  # ends it also when the parent is gone and cannot


def _answer(data: bytes) -> bytes:
    try:
        picture = asdict(prepare(data))
    except PictureRefused as refusal:
        return _pack({"refused": refusal.reason})
    except MemoryError:
        return _pack({"refused": TOO_HARD})
    pixels = picture.pop("data")
    return _pack(picture, pixels)


if __name__ == "__main__":
    _limit_this_process(seconds=int(sys.argv[1]), memory=int(sys.argv[2]))
    sys.stdout.buffer.write(_answer(sys.stdin.buffer.read()))
