"""The media service as a process: what it keeps, where it listens, and how it starts and ends."""

import io
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from threading import Barrier, Thread

import pytest
import requests
from PIL import Image

from infitalks.backends.media import MediaRefused, MediaStore, MediaUnavailable
from infitalks.local import services
from infitalks.local.media.derived import DerivedPictures
from infitalks.local.ports import pick_port
from infitalks.local.process import Service
from tests.conftest import started


def encoded(image: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


PNG = encoded(Image.new("RGB", (40, 30), "teal"), "PNG")


@pytest.fixture
def url() -> str:
    return services.cloudinary_url("key", "a-secret-of-the-test", pick_port())


@pytest.fixture
def service(url: str, tmp_path: Path) -> Service:
    return services.media(port_of(url), tmp_path / "data", {"CLOUDINARY_URL": url})


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def fetched(store: MediaStore, public_id: str) -> bytes:
    download = store.open(public_id, 1, "png", width=None)
    try:
        return b"".join(download.chunks)
    finally:
        download.close()


def run(service: Service, **changes: str) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, **service.env, **changes}
    return subprocess.run(
        service.argv, env=env, cwd=service.cwd, capture_output=True, text=True, timeout=30, check=False
    )


def test_an_answered_upload_outlives_a_kill(url: str, service: Service, tmp_path: Path) -> None:
    store = MediaStore(url)
    with started(service, tmp_path) as running:
        store.upload(PNG, "kept")
        store.upload(PNG, "removed")
        store.destroy("removed")
        assert len(list((tmp_path / "data/originals").iterdir())) == 1
        (tmp_path / "data/originals/half-written.tmp").write_bytes(b"x")
        running.kill()
        running.start()
        assert fetched(store, "kept") == PNG
        with pytest.raises(MediaRefused):
            fetched(store, "removed")
    assert len(list((tmp_path / "data/originals").iterdir())) == 1


def test_a_busy_port_is_told_in_one_line(url: str, service: Service, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", port_of(url))):
        ended = run(service)
    assert ended.returncode == 48
    assert ended.stderr == f"media: port {port_of(url)} on 127.0.0.1 is in use\n"


def test_two_services_do_not_share_a_folder(url: str, service: Service, tmp_path: Path) -> None:
    with started(service, tmp_path):
        ended = run(services.media(pick_port(), tmp_path / "data", {"CLOUDINARY_URL": url}))
    assert ended.returncode == 1
    assert "another media service uses" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("wrong", ["", "https://example.org", "cloudinary://cloud"])
def test_it_does_not_start_without_an_account(service: Service, wrong: str) -> None:
    ended = run(service, CLOUDINARY_URL=wrong)
    assert ended.returncode == 2
    assert "CLOUDINARY_URL" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_when_asked(service: Service, tmp_path: Path, number: signal.Signals) -> None:
    with started(service, tmp_path) as running:
        running.process.send_signal(number)
        assert running.process.wait(10) == 0


def test_it_listens_on_loopback_only_and_keeps_its_folder_to_itself(url: str, service: Service, tmp_path: Path) -> None:
    with started(service, tmp_path):
        MediaStore(url).upload(PNG, "private")
        table = Path("/proc/net/tcp").read_text().splitlines()[1:]
        port = f"{port_of(url):04X}"
        listening = [line.split()[1] for line in table if line.split()[1].endswith(port) and line.split()[3] == "0A"]
        assert listening == [f"0100007F:{port}"]
        modes = {path.stat().st_mode & 0o077 for path in (tmp_path / "data").rglob("*")}
        assert modes == {0}


def test_port_zero_picks_a_free_port_and_tells_it(url: str, tmp_path: Path) -> None:
    service = services.media(0, tmp_path / "data", {"CLOUDINARY_URL": url})
    with subprocess.Popen(
        service.argv, env={**os.environ, **service.env}, cwd=service.cwd, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            address = process.stdout.readline().split()[-1]
            assert requests.get(f"{address}/healthz", timeout=10).status_code == 200
        finally:
            process.terminate()


def test_links_are_not_logged(url: str, service: Service, tmp_path: Path) -> None:
    with started(service, tmp_path) as running:
        store = MediaStore(url)
        store.upload(PNG, "unlogged-picture")
        assert fetched(store, "unlogged-picture") == PNG
        for asset in (tmp_path / "data/originals").iterdir():
            asset.write_bytes(b"broken on disk")
        with pytest.raises(MediaUnavailable, match="500"):
            store.open("unlogged-picture", 1, "png", width=9)
        log = running.log.read_text()
    assert "failed" in log
    assert "unlogged-picture" not in log


def test_derived_pictures_stay_below_their_limit_and_the_least_used_go(tmp_path: Path) -> None:
    kept = DerivedPictures(tmp_path / "derived", most_bytes=25)
    made: list[str] = []

    def get(name: str) -> None:
        def make() -> bytes:
            made.append(name)
            return b"x" * 10

        assert kept.get("v", name, make) == b"x" * 10

    for name in ("a", "b", "a", "c", "a", "b"):
        get(name)
    assert made == ["a", "b", "c", "b"]
    assert sum(path.stat().st_size for path in (tmp_path / "derived").iterdir()) == 20
    kept.forget("v")
    assert not list((tmp_path / "derived").iterdir())


def test_a_derived_picture_asked_for_at_once_by_many_is_made_once(tmp_path: Path) -> None:
    kept = DerivedPictures(tmp_path / "derived", most_bytes=1000)
    made: list[int] = []
    together = Barrier(8)

    def make() -> bytes:
        made.append(1)
        return b"x"

    def ask() -> None:
        together.wait()
        kept.get("v", "same", make)

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [1]


def test_the_command_tells_its_options() -> None:
    command = [sys.executable, "-m", "infitalks.local.media", "--help"]
    told = subprocess.run(command, capture_output=True, text=True, cwd=services.ROOT, check=True, timeout=30)
    assert "--port" in told.stdout
