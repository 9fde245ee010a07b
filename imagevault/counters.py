"""Counters of what this process does, for `/metrics`. Counting takes less than a microsecond and never waits."""

from bisect import bisect_left
from collections.abc import Callable

import msgspec

# Upper bounds in seconds of the classes that durations are counted in; one more class has no bound.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
MAX_SERIES = 5000  # of one process; what would make more is not counted

Series = tuple[str, ...]
"""The name of a metric, and the values of its labels."""


class Durations(msgspec.Struct):
    """How often something took how long: a count for each class of `BOUNDS` and the last one, and all seconds."""

    counts: list[int]
    seconds: float = 0.0


class Counters:
    """The counters of one worker."""

    def __init__(self) -> None:
        self.counts: dict[Series, int] = {}
        self.durations: dict[Series, Durations] = {}
        self.gauges: dict[str, Callable[[], float]] = {}

    def watch(self, name: str, read: Callable[[], float]) -> None:
        """Show what `read` returns as a gauge of this process."""
        self.gauges[name] = read

    def add(self, *series: str) -> None:
        """Count one event."""
        count = self.counts.get(series)
        if count is None and len(self.counts) >= MAX_SERIES:
            return
        self.counts[series] = (count or 0) + 1

    def observe(self, seconds: float, *series: str) -> None:
        """Count something by how long it took."""
        durations = self.durations.get(series)
        if durations is None:
            if len(self.durations) >= MAX_SERIES:
                return
            durations = self.durations[series] = Durations([0] * (len(BOUNDS) + 1))
        durations.counts[bisect_left(BOUNDS, seconds)] += 1
        durations.seconds += seconds
