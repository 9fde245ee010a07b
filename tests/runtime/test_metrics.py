"""The metrics of a worker and of the others on its host."""

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from imagevault.config.settings import Settings
from imagevault.counters import BOUNDS, MAX_SERIES, Counters
from imagevault.runtime.metrics import Metrics, is_served
from imagevault.runtime.tables import WorkerMetrics
from imagevault.upstream.models import State


def samples(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every sample of the text, as Prometheus reads it, by name and labels without `worker`, summed."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = frozenset((name, value) for name, value in sample.labels.items() if name != "worker")
            found[sample.name, labels] = found.get((sample.name, labels), 0.0) + sample.value
    return found


def labels(**values: str) -> frozenset[tuple[str, str]]:
    return frozenset(values.items())


class TestCounters:
    def test_durations_are_counted_in_classes(self) -> None:
        """A duration at a bound belongs to the class below it, as in Prometheus."""
        counters = Counters()
        for seconds in (0.0, BOUNDS[0], BOUNDS[0] * 1.01, BOUNDS[-1] * 2):
            counters.observe(seconds, "x", "y")

        durations = counters.durations["x", "y"]
        assert durations.counts == [2, 1, *[0] * (len(BOUNDS) - 2), 1]
        assert durations.seconds == pytest.approx(BOUNDS[0] * 2.01 + BOUNDS[-1] * 2)

    def test_their_number_is_bounded(self) -> None:
        """Whatever is counted."""
        counters = Counters()
        for number in range(MAX_SERIES + 10):
            counters.add("x", str(number))
            counters.observe(1, "x", str(number))
        counters.add("x", "0")

        assert len(counters.counts) == len(counters.durations) == MAX_SERIES
        assert counters.counts["x", "0"] == 2


class TestWorkers:
    async def test_are_added_up(self, start: Any, empty_database_url: str) -> None:
        """Each worker shows its own counters and those that the others wrote, on both engines."""
        api = await start({"DATABASE_URL": empty_database_url})
        api.services.database.use()
        others = [Counters() for _ in range(2)]
        workers = [Metrics(counters, api.services.gateway, api.services.plugins) for counters in others]
        for number, worker in enumerate(workers):
            worker._started_at += 1000 * (number + 1)  # two more processes of this host
            others[number].add("upstream_calls", "pexels", "200")
            others[number].observe(0.003, "upstream_call_duration_seconds", "pexels")
            await worker.flush(now=True)
        api.services.counters.add("upstream_calls", "pexels", "200")

        found = samples(await api.services.metrics.text())

        assert found["imagevault_upstream_calls_total", labels(provider="pexels", result="200")] == 3
        bucket = labels(provider="pexels", le="0.005")
        assert found["imagevault_upstream_call_duration_seconds_bucket", bucket] == 2
        assert found["imagevault_provider_ready", labels(provider="local")] == 1

    async def test_that_ended_are_shown_for_a_minute(self, start: Any, empty_database_url: str) -> None:
        """Then their row goes, too."""
        api = await start({"DATABASE_URL": empty_database_url})
        api.services.database.use()
        clock = api.services.gateway.clock
        ended = Counters()
        ended.add("upstream_calls", "pexels", "500")
        other = Metrics(ended, api.services.gateway, api.services.plugins)
        other._started_at -= 1000
        await other.flush(now=True)
        calls = ("imagevault_upstream_calls_total", labels(provider="pexels", result="500"))
        assert calls in samples(await api.services.metrics.text())

        clock.offset += 61
        assert calls not in samples(await api.services.metrics.text())
        await api.services.metrics.flush(now=True)

        assert [row["worker"] for row in await WorkerMetrics.select()] == [api.services.metrics.worker]

    async def test_of_other_hosts_are_not_shown(self, start: Any, empty_database_url: str) -> None:
        """Prometheus asks each host."""
        api = await start({"DATABASE_URL": empty_database_url})
        api.services.database.use()
        abroad = Counters()
        abroad.add("upstream_calls", "pexels", "200")
        other = Metrics(abroad, api.services.gateway, api.services.plugins)
        other._host = "another"
        await other.flush(now=True)

        assert b"upstream_calls_total{" not in await api.services.metrics.text()


class TestBreaker:
    async def test_is_open_until_a_call_succeeds(self, start: Any, configured: dict[str, str]) -> None:
        """Also while it lets one call through from time to time, so that an alert may wait for 15 minutes."""
        api = await start(configured)
        limiter = api.services.gateway.limiter
        shown = []
        for state in (State(), State(trips=1, open_until=limiter.clock() + 30), State(trips=1, open_until=1.0)):
            limiter._seen["pexels"] = state
            found = samples(await api.services.metrics.text())
            shown.append(found["imagevault_provider_breaker_open", labels(provider="pexels")])

        assert shown == [0, 1, 1]


class TestStop:
    async def test_writes_the_last_counts(self, start: Any, empty_database_url: str) -> None:
        """What was counted since the last round."""
        api = await start({"DATABASE_URL": empty_database_url, "IMAGEVAULT_METRICS": "open"})
        api.services.database.use()
        api.services.counters.add("upstream_calls", "pexels", "200")

        await api.services._flush()

        assert ["pexels" in row["content"] for row in await WorkerMetrics.select()] == [True]


class TestServed:
    @pytest.mark.parametrize(
        ("settings", "served"), [({}, False), ({"metrics": "open"}, True), ({"metrics_token": "x" * 40}, True)]
    )
    def test_where_the_settings_say_so(self, settings: dict[str, Any], served: bool) -> None:
        assert is_served(Settings(**settings)) == served
