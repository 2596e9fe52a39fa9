"""Links that Cloudinary's official library builds deliver the right picture, and only to their holders."""

import io
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cloudinary import uploader, utils
from PIL import Image

from infitalks.local.media.delivery import parse_link

pytestmark = pytest.mark.usefixtures("media_process")

Options = dict[str, Any]


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def decoded(answer: requests.Response) -> Image.Image:
    assert answer.status_code == 200, answer.headers.get("X-Cld-Error")
    image = Image.open(io.BytesIO(answer.content))
    image.load()
    return image


JPEG = encoded(Image.new("RGB", (400, 300), "teal"), "JPEG")


@pytest.fixture
def account(cloudinary_url: str) -> Options:
    parts = urlsplit(cloudinary_url)
    address = f"127.0.0.1:{cloudinary_url.rpartition(':')[2]}"
    account = {"api_key": parts.username, "api_secret": parts.password, "cloud_name": parts.hostname}
    return account | {"upload_prefix": f"http://{address}", "cname": address, "secure": False}


def stored(account: Options, public_id: str, data: bytes = JPEG, type: str = "authenticated") -> None:
    uploader.upload(data, public_id=public_id, type=type, timeout=20, **account)


def link(account: Options, public_id: str, **options: Any) -> str:
    options = {"type": "authenticated", "sign_url": True, "long_url_signature": True} | account | options
    return str(utils.cloudinary_url(public_id, **options)[0])


def get(url: str, **options: Any) -> requests.Response:
    return requests.get(url, timeout=20, allow_redirects=False, **options)


@pytest.mark.parametrize(
    "signing",
    [
        {"long_url_signature": True},
        {"long_url_signature": False},
        {"long_url_signature": False, "signature_algorithm": "sha256"},
    ],
    ids=["long", "short", "short sha256"],
)
def test_an_authenticated_picture_needs_a_good_signature(account: Options, signing: Options) -> None:
    stored(account, "guarded")
    url = link(account, "guarded", format="jpg", **signing)
    assert get(url).content == JPEG
    signature = url.partition("s--")[2].partition("--/")[0]
    tampered = ("a" if signature[0] != "a" else "b") + signature[1:]
    answer = get(url.replace(signature, tampered))
    assert (answer.status_code, answer.headers["X-Cld-Error"]) == (401, "Invalid signature")


def test_an_unsigned_link_tells_nothing_about_an_authenticated_picture(account: Options) -> None:
    stored(account, "silent")
    there = get(link(account, "silent", sign_url=False, format="jpg"))
    not_there = get(link(account, "silenx", sign_url=False, format="jpg"))
    assert (there.status_code, not_there.status_code) == (404, 404)
    assert there.headers["X-Cld-Error"] == not_there.headers["X-Cld-Error"].replace("silenx", "silent")


def test_a_signature_for_one_picture_opens_no_other(account: Options) -> None:
    stored(account, "mine")
    stored(account, "yours")
    assert get(link(account, "mine")).status_code == 200
    assert get(link(account, "mine").replace("mine", "yours")).status_code == 401
    smaller = link(account, "mine", crop="limit", width=50)
    assert get(smaller).status_code == 200
    assert get(smaller.replace("w_50", "w_51")).status_code == 401


def test_an_unsigned_link_gives_a_public_original_but_nothing_derived(account: Options) -> None:
    stored(account, "public", type="upload")
    unsigned = {"type": "upload", "sign_url": False}
    assert get(link(account, "public", **unsigned)).content == JPEG
    assert get(link(account, "public", format="png", **unsigned)).status_code == 401
    answer = get(link(account, "public", crop="limit", width=9, **unsigned))
    assert answer.status_code == 401
    assert "not allowed" in answer.headers["X-Cld-Error"]


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"crop": "limit", "width": 100}, (100, 75)),
        ({"crop": "limit", "width": 100, "height": 60}, (80, 60)),
        ({"crop": "limit", "height": 30}, (40, 30)),
        ({"crop": "limit", "width": 4000}, (400, 300)),
        ({"crop": "fill", "width": 100, "height": 100}, (100, 100)),
        ({"crop": "fill", "width": 800}, (800, 600)),
        (
            {"transformation": [{"crop": "fill", "width": 90, "height": 90}, {"crop": "limit", "width": 30}]},
            (30, 30),
        ),
        ({"quality": 10}, (400, 300)),
    ],
)
def test_a_picture_is_resized_as_asked(account: Options, options: Options, size: tuple[int, int]) -> None:
    stored(account, "sized")
    image = decoded(get(link(account, "sized", format="jpg", **options)))
    assert (image.size, image.format) == (size, "JPEG")


