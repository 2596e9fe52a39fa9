"""`infitalks run`, the real thing: it heals, it says what is wrong in one line, and it leaves nothing behind."""

import json
import os
import signal
import socket
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infitalks.local.ports import pick_port
from infitalks.local.process import answers_http, popen_options
from tests.product import MARKS, Product, product_service
from tests.running import wait_until

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    running = Product(tmp_path_factory.mktemp("product"))
    yield running
    running.kill()


def refused(**environ: str) -> str:
    """What a run that does not start says."""
    service = product_service(environ)
    ended = subprocess.run(service.argv, capture_output=True, text=True, timeout=60, **popen_options(service))
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    return ended.stderr


def healthy(product: Product) -> bool:
    return answers_http("127.0.0.1", product.port, "/readyz")


def test_a_run_consists_of_exactly_the_known_processes_and_says_where_to_open_it(product: Product) -> None:
    assert product.leaders().keys() == MARKS.keys()
    assert f"InfiTalks is ready: {product.url}" in product.output()
    assert healthy(product)


def test_what_it_made_up_is_for_its_owner_alone(product: Product) -> None:
    assert stat.S_IMODE((product.data / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(product.data.stat().st_mode) == 0o700


def test_a_second_start_on_the_same_data_names_the_first(product: Product) -> None:
    said = refused(INFITALKS_DATA=str(product.data), INFITALKS_PORT=str(pick_port()))
    assert f"already runs on the data in {product.data}, as process {product.process.pid}" in said


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
    os.kill(product.process.pid, signal.SIGKILL)
    product.process.wait()
    wait_until(lambda: not product.processes(), "no process is left")
    product.start()
    assert healthy(product)
    assert [file.read_text() for file in files] == before


def test_ctrl_c_stops_in_order_and_leaves_no_process(product: Product) -> None:
    product.process.send_signal(signal.SIGINT)
    assert product.process.wait(60) == 0
    assert "InfiTalks has stopped." in product.output()
    wait_until(lambda: not product.processes(), "no process is left")
