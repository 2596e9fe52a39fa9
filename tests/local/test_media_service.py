"""Cloudinary's official library works on the local media service unchanged: its API."""

import base64
import io
import socket
import time
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cloudinary import api, exceptions, uploader, utils
from PIL import Image, UnidentifiedImageError

from infitalks.local.media import imaging, signing
from infitalks.local.media.account import Refusal
from tests.running import Running

pytestmark = pytest.mark.usefixtures("media_process")

Options = dict[str, Any]


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


JPEG = encoded(Image.new("RGB", (80, 60), "teal"), "JPEG")


@pytest.fixture
def account(cloudinary_url: str) -> Options:
    """What the library is told in each call, so that nothing of this process's environment counts."""
    parts = urlsplit(cloudinary_url)
    return {
        "api_key": parts.username,
        "api_secret": parts.password,
        "cloud_name": parts.hostname,
        "upload_prefix": f"http://127.0.0.1:{cloudinary_url.rpartition(':')[2]}",
        "timeout": 20,
    }


@pytest.fixture
def post(account: Options) -> Callable[..., requests.Response]:
    """Posts a form of our own making, as somebody would who does not use the library."""

    def send(params: dict[str, Any], action: str = "image/upload", file: bytes | None = JPEG) -> requests.Response:
        url = f"{account['upload_prefix']}/v1_1/{account['cloud_name']}/{action}"
        files = {"file": ("a.jpg", file)} if file is not None else None
        return requests.post(url, data=params, files=files, timeout=20)

    return send


def signed(account: Options, algorithm: str = "sha1", **params: Any) -> dict[str, Any]:
    params.setdefault("timestamp", int(time.time()))
    signature = utils.api_sign_request(params, account["api_secret"], algorithm)
    return params | {"api_key": account["api_key"], "signature": signature}


# ---- known answers


def test_requests_are_signed_as_the_library_signs_them() -> None:
    params = {
        "public_id": ["sample"],
        "timestamp": ["1315060510"],
        "eager": ["w_400,h_300,c_pad|w_260,h_200,c_crop"],
        "api_key": ["not signed"],
    }
    text = signing.string_to_sign(params)
    sha1 = "7e775a49f317e77d8f0af0fb11891b6e6edf21c0"
    sha256 = "7b36c75000ac5fd7bb429580ca06caba2242edbb362f78b27d5ac11cda1a3f4b"
    assert signing.request_signature_matches(text, sha1, "abcd")
    assert signing.request_signature_matches(text, sha256, "abcd")
    assert not signing.request_signature_matches(text, sha1, "abce")
    assert not signing.request_signature_matches(text, "", "abcd")


def test_an_ampersand_in_a_value_cannot_smuggle_in_a_parameter() -> None:
    params = {
        "tags": ["a", "b"],
        "context": ["alt=x & y"],
        "timestamp": ["1"],
        "overwrite": ["1"],
        "empty": [""],
    }
    text = signing.string_to_sign(params)
    assert text == "context=alt=x %26 y&overwrite=1&tags=a,b&timestamp=1"
    assert signing.request_signature_matches(text, "beb6d40ff09560f96a71d66ee6e98f99d2a520d3", "abcd")
    assert signing.string_to_sign({"context": ["a="], "timestamp": ["1"]}) == "context=a=&timestamp=1"


def test_answers_are_signed_as_the_library_checks_them() -> None:
    expected = "7332b60d1da7033c332c59cb66dac31f72acc44c"
    assert signing.response_signature("sample", 1312461204, "abcd", "sha1") == expected


@pytest.mark.parametrize("signature", ["Ubp22TYZ", "GRLFlXjD", "GRLFlXjDnlZMzm1LKYnSSMSN0lLtBvKc"])
def test_links_are_signed_in_three_ways(signature: str) -> None:
    link = (["c_limit,w_100"], "folder/cat.jpg", "abcd")
    assert signing.delivery_signature_matches(signature, *link)
    assert not signing.delivery_signature_matches(signature, ["c_limit,w_101"], "folder/cat.jpg", "abcd")
    assert not signing.delivery_signature_matches(signature[:-1] + "!", *link)


