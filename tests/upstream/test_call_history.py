"""How calls of the last hour went: added up for all workers, on both engines."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from imagevault.config.settings import load
from imagevault.counters import Counters
from imagevault.errors import DatabaseUnavailable
from imagevault.storage.database import Database
from imagevault.upstream.call_history import SLOT, SLOTS, CallHistory, CallSlot, last_hour
from imagevault.upstream.tables import UpstreamCalls

NOW = 1_800_000_000.0  # the beginning of a slot


@pytest.fixture(autouse=True)
async def database(tmp_path: Path, database_url: str) -> AsyncIterator[None]:
    database = Database(load({"DATABASE_URL": database_url}, tmp_path))
    await database.open()
    yield
    await database.close()


class Worker:
    """A worker that counts calls; `at` is the time."""

    def __init__(self) -> None:
        self.at = NOW
        self.counters = Counters()
        self.history = CallHistory(self.counters, lambda: self.at, lambda: self.at)

    async def calls(self, provider: str, *results: str, seconds: float = 0.1) -> None:
        for result in results:
            self.counters.add("upstream_calls", provider, result)
            self.counters.observe(seconds, "upstream_call_duration_seconds", provider)
        await self.history.flush(now=True)


async def test_workers_are_added_up() -> None:
    """What does not exist and a caller who left are no failures; another metric is no call."""
    one, other = Worker(), Worker()
    one.counters.add("provider_answers", "pexels", "failed")

    await one.calls("pexels", "200", "404", "CancelledError", "304", seconds=0.1)
    await other.calls("pexels", "503", "429", "401", "ConnectTimeout", seconds=0.3)
    await one.calls("met", "200")

    found = await last_hour(NOW)
    assert set(found) == {"met", "pexels"}
    assert found["pexels"][-1] == CallSlot(at=int(NOW), calls=8, failures=4, average_ms=200)


async def test_each_call_counts_once_in_the_five_minutes_in_which_it_was_made() -> None:
    worker = Worker()
    await worker.calls("pexels", "200", "200")
    worker.at += SLOT
    await worker.calls("pexels", "500", seconds=0.5)
    await worker.history.flush(now=True)

    slots = (await last_hour(worker.at))["pexels"]

    assert len(slots) == SLOTS
    assert [(slot.calls, slot.failures, slot.average_ms) for slot in slots[-2:]] == [(2, 0, 100), (1, 1, 500)]
    assert {slot.calls for slot in slots[:-2]} == {0}
    assert await last_hour(NOW + 2 * 3600) == {}


async def test_it_writes_every_five_seconds_and_forgets_after_a_day() -> None:
    worker = Worker()
    worker.counters.add("upstream_calls", "pexels", "200")

    await worker.history.flush()
    assert await UpstreamCalls.count() == 0
    worker.at += 5
    await worker.history.flush()
    assert await UpstreamCalls.count() == 1
    worker.at += 86400 + SLOT
    await worker.history.flush()
    assert await UpstreamCalls.count() == 0


async def test_what_cannot_be_written_is_written_the_next_time() -> None:
    worker = Worker()
    await UpstreamCalls.raw("ALTER TABLE iv_upstream_calls RENAME TO gone")
    try:
        with pytest.raises((DatabaseUnavailable, asyncpg.PostgresError), match="iv_upstream_calls"):
            await worker.calls("pexels", "200")
    finally:
        await UpstreamCalls.raw("ALTER TABLE gone RENAME TO iv_upstream_calls")

    await worker.history.flush(now=True)

    assert [slot.calls for slot in (await last_hour(NOW))["pexels"]][-1] == 1
