"""Uploads in pieces, counted calls, a full disk: what the local media service says, and what it keeps afterwards."""

import io
import os
import resource
import secrets
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from cloudinary import api, exceptions, utils
from PIL import Image

from infitalks.backends.media import MediaStore, MediaUnavailable
from infitalks.local import services
from infitalks.local.media import chunks
from infitalks.local.media.account import Refusal
from infitalks.local.media.chunks import LEAST_PIECE, Chunks, Piece, piece_of
from infitalks.local.media.limits import HourlyLimit
from infitalks.local.ports import pick_port
from tests.conftest import started
from tests.running import Running


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


PNG = encoded(Image.new("RGB", (40, 30), "teal"), "PNG")
LARGE = encoded(Image.frombytes("RGB", (1500, 1500), os.urandom(1500 * 1500 * 3)), "PNG", compress_level=0)
CUT = LEAST_PIECE + 1000


@pytest.fixture
def url() -> str:
    return services.cloudinary_url("key", "a-secret-of-the-test", pick_port())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def process(url: str, folder: Path, tmp_path: Path) -> Iterator[Running]:
    with started(services.media(urlsplit_port(url), folder, {"CLOUDINARY_URL": url}), tmp_path) as running:
        yield running


def urlsplit_port(url: str) -> int:
    return int(url.rpartition(":")[2])


def admin(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    account = {"api_key": parts.username, "api_secret": parts.password, "cloud_name": parts.hostname}
    return {**account, "upload_prefix": f"http://127.0.0.1:{urlsplit_port(url)}", "timeout": 20}


def form(url: str, public_id: str) -> dict[str, Any]:
    params = {"timestamp": int(time.time()), "public_id": public_id}
    signature = utils.api_sign_request(params, admin(url)["api_secret"])
    return {**params, "api_key": "key", "signature": signature}


Send = Callable[..., requests.Response]


@pytest.fixture
def send(url: str, process: Running) -> Send:
    """Posts a piece of LARGE: `send(upload id, first, end)`, with `range` in the place of the true Content-Range."""

    def post(upload: str, first: int, end: int, range: str = "") -> requests.Response:
        piece = LARGE[first:end]
        told = range or f"bytes {first}-{first + len(piece) - 1}/{len(LARGE)}"
        headers = {"X-Unique-Upload-Id": upload, "Content-Range": told}
        where = f"{admin(url)['upload_prefix']}/v1_1/local/image/upload"
        files = {"file": ("large.png", piece)}
        return requests.post(where, data=form(url, "pieces"), files=files, headers=headers, timeout=20)

    return post


def stored(url: str) -> bytes | None:
    try:
        version = api.resource("pieces", **admin(url))["version"]
    except exceptions.NotFound:
        return None
    link, _ = utils.cloudinary_url("pieces", version=version, secure=False, cname=url.rpartition("=")[2], **admin(url))
    return requests.get(link, timeout=20).content


def left_over(folder: Path) -> list[Path]:
    """Files that belong to no stored picture."""
    with closing(sqlite3.connect(folder / "assets.sqlite3")) as kept:
        known = {row[0] for row in kept.execute("SELECT json_extract(record, '$.version_id') FROM assets")}
    files = [path for name in ("originals", "derived", "chunks") for path in (folder / name).iterdir()]
    return [path for path in files if path.name.partition("-")[0] not in known]


# ---- pieces


def test_a_piece_may_come_again_and_from_the_middle(url: str, send: Send, folder: Path) -> None:
    first = send("upload-1", 0, CUT)
    assert first.json() == {
        **{"done": False, "bytes": CUT, "kind": "upload_chunk"},
        **{"resource_type": "image", "public_id": "pieces"},
    }
    assert send("upload-1", 0, CUT).json() == first.json()  # its answer was lost
    assert stored(url) is None
    last = send("upload-1", CUT - 500, len(LARGE))
    assert (last.status_code, last.json()["bytes"]) == (200, len(LARGE))
    assert stored(url) == LARGE and left_over(folder) == []


def test_a_piece_with_no_known_total_is_not_the_last(url: str, send: Send) -> None:
    assert send("upload-2", 0, CUT, range=f"bytes 0-{CUT - 1}/-1").json()["done"] is False
    assert send("upload-2", CUT, len(LARGE)).json()["bytes"] == len(LARGE)
    assert stored(url) == LARGE


@pytest.mark.parametrize(
    ("first", "end", "range", "reason"),
    [
        (CUT + 1, len(LARGE), "", f"starts at byte {CUT}"),
        (CUT, len(LARGE), "bytes 0-5/10", "does not fit"),
        (CUT, len(LARGE), f"bytes {CUT}-{len(LARGE) - 1}/{CUT}", "does not fit"),
        (CUT, len(LARGE), "bytes */100", "Invalid Content-Range"),
        (CUT, len(LARGE), f"bytes {CUT}-{len(LARGE) - 1}/99999999999", "too large"),
        (CUT, len(LARGE) - 1, "", "larger than 5MB"),
    ],
)
def test_a_wrong_range_is_refused_and_spoils_nothing(
    url: str, send: Send, first: int, end: int, range: str, reason: str
) -> None:
    assert send("upload-3", 0, CUT).status_code == 200
    answer = send("upload-3", first, end, range)
    assert (answer.status_code, reason in answer.json()["error"]["message"]) == (400, True), answer.text
    assert stored(url) is None
    assert send("upload-3", CUT, len(LARGE)).status_code == 200
    assert stored(url) == LARGE


def test_two_uploads_do_not_mix(url: str, send: Send) -> None:
    assert send("upload-a", 0, CUT).status_code == 200
    answer = send("upload-b", CUT, len(LARGE))
    assert (answer.status_code, "starts at byte 0" in answer.text) == (400, True)
    assert send("short", CUT, len(LARGE)).status_code == 400
    assert stored(url) is None


def test_a_request_that_is_cut_short_leaves_nothing(url: str, send: Send, folder: Path) -> None:
    assert send("upload-4", 0, CUT).status_code == 200
    before = {path: path.stat().st_size for path in (folder / "chunks").iterdir()}
    head = (
        "POST /v1_1/local/image/upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        f"X-Unique-Upload-Id: upload-4\r\nContent-Range: bytes {CUT}-{len(LARGE) - 1}/{len(LARGE)}\r\n"
        "Content-Length: 9000000\r\n\r\n--b\r\nContent-Disposition: form-data; name=file; filename=a\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", urlsplit_port(url))) as half:
        half.sendall(head.encode() + LARGE[CUT : CUT + 50_000])
        half.shutdown(socket.SHUT_WR)
        while half.recv(4096):  # until it has given up on it
            pass
    assert {path: path.stat().st_size for path in (folder / "chunks").iterdir()} == before
    assert send("upload-4", CUT, len(LARGE)).status_code == 200
    assert stored(url) == LARGE and left_over(folder) == []


