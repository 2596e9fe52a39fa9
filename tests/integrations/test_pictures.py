"""What people upload comes back as a safe picture, or with a sentence that says why not."""

import base64
import io
import os
import signal
import struct
import subprocess
import sys
import zlib
from typing import Any

import pytest
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from infitalks.integrations.pictures import (
    LONGEST_SIDE,
    MAX_BYTES,
    PictureRefused,
    Prepared,
    prepare,
    prepare_in_child,
    sniff,
)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decoded(picture: Prepared) -> Image.Image:
    image = Image.open(io.BytesIO(picture.data))
    assert (image.size, Image.MIME[image.format or ""]) == (
        (picture.width, picture.height),
        picture.content_type,
    )
    return image


def noise(width: int, height: int) -> Image.Image:
    return Image.frombytes("RGB", (width, height), os.urandom(width * height * 3))


def half_red_half_blue() -> Image.Image:
    image = Image.new("RGB", (80, 40), "red")
    image.paste("blue", (40, 0, 80, 40))
    return image


def colors_of(image: Image.Image, *places: tuple[int, int]) -> list[str]:
    names = {(True, False): "red", (False, True): "blue"}
    pixels = [image.convert("RGB").getpixel(place) for place in places]
    return [names[pixel[0] > 150, pixel[2] > 150] for pixel in pixels if isinstance(pixel, tuple)]