def test_filling_cuts_at_the_centre(account: Options) -> None:
    stripes = Image.new("RGB", (300, 100), "red")
    stripes.paste("blue", (100, 0, 200, 100))
    stored(account, "stripes", encoded(stripes, "PNG"))
    image = decoded(get(link(account, "stripes", crop="fill", width=40, height=40)))
    assert {color for _, color in image.convert("RGB").resize((2, 2)).getcolors() or []} == {(0, 0, 255)}


@pytest.mark.parametrize("format", ["jpg", "png", "webp", "gif"])
def test_the_extension_converts_and_names_the_type(account: Options, format: str) -> None:
    see_through = Image.new("RGBA", (20, 10), (255, 0, 0, 0))
    stored(account, "converted", encoded(see_through, "PNG"))
    expected = {"jpg": "JPEG"}.get(format, format.upper())
    for asked in ({"format": format}, {"fetch_format": format}):
        answer = get(link(account, "converted", **asked))
        assert decoded(answer).format == expected
        assert answer.headers["Content-Type"] == f"image/{expected.lower()}"
    if format == "jpg":
        assert decoded(answer).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    "raw",
    [
        "e_sepia",
        "e_blur:9000",
        "c_crop,w_10",
        "c_limit",
        "w_0,c_limit",
        "w_5000,c_limit",
        "w_2.5",
        "q_auto:all",
        "f_svg",
    ]
    + ["l_text:Arial_20:hi", "$x_1", "c_limit,w_1e3", "w_10,w_20,c_limit", "/".join(["c_limit,w_9"] * 5)]
    + ["c_fit,g_auto,w_9", "ar_1:0,w_9,c_fill", "ar_2,c_fill", "ar_2,w_9,h_9,c_fill", "dpr_3.0,w_4000", "r_-1", "a_500"]
    + ["b_url(x),c_pad,w_9", "fl_keep_iptc", "fl_attachment:a;b", "t_named", "g_moon,c_fill,w_9"],
)
def test_a_transformation_that_is_not_served_is_told_so(account: Options, raw: str) -> None:
    stored(account, "plain/picture")
    answer = get(link(account, "plain/picture", raw_transformation=raw))
    assert answer.status_code == 400
    assert answer.headers["X-Cld-Error"]


def test_a_derived_picture_of_too_many_pixels_is_refused(account: Options) -> None:
    stored(account, "thin", encoded(Image.new("RGB", (1, 20000)), "PNG"))
    assert get(link(account, "thin", crop="fill", width=4000)).status_code == 400


@pytest.mark.parametrize(
    ("options", "size"),
    [
        ({"crop": "scale", "width": 100, "height": 10}, (100, 10)),
        ({"width": 100}, (100, 75)),
        ({"width": 0.5}, (200, 150)),
        ({"crop": "fit", "width": 800, "height": 900}, (800, 600)),
        ({"crop": "lfill", "width": 800, "height": 100}, (400, 100)),
        ({"crop": "thumb", "gravity": "face", "width": 50, "height": 80}, (50, 80)),
        ({"crop": "pad", "background": "black", "width": 100, "height": 100}, (100, 100)),
        ({"crop": "fill", "aspect_ratio": "16:9", "width": 160}, (160, 90)),
        ({"crop": "fill", "aspect_ratio": 1.5, "height": 100}, (150, 100)),
        ({"crop": "limit", "width": 100, "dpr": 2.0}, (200, 150)),
        ({"crop": "limit", "width": 100, "dpr": "auto"}, (100, 75)),
        ({"angle": 90}, (300, 400)),
        ({"angle": "hflip", "effect": "blur:300"}, (400, 300)),
        ({"effect": "grayscale", "quality": "auto:low", "flags": "progressive"}, (400, 300)),
        ({"effect": "pixelate:20", "radius": "max"}, (400, 300)),
    ],
)
def test_a_transformation_of_a_chat_gives_the_size_it_names(
    account: Options, options: Options, size: tuple[int, int]
) -> None:
    stored(account, "shaped")
    image = decoded(get(link(account, "shaped", format="jpg", **options)))
    assert (image.size, image.format) == (size, "JPEG")