def test_pieces_end_with_the_process(url: str, send: Send, process: Running, folder: Path) -> None:
    assert send("upload-5", 0, CUT).status_code == 200
    assert len(left_over(folder)) == 1
    process.kill()
    process.start()
    assert left_over(folder) == []


def test_pieces_that_nobody_finishes_are_dropped_after_an_hour(tmp_path: Path) -> None:
    kept, piece = Chunks(tmp_path / "chunks"), Piece(0, 4, None)
    kept.add("upload-old", piece, b"old..")
    (old,) = (tmp_path / "chunks").iterdir()
    os.utime(old, (0, time.time() - chunks.OLDEST - 1))
    kept.add("upload-new", piece, b"new..")
    assert [path.read_bytes() for path in (tmp_path / "chunks").iterdir()] == [b"new.."]


def test_only_so_many_uploads_are_open_at_once(tmp_path: Path) -> None:
    kept, piece = Chunks(tmp_path / "chunks"), Piece(0, 4, None)
    for number in range(chunks.MOST_OPEN):
        kept.add(f"upload-{number}", piece, b"12345")
    with pytest.raises(Refusal, match="Too many") as refused:
        kept.add("one more", piece, b"12345")
    assert refused.value.status == 420
    whole = kept.add("upload-0", Piece(5, 6, 7), b"67")
    assert whole
    with whole:
        assert whole.read() == b"1234567"
    kept.add("one more", piece, b"12345")


def test_a_range_is_read_as_it_is_sent() -> None:
    assert piece_of("bytes 0-9/10", 10, 100) == Piece(0, 9, 10)
    assert piece_of(f"bytes 5-{LEAST_PIECE + 4}/*", LEAST_PIECE, 10**8) == Piece(5, LEAST_PIECE + 4, None)


# ---- deleting many


def test_what_is_deleted_by_prefix_leaves_nothing_that_was_made_from_it(
    url: str, process: Running, folder: Path
) -> None:
    store = MediaStore(url)
    for name in ("many/a", "many/b", "other"):
        store.open(name, store.upload(PNG, name).version, "png", width=9).close()
    assert len(list((folder / "derived").iterdir())) == 3
    made_anew = api.delete_resources(["other"], type="authenticated", keep_original=True, **admin(url))
    assert made_anew["deleted"] == {"other": "deleted"} and len(list((folder / "derived").iterdir())) == 2
    assert len(api.delete_resources_by_prefix("many/", type="authenticated", **admin(url))["deleted"]) == 2
    left = api.resources(type="authenticated", **admin(url))["resources"]
    assert [item["public_id"] for item in left] == ["other"]
    assert list((folder / "derived").iterdir()) == left_over(folder) == []


