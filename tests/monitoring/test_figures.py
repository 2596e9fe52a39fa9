"""What Prometheus reads is what Prometheus can read, and every panel and alert asks for figures that there are.

Needs Debian's promtool on PATH, where the set-up puts it on CI machines.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infitalks.local.services import ROOT
from tests.monitoring.conftest import Watched
from tests.monitoring.promtool import find_promtool

PROMTOOL = find_promtool()
FOLDER = ROOT / "deploy" / "monitoring"
NAME = re.compile(r"\binfitalks_\w+")
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$")


@pytest.fixture
def promtool() -> str:
    if not PROMTOOL:
        reason = "promtool is not on PATH: install Debian's package `prometheus`, or nobody checks what it reads"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return PROMTOOL


@pytest.fixture(scope="module")
def scraped(watched: Watched) -> dict[str, str]:
    return watched.scrape()


def check(promtool: str, *what: str, stdin: str = "") -> None:
    """Raises AssertionError with what promtool says, unless it finds nothing at all to say."""
    done = subprocess.run((promtool, "check", *what), input=stdin, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr


def samples(text: str) -> Iterator[tuple[str, str, float]]:
    """(name, labels, figure) of every line."""
    for line in text.splitlines():
        if not line.startswith("#"):
            matched = SAMPLE.fullmatch(line)
            assert matched, line
            yield matched[1], matched[2] or "", float(matched[3])


def queries() -> Iterator[str]:
    """Of the dashboard's panels."""
    for panel in json.loads((FOLDER / "dashboard.json").read_text())["panels"]:
        for target in panel.get("targets", []):
            yield target["expr"].replace("$__rate_interval", "5m")


@pytest.mark.parametrize("part", ["web", "worker", "gateway"])
def test_prometheus_reads_what_each_part_answers(promtool: str, scraped: dict[str, str], part: str) -> None:
    check(promtool, "metrics", stdin=scraped[part])


def test_promtool_finds_what_is_wrong(promtool: str) -> None:
    with pytest.raises(AssertionError, match="no help text"):
        check(promtool, "metrics", stdin="# TYPE a_total counter\na_total 1\n")


def test_the_sample_configuration_and_its_alerts_are_valid(promtool: str) -> None:
    check(promtool, "rules", str(FOLDER / "alerts.yml"))
    check(promtool, "config", str(FOLDER / "prometheus.yml"))


def test_every_query_of_the_dashboard_is_one(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"panel:{place}", "expr": query} for place, query in enumerate(queries())]
    assert len(rules) > 30
    file = tmp_path / "rules.json"  # which is YAML too
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    check(promtool, "rules", str(file))


def test_what_panels_and_alerts_ask_for_is_there(scraped: dict[str, str]) -> None:
    known = {name for text in scraped.values() for name, _, _ in samples(text)}
    asked = set(NAME.findall("\n".join(queries())))
    alerted = set(NAME.findall((FOLDER / "alerts.yml").read_text()))
    assert len(asked) > 20 and len(alerted) > 5
    assert (asked | alerted) - known == set()
    shown = {re.sub("_(bucket|sum|count)$", "", name) for name in asked}
    counted = {re.sub("_(bucket|sum|count)$", "", name) for name in known if name.startswith("infitalks_")}
    unseen = {"process_virtual_memory_bytes", "process_start_time_seconds", "process_max_fds"}
    assert counted - shown == {f"infitalks_gateway_{name}" for name in unseen}


def test_the_figures_are_those_of_what_was_done(watched: Watched, scraped: dict[str, str]) -> None:
    figures = {(name, labels): figure for name, labels, figure in samples(scraped["web"] + scraped["gateway"])}

    def found(name: str, *labels: str) -> float:
        return sum(
            f for (n, having), f in figures.items() if n == f"infitalks_{name}" and set(labels) <= {*having.split(",")}
        )

    assert found("append_seconds_count", 'kind="message"', 'result="new"') == 2
    assert found("http_requests_total", 'route="/api/messages"', 'method="POST"', 'status="2xx"') == 1
    assert found("http_requests_total", 'route="/hooks/<secret>"', 'status="2xx"') == 1
    assert found("webhook_attempt_seconds_count", 'status="2xx"') == 1
    assert found("told_seconds_count", 'kind="message"') == 2
    assert found("gateway_sockets_opened_total") == 1 and found("gateway_events_sent_total") >= 2
    assert found("processes", 'part="web"') == 1 and found("processes", 'part="worker"') >= 5
    assert found("process_memory_bytes", 'part="worker"') > 10**7
    assert found("up", 'store="mongodb"') == found("up", 'store="redis"') == 1
    # One for all processes: the workers' own answer counts what the web processes did, too.
    assert counted(scraped["worker"], "infitalks_append_seconds_count") == counted(
        scraped["web"], "infitalks_append_seconds_count"
    )


def counted(text: str, metric: str) -> float:
    return sum(figure for name, _, figure in samples(text) if name == metric)


def test_no_label_holds_what_people_made_up_or_an_id(watched: Watched, scraped: dict[str, str]) -> None:
    labels = {label for text in scraped.values() for _, labels, _ in samples(text) for label in labels.split(",")}
    assert 'route="/api/chats/<chat_id>/webhooks"' in labels
    for word in (watched.marker, watched.chat, *watched.secrets):
        assert [label for label in labels if word in label] == []
    names: dict[str, Any] = {label.partition("=")[0]: True for label in labels if label}
    assert set(names) <= {"le", "method", "route", "status", "kind", "result", "race", "task", "state", "part"} | {
        "queue", "store", "what"
    }  # fmt: skip
