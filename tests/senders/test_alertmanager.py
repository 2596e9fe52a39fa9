"""Debian's Alertmanager tells of an alert that fires and is resolved, in Slack's format and in its own.

Needs Alertmanager on PATH, where the set-up puts Debian's on CI machines.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests

from infitalks.local.ports import pick_port
from infitalks.local.process import Service
from tests.conftest import started
from tests.hooks import Hook
from tests.running import wait_until
from tests.senders.alertmanager import find_alertmanager

PROGRAM = find_alertmanager()
pytestmark = pytest.mark.skipif(not PROGRAM, reason="Alertmanager is not on PATH")

CONFIG = """
route: {{receiver: chat, group_by: [alertname], group_wait: 10ms, group_interval: 1s, repeat_interval: 1h}}
receivers:
  - name: chat
    slack_configs:
      - {{api_url: "{address}", channel: "#alerts", send_resolved: true}}
    webhook_configs:
      - {{url: "{address}/alertmanager", send_resolved: true}}
"""
Tell = Callable[[datetime], None]


@pytest.fixture
def tell(address: str, hook: Hook, tmp_path: Path) -> Iterator[Tell]:
    """`tell(end)` makes Alertmanager know of one alert, which ends then."""
    config = tmp_path / "alertmanager.yml"
    config.write_text(CONFIG.format(address=address + hook.path))
    url = f"http://127.0.0.1:{(port := pick_port())}"
    listen = [f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address="]
    argv = [PROGRAM or "", f"--config.file={config}", f"--storage.path={tmp_path / 'data'}", *listen]
    began = datetime.now(UTC)

    def tell(end: datetime) -> None:
        labels = {"alertname": "DiskFull", "instance": "db1", "severity": "critical"}
        alert = {
            "labels": labels,
            "annotations": {"summary": "91 % used"},
            "generatorURL": "http://prometheus.example/g",
        }
        times = {"startsAt": began.isoformat(), "endsAt": end.isoformat()}
        requests.post(f"{url}/api/v2/alerts", json=[{**alert, **times}], timeout=5).raise_for_status()

    with started(Service("alertmanager", tuple(argv), ready_line="Listening on"), tmp_path):
        yield tell


def titles(hook: Hook) -> list[str]:
    return sorted(card["title"] for message in hook.messages() for card in message["cards"][:1])


def test_it_fires_and_is_resolved(hook: Hook, tell: Tell) -> None:
    tell(datetime.now(UTC) + timedelta(hours=1))
    both = ["[FIRING:1] DiskFull", "[FIRING:1] DiskFull (db1 critical)"]
    wait_until(lambda: titles(hook) == both, "both formats tell of the alert")
    tell(datetime.now(UTC))
    # In its own format the end edits the beginning; in Slack's nothing says which message it would be.
    ended = ["[FIRING:1] DiskFull (db1 critical)", "[RESOLVED] DiskFull", "[RESOLVED] DiskFull (db1 critical)"]
    wait_until(lambda: titles(hook) == ended, "both formats tell of its end")