def quarters() -> bytes:
    image = Image.new("RGB", (80, 80), "red")
    image.paste("blue", (40, 0, 80, 40))
    image.paste("white", (0, 40, 40, 80))
    image.paste("black", (40, 40, 80, 80))
    return encoded(image, "PNG")


@pytest.mark.parametrize(
    ("options", "corners"),
    [
        ({}, ["red", "blue", "white", "black"]),
        ({"angle": 90}, ["white", "red", "black", "blue"]),
        ({"angle": "hflip"}, ["blue", "red", "black", "white"]),
        ({"angle": "vflip"}, ["white", "black", "red", "blue"]),
        ({"crop": "fill", "gravity": "north_east", "width": 30, "height": 10}, ["red", "blue", "red", "blue"]),
        ({"crop": "fill", "gravity": "south", "width": 30, "height": 10}, ["white", "black", "white", "black"]),
        ({"crop": "pad", "background": "rgb:00f", "width": 240, "height": 60}, ["blue"] * 4),
        (
            {"crop": "pad", "gravity": "west", "background": "blue", "width": 120, "height": 40},
            ["red", "blue", "white", "blue"],
        ),
        ({"radius": "max", "background": "white"}, ["clear"] * 4),
    ],
)
def test_a_transformation_does_what_it_says(account: Options, options: Options, corners: list[str]) -> None:
    stored(account, "quarters", quarters())
    image = decoded(get(link(account, "quarters", format="png", **options))).convert("RGBA")
    right, bottom = image.width - 1, image.height - 1
    names = {"red": (255, 0, 0, 255), "blue": (0, 0, 255, 255), "white": (255,) * 4, "black": (0, 0, 0, 255)}
    for place, name in zip([(0, 0), (right, 0), (0, bottom), (right, bottom)], corners, strict=True):
        pixel = image.getpixel(place)
        assert isinstance(pixel, tuple)
        assert pixel[3] == 0 if name == "clear" else pixel == names[name]


def test_effects_change_the_pixels_they_name(account: Options) -> None:
    stored(account, "effects", quarters())

    def colours(effect: str) -> set[Any]:
        image = decoded(get(link(account, "effects", format="png", effect=effect))).convert("RGB")
        return {colour for _, colour in image.getcolors(10_000) or []}

    assert all(red == green == blue for red, green, blue in colours("grayscale"))
    assert len(colours("blur:200")) > 50
    assert len(colours("pixelate:200")) == 1


def test_the_format_follows_what_a_client_accepts(account: Options) -> None:
    stored(account, "accepted")
    url = link(account, "accepted", fetch_format="auto", quality="auto")
    for accept, expected in (("image/avif,image/webp,*/*", "WEBP"), ("*/*", "JPEG")):
        answer = get(url, headers={"Accept": accept})
        assert (decoded(answer).format, answer.headers["Vary"]) == (expected, "Accept")


def test_a_picture_can_be_sent_to_be_saved(account: Options) -> None:
    stored(account, "folder/saved")
    assert "Content-Disposition" not in get(link(account, "folder/saved", width=9)).headers
    for flag, name in (("attachment", "saved.jpg"), ("attachment:my_cat", "my_cat.jpg")):
        answer = get(link(account, "folder/saved", flags=flag))
        assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"


def test_a_picture_held_sideways_is_left_so_where_that_is_asked_for(account: Options) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored(account, "sideways", encoded(Image.new("RGB", (80, 40), "red"), "JPEG", exif=exif))
    assert decoded(get(link(account, "sideways", width=20))).size == (20, 40)
    assert decoded(get(link(account, "sideways", angle="ignore", width=20))).size == (20, 10)


@pytest.mark.parametrize("public_id", ["é x,1", "a.b.c", "c_x/w_1", "folder/cat.jpg", "日本/写真", "a'b(c)~d"])
def test_unusual_ids_are_found(account: Options, public_id: str) -> None:
    stored(account, public_id)
    assert get(link(account, public_id)).content == JPEG
    assert get(link(account, public_id, format="jpg")).content == JPEG
    assert decoded(get(link(account, public_id, format="jpg", crop="limit", width=10, version=7))).width == 10


