"""Who is told to stop (SIGTERM) begins nothing more, says so to a balancer, and ends what it has begun.

Not for: restarts under load (test_together.py).
"""

import signal
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection, HTTPException

import pytest

from tests.faults.rig import Cluster
from tests.faults.scene import Scene
from tests.faults.senders import Log, send
from tests.running import wait_until

pytestmark = pytest.mark.timeout(120)


SILENT = -1


def readiness(connection: HTTPConnection) -> int:
    """What a balancer hears that asks on this connection: 0 where it is closed or refused, SILENT for no answer."""
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except TimeoutError:
        return SILENT
    except (OSError, HTTPException):
        return 0


def asked_anew(cluster: Cluster, name: str, timeout: float = 5) -> int:
    connection = HTTPConnection("127.0.0.1", cluster.ports[name], timeout=timeout)
    try:
        return readiness(connection)
    finally:
        connection.close()


def test_a_web_process_that_is_stopping_is_not_ready_and_answers_what_it_has_begun(cluster: Cluster, log: Log) -> None:
    scene = Scene(cluster, log, chats=1)
    kept = HTTPConnection("127.0.0.1", cluster.ports["web1"], timeout=5)
    kept.auto_open = 0
    kept.connect()
    assert readiness(kept) == 200
    kept.sock.settimeout(1)
    wait_until(lambda: not cluster.untold(), "nothing else is being written")
    cluster.failpoint("append.after_insert", "hold")
    with ThreadPoolExecutor(1) as pool:
        begun = pool.submit(send, scene.people[0], scene.chats[0], "begun", "begun before the end", at=0)
        wait_until(partial(cluster.passed, "append.after_insert"), "it is stored and not answered")
        cluster.running["web1"].process.send_signal(signal.SIGTERM)
        # Who connects in this moment may never be answered, and after 5 s the process is ended with what it has begun.
        wait_until(lambda: asked_anew(cluster, "web1", timeout=1) in (0, 503), "a balancer hears of it")
        assert not begun.done(), begun.result()
        assert asked_anew(cluster, "web1", timeout=1) in (0, 503) and readiness(kept) in (0, 503, SILENT)
        assert asked_anew(cluster, "web2") == 200
        cluster.release("append.after_insert")
        assert begun.result().status == 201
    wait_until(partial(cluster.ended, "web1"), "it ends")
    cluster.restart("web1")
    assert asked_anew(cluster, "web1") == 200


def test_a_worker_that_is_stopping_ends_its_task_first(cluster: Cluster, log: Log) -> None:
    scene = Scene(cluster, log, chats=1)
    wait_until(lambda: not cluster.untold(), "nothing waits")
    cluster.failpoint("fan_out.before_send", "sleep 2")
    assert send(scene.people[0], scene.chats[0], "told", "told before the end", at=0).status == 201
    wait_until(partial(cluster.passed, "fan_out.before_send"), "a worker is at it")
    assert cluster.untold() == 1
    cluster.stop("worker")
    assert cluster.running["worker"].process.returncode == 0
    assert cluster.untold() == 0
    cluster.restart("worker")
