"""Looks into pictures and makes derived ones with Pillow. Not for the steps themselves (drawing.py)."""

import io
from dataclasses import dataclass
from pathlib import Path
from threading import BoundedSemaphore

from PIL import Image, ImageCms, ImageOps

from infitalks.local.media.account import Refusal
from infitalks.local.media.drawing import MOST_PIXELS, drawn, on_background
from infitalks.local.media.transform import Plan

MOST_PIXELS_OF_ALL_FRAMES = 50_000_000  # Cloudinary's free plan

KINDS = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP", "gif": "GIF"}
FORMATS = {kind: format for format, kind in KINDS.items()} | {"MPO": "jpg"}  # a JPEG with others behind it
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


def negotiated(asset_format: str, pages: int, accepted: str) -> str:
    """The format that `f_auto` gives to a client with that Accept header: WebP where it is named."""
    if "image/webp" in accepted:
        return "webp"
    return "gif" if pages > 1 and asset_format == "gif" else "png" if asset_format in ("png", "gif", "webp") else "jpg"


def derive(original: Path, plan: Plan, format: str) -> bytes:
    """The transformed picture: upright, in sRGB, without metadata. One that moves still does where the format can.

    Raises FileNotFoundError where the original has just gone.
    """
    with _working, original.open("rb") as file, _open(file) as image:
        if format in MOVING and FORMATS[image.format or ""] in MOVING and _pages(image) > 1:
            return _derive_moving(image, plan, format)
        return _encode(_clean(_still(image, plan)), format, plan)


def _derive_moving(image: Image.Image, plan: Plan, format: str) -> bytes:
    frames: list[Image.Image] = []
    durations: list[int] = []
    for number in range(_pages(image)):
        image.seek(number)
        frames.append(_clean(drawn(image.convert("RGBA"), plan.steps)))
        durations.append(int(image.info.get("duration", 0)))
    if all(frame.mode == "RGB" or frame.getchannel("A").getextrema() == (255, 255) for frame in frames):
        frames = [frame.convert("RGB") for frame in frames]
    moving = {"save_all": True, "append_images": frames[1:], "duration": durations}
    if format == "gif":
        # Where frames are see-through the one before has to go, else it shines through.
        moving["disposal"] = 2 if frames[0].mode == "RGBA" else 0
    return _encode(frames[0], format, plan, loop=image.info.get("loop", 0), **moving)


def _open(file: io.BufferedReader | io.BytesIO) -> Image.Image:
    """Refuses by size before anything is decoded."""
    image = Image.open(file, formats=tuple(KINDS.values()))
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
    if image.format == "MPO":
        return 1
    return int(getattr(image, "n_frames", 1))


def _still(image: Image.Image, plan: Plan) -> Image.Image:
    steps = plan.steps
    sides = [side for side in (steps[0].width, steps[0].height) if isinstance(side, int)] if len(steps) == 1 else []
    if sides and steps[0].crop == "limit":
        image.draft("RGB", (2 * max(sides), 2 * max(sides)))  # a JPEG is decoded at a fraction of its size
    profile = image.info.get("icc_profile")
    upright = _upright(image) if plan.upright else image
    return drawn(_in_srgb(_smooth(upright), profile), steps)


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # cameras and editors write broken EXIF; the picture is still good
        return image


def _smooth(image: Image.Image) -> Image.Image:
    """In a mode that resizes well and that every format but JPEG can hold. CMYK waits for its colour profile."""
    if image.mode.startswith("I"):  # 16 bits; Pillow's own conversion cuts all above 255 to white
        return image.convert("I").point(lambda level: level / 256).convert("L").convert("RGB")
    if image.mode == "CMYK":
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    mode = "RGB" if image.mode == "CMYK" else image.mode
    try:
        if profile:
            own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
            return ImageCms.profileToProfile(image, own, srgb, outputMode=mode) or image.convert(mode)
    except (ImageCms.PyCMSError, OSError):  # a broken profile, or one of another colour model
        pass
    return image.convert(mode)


def _clean(image: Image.Image) -> Image.Image:
    clean = image.copy()
    clean.info = {}
    return clean


def _encode(image: Image.Image, format: str, plan: Plan, **options: object) -> bytes:
    if format == "jpg":
        image = on_background(image, "white")
        options["progressive"] = plan.progressive
    if format in ("jpg", "webp"):
        options["quality"] = plan.quality or 82
    out = io.BytesIO()
    image.save(out, KINDS[format], **options)
    return out.getvalue()