def test_a_path_is_split_at_its_version() -> None:
    parsed = parse_link("s--SjmNDA-A--/c_limit,w_1/v12/folder/a.jpg")
    assert (parsed.signature, parsed.components, parsed.source) == (
        "SjmNDA-A",
        ["c_limit,w_1"],
        "folder/a.jpg",
    )
    assert parse_link("s----SjmNDA--/a.jpg").signature == "--SjmNDA"
    assert parse_link("c_limit,w_1/a_b.jpg").source == "a_b.jpg"


def test_a_browser_takes_a_picture_for_nothing_else(account: Options) -> None:
    tail = encoded(Image.new("RGB", (9, 9)), "JPEG") + b"<script>alert(1)</script>"
    stored(account, "polyglot", tail)
    for options in ({}, {"crop": "limit", "width": 5}):
        answer = get(link(account, "polyglot", **options))
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert "private" in answer.headers["Cache-Control"]
    assert b"<script>" not in answer.content


def test_a_derived_picture_is_upright_and_tells_no_place(account: Options) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x0110] = "SecretCam"
    exif.get_ifd(0x8825)[1] = "N"
    stored(account, "phone", encoded(Image.new("RGB", (80, 40), "red"), "JPEG", exif=exif))
    original = decoded(get(link(account, "phone")))
    assert (original.size, original.getexif()[0x0110]) == ((80, 40), "SecretCam")
    answer = get(link(account, "phone", crop="limit", width=20, format="jpg"))
    derived = decoded(answer)
    assert derived.size == (20, 40)
    assert not derived.getexif()
    assert b"SecretCam" not in answer.content


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_still_moves_when_it_is_smaller(account: Options, kind: str) -> None:
    frames = [Image.new("RGB", (60, 40), color) for color in ("red", "green", "blue")]
    film = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=[100, 200, 300], loop=0)
    stored(account, f"film{kind}", film)
    moving = decoded(get(link(account, f"film{kind}", crop="limit", width=30)))
    assert (moving.size, getattr(moving, "n_frames", 1)) == ((30, 20), 3)
    assert moving.info["duration"] == 100
    assert decoded(get(link(account, f"film{kind}", format="png"))).size == (60, 40)


def test_a_replaced_picture_is_derived_anew(account: Options) -> None:
    stored(account, "renewed", encoded(Image.new("RGB", (40, 40), "red"), "PNG"))
    url = link(account, "renewed", crop="limit", width=4)
    assert decoded(get(url)).convert("RGB").getpixel((1, 1)) == (255, 0, 0)
    stored(account, "renewed", encoded(Image.new("RGB", (40, 40), "blue"), "PNG"))
    assert decoded(get(url)).convert("RGB").getpixel((1, 1)) == (0, 0, 255)


def test_a_destroyed_picture_is_gone_in_every_size(account: Options) -> None:
    stored(account, "gone")
    urls = [link(account, "gone"), link(account, "gone", crop="limit", width=4)]
    assert [get(url).status_code for url in urls] == [200, 200]
    uploader.destroy("gone", type="authenticated", invalidate=True, timeout=20, **account)
    assert [get(url).status_code for url in urls] == [404, 404]


def test_a_part_of_a_picture_can_be_asked_for(account: Options) -> None:
    stored(account, "ranged")
    answer = get(link(account, "ranged"), headers={"Range": "bytes=10-19"})
    assert (answer.status_code, answer.content) == (206, JPEG[10:20])


def test_a_browser_only_ever_saves_another_file(account: Options) -> None:
    page = b"<!doctype html><script>alert(1)</script>"
    for type in ("upload", "authenticated"):
        uploader.upload(page, public_id="page.html", resource_type="raw", type=type, timeout=20, **account)
        for options in ({}, {"flags": "attachment:notes"}):
            answer = get(link(account, "page.html", resource_type="raw", type=type, **options))
            name = "notes.html" if options else "page.html"
            assert answer.headers["Content-Disposition"] == f"attachment; filename={name}"
            assert answer.headers["Content-Type"] == "application/octet-stream"
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in answer.headers["Content-Security-Policy"]
            assert answer.content == page
    assert get(link(account, "page.html", resource_type="raw", width=5, crop="limit")).status_code == 400


def test_another_cloud_and_other_kinds_of_file_are_not_served(account: Options) -> None:
    stored(account, "here")
    url = link(account, "here")
    assert get(url).status_code == 200
    assert get(url.replace("/local/", "/elsewhere/")).status_code == 401
    assert get(url.replace("/image/", "/raw/")).status_code == 404
    assert get(url.replace("/authenticated/", "/fetch/")).status_code == 404
