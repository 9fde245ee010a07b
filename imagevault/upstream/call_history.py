"""How long the calls to each provider took and how many failed in the last hour, added up for all workers.

The transport counts each call for `/metrics` already. A worker writes the difference to its counters of a few seconds
ago, so a call itself costs nothing more.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from imagevault.counters import Counters
from imagevault.storage.database import relaxed_durability
from imagevault.upstream.tables import UpstreamCalls

SLOT = 300  # seconds that are counted together
SLOTS = 12  # that `last_hour` returns
MAX_AGE = 86400  # seconds that counts are kept
WRITE_INTERVAL = 5.0  # seconds between two writes
EVICT_INTERVAL = 3600.0  # seconds
# Results that say nothing against a provider: what was looked up does not exist, or the caller did not wait.
NO_FAILURES = frozenset({"404", "410", "CancelledError"})
ADD = """
INSERT INTO iv_upstream_calls (key, provider, slot, calls, failures, milliseconds) VALUES ({}, {}, {}, {}, {}, {})
ON CONFLICT (key) DO UPDATE SET calls = iv_upstream_calls.calls + excluded.calls,
    failures = iv_upstream_calls.failures + excluded.failures,
    milliseconds = iv_upstream_calls.milliseconds + excluded.milliseconds
"""

Count = Annotated[int, Meta(ge=0)]


class CallSlot(msgspec.Struct, frozen=True, kw_only=True):
    """The calls to a provider in five minutes, by all workers.

    Attributes:
        at: when the five minutes began, Unix time.
        calls: how many were made.
        failures: how many of them got no answer, or an error other than 404 and 410.
        average_ms: milliseconds until the head of the response, on average; null if there was no call.

    """

    at: Count
    calls: Count
    failures: Count
    average_ms: Count | None


class _Totals(NamedTuple):
    """What this worker counted for a provider since it started."""

    calls: int = 0
    failures: int = 0
    milliseconds: int = 0


class CallHistory:
    """Writes what one worker counts.

    Args:
        counters: of this worker.
        now: Unix time of the clock that workers share.
        clock: seconds, monotonic.

    """

    def __init__(
        self, counters: Counters, now: Callable[[], float], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._counters = counters
        self._now = now
        self._clock = clock
        self._written: dict[str, _Totals] = {}
        self._written_at = clock()
        self._evicted_at = -math.inf

    async def flush(self, *, now: bool = False) -> None:
        """Add what was counted to the counts of all workers, at most every five seconds unless `now`.

        What cannot be written is written the next time.

        Raises:
            DatabaseUnavailable: the database does not answer.

        """
        if now or self._clock() - self._written_at >= WRITE_INTERVAL:
            await self._write()
        if self._clock() - self._evicted_at >= EVICT_INTERVAL:
            await UpstreamCalls.delete().where(UpstreamCalls.slot < int(self._now() - MAX_AGE) // SLOT)
            self._evicted_at = self._clock()

    async def _write(self) -> None:
        self._written_at = self._clock()
        slot = int(self._now()) // SLOT
        for provider, totals in _totals(self._counters).items():
            before = self._written.get(provider, _Totals())
            if totals.calls == before.calls:
                continue
            added = [total - known for total, known in zip(totals, before, strict=True)]
            with relaxed_durability():
                await UpstreamCalls.raw(ADD, f"{provider}:{slot}", provider, slot, *added)
            self._written[provider] = totals


async def last_hour(now: float) -> Mapping[str, list[CallSlot]]:
    """Return the calls of the last hour by provider, the oldest slot first. Who was not called is left out."""
    first = int(now) // SLOT - SLOTS + 1
    rows = await UpstreamCalls.select().where(UpstreamCalls.slot >= first)
    counted = {(row["provider"], row["slot"]): row for row in rows}
    return {
        provider: [_slot(slot, counted.get((provider, slot))) for slot in range(first, first + SLOTS)]
        for provider in sorted({row["provider"] for row in rows})
    }


def _slot(slot: int, row: Mapping[str, int] | None) -> CallSlot:
    if row is None:
        return CallSlot(at=slot * SLOT, calls=0, failures=0, average_ms=None)
    average = round(row["milliseconds"] / row["calls"]) if row["calls"] else None
    return CallSlot(at=slot * SLOT, calls=row["calls"], failures=row["failures"], average_ms=average)


def _totals(counters: Counters) -> dict[str, _Totals]:
    """Add up what the transport counted, by provider."""
    found: dict[str, _Totals] = {}
    for series, count in list(counters.counts.items()):
        if series[0] != "upstream_calls":
            continue
        _, provider, result = series
        known = found.get(provider, _Totals())
        failures = count if _is_failure(result) else 0
        found[provider] = known._replace(calls=known.calls + count, failures=known.failures + failures)
    for (name, *labels), durations in list(counters.durations.items()):
        if name == "upstream_call_duration_seconds" and labels[0] in found:
            milliseconds = round(durations.seconds * 1000)
            found[labels[0]] = found[labels[0]]._replace(milliseconds=milliseconds)
    return found


def _is_failure(result: str) -> bool:
    """Whether a result, the status or the name of an exception, counts against the provider."""
    return result not in NO_FAILURES and not (result.isdigit() and int(result) < 400)
