"""Cloudinary's official library, unpatched, gets what it expects: from the local media service always, and from
Cloudinary itself where CLOUDINARY_CONFORMANCE_URL names an account.

Not for what only the local service does (test_media_service.py, test_media_delivery.py). On Cloudinary's account all
is kept below one folder of the run's own, which is deleted in the end.
"""

import base64
import io
import itertools
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from cloudinary import api, exceptions, uploader, utils
from PIL import Image

from tests.running import wait_until

REAL = os.environ.get("CLOUDINARY_CONFORMANCE_URL", "")
ERRORS = (exceptions.Error, exceptions.GeneralError)

Options = dict[str, Any]


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


JPEG = encoded(Image.new("RGB", (80, 60), "teal"), "JPEG")
OTHER = encoded(Image.new("RGB", (30, 20), "red"), "PNG")
# Over 5 MB, so that it comes in two pieces, and below the limit of 10 MB.
LARGE = encoded(Image.frombytes("RGB", (1500, 1500), os.urandom(1500 * 1500 * 3)), "PNG", compress_level=0)


class Account:
    """Somebody's account, and a folder in it that is this run's own. `of_calls`: what the library is told each time,
    so that nothing of this process's environment counts."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query))
        where: Options = {name: query[name] for name in ("upload_prefix", "cname") if name in query}
        secure = not where.get("upload_prefix", "").startswith("http://")
        names = {"api_key": parts.username, "api_secret": parts.password, "cloud_name": parts.hostname}
        self.of_calls: Options = {**names, **where, "secure": secure, "timeout": 60}
        self.folder = f"conformance-{secrets.token_hex(6)}"

    def id(self, name: str) -> str:
        return f"{self.folder}/{name}"

    def upload(self, name: str, data: Any = JPEG, **options: Any) -> Any:
        return uploader.upload(data, **{"public_id": self.id(name), "type": "authenticated"} | self.of_calls | options)

    def link(self, name: str, **options: Any) -> str:
        usual = {"type": "authenticated", "sign_url": True, "long_url_signature": True}
        return str(utils.cloudinary_url(self.id(name), **usual | self.of_calls | options)[0])

    def post(self, action: str, params: Options, file: bytes | None = JPEG) -> requests.Response:
        """A form of our own making, as somebody would send who does not use the library."""
        files = {"file": ("a.jpg", file)} if file is not None else None
        return requests.post(self.api(f"image/{action}"), data=params, files=files, timeout=60)

    def api(self, path: str) -> str:
        prefix = self.of_calls.get("upload_prefix", "https://api.cloudinary.com")
        return f"{prefix}/v1_1/{self.of_calls['cloud_name']}/{path}"

    def signed(self, **params: Any) -> Options:
        params = {"timestamp": int(time.time()), **params}
        signature = utils.api_sign_request(params, self.of_calls["api_secret"])
        return {**params, "api_key": self.of_calls["api_key"], "signature": signature}


@pytest.fixture(
    scope="module",
    params=[
        "local",
        pytest.param("cloudinary", marks=pytest.mark.skipif(not REAL, reason="no CLOUDINARY_CONFORMANCE_URL")),
    ],
)
def account(request: pytest.FixtureRequest) -> Iterator[Account]:
    if request.param == "local":
        request.getfixturevalue("media_process")
    made = Account(REAL if request.param == "cloudinary" else request.getfixturevalue("cloudinary_url"))
    yield made
    for kind, type in itertools.product(("image", "raw"), ("upload", "private", "authenticated")):
        api.delete_resources_by_prefix(made.folder, resource_type=kind, type=type, **made.of_calls)


def get(url: str, **options: Any) -> requests.Response:
    return requests.get(url, timeout=60, allow_redirects=False, **options)


def decoded(url: str) -> Image.Image:
    answer = get(url)
    assert answer.status_code == 200, answer.headers.get("X-Cld-Error")
    image = Image.open(io.BytesIO(answer.content))
    image.load()
    return image


# ---- upload


def test_an_upload_is_answered_with_all_that_the_library_knows(account: Account) -> None:
    answer = account.upload("whole")
    expected: Options = {"public_id": account.id("whole"), "type": "authenticated", "resource_type": "image"}
    expected |= {"format": "jpg", "width": 80, "height": 60, "bytes": len(JPEG), "tags": [], "placeholder": False}
    assert {name: answer[name] for name in expected} == expected
    assert len(answer["asset_id"]) == len(answer["version_id"]) == 32
    params = {"public_id": answer["public_id"], "version": answer["version"]}
    assert answer["signature"] == utils.api_sign_request(params, account.of_calls["api_secret"], signature_version=1)
    for name in ("etag", "created_at", "url", "secure_url", "original_filename", "request_id"):
        assert answer[name], name
    assert get(answer["secure_url"]).status_code == 200


def test_paths_bytes_streams_and_data_uris_are_taken(account: Account, tmp_path: Path) -> None:
    path = tmp_path / "holiday.jpg"
    path.write_bytes(JPEG)
    uri = "data:image/jpeg;base64," + base64.b64encode(JPEG).decode()
    ways = {"path": str(path), "Path": path, "bytes": JPEG, "stream": io.BytesIO(JPEG), "data URI": uri}
    answers = {way: account.upload(f"ways/{way}", data) for way, data in ways.items()}
    assert {answer["bytes"] for answer in answers.values()} == {len(JPEG)}
    assert answers["path"]["original_filename"] == "holiday"
    named = account.upload("ways/named", ("beach.jpg", JPEG))
    assert named["original_filename"] == "beach"


def test_a_file_can_give_its_name(account: Account) -> None:
    options = {"public_id": None, "folder": account.folder, "use_filename": True, "unique_filename": False}
    answer = account.upload("", ("beach day.jpg", JPEG), **options)
    assert answer["public_id"] == account.id("beach_day")


def test_a_large_picture_comes_in_pieces(account: Account) -> None:
    options = {"resource_type": "image", "type": "authenticated", "chunk_size": 5_500_000, **account.of_calls}
    answer = uploader.upload_large(io.BytesIO(LARGE), public_id=account.id("pieces"), **options)
    assert (answer["public_id"], answer["bytes"], answer["width"]) == (account.id("pieces"), len(LARGE), 1500)
    assert get(account.link("pieces")).content == LARGE


def test_tags_and_context_with_ampersands_arrive(account: Account) -> None:
    context = {"alt": "salt & pepper = good | bad", "caption": "x"}
    answer = account.upload("context", tags=["a", "b"], context=context)
    assert (answer["tags"], answer["context"]) == (["a", "b"], {"custom": context})
    changed = uploader.explicit(account.id("context"), type="authenticated", tags="c", **account.of_calls)
    assert (changed["tags"], changed["context"]["custom"]) == (["c"], context)


def test_an_upload_in_the_place_of_another_keeps_the_asset_and_raises_the_version(account: Account) -> None:
    first = account.upload("twice")
    wait_until(lambda: int(time.time()) > first["version"], "the next second")  # versions are seconds
    second = account.upload("twice", OTHER)
    assert (second["asset_id"], second["format"]) == (first["asset_id"], "png")
    assert second["version"] > first["version"]


def test_an_upload_that_may_not_overwrite_returns_what_is_there(account: Account) -> None:
    first = account.upload("kept")
    second = account.upload("kept", OTHER, overwrite=False)
    assert (second["etag"], second["version"]) == (first["etag"], first["version"])


def test_unicode_ids_are_stored_and_delivered(account: Account) -> None:
    assert account.upload("é 写真,1")["public_id"] == account.id("é 写真,1")
    assert decoded(account.link("é 写真,1", format="jpg")).size == (80, 60)
    assert api.resource(account.id("é 写真,1"), type="authenticated", **account.of_calls)["width"] == 80


# ---- what is refused


def test_a_signature_holds_for_exactly_its_parameters(account: Account) -> None:
    params = account.signed(public_id=account.id("exact"), type="authenticated", tags="a")
    assert account.post("upload", params).status_code == 200
    missing = {name: value for name, value in params.items() if name != "tags"}
    for wrong in (params | {"overwrite": "1"}, params | {"public_id": account.id("other")}, missing):
        answer = account.post("upload", wrong)
        assert (answer.status_code, answer.json()["error"]["message"][:17]) == (401, "Invalid Signature")
    smuggled = account.signed(context="alt=x", type="authenticated&public_id=y")
    assert account.post("upload", smuggled | {"type": "authenticated", "public_id": "y"}).status_code == 401


def test_a_signature_grows_stale(account: Account) -> None:
    answer = account.post("upload", account.signed(timestamp=int(time.time()) - 3700))
    assert answer.status_code in (400, 401)
    assert answer.json()["error"]["message"].startswith("Stale request")


def test_another_key_is_refused(account: Account) -> None:
    with pytest.raises(exceptions.AuthorizationRequired):
        account.upload("key", api_key="1234567890")


SVG = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"
BAD = {
    "svg": SVG,
    "html": b"<!doctype html><script>alert(1)</script>",
    "cut off": LARGE[:40],
    "bomb": encoded(Image.new("1", (12000, 12000)), "PNG"),
    "many frames": encoded(
        Image.new("P", (4000, 3000)),
        "GIF",
        save_all=True,
        append_images=[Image.new("P", (4000, 3000), n) for n in range(1, 5)],
    ),
    "over ten megabytes": JPEG + bytes(10_485_761 - len(JPEG)),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_fit_picture_is_refused_and_leaves_nothing(account: Account, name: str) -> None:
    with pytest.raises(ERRORS):
        account.upload(f"bad/{name}", BAD[name], allowed_formats=["jpg", "png", "webp", "gif"])
    with pytest.raises(exceptions.NotFound):
        api.resource(account.id(f"bad/{name}"), type="authenticated", **account.of_calls)


def test_every_error_of_the_api_is_json(account: Account) -> None:
    answers = [
        account.post("upload", account.signed(), file=None),
        account.post("upload", {"public_id": "unsigned"}),
        account.post("destroy", account.signed(), file=None),
        account.post("explicit", account.signed(public_id=account.id("none"), type="authenticated"), file=None),
        requests.get(account.api("ping"), timeout=60),
        requests.get(account.api("resources/image/authenticated/none"), timeout=60),
    ]
    for answer in answers:
        assert 400 <= answer.status_code < 500
        assert answer.json()["error"]["message"]


# ---- delivery


def test_an_authenticated_picture_needs_a_good_signature(account: Account) -> None:
    account.upload("guarded")
    for options in ({}, {"width": 20, "crop": "limit"}, {"format": "png"}):
        url = account.link("guarded", **options)
        signature = url.partition("s--")[2].partition("--/")[0]
        tampered = url.replace(signature, ("a" if signature[0] != "a" else "b") + signature[1:])
        assert get(url).status_code == 200
        assert get(tampered).status_code in (401, 404)
        assert get(account.link("guarded", **options, sign_url=False)).status_code in (401, 404)


def test_both_short_signatures_open_it_too(account: Account) -> None:
    account.upload("short")
    for algorithm in ("sha1", "sha256"):
        url = account.link("short", long_url_signature=False, signature_algorithm=algorithm)
        if account.of_calls.get("upload_prefix") or algorithm == "sha1":  # Cloudinary takes the account's own
            assert get(url).status_code == 200


def test_a_signature_opens_no_other_picture(account: Account) -> None:
    account.upload("mine")
    account.upload("yours")
    assert get(account.link("mine")).status_code == 200
    assert get(account.link("mine").replace("mine", "yours")).status_code in (401, 404)


def test_a_smaller_one_is_upright_and_tells_no_place(account: Account) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif.get_ifd(0x8825).update({1: "N", 2: (52.0, 31.0, 12.0)})
    account.upload("phone", encoded(Image.new("RGB", (80, 40), "red"), "JPEG", exif=exif, xmp=b"<x:xmpmeta>GPS"))
    smaller = decoded(account.link("phone", crop="limit", width=20, format="jpg"))
    assert (smaller.size, dict(smaller.getexif().get_ifd(0x8825))) == ((20, 40), {})


def test_what_hangs_on_a_pictures_end_is_not_in_a_smaller_one(account: Account) -> None:
    account.upload("polyglot", JPEG + b"<script>alert(1)</script>")
    answer = get(account.link("polyglot", crop="limit", width=20, format="jpg"))
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert b"<script>" not in answer.content


def test_a_moving_picture_gives_its_first_frame_as_a_png(account: Account) -> None:
    frames = [Image.new("RGB", (60, 40), colour) for colour in ("red", "blue")]
    account.upload("film", encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100))
    assert getattr(decoded(account.link("film", crop="limit", width=30)), "n_frames", 1) == 2
    still = decoded(account.link("film", crop="limit", width=30, format="png"))
    assert (still.size, getattr(still, "n_frames", 1)) == ((30, 20), 1)
    assert still.convert("RGB").getpixel((5, 5)) == (255, 0, 0)


def test_a_private_link_expires(account: Account) -> None:
    account.upload("expiring")
    until = int(time.time()) + 3
    calls = {name: account.of_calls[name] for name in ("api_key", "api_secret", "cloud_name", "upload_prefix")
             if name in account.of_calls}  # fmt: skip
    link = utils.private_download_url(account.id("expiring"), "jpg", type="authenticated", expires_at=until, **calls)
    assert get(link).content == JPEG
    assert get(link.replace(f"expires_at={until}", f"expires_at={until + 999}")).status_code == 401
    wait_until(lambda: time.time() > until + 1, "it has expired")
    assert get(link).status_code in (401, 404)


# ---- files that are no pictures: of resource type raw

RAW: Options = {"resource_type": "raw"}
FILE = b"<!doctype html><script>alert('not run')</script>" + bytes(range(256))


def test_a_file_is_stored_as_it_is_and_answered_without_sides(account: Account) -> None:
    answer = account.upload("files/page.html", ("page.html", FILE), **RAW)
    expected: Options = {"public_id": account.id("files/page.html"), "type": "authenticated", "resource_type": "raw"}
    expected |= {"bytes": len(FILE), "tags": [], "original_filename": "page"}
    assert {name: answer[name] for name in expected} == expected
    assert "width" not in answer and "height" not in answer
    params = {"public_id": answer["public_id"], "version": answer["version"]}
    assert answer["signature"] == utils.api_sign_request(params, account.of_calls["api_secret"], signature_version=1)
    assert get(answer["secure_url"]).content == FILE
    with pytest.raises(ERRORS):
        account.upload("files/none", b"", **RAW)


def test_a_file_comes_in_pieces_from_a_stream(account: Account) -> None:
    options = {"type": "authenticated", "chunk_size": 5_500_000, **RAW, **account.of_calls}
    answer = uploader.upload_large(io.BytesIO(LARGE), public_id=account.id("files/pieces"), **options)
    assert (answer["public_id"], answer["bytes"]) == (account.id("files/pieces"), len(LARGE))
    assert get(account.link("files/pieces", **RAW)).content == LARGE


def test_a_file_over_the_accounts_limit_is_refused_and_leaves_nothing(account: Account) -> None:
    most = api.usage(**account.of_calls)["media_limits"]["raw_max_size_bytes"]
    if most > 2 * 10_485_760:
        pytest.skip(f"the account takes files of {most} bytes")
    with pytest.raises(ERRORS, match="too large"):
        account.upload("files/large", bytes(most + 1), **RAW)
    with pytest.raises(exceptions.NotFound):
        api.resource(account.id("files/large"), type="authenticated", **RAW, **account.of_calls)


@pytest.mark.parametrize("type", ["private", "authenticated"])
def test_a_private_or_authenticated_file_needs_a_good_signature(account: Account, type: str) -> None:
    name = f"files/guarded-{type}.txt"
    account.upload(name, ("a.txt", FILE), type=type, **RAW)
    account.upload(f"files/other-{type}.txt", ("a.txt", FILE[::-1]), type=type, **RAW)
    for options in ({}, {"flags": "attachment"}):
        url = account.link(name, type=type, **RAW, **options)
        signature = url.partition("s--")[2].partition("--/")[0]
        tampered = url.replace(signature, ("a" if signature[0] != "a" else "b") + signature[1:])
        assert get(url).content == FILE
        assert get(tampered).status_code in (401, 404)
        assert get(url.replace("guarded", "other")).status_code in (401, 404)
        assert get(account.link(name, type=type, sign_url=False, **RAW, **options)).status_code in (401, 404)


def test_a_file_is_saved_under_the_name_of_its_link_and_read_in_parts(account: Account) -> None:
    account.upload("files/saved.txt", ("a.txt", FILE), **RAW)
    answer = get(account.link("files/saved.txt", flags="attachment:notes", **RAW))
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert "notes" in answer.headers["Content-Disposition"]
    part = get(account.link("files/saved.txt", **RAW), headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, FILE[10:20])
    private = {**RAW, "type": "authenticated", "expires_at": int(time.time()) + 60}
    calls = {name: value for name, value in account.of_calls.items() if name not in ("cname", "secure", "timeout")}
    link = utils.private_download_url(account.id("files/saved.txt"), "", **private, **calls)
    assert get(link).content == FILE
    assert get(link.replace("saved", "other")).status_code == 401


def test_a_file_is_listed_and_ends_apart_from_a_picture_of_its_name(account: Account) -> None:
    account.upload("files/both")
    for name in ("files/both", "files/more"):
        account.upload(name, FILE, **RAW)
    of = {"type": "authenticated", "prefix": account.id("files/"), "max_results": 500, **account.of_calls}
    files = {item["public_id"]: item for item in api.resources(**of, **RAW)["resources"]}
    assert files[account.id("files/both")]["bytes"] == len(FILE)
    assert account.id("files/more") not in {item["public_id"] for item in api.resources(**of)["resources"]}
    ends = {"type": "authenticated", "invalidate": True, **account.of_calls}
    link = account.link("files/both", **RAW)
    assert get(link).content == FILE
    assert uploader.destroy(account.id("files/both"), **RAW, **ends)["result"] == "ok"
    assert uploader.destroy(account.id("files/both"), **RAW, **ends)["result"] == "not found"
    assert get(link).status_code == 404
    assert get(account.link("files/both")).content == JPEG
    deleted = api.delete_resources_by_prefix(account.id("files/"), **ends, **RAW)["deleted"]
    assert account.id("files/more") in deleted
    assert "resources" in (left := api.resources(**of, **RAW)) and left["resources"] == []


# ---- ending and renaming


def test_a_destroyed_picture_is_gone(account: Account) -> None:
    account.upload("gone")
    of = {"type": "authenticated", **account.of_calls}
    assert uploader.destroy(account.id("gone"), **account.of_calls)["result"] == "not found"  # of another type
    assert uploader.destroy(account.id("gone"), invalidate=True, **of)["result"] == "ok"
    assert uploader.destroy(account.id("gone"), invalidate=True, **of)["result"] == "not found"
    assert get(account.link("gone", crop="limit", width=7)).status_code == 404


def test_a_picture_is_renamed_unless_the_name_is_taken(account: Account) -> None:
    account.upload("before")
    account.upload("taken", OTHER)
    of = {"type": "authenticated", "invalidate": True, **account.of_calls}
    with pytest.raises(ERRORS, match="already exists"):
        uploader.rename(account.id("before"), account.id("taken"), **of)
    with pytest.raises(exceptions.NotFound):
        uploader.rename(account.id("none"), account.id("after"), **of)
    assert uploader.rename(account.id("before"), account.id("after"), **of)["public_id"] == account.id("after")
    assert get(account.link("after")).content == JPEG
    replaced = uploader.rename(account.id("after"), account.id("taken"), overwrite=True, **of)
    assert (replaced["public_id"], replaced["bytes"]) == (account.id("taken"), len(JPEG))


def test_what_is_not_there_cannot_be_described(account: Account) -> None:
    with pytest.raises(exceptions.NotFound, match="Resource not found"):
        uploader.explicit(account.id("none"), type="authenticated", tags="a", **account.of_calls)


# ---- Admin API


def test_the_admin_api_tells_its_limits(account: Account) -> None:
    answer = api.ping(**account.of_calls)
    assert answer["status"] == "ok"
    assert 0 <= answer.rate_limit_remaining < answer.rate_limit_allowed
    assert time.mktime(answer.rate_limit_reset_at) > 0
    limits = api.usage(**account.of_calls)["media_limits"]
    assert limits["image_max_size_bytes"] >= 10_485_760 and limits["image_max_px"] >= 25_000_000
    with pytest.raises(exceptions.AuthorizationRequired):
        api.ping(**account.of_calls | {"api_secret": "wrong"})


def test_a_walk_over_the_pages_finds_each_picture_once(account: Account) -> None:
    ids = {account.id(f"walk/{number}") for number in range(7)}
    for number in range(7):
        account.upload(f"walk/{number}", tags="t")
    found: list[str] = []
    options = {"type": "authenticated", "prefix": account.id("walk/"), "max_results": 3, **account.of_calls}
    page = api.resources(**options)
    while True:
        found += [item["public_id"] for item in page["resources"]]
        if "next_cursor" not in page:
            break
        page = api.resources(next_cursor=page["next_cursor"], tags=True, **options)
    assert sorted(found) == sorted(ids) and page["resources"][0]["tags"] == ["t"]
    with pytest.raises(exceptions.BadRequest, match="next_cursor"):
        api.resources(next_cursor="forged", **options)


def test_pictures_are_deleted_by_their_ids_and_by_prefix(account: Account) -> None:
    for name in ("many/a", "many/b", "many/c", "manly"):
        account.upload(name)
    of = {"type": "authenticated", "invalidate": True, **account.of_calls}
    named = api.delete_resources([account.id("many/a"), account.id("many/none")], **of)
    assert named["deleted"] == {account.id("many/a"): "deleted", account.id("many/none"): "not_found"}
    found = api.delete_resources_by_prefix(account.id("many/"), **of)
    assert found["deleted"] == {account.id("many/b"): "deleted", account.id("many/c"): "deleted"}
    ids = [account.id(name) for name in ("many/a", "many/b", "many/c", "manly")]
    left = api.resources_by_ids(ids, type="authenticated", **account.of_calls)["resources"]
    assert [item["public_id"] for item in left] == [account.id("manly")]
