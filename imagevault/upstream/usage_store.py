"""How much each account uses, added up for all workers in the database.

A request writes nothing: the counts of a worker are written every few seconds. A worker that crashes loses those of its
last seconds.
"""

import math
import time
import uuid
from collections.abc import Callable
from typing import Any

from imagevault.storage.database import relaxed_durability
from imagevault.storage.dialect import for_share
from imagevault.upstream.tables import DailyUsage
from imagevault.upstream.usage import SEARCHES, UsageCounter, Use

WRITE_INTERVAL = 5.0  # seconds between two writes
PRUNE_INTERVAL = 3600.0  # seconds
KEPT_DAYS = 400
ADD = """
INSERT INTO iv_usage (key, day, caller, provider, searches, calls)
SELECT CAST({} AS TEXT), CAST({} AS INTEGER), CAST({} AS TEXT), CAST({} AS TEXT), CAST({} AS INTEGER),
    CAST({} AS INTEGER)
FROM iv_account WHERE id = {} {}
ON CONFLICT (key) DO UPDATE SET searches = iv_usage.searches + excluded.searches,
    calls = iv_usage.calls + excluded.calls
"""
MOST_CALLS = """
SELECT provider, caller, calls, today FROM (
    SELECT provider, caller, SUM(calls) AS calls, SUM(CASE WHEN day = {} THEN calls ELSE 0 END) AS today,
        ROW_NUMBER() OVER (PARTITION BY provider ORDER BY SUM(calls) DESC, caller) AS place
    FROM iv_usage WHERE day >= {} AND provider <> {} GROUP BY provider, caller
) AS ranked
WHERE place <= {} ORDER BY provider, place
"""


class UsageStore:
    """Writes the counts of one worker.

    Args:
        counter: has the counts.
        clock: seconds, monotonic.

    """

    def __init__(self, counter: UsageCounter, clock: Callable[[], float] = time.monotonic) -> None:
        self._counter = counter
        self._clock = clock
        self._written_at = clock()
        self._pruned_at = -math.inf

    async def flush(self, *, now: bool = False) -> None:
        """Add the counts to those of all workers, at most every five seconds unless `now`.

        Counts that cannot be written are kept for the next time. Those of accounts that were deleted are dropped.

        Raises:
            DatabaseUnavailable: the database does not answer.

        """
        if now or self._clock() - self._written_at >= WRITE_INTERVAL:
            await self._write()
        if self._clock() - self._pruned_at >= PRUNE_INTERVAL:
            await DailyUsage.delete().where(DailyUsage.day < self._counter.today() - KEPT_DAYS)
            self._pruned_at = self._clock()

    async def _write(self) -> None:
        self._written_at = self._clock()
        counts = self._counter.take()
        try:
            with relaxed_durability():
                while counts:
                    use, count = next(iter(counts.items()))
                    key = f"{use.day}:{use.caller}:{use.provider}"
                    await DailyUsage.raw(ADD, key, *_row(use, count).values(), uuid.UUID(use.caller), for_share())
                    del counts[use]
        finally:
            self._counter.put_back(counts)

    def unwritten(self, caller: str) -> list[dict[str, Any]]:
        """Return the counts of an account that this worker has not written yet, as rows like those of `read_usage`."""
        return [_row(use, count) for use, count in self._counter.counts().items() if use.caller == caller]


async def read_usage(since: int, caller: str | None = None) -> list[dict[str, Any]]:
    """Return the rows since a day: day, caller, provider, searches, calls.

    Args:
        since: the number of the first day since 1970.
        caller: of this account only.

    """
    query = DailyUsage.select().where(DailyUsage.day >= since)
    if caller is not None:
        query = query.where(DailyUsage.caller == caller)
    rows: list[dict[str, Any]] = await query.order_by(DailyUsage.day)
    return rows


async def read_most_calls(since: int, today: int, amount: int) -> list[dict[str, Any]]:
    """Return who caused most calls to each provider, the most first: provider, caller, calls, and calls of `today`.

    Args:
        since: the number of the first day since 1970.
        today: the number of the day that `today` counts.
        amount: at most so many callers of each provider.

    """
    rows: list[dict[str, Any]] = await DailyUsage.raw(MOST_CALLS, today, since, SEARCHES, amount)
    return rows


def _row(use: Use, count: int) -> dict[str, Any]:
    searches, calls = (count, 0) if use.provider == SEARCHES else (0, count)
    return {"day": use.day, "caller": use.caller, "provider": use.provider, "searches": searches, "calls": calls}
