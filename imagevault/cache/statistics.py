"""How often the cache served, per provider: counted in memory, added up for all workers in the database."""

import math
import time
from collections import Counter
from collections.abc import Mapping

import msgspec

from imagevault.cache.page_cache import CacheStatus
from imagevault.cache.tables import CacheUsage
from imagevault.storage.database import relaxed_durability

FOUND: tuple[CacheStatus, ...] = ("hit", "stale", "miss")
SLOT = 300  # seconds that are counted together
HOUR = 3600
KEPT = 24 * HOUR
FLUSH = 2.0  # seconds between two writes
ADD = """
INSERT INTO iv_cache_use (key, provider, slot, hits, stale, misses) VALUES ({}, {}, {}, {}, {}, {})
ON CONFLICT (key) DO UPDATE SET hits = iv_cache_use.hits + excluded.hits, stale = iv_cache_use.stale + excluded.stale,
    misses = iv_cache_use.misses + excluded.misses
"""


class CacheRate(msgspec.Struct, frozen=True):
    """How often a provider's pages were had fresh from the cache, old from the cache, and from upstream."""

    hits: int
    stale: int
    misses: int

    @property
    def rate(self) -> float | None:
        """The part that cost no waiting for upstream; None if nothing was asked."""
        asked = self.hits + self.stale + self.misses
        return (self.hits + self.stale) / asked if asked else None


class CacheStatistics:
    """One per worker. `count` adds in memory; `flush` writes at most every two seconds what came together."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, CacheStatus]] = Counter()
        self.flushed = 0.0
        self.swept = -math.inf

    def count(self, provider: str, found: CacheStatus) -> None:
        """Counts one page."""
        self.counts[provider, found] += 1

    async def flush(self, *, now: bool = False) -> None:
        """Adds what was counted to what all workers counted; what could not be written is kept for the next time.

        Once an hour it forgets what is older than a day.
        """
        if self.counts and (now or time.monotonic() - self.flushed >= FLUSH):
            await self._write()
        if time.monotonic() - self.swept >= HOUR:
            await sweep()
            self.swept = time.monotonic()

    async def _write(self) -> None:
        counts, self.counts, self.flushed = self.counts, Counter(), time.monotonic()
        slot = int(time.time()) // SLOT
        for provider in {name for name, _ in counts}:
            row = [counts.pop((provider, found), 0) for found in FOUND]
            try:
                with relaxed_durability():
                    await CacheUsage.raw(ADD, f"{provider}:{slot}", provider, slot, *row)
            except BaseException:
                self.counts.update(counts)
                self.counts.update({(provider, found): count for found, count in zip(FOUND, row, strict=True)})
                raise


async def last_hour() -> Mapping[str, CacheRate]:
    """What all workers counted in the last hour, per provider."""
    rows = await CacheUsage.select().where(CacheUsage.slot > int(time.time() - HOUR) // SLOT)
    sums: dict[str, Counter[str]] = {}
    for row in rows:
        sums.setdefault(row["provider"], Counter()).update({name: row[name] for name in ("hits", "stale", "misses")})
    return {name: CacheRate(each["hits"], each["stale"], each["misses"]) for name, each in sums.items()}


async def sweep() -> None:
    """Forgets what was counted more than a day ago."""
    await CacheUsage.delete().where(CacheUsage.slot < int(time.time() - KEPT) // SLOT)
