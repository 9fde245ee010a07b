"""Which cached pages were used: noted in memory, and written to the database in batches, for the eviction.

A use is known to ten minutes, so that a page which is served a thousand times in that time costs one write.
"""

from collections.abc import Awaitable, Callable, Sequence

STEP = 600  # seconds: how exactly the last use is known
WRITE_INTERVAL = 30.0  # seconds between two writes
BATCH = 50  # pages of one statement
MAX_PAGES = 20_000  # that are noted in one step; further ones look unused for so long

Mark = Callable[[Sequence[str], float], Awaitable[None]]
"""Stores that pages were used at this time, in seconds."""


def last_use(now: float) -> int:
    """Return a time as it is stored of a use: the milliseconds of the step that it is in."""
    return int(now) // STEP * STEP * 1000


class PageUses:
    """The uses that one worker has seen and not yet written.

    Args:
        mark: stores that pages were used.
        clock: the time that all workers share, in seconds.

    """

    def __init__(self, mark: Mark, clock: Callable[[], float]) -> None:
        self._mark = mark
        self._clock = clock
        self._step = 0
        self._noted: set[str] = set()
        self._waiting: set[str] = set()
        self._written_at = clock()

    def note(self, key: str) -> None:
        """Note that a page was served."""
        step = int(self._clock()) // STEP
        if step != self._step:
            self._step = step
            self._noted.clear()
        if key not in self._noted and len(self._noted) < MAX_PAGES:
            self._noted.add(key)
            self._waiting.add(key)

    async def flush(self, *, now: bool = False) -> None:
        """Write what is noted, at most every 30 seconds unless `now`. What cannot be written is kept for the next time.

        Raises:
            DatabaseUnavailable: the database does not answer.

        """
        at = self._clock()
        if not self._waiting or not (now or at - self._written_at >= WRITE_INTERVAL):
            return
        self._written_at = at
        keys = sorted(self._waiting)[:MAX_PAGES]
        self._waiting.clear()
        for start in range(0, len(keys), BATCH):
            try:
                await self._mark(keys[start : start + BATCH], at)
            except BaseException:
                self._waiting.update(keys[start:])
                raise
