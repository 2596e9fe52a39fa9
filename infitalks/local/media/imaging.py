"""Looks into pictures and makes derived ones with Pillow. Not for reading links or keeping what was made."""

import io
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore

from PIL import Image, ImageOps

from infitalks.local.media.account import Refusal
from infitalks.local.media.transform import Plan, Step

MOST_PIXELS = 25_000_000  # with the next one: Cloudinary's free plan
MOST_PIXELS_OF_ALL_FRAMES = 50_000_000

KINDS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}
FORMATS = {kind: format for format, kind in KINDS.items()}
MOVING = frozenset({"gif", "webp"})

Image.MAX_IMAGE_PIXELS = None  # `_open` is stricter, and refuses instead of warning

# Two at a time: a picture of the largest size takes some hundred megabytes while it is worked on.
_working = BoundedSemaphore(2)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a picture is. `pages` counts its frames."""

    format: str
    width: int
    height: int
    pages: int


def look(data: bytes) -> Facts:
    """Decode a picture to see that it is one. Raises Refusal."""
    with _working:
        try:
            with _open(io.BytesIO(data)) as image:
                _check_frames(image)
                facts = Facts(FORMATS[image.format or ""], image.width, image.height, _pages(image))
                image.load()
                return facts
        except Refusal:
            raise
        except Exception as error:  # on hostile bytes decoders raise whatever they like
            raise Refusal(400, "Invalid image file") from error


def derive(original: Path, plan: Plan, format: str) -> bytes:
    """The transformed picture: upright, without metadata. One that moves still does if its format stays.

    Raises FileNotFoundError where the original has just gone.
    """
    with _working, original.open("rb") as file, _open(file) as image:
        if format in MOVING and FORMATS[image.format or ""] == format and _pages(image) > 1:
            return _derive_moving(image, plan, format)
        return _encode(_clean(_still(image, plan.steps)), format, plan.quality)


def _derive_moving(image: Image.Image, plan: Plan, format: str) -> bytes:
    frames: list[Image.Image] = []
    durations: list[int] = []
    for number in range(_pages(image)):
        image.seek(number)
        frames.append(_clean(_resized(image.convert("RGBA"), plan.steps)))
        durations.append(int(image.info.get("duration", 0)))
    if all(frame.getchannel("A").getextrema() == (255, 255) for frame in frames):
        frames = [frame.convert("RGB") for frame in frames]
    moving = {"save_all": True, "append_images": frames[1:], "duration": durations}
    if format == "gif":
        # Where frames are see-through the one before has to go, else it shines through.
        moving["disposal"] = 2 if frames[0].mode == "RGBA" else 0
    return _encode(frames[0], format, plan.quality, loop=image.info.get("loop", 0), **moving)


def _open(file: io.BufferedReader | io.BytesIO) -> Image.Image:
    """Refuses by size before anything is decoded."""
    image = Image.open(file, formats=tuple(FORMATS))
    pixels = image.width * image.height
    if pixels > MOST_PIXELS:
        raise Refusal(400, f"Maximum image size is 25 Megapixels. Requested {pixels / 1e6:.2f} Megapixels")
    return image


def _check_frames(image: Image.Image) -> None:
    pixels = image.width * image.height * _pages(image)
    if pixels > MOST_PIXELS_OF_ALL_FRAMES:
        raise Refusal(
            400,
            "Maximum total number of pixels in all frames/pages is 50 Megapixels. "
            f"Requested {pixels / 1e6:.2f} Megapixels",
        )


def _pages(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1))


def _still(image: Image.Image, steps: tuple[Step, ...]) -> Image.Image:
    if len(steps) == 1 and steps[0].crop == "limit":
        longest = max(steps[0].width or 0, steps[0].height or 0)
        image.draft("RGB", (2 * longest, 2 * longest))  # a JPEG is decoded at a fraction of its size
    return _resized(_smooth(_upright(image)), steps)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # cameras and editors write broken EXIF; the picture is still good
        return image


def _smooth(image: Image.Image) -> Image.Image:
    """In a mode that resizes well and that every format but JPEG can hold."""
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion cuts all above 255 to white
        return image.convert("I").point(lambda level: level / 256).convert("L").convert("RGB")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _resized(image: Image.Image, steps: tuple[Step, ...]) -> Image.Image:
    for step in steps:
        width, height = _size(image, step)
        if width * height > MOST_PIXELS:
            raise Refusal(400, "Maximum image size is 25 Megapixels")
        if step.crop == "fill":
            image = ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)
        elif (width, height) != image.size:
            image = image.resize((width, height), Image.Resampling.LANCZOS)
    return image


def _size(image: Image.Image, step: Step) -> tuple[int, int]:
    """What a step makes of the picture's size; a missing side follows the picture's proportions."""
    wanted = [(step.width, image.width), (step.height, image.height)]
    ratios = [side / own for side, own in wanted if side is not None]
    if step.crop == "fill":
        width, height = (side or max(1, round(own * ratios[0])) for side, own in wanted)
        return width, height
    ratio = min([1.0, *ratios])
    return max(1, round(image.width * ratio)), max(1, round(image.height * ratio))


def _clean(image: Image.Image) -> Image.Image:
    clean = image.copy()
    clean.info = {}
    return clean


def _encode(image: Image.Image, format: str, quality: int | None, **options: object) -> bytes:
    if format == "jpg" and image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    if format in ("jpg", "webp"):
        options["quality"] = quality or 82
    out = io.BytesIO()
    image.save(out, KINDS[format], **options)
    return out.getvalue()