# ---- upload


def test_an_upload_is_answered_as_the_library_expects(account: Options) -> None:
    answer = uploader.upload(JPEG, public_id="answers/whole", type="authenticated", **account)
    assert (answer["public_id"], answer["type"]) == ("answers/whole", "authenticated")
    assert (answer["width"], answer["height"], answer["format"]) == (80, 60, "jpg")
    assert answer["bytes"] == len(JPEG)
    params = {"public_id": answer["public_id"], "version": answer["version"]}
    assert answer["signature"] == utils.api_sign_request(params, account["api_secret"], signature_version=1)
    assert answer["request_id"]


def test_sha256_signatures_are_taken_and_given(account: Options) -> None:
    answer = uploader.upload(JPEG, public_id="answers/sha256", signature_algorithm="sha256", **account)
    params = {"public_id": answer["public_id"], "version": answer["version"]}
    assert answer["signature"] == utils.api_sign_request(params, account["api_secret"], "sha256", 1)


def test_streams_and_data_uris_are_taken_and_an_id_is_made_up(account: Options) -> None:
    streamed = uploader.upload(io.BytesIO(JPEG), **account)
    uri = "data:image/jpeg;base64," + base64.b64encode(JPEG + bytes(1_000_000)).decode()
    from_uri = uploader.upload(uri, folder="made/up", **account)
    assert (streamed["bytes"], from_uri["bytes"]) == (len(JPEG), len(JPEG) + 1_000_000)
    assert streamed["public_id"] != from_uri["public_id"].removeprefix("made/up/")
    assert from_uri["public_id"].startswith("made/up/")


def test_tags_and_context_with_ampersands_arrive(account: Options) -> None:
    context = {"alt": "salt & pepper = good | bad", "caption": "x"}
    answer = uploader.upload(JPEG, public_id="answers/context", tags=["a", "b"], context=context, **account)
    assert (answer["tags"], answer["context"]) == (["a", "b"], {"custom": context})


def test_an_upload_in_the_place_of_another_keeps_the_asset_and_raises_the_version(account: Options) -> None:
    first = uploader.upload(JPEG, public_id="twice", **account)
    other = encoded(Image.new("RGB", (9, 9)), "PNG")
    second = uploader.upload(other, public_id="twice", **account)
    assert second["asset_id"] == first["asset_id"]
    assert second["version"] > first["version"]
    assert (second["format"], second["overwritten"]) == ("png", True)


def test_an_upload_that_may_not_overwrite_returns_what_is_there(account: Options) -> None:
    first = uploader.upload(JPEG, public_id="kept", **account)
    other = encoded(Image.new("RGB", (9, 9)), "PNG")
    second = uploader.upload(other, public_id="kept", overwrite=False, **account)
    assert (second["etag"], second["version"]) == (first["etag"], first["version"])
    assert second["existing"] is True


def test_the_same_id_of_another_type_is_another_picture(account: Options) -> None:
    uploader.upload(JPEG, public_id="typed", type="authenticated", **account)
    assert uploader.destroy("typed", **account)["result"] == "not found"
    assert uploader.destroy("typed", type="authenticated", **account)["result"] == "ok"
    assert uploader.destroy("typed", type="authenticated", **account)["result"] == "not found"


def test_a_signature_holds_for_exactly_its_parameters(account: Options, post: Callable[..., Any]) -> None:
    params = signed(account, public_id="exact", tags="a")
    assert post(params).status_code == 200
    changes = [
        params | {"overwrite": "1"},
        params | {"public_id": "other"},
        params | {"notification_url": "http://x"},
    ]
    missing = {name: value for name, value in params.items() if name != "tags"}
    for wrong in [*changes, missing, params | {"signature": "0" * 40}]:
        answer = post(wrong)
        assert answer.status_code == 401
        assert answer.json()["error"]["message"].startswith("Invalid Signature")
        assert answer.headers["X-Cld-Error"] == answer.json()["error"]["message"]


