"""The metrics of this host's workers, in the text format of Prometheus.

Each worker counts in its own memory and writes its counters to the database every two seconds. The worker that is asked
reads those of the others on its host. prometheus-client has a mode of its own for several processes. It keeps files in
a folder that an environment variable must name before anything is imported, and each count takes some microseconds.
Here a count takes less than one.

Counters have the label `worker`, the process id and its start. So a worker that ends takes no counts away from a sum,
and `rate()` of Prometheus handles the start of another one.
"""

import os
import socket
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

import msgspec

from imagevault.config.settings import Settings
from imagevault.counters import BOUNDS, Counters, Durations, Series
from imagevault.errors import DatabaseUnavailable
from imagevault.plugins.registry import PluginRegistry
from imagevault.runtime.tables import WorkerMetrics
from imagevault.search.gateway import Gateway
from imagevault.storage.database import relaxed_durability

if TYPE_CHECKING:
    from prometheus_client.core import Metric

T = TypeVar("T")

WRITE_INTERVAL = 2.0  # seconds between two writes of a worker
SHOWN = 60.0  # seconds for which the counters of a worker that has ended are shown
PREFIX = "imagevault_"
COUNTERS: dict[str, tuple[str, Sequence[str]]] = {
    "http_requests": ("Requests that were answered.", ("method", "route", "status")),
    "provider_answers": ("What providers did in searches, by status.", ("provider", "status")),
    "cache_pages": ("Pages that were read, by how they were found and where.", ("provider", "status", "tier")),
    "upstream_calls": ("Calls to upstreams, by the status or the error.", ("provider", "result")),
    "flights_joined": ("Searches that waited for a call that was under way.", ("provider",)),
    "kept_answers": ("Searches that were answered by a kept answer.", ()),
}
HISTOGRAMS: dict[str, tuple[str, Sequence[str]]] = {
    "http_request_duration_seconds": ("Time from the head of a request to the end of its response.", ("route",)),
    "upstream_call_duration_seconds": ("Time of a call until the head of the upstream's response.", ("provider",)),
    "log_lag_seconds": ("Time from the end of a request to its line, of the oldest line of each batch.", ()),
}
GAUGES: dict[str, tuple[str, Sequence[str]]] = {
    "kept_answer_bytes": ("Memory of kept answers.", ("worker",)),
    "background_writes": ("Writes that go on after their caller has the answer.", ("worker",)),
    "provider_quota_left_ratio": ("The part left of the scarcest quota, from 0 to 1.", ("provider",)),
    "provider_breaker_open": ("1 from when the circuit breaker opens until a call succeeds.", ("provider",)),
    "provider_ready": ("1 if the provider can be asked with its settings.", ("provider",)),
}


class Snapshot(msgspec.Struct):
    """The counters and gauges of one worker at one moment."""

    counts: list[tuple[Series, int]] = []
    durations: list[tuple[Series, Durations]] = []
    gauges: list[tuple[Series, float]] = []


def is_served(settings: Settings) -> bool:
    """Whether the settings let anybody read the metrics."""
    return settings.metrics == "open" or settings.metrics_token is not None


