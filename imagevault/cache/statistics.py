"""How often the cache served each provider: counted in memory, added up for all workers in the database."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Annotated, get_args

import msgspec
from msgspec import Meta

from imagevault.cache.result import CacheStatus, CacheTier
from imagevault.cache.tables import CacheUsage
from imagevault.counters import Counters
from imagevault.storage.database import relaxed_durability

STATUSES: tuple[CacheStatus, ...] = get_args(CacheStatus)
SLOT = 300  # seconds that are counted together
HOUR = 3600  # seconds
MAX_AGE = 24 * HOUR  # seconds that counts are kept
WRITE_INTERVAL = 2.0  # seconds between two writes
ADD = """
INSERT INTO iv_cache_use (key, provider, slot, hits, stale, misses) VALUES ({}, {}, {}, {}, {}, {})
ON CONFLICT (key) DO UPDATE SET hits = iv_cache_use.hits + excluded.hits, stale = iv_cache_use.stale + excluded.stale,
    misses = iv_cache_use.misses + excluded.misses
"""


class CacheRate(msgspec.Struct, frozen=True):
    """How a provider's pages were found.

    Attributes:
        hits: pages that were fresh in the cache.
        stale: pages that were old in the cache.
        misses: pages that were fetched from the upstream.

    """

    hits: Annotated[int, Meta(ge=0)]
    stale: Annotated[int, Meta(ge=0)]
    misses: Annotated[int, Meta(ge=0)]

    @property
    def rate(self) -> float | None:
        """The share of pages served from the cache, from 0 to 1; None if no page was read."""
        total = self.hits + self.stale + self.misses
        return (self.hits + self.stale) / total if total else None


class CacheStatistics:
    """The counts of one worker. `count` adds in memory; `flush` writes to the database.

    Args:
        clock: seconds, monotonic.
        counters: count for `/metrics` too.

    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, counters: Counters | None = None) -> None:
        self._counters = counters or Counters()
        self.counts: Counter[tuple[str, CacheStatus]] = Counter()
        self._clock = clock
        self._written_at = -math.inf
        self._evicted_at = -math.inf

    def count(self, provider: str, status: CacheStatus, tier: CacheTier) -> None:
        """Count one page."""
        self._counters.add("cache_pages", provider, status, tier)
        self.counts[provider, status] += 1

    async def flush(self, *, now: bool = False) -> None:
        """Add the counts to those of all workers, at most every two seconds unless `now`. Once an hour, evict old ones.

        Counts that cannot be written are kept for the next time.

        Raises:
            DatabaseUnavailable: the database does not answer.

        """
        if self.counts and (now or self._clock() - self._written_at >= WRITE_INTERVAL):
            await self._write()
        if self._clock() - self._evicted_at >= HOUR:
            await evict()
            self._evicted_at = self._clock()

    async def _write(self) -> None:
        counts = self.counts
        self.counts = Counter()
        self._written_at = self._clock()
        slot = int(time.time()) // SLOT
        for provider in {provider for provider, _ in counts}:
            row = [counts.pop((provider, status), 0) for status in STATUSES]
            try:
                with relaxed_durability():
                    await CacheUsage.raw(ADD, f"{provider}:{slot}", provider, slot, *row)
            except BaseException:
                self.counts.update(counts)
                self.counts.update({(provider, status): count for status, count in zip(STATUSES, row, strict=True)})
                raise


async def last_hour() -> Mapping[str, CacheRate]:
    """Return what all workers counted in the last hour, by provider."""
    rows = await CacheUsage.select().where(CacheUsage.slot > int(time.time() - HOUR) // SLOT)
    sums: dict[str, Counter[str]] = {}
    for row in rows:
        counts = {name: row[name] for name in ("hits", "stale", "misses")}
        sums.setdefault(row["provider"], Counter()).update(counts)
    return {
        provider: CacheRate(hits=total["hits"], stale=total["stale"], misses=total["misses"])
        for provider, total in sums.items()
    }


async def evict() -> None:
    """Delete counts that are older than a day."""
    await CacheUsage.delete().where(CacheUsage.slot < int(time.time() - MAX_AGE) // SLOT)
