"""The eviction of pages from the database: the old ones, and the least recently used where there are too many bytes.

The workers take turns: in each minute one of them, on any host, does the work for all. It deletes in small batches with
pauses between them, so that no other write waits for long.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta

from imagevault.cache.freshness import FUTURE, MAX_AGE

log = logging.getLogger(__name__)

INTERVAL = 60.0  # seconds between two checks of a worker
TURN = 55.0  # seconds for which a turn is taken
TURN_LIMIT = 40.0  # seconds after which a turn begins no further batch; what is left waits for the next turn
PAUSE = 0.05  # seconds between two batches


class CacheUse(msgspec.Struct, frozen=True):
    """What the database holds of cached pages.

    Attributes:
        pages: their number.
        bytes: their size with the index of their images, as encoded; PostgreSQL compresses them further.
        max_bytes: the size that is allowed (`cache_size`).

    """

    pages: Annotated[int, Meta(ge=0)]
    bytes: Annotated[int, Meta(ge=0)]
    max_bytes: Annotated[int, Meta(ge=0)]


class EvictionStore(Protocol):
    """What the eviction needs of the database. Each method does one small batch. `DatabaseEviction` is in service."""

    async def begin_turn(self, now: float, seconds: float) -> bool:
        """Take the next turn for some seconds. Return False where another worker has it."""
        ...

    async def measure_pages(self) -> int:
        """Note size and last use of pages that an older version stored. Return how many there were."""
        ...

    async def delete_outside(self, earliest: float, latest: float) -> int:
        """Delete pages that were stored before or after these times. Return how many there were."""
        ...

    async def total_bytes(self) -> int:
        """Return the size of all pages."""
        ...

    async def delete_least_used(self, size: int) -> int:
        """Delete the least recently used pages, of this size together if one batch is enough. Return their size."""
        ...

    async def delete_lost_images(self) -> None:
        """Look at a part of the images, and delete those whose page is gone."""
        ...


class Evictor:
    """Keeps the pages in the database within their age and their size. One for each worker.

    Args:
        store: the pages.
        clock: the time that all workers share, in seconds.
        max_bytes: returns the size that is allowed.
        sleep: waits for some seconds.

    """

    def __init__(
        self,
        store: EvictionStore,
        clock: Callable[[], float],
        max_bytes: Callable[[], int],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._store = store
        self._clock = clock
        self._max_bytes = max_bytes
        self._sleep = sleep

    async def run(self) -> None:
        """Take a turn now and every minute, until the task is cancelled."""
        while True:
            try:
                await self.take_turn()
            except Exception as error:  # noqa: BLE001  whatever it is, it may work the next time
                log.warning("old pages could not be evicted: %s", error)
            await self._sleep(INTERVAL)

    async def take_turn(self) -> None:
        """Evict what has to go, unless another worker has done so within the last minute.

        Raises:
            DatabaseUnavailable: the database does not answer.

        """
        now = self._clock()
        if not await self._store.begin_turn(now, TURN):
            return
        end = now + TURN_LIMIT
        await self._repeat(self._store.measure_pages, end)
        await self._repeat(lambda: self._store.delete_outside(now - MAX_AGE, now + FUTURE), end)
        await self._shrink(end)
        await self._store.delete_lost_images()

    async def _shrink(self, end: float) -> None:
        """Delete the least recently used pages until the rest has the size that is allowed."""
        excess = await self._store.total_bytes() - self._max_bytes()
        freed = 0
        while freed < excess and self._clock() < end:
            size = await self._store.delete_least_used(excess - freed)
            if not size:
                break
            freed += size
            await self._sleep(PAUSE)
        if freed:
            log.info("evicted the least recently used pages: %d of %d bytes too many", freed, excess)

    async def _repeat(self, batch: Callable[[], Awaitable[int]], end: float) -> None:
        """Run batches until one finds nothing to do."""
        while self._clock() < end and await batch():
            await self._sleep(PAUSE)
