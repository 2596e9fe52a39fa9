"""The size of a picture by its header: right for what people send, and harmless for what they should not."""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image

from infitalks.integrations.dimensions import read_dimensions


def written(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, (300, 20), "red").save(out, kind, **options)
    return out.getvalue()


def turned(by: int) -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = by
    return exif


MORE = [Image.new("RGB", (300, 20), "blue")]
SHOWN = {
    "a JPEG": (written("JPEG"), (300, 20)),
    "a photo held upright": (written("JPEG", exif=turned(6)), (20, 300)),
    "a photo upside down": (written("JPEG", exif=turned(3)), (300, 20)),
    "a PNG": (written("PNG", "RGBA"), (300, 20)),
    "a GIF": (written("GIF", save_all=True, append_images=MORE), (300, 20)),
    "a WebP": (written("WEBP"), (300, 20)),
    "a lossless WebP": (written("WEBP", lossless=True), (300, 20)),
    "a moving WebP": (written("WEBP", save_all=True, append_images=MORE), (300, 20)),
    "no picture": (b"GIF is what I like", None),
    "nothing": (b"", None),
    "a cut WebP": (written("WEBP")[:20], None),
}


@pytest.mark.parametrize(("data", "size"), SHOWN.values(), ids=SHOWN)
def test_the_size_is_the_one_it_will_be_shown_with(data: bytes, size: tuple[int, int] | None) -> None:
    stream = io.BytesIO(data)
    assert read_dimensions(stream) == size
    assert stream.tell() == 0


@given(st.sampled_from([data for data, _ in SHOWN.values() if data]), st.data())
def test_damage_gives_a_size_or_none(data: bytes, draw: st.DataObject) -> None:
    damaged = bytearray(data)
    for _ in range(5):
        damaged[draw.draw(st.integers(0, len(damaged) - 1))] = draw.draw(st.integers(0, 255))
    found = read_dimensions(io.BytesIO(bytes(damaged)))
    assert found is None or min(found) > 0