def test_another_accounts_key_is_refused(account: Options) -> None:
    with pytest.raises(exceptions.AuthorizationRequired):
        uploader.upload(JPEG, **account | {"api_key": "12345"})
    with pytest.raises(exceptions.AuthorizationRequired):
        uploader.upload(JPEG, **account | {"cloud_name": "elsewhere"})


def test_an_unsigned_upload_is_refused(account: Options, post: Callable[..., Any]) -> None:
    assert post({"public_id": "unsigned"}).status_code == 400
    assert post({"public_id": "unsigned", "upload_preset": "any"}).status_code == 400


@pytest.mark.parametrize(("age", "reason"), [(3700, "Stale request"), (-700, "in the future")])
def test_a_signature_is_good_for_an_hour(account: Options, post: Callable[..., Any], age: int, reason: str) -> None:
    answer = post(signed(account, timestamp=int(time.time()) - age))
    assert answer.status_code == 400
    assert reason in answer.json()["error"]["message"]


@pytest.mark.parametrize("timestamp", ["", "soon", "-1", "9" * 40])
def test_a_timestamp_is_needed(account: Options, post: Callable[..., Any], timestamp: str) -> None:
    assert post(signed(account, timestamp=timestamp)).status_code == 400


@pytest.mark.parametrize(
    "public_id", ["/a", "a/", "a//b", " a", "a ", "a?b", "a&b", "a%2e", "v1/a", "a\n", "../a", "x" * 256]
)
def test_ids_that_a_link_cannot_hold_are_refused(account: Options, public_id: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="invalid"):
        uploader.upload(JPEG, public_id=public_id, **account)


NOT_PICTURES = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "truncated": JPEG[: len(JPEG) * 9 // 10],
    "bmp": encoded(Image.new("RGB", (4, 4)), "BMP"),
    "tiff": encoded(Image.new("RGB", (4, 4)), "TIFF"),
    "eps": encoded(Image.new("RGB", (4, 4)), "EPS"),
}


@pytest.mark.parametrize("name", NOT_PICTURES)
def test_what_is_no_picture_of_the_four_formats_is_refused(account: Options, name: str) -> None:
    with pytest.raises(exceptions.BadRequest, match="Invalid image file"):
        uploader.upload(NOT_PICTURES[name], public_id=f"bad/{name}", **account)
    assert uploader.destroy(f"bad/{name}", **account)["result"] == "not found"