class Metrics:
    """The metrics of one worker, and of the others on its host.

    Args:
        counters: those of this worker.
        gateway: knows the state of providers and of the cache.
        plugins: all providers.

    """

    def __init__(self, counters: Counters, gateway: Gateway, plugins: PluginRegistry) -> None:
        self._counters = counters
        self._gateway = gateway
        self._plugins = plugins
        self._host = socket.gethostname()[:64]  # as long as the column
        self._started_at = int(time.time())
        self._written_at = -WRITE_INTERVAL
        counters.watch("kept_answer_bytes", lambda: gateway.pages.answers.size)
        counters.watch("background_writes", lambda: gateway.pages.writes_under_way)

    @property
    def worker(self) -> str:
        """The name of this worker, which no other worker ever had."""
        return f"{self._host}:{os.getpid()}-{self._started_at}"

    async def flush(self, *, now: bool = False) -> None:
        """Write the counters, at most every two seconds unless `now`, and delete those of workers that ended.

        Raises:
            DatabaseUnavailable: the database does not answer.

        """
        at = time.monotonic()
        if not now and at - self._written_at < WRITE_INTERVAL:
            return
        self._written_at = at
        row = WorkerMetrics(
            worker=self.worker,
            host=self._host,
            written_at=int(self._gateway.clock() * 1000),
            content=msgspec.json.encode(self._snapshot()).decode(),
        )
        limit = row.written_at - int(SHOWN * 1000)
        with relaxed_durability():
            await WorkerMetrics.delete().where(WorkerMetrics.written_at < limit)
            await WorkerMetrics.insert(row).on_conflict(
                target=WorkerMetrics.worker,
                action="DO UPDATE",
                values=[WorkerMetrics.written_at, WorkerMetrics.content],
            )

    async def text(self) -> bytes:
        """Return all metrics. While the database does not answer, those of this worker."""
        from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415  large and rarely needed

        snapshots = {_label(self.worker): self._snapshot(), **await self._others()}
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected(list(self._families(snapshots))))
        return generate_latest(registry)

    async def _others(self) -> dict[str, Snapshot]:
        limit = int((self._gateway.clock() - SHOWN) * 1000)
        is_shown = (WorkerMetrics.host == self._host) & (WorkerMetrics.written_at >= limit)
        columns = (WorkerMetrics.worker, WorkerMetrics.content)
        try:
            rows = await WorkerMetrics.select(*columns).where(is_shown).order_by(WorkerMetrics.written_at)
        except DatabaseUnavailable:
            return {}
        others = [row for row in rows if row["worker"] != self.worker]
        return {_label(row["worker"]): msgspec.json.decode(row["content"], type=Snapshot) for row in others}

    def _snapshot(self) -> Snapshot:
        label = _label(self.worker)
        return Snapshot(
            counts=list(self._counters.counts.items()),
            durations=list(self._counters.durations.items()),
            gauges=[((name, label), read()) for name, read in self._counters.gauges.items()],
        )

    def _provider_gauges(self) -> Iterator[tuple[Series, float]]:
        """What all workers know alike, so it is shown once."""
        limiter = self._gateway.limiter
        for name, provider in self._plugins.providers.items():
            # Between two openings it lets a call through. The gauge stays at 1 then, or no alert could wait for it.
            is_open = limiter.last_seen(provider).trips > 0
            yield ("provider_quota_left_ratio", name), limiter.fraction_left(provider)
            yield ("provider_breaker_open", name), float(is_open)
            yield ("provider_ready", name), float(provider.state == "ok")

    def _families(self, snapshots: dict[str, Snapshot]) -> Iterator["Metric"]:
        from prometheus_client.core import (  # noqa: PLC0415  large and rarely needed
            CounterMetricFamily,
            GaugeMetricFamily,
            HistogramMetricFamily,
        )

        for name, (text, labels) in COUNTERS.items():
            counter = CounterMetricFamily(PREFIX + name, text, labels=[*labels, "worker"])
            for worker, snapshot in snapshots.items():
                for values, count in _of(name, snapshot.counts):
                    counter.add_metric([*values, worker], count)
            yield counter
        for name, (text, labels) in HISTOGRAMS.items():
            histogram = HistogramMetricFamily(PREFIX + name, text, labels=[*labels, "worker"])
            for worker, snapshot in snapshots.items():
                for values, durations in _of(name, snapshot.durations):
                    histogram.add_metric([*values, worker], _cumulated(durations), durations.seconds)
            yield histogram
        gauges = [gauge for snapshot in snapshots.values() for gauge in snapshot.gauges]
        gauges += self._provider_gauges()
        for name, (text, labels) in GAUGES.items():
            family = GaugeMetricFamily(PREFIX + name, text, labels=labels)
            for values, value in _of(name, gauges):
                family.add_metric(values, value)
            yield family


class _Collected:
    """A collector of prometheus-client with these metrics."""

    def __init__(self, families: list["Metric"]) -> None:
        self._families = families

    def collect(self) -> list["Metric"]:
        return self._families


def _of(name: str, series: Iterable[tuple[Series, T]]) -> Iterator[tuple[Sequence[str], T]]:
    """The labels and values of one metric."""
    return ((labels[1:], value) for labels, value in series if labels[0] == name)


def _label(worker: str) -> str:
    """The value of the label `worker`: process id and start. The host is the `instance` of Prometheus."""
    return worker.rpartition(":")[2]


def _cumulated(durations: Durations) -> list[tuple[str, float]]:
    """The classes as Prometheus counts them: each contains those below it."""
    total = 0
    buckets = []
    for bound, count in zip([*map(str, BOUNDS), "+Inf"], durations.counts, strict=True):
        total += count
        buckets.append((bound, float(total)))
    return buckets
