"""Does the steps of a transformation to the pixels of one frame. Not for reading or writing pictures (imaging.py)."""

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

from infitalks.local.media.account import Refusal
from infitalks.local.media.transform import CUTTING, GRAVITIES, Step

MOST_PIXELS = 25_000_000  # Cloudinary's free plan
BLUR_UNIT = 20  # of a blur's strength in a pixel of radius; own choice

Size = tuple[int, int]


def drawn(image: Image.Image, steps: tuple[Step, ...]) -> Image.Image:
    """The picture (RGB or RGBA) after all steps. Raises Refusal 400 where it would get too large."""
    for step in steps:
        if step.width is not None or step.height is not None:
            image = _resized(image, step)
        image = _turned(image, step)
        image = _affected(image, step)
        image = _rounded(image, step.radius) if step.radius else image
    return image


def on_background(image: Image.Image, colour: str) -> Image.Image:
    """Without transparency."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, colour), image).convert("RGB")


def _resized(image: Image.Image, step: Step) -> Image.Image:
    box, size = _box(image.size, step), _scaled(image.size, step)
    width, height = box if step.crop in CUTTING or step.crop == "pad" else size
    if width * height > MOST_PIXELS:
        raise Refusal(400, "Maximum image size is 25 Megapixels")
    if step.crop in CUTTING:
        # Fitted in one go: resizing first could take a picture of one row to millions of them.
        within = (min(box[0], size[0]), min(box[1], size[1])) if step.crop == "lfill" else box
        centring = GRAVITIES["face" if step.crop == "thumb" and step.gravity == "center" else step.gravity]
        return ImageOps.fit(image, within, Image.Resampling.LANCZOS, centering=centring)
    if size != image.size:
        image = image.resize(size, Image.Resampling.LANCZOS)
    return _padded(image, box, step) if step.crop == "pad" else image


def _box(size: Size, step: Step) -> Size:
    """In pixels; a missing side follows the picture's proportions."""
    sides = [
        round(side * own) if isinstance(side, float) else side
        for side, own in zip((step.width, step.height), size, strict=True)
    ]
    ratio = max(side / own for side, own in zip(sides, size, strict=True) if side is not None)
    width, height = (
        max(1, round(own * ratio) if side is None else side) for side, own in zip(sides, size, strict=True)
    )
    return width, height


def _scaled(size: Size, step: Step) -> Size:
    """What the whole picture becomes, before anything is cut off or padded."""
    box = _box(size, step)
    if step.crop == "scale":
        return box
    ratios = [side / own for side, own in zip(box, size, strict=True)]
    ratio = max(ratios) if step.crop in CUTTING else min(ratios)
    if step.crop in ("limit", "lfill"):
        ratio = min(1.0, ratio)
    if step.crop in ("fill", "thumb"):
        return box
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def _padded(image: Image.Image, box: Size, step: Step) -> Image.Image:
    filled = Image.new("RGBA", box, step.background or "white")
    x, y = (
        round((side - own) * share) for side, own, share in zip(box, image.size, GRAVITIES[step.gravity], strict=True)
    )
    rgba = image.convert("RGBA")
    filled.paste(rgba, (x, y), rgba)
    return filled if image.mode == "RGBA" and step.background is None else filled.convert("RGB")


def _turned(image: Image.Image, step: Step) -> Image.Image:
    match step.turn:
        case None | "ignore" | 0:
            return image
        case "hflip":
            return ImageOps.mirror(image)
        case "vflip":
            return ImageOps.flip(image)
        case int(degrees) if degrees % 90 == 0:
            return image.rotate(-degrees, expand=True)
        case _:
            return image.convert("RGBA").rotate(-int(step.turn), Image.Resampling.BICUBIC, expand=True)


def _affected(image: Image.Image, step: Step) -> Image.Image:
    match step.effect:
        case ("blur", strength):
            return image.filter(ImageFilter.GaussianBlur(strength / BLUR_UNIT))
        case ("grayscale", _):
            return Image.merge(image.mode, [image.convert("L")] * 3 + list(image.split()[3:]))
        case ("pixelate", side):
            return _coarse(image, side)
        case _:
            return image if step.background is None or step.crop == "pad" else on_background(image, step.background)


def _coarse(image: Image.Image, side: int) -> Image.Image:
    small = (max(1, image.width // side), max(1, image.height // side))
    return image.resize(small, Image.Resampling.BOX).resize(image.size, Image.Resampling.NEAREST)


def _rounded(image: Image.Image, radius: int) -> Image.Image:
    mask = Image.new("L", image.size, 0)
    within = min(radius, min(image.size) / 2)
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, image.width - 1, image.height - 1), within, fill=255)
    rounded = image.convert("RGBA")
    rounded.putalpha(ImageChops.multiply(rounded.getchannel("A"), mask))
    return rounded
