"""`infitalks run`, the real thing: it heals, it says what is wrong in one line, and it leaves nothing behind."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infitalks.local.ports import pick_port
from infitalks.local.process import answers_http
from infitalks.local.services import ROOT
from tests.running import wait_until
from tests.whole import WholeRun

pytestmark = pytest.mark.timeout(300)

# A piece of each leader's command line.
MARKS = {
    "mongod": "mongod --dbpath",
    "redis": "-server ",  # it rewrites its own command line
    "media": "infitalks.local.media",
    "gateway": "infitalks.local.gateway",
    "realtime": "-n realtime@",
    "pictures": "-n pictures@",
    "beat": " beat -s ",
    "web": "granian",
}


class Product:
    """A run that can be started again on the same data."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.data, self.port = folder, folder / "data", pick_port()
        self.start()

    def start(self) -> None:
        self.run = WholeRun(self.folder, {"INFITALKS_PORT": str(self.port)})

    def processes(self) -> list[Path]:
        """Everything that belongs to this run, however it came about (Linux)."""
        mark = f"INFITALKS_DATA={self.data}\0".encode()
        return [process for process in Path("/proc").glob("[0-9]*") if mark in environment_of(process)]

    def leaders(self) -> dict[str, int]:
        """Process id of each service."""
        return leaders_of(self.run)


def leaders_of(run: WholeRun) -> dict[str, int]:
    """Process id of each service."""
    listed = ("ps", "-ww", "-o", "pid=,args=", "--ppid", str(run.process.pid))
    lines = subprocess.run(listed, capture_output=True, text=True, check=False).stdout.splitlines()
    return {name: int(line.split()[0]) for name, mark in MARKS.items() for line in lines if mark in line}


def environment_of(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:  # it ended meanwhile, or is somebody else's
        return b""


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("product"))
    yield running
    running.run.stop()


def refused(**environ: str) -> str:
    """What a run that does not start says."""
    command = (sys.executable, "-m", "infitalks.cli", "run")
    environ = {**os.environ, **environ}
    ended = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def healthy(product: Product) -> bool:
    return answers_http("127.0.0.1", product.port, "/readyz")


def test_a_run_consists_of_exactly_the_known_processes_and_says_where_to_open_it(product: Product) -> None:
    assert product.leaders().keys() == MARKS.keys()
    assert product.run.url == f"http://127.0.0.1:{product.port}"
    assert healthy(product)


def test_what_it_made_up_is_for_its_owner_alone(product: Product) -> None:
    assert stat.S_IMODE((product.data / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(product.data.stat().st_mode) == 0o700


def test_a_second_start_on_the_same_data_names_the_first(product: Product) -> None:
    said = refused(INFITALKS_DATA=str(product.data), INFITALKS_PORT=str(pick_port()))
    assert f"already runs on the data in {product.data}, as process {product.run.process.pid}" in said


def test_a_busy_port_is_told_with_the_setting_and_nothing_is_started(product: Product, tmp_path: Path) -> None:
    said = refused(INFITALKS_DATA=str(tmp_path / "data"), INFITALKS_PORT=str(product.port))
    assert f"port {product.port} on 127.0.0.1 is in use" in said and "INFITALKS_PORT" in said
    assert not (tmp_path / "data" / "mongod").exists()


def test_a_kept_port_that_somebody_took_is_told_with_the_cure(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        kept = {"mongod": pick_port(), "redis": taken.getsockname()[1]}
        (tmp_path / "ports.json").write_text(json.dumps(kept))
        said = refused(INFITALKS_DATA=str(tmp_path), INFITALKS_PORT=str(pick_port()))
    assert f"port {kept['redis']}, kept for redis, is in use" in said and "ports.json" in said


@pytest.mark.parametrize("name", MARKS)
def test_a_killed_child_is_healed(product: Product, name: str) -> None:
    before = product.leaders()[name]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: product.leaders().get(name, before) != before, f"{name} runs again")
    wait_until(lambda: product.leaders().keys() == MARKS.keys() and healthy(product), "all is well again")


def test_a_killed_grandchild_is_healed(product: Product) -> None:
    """The process that really serves is granian's child."""
    web = product.leaders()["web"]
    listed = subprocess.run(("ps", "-o", "pid=", "--ppid", str(web)), capture_output=True, text=True, check=True)
    for pid in listed.stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    wait_until(lambda: product.leaders().get("web", web) != web and healthy(product), "the web server serves again")


def test_ports_and_secrets_outlive_a_killed_supervisor_and_no_process_does(product: Product) -> None:
    files = [product.data / "ports.json", product.data / "secrets.json"]
    before = [file.read_text() for file in files]
    assert len(product.processes()) > len(MARKS)
    os.kill(product.run.process.pid, signal.SIGKILL)
    product.run.process.wait()
    wait_until(lambda: not product.processes(), "no process is left")
    product.start()
    assert healthy(product)
    assert [file.read_text() for file in files] == before


def test_ctrl_c_stops_in_order_and_leaves_no_process(product: Product) -> None:
    product.run.process.send_signal(signal.SIGINT)
    assert product.run.process.wait(60) == 0
    assert "InfiTalks has stopped." in product.run.printed()
    wait_until(lambda: not product.processes(), "no process is left")


def test_what_has_a_url_is_used_and_not_started(tmp_path: Path, services_environ: dict[str, str]) -> None:
    run = WholeRun(tmp_path, services_environ)
    try:
        leaders = leaders_of(run)
        assert leaders.keys() == {"realtime", "pictures", "beat", "web"}
        assert run.url == services_environ["PUBLIC_URL"]
        assert json.loads((tmp_path / "data" / "ports.json").read_text()) == {}
    finally:
        assert run.stop() == 0
