"""What the gateway counts, and how Prometheus reads it. Not for what the app's own processes count.

Plain numbers: one process and one thread have them all.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass
class Tally:
    """Since the process began."""

    opened: int = 0  # sockets
    taken: int = 0  # events from the app, one for each channel
    sent: int = 0  # events written to sockets
    slow: int = 0  # sockets cut off, since they did not read
    refused: int = 0  # subscriptions


class Figures(Collector):
    """The tally and what there is at the moment, as Prometheus' library wants them."""

    def __init__(self, tally: Tally, sockets: int, channels: int) -> None:
        self._counted = {
            "sockets_opened": ("Websockets that were opened.", tally.opened),
            "events_taken": ("Events from the app, one for each channel.", tally.taken),
            "events_sent": ("Events written to sockets.", tally.sent),
            "slow_readers_cut_off": ("Sockets cut off because they did not read.", tally.slow),
            "subscriptions_refused": ("Subscriptions that were refused.", tally.refused),
        }
        self._now = {
            "sockets": ("Websockets that are open.", sockets),
            "channels": ("Channels that somebody listens on.", channels),
        }

    def collect(self) -> Iterator[Metric]:
        for name, (text, figure) in self._counted.items():
            yield CounterMetricFamily(f"infitalks_gateway_{name}", text, figure)
        for name, (text, figure) in self._now.items():
            yield GaugeMetricFamily(f"infitalks_gateway_{name}", text, figure)


def render(tally: Tally, sockets: int, channels: int) -> bytes:
    """All of it, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(Figures(tally, sockets, channels))
    ProcessCollector(namespace="infitalks_gateway", registry=registry)
    return generate_latest(registry)