def test_all_can_be_deleted_a_thousand_at_a_time(url: str, tmp_path: Path, folder: Path, process: Running) -> None:
    MediaStore(url).upload(PNG, "first")
    row = (
        "INSERT INTO assets SELECT type, ?1, json_set(record, '$.public_id', ?1) FROM assets WHERE public_id = 'first'"
    )
    with closing(sqlite3.connect(folder / "assets.sqlite3")) as other:
        other.executemany(row, [(f"bulk-{number}",) for number in range(1200)])
        other.commit()
    options = {"type": "authenticated", **admin(url)}
    begun = api.delete_all_resources(**options)
    assert (len(begun["deleted"]), begun["partial"]) == (1000, True)
    rest = api.delete_all_resources(next_cursor=begun["next_cursor"], **options)
    assert (len(rest["deleted"]), rest["partial"]) == (201, False)
    with pytest.raises(exceptions.BadRequest, match="1 to 100"):
        api.delete_resources([str(number) for number in range(101)], **options)


# ---- counted calls


def test_calls_over_the_hours_limit_are_refused() -> None:
    limit = HourlyLimit(2)
    assert [limit.take() for _ in range(3)] == [True, True, False]
    assert limit.headers()["X-FeatureRateLimit-Remaining"] == "0"


def test_the_library_is_told_that_it_asks_too_often(url: str, process: Running) -> None:
    remaining = api.ping(**admin(url)).rate_limit_remaining
    for _ in range(remaining):
        requests.get(
            f"{admin(url)['upload_prefix']}/v1_1/local/ping", auth=("key", admin(url)["api_secret"]), timeout=9
        )
    with pytest.raises(exceptions.RateLimited, match="Limit of 500 api operations reached"):
        api.ping(**admin(url))
    with pytest.raises(exceptions.AuthorizationRequired):  # who is not the account is not even counted
        api.ping(**admin(url) | {"api_secret": "wrong"})
    assert MediaStore(url).upload(PNG, "uploads/are/not/counted").width == 40


# ---- a full disk


def test_a_full_disk_is_told_and_keeps_no_half_picture(
    url: str, process: Running, folder: Path, tmp_path: Path
) -> None:
    store = MediaStore(url)
    store.upload(PNG, "before")
    pid = process.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (64 * 1024, hard))  # as a disk that has only so much left for a file
    with pytest.raises(MediaUnavailable, match="503 No space left for pictures"):
        store.upload(LARGE, "large")
    with pytest.raises(MediaUnavailable, match="503 No space left"):
        store.upload_file(io.BytesIO(LARGE), len(LARGE), "large")
    headers = {"X-Unique-Upload-Id": secrets.token_hex(8), "Content-Range": f"bytes 0-{CUT - 1}/{len(LARGE)}"}
    where = f"{admin(url)['upload_prefix']}/v1_1/local/image/upload"
    answer = requests.post(where, data=form(url, "x"), files={"file": LARGE[:CUT]}, headers=headers, timeout=20)
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "No space left for pictures")
    assert left_over(folder) == []
    picture = store.upload(PNG, "before")  # what was there is still served, and what fits is taken
    store.open("before", picture.version, "png", width=None).close()
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
    assert store.upload(LARGE, "large").bytes == len(LARGE)
    assert store.upload_file(io.BytesIO(LARGE), len(LARGE), "large").bytes == len(LARGE)
    assert left_over(folder) == []


def test_a_record_that_cannot_be_written_leaves_no_file(url: str, process: Running, folder: Path) -> None:
    store = MediaStore(url)
    with closing(sqlite3.connect(folder / "assets.sqlite3")) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON assets BEGIN SELECT RAISE(ABORT, 'full'); END")
        other.commit()
        with pytest.raises(MediaUnavailable):
            store.upload(PNG, "unwritten")
        assert list((folder / "originals").iterdir()) == []
        other.execute("DROP TRIGGER full")
        other.commit()
    store.upload(PNG, "unwritten")
    assert len(list((folder / "originals").iterdir())) == 1


def most_memory(process: Running) -> int:
    """Bytes that it had at most at once (Linux)."""
    status = Path(f"/proc/{process.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def test_a_large_file_in_pieces_is_never_whole_in_memory(url: str, folder: Path, tmp_path: Path) -> None:
    size = 80 * 1024 * 1024
    block = os.urandom(1024 * 1024)
    (tmp_path / "large").write_bytes(block * 80)
    environ = {"CLOUDINARY_URL": url, "INFITALKS_LARGEST_FILE_MB": "80"}
    with started(services.media(urlsplit_port(url), folder, environ), tmp_path) as process:
        store = MediaStore(url)
        store.upload_file(io.BytesIO(block), len(block), "small")
        before = most_memory(process)
        with (tmp_path / "large").open("rb") as file:
            stored = store.upload_file(file, size, "large")
        assert stored.bytes == size and most_memory(process) - before < size // 2
        assert [path.read_bytes() for path in (folder / "chunks").iterdir()] == []
        (kept,) = [path for path in (folder / "raw" / "originals").iterdir() if path.stat().st_size == size]
        assert kept.read_bytes() == block * 80
