"""What the processes count for Prometheus, and how it is read: figures of this process, or of all that share a folder.

With PROMETHEUS_MULTIPROC_DIR, which the library reads by itself, every process keeps its figures in a file there, so
that any one of them can answer for all. Each metric has a label: only then is the file opened with the first use, by
when `configure` has seen to the folder. No label ever holds an id or a name that people made up.
Not for: figures that are looked up when somebody asks (actions/gauges.py), nor the gateway's (local/gateway/tally.py).
"""

import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from infitalks.errors import InfiTalksError
from infitalks.settings import Settings, SettingsError

__all__ = ["CONTENT_TYPE_LATEST", "Metric"]

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which no panel shows

_counted = CollectorRegistry()
_folder: Path | None = None

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONG = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 240)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _histogram(name: str, text: str, labels: tuple[str, ...], buckets: Iterable[float] = SECONDS) -> Histogram:
    return Histogram(name, text, labels, registry=_counted, buckets=tuple(buckets))


REQUESTS = Counter(
    "infitalks_http_requests", "HTTP requests answered.", ("method", "route", "status"), registry=_counted
)
REQUEST_SECONDS = _histogram("infitalks_http_request_seconds", "Until an answer was made.", ("route",))
APPEND_SECONDS = _histogram(
    "infitalks_append_seconds", "Until an entry of a log was journaled, or refused.", ("kind", "result")
)
BATCH_ENTRIES = _histogram(
    "infitalks_append_batch_entries", "Entries inserted at once.", ("race",), (1, 2, 4, 8, 16, 32, 64)
)
BELLS = Counter("infitalks_bells", "Bells for workers.", ("task", "result"), registry=_counted)
TASK_SECONDS = _histogram("infitalks_task_seconds", "A worker's task.", ("task", "state"), LONG)
TOLD_SECONDS = _histogram(
    "infitalks_told_seconds", "From an entry's time until pages were told of it.", ("kind",), (*SECONDS, 30, 60, 300)
)
REALTIME_SECONDS = _histogram("infitalks_realtime_call_seconds", "Calls of the server of live events.", ("result",))
WEBHOOK_SECONDS = _histogram("infitalks_webhook_attempt_seconds", "Tries of deliveries.", ("status",))
STARTED = Gauge(
    "infitalks_process_started", "Told apart by the pid.", ("part",), multiprocess_mode="liveall", registry=_counted
)


def configure(settings: Settings) -> None:
    """See to the folder. Raises SettingsError where there cannot be one."""
    global _folder
    _folder = settings.metrics_dir
    try:
        if _folder:
            _folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"PROMETHEUS_MULTIPROC_DIR: {error}") from None


def announce(part: str) -> None:
    """This process is one of the web's, or of the workers': it counts among them as long as it lives."""
    STARTED.labels(part).set(time.time())


def status_class(status: int) -> str:
    """2xx, say; `none` for 0."""
    return f"{status // 100}xx" if status else "none"


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """`route`: its template, never what was asked for."""
    REQUESTS.labels(method if method in METHODS else "other", route, status_class(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


@contextmanager
def append_timed(kind: str) -> Iterator[dict[str, str]]:
    """Times an append; the block puts its `result` into what it gets, an exception's is told by its status."""
    told, began = {"result": "failed"}, time.monotonic()
    try:
        yield told
    except InfiTalksError as error:
        told["result"] = {409: "conflict", 503: "unavailable"}.get(error.status, "refused")
        raise
    finally:
        APPEND_SECONDS.labels(kind, told["result"]).observe(time.monotonic() - began)


def gauge(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    """Figures that were just looked up, by the value of their label."""
    family = GaugeMetricFamily(f"infitalks_{name}", text, labels=(label,))
    for value, figure in values.items():
        family.add_metric((value,), figure)
    return family


def render(looked_up: Iterable[Metric] = ()) -> bytes:
    """All of it, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Given([*_read(), *looked_up]))
    return generate_latest(registry)


class _Given(Collector):
    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _read() -> Iterator[Metric]:
    """What was counted; in the place of the gauge of who started, what those processes take."""
    if _folder:
        _forget_the_dead(_folder)
    found = _merged(_folder) if _folder else _counted.collect()
    for metric in found:
        if metric.name == "infitalks_process_started":
            yield from _taken_by(metric)
        elif metric.samples:
            yield metric


def _merged(folder: Path) -> Iterable[Metric]:
    files = [str(file) for file in folder.glob("*.db")]
    merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
    return merged


def _forget_the_dead(folder: Path) -> None:
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if not Path("/proc", pid).exists():
            with suppress(FileNotFoundError):  # another scrape was quicker
                mark_process_dead(int(pid), str(folder))  # type: ignore[no-untyped-call]


def _taken_by(started: Metric) -> Iterator[Metric]:
    """Processes, memory, time and files, of each part's processes together."""
    families: dict[str, GaugeMetricFamily | CounterMetricFamily] = {
        "": GaugeMetricFamily("infitalks_processes", "Processes that run.", labels=("part",)),
        "process_resident_memory_bytes": GaugeMetricFamily(
            "infitalks_process_memory_bytes", "Resident memory of a part's processes.", labels=("part",)
        ),
        "process_cpu_seconds": CounterMetricFamily(
            "infitalks_process_cpu_seconds", "CPU time of a part's running processes.", labels=("part",)
        ),
        "process_open_fds": GaugeMetricFamily(
            "infitalks_process_open_files", "Open files of a part's processes.", labels=("part",)
        ),
    }
    for part, pids in _pids(started).items():
        taken = dict.fromkeys(families, 0.0)
        for pid in pids:
            taken[""] += 1
            for metric in _process(pid):
                if metric.name in taken:
                    taken[metric.name] += metric.samples[0].value
        for name, family in families.items():
            family.add_metric((part,), taken[name])
    yield from families.values()


def _pids(started: Metric) -> dict[str, list[str]]:
    pids: dict[str, list[str]] = {}
    for sample in started.samples:
        pids.setdefault(sample.labels["part"], []).append(sample.labels.get("pid", "self"))
    return pids


def _process(pid: str) -> Iterable[Metric]:
    return ProcessCollector(pid=lambda: pid, registry=None).collect()


class _Server(ThreadingHTTPServer):
    allow_reuse_port = True  # every worker of a machine has the port: any of them can answer for all
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


def serve(settings: Settings) -> None:
    """Answer at INFITALKS_METRICS_LISTEN from a thread of this process, for workers, which listen nowhere else.

    Raises SettingsError where nobody can listen there.
    """
    if not settings.metrics_listen:
        return
    host, _, port = settings.metrics_listen.rpartition(":")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            proof = self.headers.get("Authorization", "")
            # A port of its own, which no proxy passes on: here loopback will do in production, too.
            if self.path != "/metrics" or (
                settings.metrics_token and not settings.lets_scrape(proof, "", forwarded=False)
            ):
                self.send_error(404)
                return
            body = render()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE_LATEST)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    try:
        kind = _Server6 if ":" in host else _Server
        server = kind((host.strip("[]"), int(port)), Handler)
    except OSError as error:
        raise SettingsError(f"INFITALKS_METRICS_LISTEN: {settings.metrics_listen}: {error.strerror}") from None
    Thread(target=server.serve_forever, name="figures", daemon=True).start()