def png(width: int, height: int, *chunks: bytes) -> bytes:
    """A PNG of a made-up header, without having to hold its pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compressobj(9)
    line = bytes((width + 7) // 8 + 1)
    body = b"".join(rows.compress(line) for _ in range(height)) + rows.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


# ---- what is dropped


def test_a_photo_loses_place_camera_comment_and_thumbnail() -> None:
    exif = Image.Exif()
    exif[0x0110] = "SecretCam"
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    photo = encoded(
        half_red_half_blue(),
        "JPEG",
        exif=exif,
        comment=b"SecretComment",
        xmp=b"<x:xmpmeta>SecretXmp</x:xmpmeta>",
    )
    assert Image.open(io.BytesIO(photo)).getexif().get_ifd(0x8825)[2] == (52.0, 31.0, 12.0)
    picture = prepare(photo)
    image = decoded(picture)
    assert not image.getexif()
    assert set(image.info) <= {
        "jfif",
        "jfif_version",
        "jfif_unit",
        "jfif_density",
        "progressive",
        "progression",
    }
    assert not any(word in picture.data for word in (b"Secret", b"Exif", b"xmp"))


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF"])
def test_other_formats_lose_their_metadata_too(kind: str) -> None:
    exif = Image.Exif()
    exif[0x0110] = "SecretCam"
    text = PngInfo()
    text.add_text("Author", "SecretName")
    extra: dict[str, dict[str, Any]] = {
        "PNG": {"exif": exif, "pnginfo": text},
        "WEBP": {"exif": exif},
        "GIF": {"comment": b"SecretCam"},
    }
    source = encoded(half_red_half_blue(), kind, **extra[kind])
    assert b"Secret" in source
    assert b"Secret" not in prepare(source).data


def test_a_moving_picture_loses_its_metadata_too() -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue")]
    film = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], comment=b"SecretCam")
    assert b"Secret" in film
    assert b"Secret" not in prepare(film).data


def test_a_photo_of_two_lenses_is_its_first_picture_alone() -> None:
    behind = Image.new("RGB", (80, 40), "lime")
    photo = encoded(half_red_half_blue(), "MPO", save_all=True, append_images=[behind])
    assert Image.open(io.BytesIO(photo)).format == "MPO" and sniff(photo) == "image/jpeg"
    picture = prepare(photo)
    assert (picture.content_type, picture.format, picture.moving) == ("image/jpeg", "jpg", False)
    assert colors_of(decoded(picture), (5, 5), (75, 35)) == ["red", "blue"]
    assert len(picture.data) < len(photo) * 3 / 4


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_what_hangs_on_a_pictures_end_is_cut_off(kind: str) -> None:
    polyglot = encoded(half_red_half_blue(), kind) + b"<script>alert(1)</script>PK\x03\x04"
    picture = prepare(polyglot)
    assert decoded(picture).size == (80, 40)
    assert b"<script>" not in picture.data


# ---- what is kept


@pytest.mark.parametrize(
    ("orientation", "size", "first", "last"),
    [(1, (80, 40), "red", "blue"), (2, (80, 40), "blue", "red"), (3, (80, 40), "blue", "red")]
    + [(4, (80, 40), "red", "blue"), (5, (40, 80), "red", "blue"), (6, (40, 80), "red", "blue")]
    + [(7, (40, 80), "blue", "red"), (8, (40, 80), "blue", "red")],
)
def test_a_photo_comes_back_upright(orientation: int, size: tuple[int, int], first: str, last: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decoded(prepare(encoded(half_red_half_blue(), "JPEG", exif=exif)))
    assert image.size == size
    assert colors_of(image, (4, 4), (size[0] - 5, size[1] - 5)) == [first, last]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_does_not_spoil_a_good_photo() -> None:
    photo = encoded(half_red_half_blue(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\x7f" + b"\xff" * 40)
    assert decoded(prepare(photo)).size == (80, 40)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_still_moves_at_its_pace(kind: str) -> None:
    frames = [Image.new("RGB", (60, 40), color) for color in ("red", "green", "blue")]
    film = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=0)
    assert prepare(film).moving and not prepare(encoded(frames[0], kind)).moving
    image = decoded(prepare(film))
    durations = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        image.load()
        durations.append(image.info["duration"])
    assert durations == [100, 200, 300]
    assert image.info["loop"] == 0
    assert colors_of(image, (5, 5)) == ["blue"]


def test_a_see_through_animation_shows_no_old_frames() -> None:
    frames = [Image.new("RGBA", (60, 40)) for _ in range(3)]
    for number, frame in enumerate(frames):
        frame.paste((255, 0, 0, 255), (number * 20, 0, number * 20 + 20, 40))
    film = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, disposal=2)
    image = decoded(prepare(film))
    image.seek(2)
    alpha = image.convert("RGBA").getchannel("A")
    assert [alpha.getpixel((x, 20)) for x in (10, 30, 50)] == [0, 0, 255]


def test_an_animation_that_plays_once_does_not_begin_to_loop() -> None:
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue")]
    film = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50)
    assert "loop" not in decoded(prepare(film)).info


def test_transparency_is_kept() -> None:
    for kind in ("PNG", "WEBP", "GIF"):
        image = Image.new("RGBA", (40, 40), (255, 0, 0, 255))
        image.paste((0, 0, 0, 0), (0, 0, 20, 40))
        alpha = decoded(prepare(encoded(image, kind))).convert("RGBA").getchannel("A")
        assert (alpha.getpixel((5, 20)), alpha.getpixel((35, 20))) == (0, 255)


def test_a_cmyk_photo_keeps_its_colours() -> None:
    image = decoded(prepare(encoded(half_red_half_blue().convert("CMYK"), "JPEG")))
    assert image.mode == "RGB"
    assert colors_of(image, (5, 5), (75, 35)) == ["red", "blue"]


def test_sixteen_bits_become_eight_without_turning_white() -> None:
    greys = Image.frombytes("I;16", (3, 1), struct.pack("<3H", 0, 128 * 256, 255 * 256)).resize((30, 10), 0)
    image = decoded(prepare(encoded(greys, "PNG"))).convert("L")
    assert [image.getpixel((x, 5)) for x in (5, 15, 25)] == [0, 128, 255]


def test_a_photo_with_a_colour_profile_of_its_own_is_turned_into_srgb() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    source = encoded(Image.new("RGB", (20, 20), "red"), "PNG", icc_profile=swapped)
    image = decoded(prepare(source))
    assert "icc_profile" not in image.info
    assert colors_of(image, (5, 5)) == ["blue"]


def test_a_broken_colour_profile_is_dropped() -> None:
    source = encoded(half_red_half_blue(), "PNG", icc_profile=b"no profile")
    assert colors_of(decoded(prepare(source)), (5, 5)) == ["red"]


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_pictures_of_every_mode_are_taken(mode: str) -> None:
    assert decoded(prepare(encoded(half_red_half_blue().convert(mode), "PNG"))).size == (80, 40)


def test_a_large_picture_is_made_smaller_in_its_proportions() -> None:
    image = decoded(prepare(encoded(Image.new("RGB", (3000, 1500)), "JPEG")))
    assert image.size == (LONGEST_SIDE, LONGEST_SIDE // 2)


def test_a_line_of_pixels_survives() -> None:
    assert prepare(encoded(Image.new("RGB", (9000, 1)), "PNG")).height == 1


def test_a_photo_in_a_png_becomes_webp_and_a_drawing_stays_png() -> None:
    assert prepare(encoded(noise(1200, 1000), "PNG")).format == "webp"
    assert prepare(encoded(Image.new("RGB", (1200, 1000), "red"), "PNG")).format == "png"


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_the_placeholder_is_a_tiny_picture(mode: str) -> None:
    size = 16 * 16 * len(Image.new(mode, (1, 1)).getbands())
    harshest = Image.frombytes(mode, (16, 16), bytes(255 * (byte & 1) for byte in os.urandom(size)))
    placeholder = prepare(encoded(harshest, "PNG")).placeholder
    prefix = "data:image/webp;base64,"
    assert placeholder.startswith(prefix)
    assert 0 < len(placeholder) <= 400
    tiny = Image.open(io.BytesIO(base64.b64decode(placeholder.removeprefix(prefix))))
    assert max(tiny.size) <= 16


def test_the_placeholder_has_the_pictures_colour() -> None:
    placeholder = prepare(encoded(Image.new("RGB", (50, 50), "red"), "JPEG")).placeholder
    tiny = Image.open(io.BytesIO(base64.b64decode(placeholder.partition(",")[2])))
    assert colors_of(tiny, (4, 4)) == ["red"]


# ---- what is refused

SVG = b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
NOT_SENT = {
    "nothing": b"",
    "svg": SVG,
    "html": b"<!doctype html><script>alert(1)</script>",
    "pdf": b"%PDF-1.7\n",
    "bmp": encoded(Image.new("RGB", (4, 4)), "BMP"),
    "tiff": encoded(Image.new("RGB", (4, 4)), "TIFF"),
    "eps": encoded(Image.new("RGB", (4, 4)), "EPS"),
    "ico": encoded(Image.new("RGB", (16, 16)), "ICO"),
}
DAMAGED = {
    "only a PNG's first bytes": b"\x89PNG\r\n\x1a\n",
    "HTML behind a GIF's first bytes": b"GIF89a<script>alert(1)</script>",
    "an SVG behind a JPEG's first bytes": b"\xff\xd8\xff" + SVG,
    "half a JPEG": (lambda data: data[: len(data) // 2])(encoded(noise(60, 60), "JPEG")),
    "half a PNG": (lambda data: data[: len(data) // 2])(encoded(noise(60, 60), "PNG")),
    "half a WebP": (lambda data: data[: len(data) // 2])(encoded(noise(60, 60), "WEBP")),
    "half a GIF": (lambda data: data[: len(data) // 2])(encoded(noise(60, 60), "GIF")),
}


@pytest.mark.parametrize("name", NOT_SENT)
def test_what_is_no_picture_is_refused(name: str) -> None:
    assert sniff(NOT_SENT[name]) is None
    with pytest.raises(PictureRefused, match="Only JPEG, PNG, WebP and GIF"):
        prepare(NOT_SENT[name])


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_picture_is_refused(name: str) -> None:
    assert sniff(DAMAGED[name])
    with pytest.raises(PictureRefused, match="damaged"):
        prepare(DAMAGED[name])


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp"), ("GIF", "image/gif")],
)
def test_the_first_bytes_tell_the_type(kind: str, content_type: str) -> None:
    data = encoded(Image.new("RGB", (4, 4)), kind)
    assert sniff(data) == content_type
    assert prepare(data).content_type in (content_type, "image/png")


def test_more_than_ten_megabytes_are_refused() -> None:
    small = encoded(Image.new("RGB", (4, 4)), "PNG")
    assert prepare(small + bytes(MAX_BYTES - len(small))).width == 4
    with pytest.raises(PictureRefused, match="10 MB"):
        prepare(small + bytes(MAX_BYTES - len(small) + 1))


def test_more_than_25_megapixels_are_refused() -> None:
    assert prepare(png(5000, 5000)).width == LONGEST_SIDE
    with pytest.raises(PictureRefused, match="megapixels"):
        prepare(png(5001, 5000))


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_too_many_frames_are_refused(kind: str) -> None:
    frames = [Image.new("RGB", (3000, 2500), (number * 40, 0, 0)) for number in range(7)]
    film = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    with pytest.raises(PictureRefused, match="too long"):
        prepare(film)


def test_half_a_million_tiny_frames_are_refused() -> None:
    one = encoded(Image.new("P", (2, 2)), "GIF")
    start = one.index(b",")
    film = one[:start] + one[start:-1] * 500_000 + b";"
    with pytest.raises(PictureRefused, match="too long"):
        prepare(film)


# ---- in a child


def test_a_child_gives_the_same_as_the_call() -> None:
    photo = encoded(half_red_half_blue(), "JPEG")
    assert prepare_in_child(photo) == prepare(photo)


def test_a_child_refuses_with_the_same_words() -> None:
    with pytest.raises(PictureRefused, match="Only JPEG"):
        prepare_in_child(SVG)


@pytest.mark.parametrize("side", [12_000, 50_000])
def test_a_bomb_is_refused_by_its_header(side: int) -> None:
    bomb = png(side, side)
    assert len(bomb) < MAX_BYTES
    with pytest.raises(PictureRefused, match="megapixels"):
        prepare_in_child(bomb, memory=128 * 1024 * 1024)  # its pixels would not fit


def test_a_child_that_needs_too_much_memory_is_a_refusal() -> None:
    with pytest.raises(PictureRefused, match="too much"):
        prepare_in_child(png(5000, 5000), memory=80 * 1024 * 1024)


def test_a_child_that_takes_too_long_is_killed() -> None:
    with pytest.raises(PictureRefused, match="too much"):
        prepare_in_child(png(5000, 5000), seconds=0)


def test_a_child_without_answer_ends_by_itself() -> None:
    command = [sys.executable, "-m", "infitalks.integrations.pictures", "1", str(512 * 1024 * 1024)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.wait(20) == -signal.SIGALRM


def test_the_largest_pictures_fit_into_a_childs_memory() -> None:
    see_through = Image.new("RGBA", (5770, 4330), (200, 100, 50, 100))
    for data in (encoded(see_through, "PNG"), encoded(see_through.convert("RGB"), "JPEG")):
        assert prepare_in_child(data).width == LONGEST_SIDE


def test_a_child_finds_no_secrets_around_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}
    run = subprocess.run

    def watched(*args: Any, **options: Any) -> Any:
        seen.update(options)
        return run(*args, **options)

    monkeypatch.setattr(subprocess, "run", watched)
    prepare_in_child(encoded(half_red_half_blue(), "PNG"))
    assert seen["env"] == {}