@pytest.mark.parametrize("name", ["bmp", "tiff", "eps"])
def test_other_formats_are_not_even_looked_into(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        imaging.look(NOT_PICTURES[name])
    assert isinstance(refused.value.__cause__, UnidentifiedImageError)


def test_a_picture_of_too_many_pixels_is_refused_by_its_header(account: Options) -> None:
    bomb = encoded(Image.new("1", (12000, 12000)), "PNG")
    with pytest.raises(exceptions.BadRequest, match="25 Megapixels"):
        uploader.upload(bomb, **account)


def test_an_animation_of_too_many_pixels_is_refused(account: Options) -> None:
    frames = [Image.new("P", (4000, 3000), number) for number in range(5)]
    film = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    with pytest.raises(exceptions.BadRequest, match="50 Megapixels"):
        uploader.upload(film, **account)


def test_a_file_of_more_than_ten_megabytes_is_refused_with_its_size(account: Options) -> None:
    size = 10_485_761
    with pytest.raises(exceptions.BadRequest, match=f"Got {size}. Maximum is 10485760"):
        uploader.upload(JPEG + bytes(size - len(JPEG)), **account)
    assert uploader.upload(JPEG + bytes(size - 1 - len(JPEG)), **account)["bytes"] == size - 1


def test_formats_can_be_limited(account: Options) -> None:
    with pytest.raises(exceptions.BadRequest, match="jpg not allowed"):
        uploader.upload(JPEG, allowed_formats=["png", "webp"], **account)
    assert uploader.upload(JPEG, allowed_formats=["png", "jpeg"], **account)["format"] == "jpg"


def test_an_address_is_refused_and_never_called(account: Options) -> None:
    with socket.create_server(("127.0.0.1", 0)) as victim:
        victim.settimeout(0.2)
        for scheme in ("http", "ftp", "s3", "gs"):
            with pytest.raises(exceptions.BadRequest, match="not fetched"):
                uploader.upload(f"{scheme}://127.0.0.1:{victim.getsockname()[1]}/a.jpg", **account)
        with pytest.raises(TimeoutError):
            victim.accept()


@pytest.mark.parametrize("name", ["eager", "transformation", "notification_url", "format", "upload_preset"])
def test_parameters_that_are_not_served_are_refused(account: Options, post: Callable[..., Any], name: str) -> None:
    answer = post(signed(account, **{name: "x"}))
    assert answer.status_code == 400
    assert name in answer.json()["error"]["message"]


def test_every_error_of_the_api_is_json(account: Options, post: Callable[..., Any]) -> None:
    base = f"{account['upload_prefix']}/v1_1/{account['cloud_name']}"
    answers = [post(signed(account), action=f"{kind}/upload") for kind in ("fetch", "video", "auto")]
    answers += [requests.get(f"{base}/image/upload", timeout=9), requests.get(f"{base}/nothing", timeout=9)]
    too_long = {"file": (None, "x" * 16_000_000)}
    answers += [post(signed(account), file=None)]
    answers += [requests.post(f"{base}/image/upload", data=signed(account), files=too_long, timeout=9)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 405, 404, 400, 413]
    assert all(answer.json()["error"]["message"] for answer in answers)


# ---- Admin API


def test_ping_needs_the_accounts_credentials(account: Options) -> None:
    assert api.ping(**account) == {"status": "ok"}
    with pytest.raises(exceptions.AuthorizationRequired):
        api.ping(**account | {"api_secret": "wrong"})
    with pytest.raises(exceptions.AuthorizationRequired):
        api.ping(**account | {"api_key": "wrong"})


def test_a_walk_over_the_pages_finds_each_picture_once(account: Options) -> None:
    ids = {f"walk/{number}" for number in range(7)}
    for public_id in ids:
        uploader.upload(JPEG, public_id=public_id, type="authenticated", **account)
    uploader.upload(JPEG, public_id="walker", type="authenticated", **account)
    found: list[str] = []
    cursor = None
    while True:
        page = api.resources(type="authenticated", prefix="walk/", max_results=3, next_cursor=cursor, **account)
        found += [item["public_id"] for item in page["resources"]]
        cursor = page.get("next_cursor")
        if not cursor:
            break
    assert found == sorted(ids)
    with pytest.raises(exceptions.BadRequest, match="next_cursor"):
        api.resources(next_cursor="forged", **account)


def test_pictures_are_found_by_their_ids(account: Options) -> None:
    uploader.upload(JPEG, public_id="by/id", type="authenticated", tags="x", **account)
    found = api.resources_by_ids(["by/id", "by/none"], type="authenticated", tags=True, **account)
    assert [(item["public_id"], item["tags"]) for item in found["resources"]] == [("by/id", ["x"])]
    assert api.resource("by/id", type="authenticated", **account)["bytes"] == len(JPEG)
    with pytest.raises(exceptions.NotFound):
        api.resource("by/id", type="upload", **account)


def test_health_is_told_without_credentials(media_process: Running, account: Options) -> None:
    with urllib.request.urlopen(f"{account['upload_prefix']}/healthz", timeout=9) as answer:
        assert answer.status == 200
