"""Counting how often the cache served: nothing is lost or counted twice, over workers, failures and both engines."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from imagevault.cache import statistics
from imagevault.cache.statistics import SLOT, CacheRate, CacheStatistics, last_hour
from imagevault.cache.tables import CacheUsage
from imagevault.config.settings import Settings, load
from imagevault.errors import DatabaseUnavailable
from imagevault.runtime.services import Services
from imagevault.storage.database import Database
from tests.support.waiting import EVENT_LIMIT, PAUSE

FAILED = (DatabaseUnavailable, asyncpg.PostgresError)


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return load({"DATABASE_URL": database_url, "OPENVERSE_ENABLED": "false"}, tmp_path)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Database]:
    """A database as one worker has it, with connections of its own."""
    database = Database(settings)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
async def database(settings: Settings) -> AsyncIterator[Database]:
    async with opened(settings) as database:
        yield database


async def stored() -> Mapping[str, CacheRate]:
    """All that was ever counted, whatever the time."""
    found: dict[str, CacheRate] = {}
    for row in await CacheUsage.select():
        known = found.get(row["provider"], CacheRate(0, 0, 0))
        found[row["provider"]] = CacheRate(
            known.hits + row["hits"], known.stale + row["stale"], known.misses + row["misses"]
        )
    return found


async def keep(provider: str, slot: int, hits: int) -> None:
    """What some worker counted in this slot."""
    await CacheUsage.insert(CacheUsage(key=f"{provider}:{slot}", provider=provider, slot=slot, hits=hits))


class TestRate:
    @pytest.mark.parametrize(
        ("rate", "expected"),
        [
            (CacheRate(3, 0, 1), 0.75),
            (CacheRate(0, 1, 1), 0.5),
            (CacheRate(0, 0, 4), 0.0),
            (CacheRate(1, 1, 0), 1.0),
            (CacheRate(0, 0, 0), None),
        ],
    )
    def test_is_the_part_that_waited_for_nobody(self, rate: CacheRate, expected: float | None) -> None:
        """Old pages count as well; of nothing there is no part."""
        assert rate.rate == expected


class TestFlush:
    async def test_adds_to_what_is_there(self, database: Database) -> None:
        """Each kind on its own, per provider, and only once."""
        database.use()
        counted = CacheStatistics()
        for _ in range(2):
            for found in ("hit", "hit", "stale", "miss", "hit"):
                counted.count("pexels", found, "memory")
            counted.count("local", "miss", "memory")
            await counted.flush(now=True)
        await counted.flush(now=True)

        assert await stored() == {"pexels": CacheRate(6, 2, 2), "local": CacheRate(0, 0, 2)}
        assert await last_hour() == await stored()

    async def test_waits_a_while_between_two_writes(self, database: Database) -> None:
        """The background task asks more often than that; what is counted in between is written the next time."""
        database.use()
        now = [1000.0]
        counted = CacheStatistics(clock=lambda: now[0])
        written = []
        for seconds_since_the_last in (60.0, 0.0, 1.5, 2.1, 0.4):
            now[0] += seconds_since_the_last
            counted.count("pexels", "hit", "memory")
            await counted.flush()
            written.append((await stored())["pexels"].hits)

        await counted.flush(now=True)

        assert written == [1, 1, 1, 4, 4]
        assert (await stored())["pexels"].hits == 5

    async def test_over_workers_at_the_same_time(self, settings: Settings) -> None:
        """Four workers with connections of their own write as fast as they can: every count is there."""

        async def work(seed: int) -> None:
            async with opened(settings) as database:
                database.use()
                counted, dice = CacheStatistics(), random.Random(seed)
                for _ in range(25):
                    for _ in range(dice.randint(1, 4)):
                        sums[seed] += 1
                        counted.count("pexels", "hit", "memory")
                    counted.count("local", "stale", "memory")
                    await counted.flush(now=True)

        sums = dict.fromkeys(range(4), 0)
        await asyncio.gather(*(work(seed) for seed in sums))

        async with opened(settings) as database:
            database.use()
            assert await stored() == {"pexels": CacheRate(sum(sums.values()), 0, 0), "local": CacheRate(0, 100, 0)}

    async def test_of_one_worker_at_the_same_time(self, database: Database) -> None:
        """A background task and the end of the server may flush together, while more is counted."""
        database.use()
        counted = CacheStatistics()

        async def count() -> None:
            for _ in range(50):
                counted.count("pexels", "hit", "memory")
                counted.count("local", "miss", "memory")
                await asyncio.sleep(0)

        await asyncio.gather(*([count() for _ in range(3)] + [counted.flush(now=True) for _ in range(10)]))
        await counted.flush(now=True)

        assert await stored() == {"pexels": CacheRate(150, 0, 0), "local": CacheRate(0, 0, 150)}


class TestFailure:
    async def test_keeps_the_counts(self, database: Database) -> None:
        """What could not be written goes with the next flush, together with what was counted since."""
        database.use()
        counted = CacheStatistics()
        await CacheUsage.raw("ALTER TABLE iv_cache_use RENAME TO gone")
        for _ in range(3):
            for provider in ("a", "b", "c"):
                counted.count(provider, "hit", "memory")
            with pytest.raises(FAILED):
                await counted.flush(now=True)
        await CacheUsage.raw("ALTER TABLE gone RENAME TO iv_cache_use")
        counted.count("a", "miss", "memory")

        await counted.flush(now=True)
        await counted.flush(now=True)

        assert await stored() == {"a": CacheRate(3, 0, 1), "b": CacheRate(3, 0, 0), "c": CacheRate(3, 0, 0)}

    async def test_in_the_midst_counts_nothing_twice(self, database: Database) -> None:
        """Of several providers some are written when it fails: only the others are kept."""
        database.use()
        counted = CacheStatistics()
        names = [f"p{number}" for number in range(8)]
        if database.engine.engine_type == "sqlite":
            await CacheUsage.raw(
                "CREATE TRIGGER refuse BEFORE INSERT ON iv_cache_use WHEN new.provider = 'p5' "
                "BEGIN SELECT RAISE(ABORT, 'not now'); END"
            )
            drop = "DROP TRIGGER refuse"
        else:
            await CacheUsage.raw("ALTER TABLE iv_cache_use ADD CONSTRAINT refuse CHECK (provider <> 'p5')")
            drop = "ALTER TABLE iv_cache_use DROP CONSTRAINT refuse"
        for _ in range(4):
            for name in names:
                counted.count(name, "hit", "memory")
                counted.count(name, "stale", "memory")
            with pytest.raises(Exception, match=r"not now|refuse"):
                await counted.flush(now=True)
        await CacheUsage.raw(drop)

        await counted.flush(now=True)

        assert await stored() == {name: CacheRate(4, 4, 0) for name in names}

    async def test_while_more_is_counted(self, database: Database) -> None:
        """A page that is served during the write that fails is counted too."""
        database.use()
        counted = CacheStatistics()
        counted.count("a", "hit", "memory")
        await CacheUsage.raw("ALTER TABLE iv_cache_use RENAME TO gone")

        flushing = asyncio.create_task(counted.flush(now=True))
        async with asyncio.timeout(EVENT_LIMIT):
            while counted.counts:  # noqa: ASYNC110  the flush takes what there is when it begins
                await asyncio.sleep(0)
        counted.count("a", "hit", "memory")
        with pytest.raises(FAILED):
            await flushing
        await CacheUsage.raw("ALTER TABLE gone RENAME TO iv_cache_use")
        await counted.flush(now=True)

        assert await stored() == {"a": CacheRate(2, 0, 0)}


class TestTime:
    async def test_the_last_hour_is_what_counts(self, database: Database) -> None:
        """By all workers; what is older is not in it."""
        database.use()
        slot = int(time.time()) // SLOT
        for ago, hits in ((0, 1), (5, 10), (10, 100), (14, 1000), (300, 10000)):
            await keep("pexels", slot - ago, hits)
        await keep("local", slot - 14, 7)

        assert await last_hour() == {"pexels": CacheRate(111, 0, 0)}

    async def test_nothing_counted(self, database: Database) -> None:
        database.use()

        assert await last_hour() == {}

    async def test_evicts_what_is_older_than_a_day(self, database: Database) -> None:
        database.use()
        slot = int(time.time()) // SLOT
        for ago, hits in ((0, 1), (280, 10), (300, 100), (3000, 1000)):
            await keep("pexels", slot - ago, hits)

        await statistics.evict()

        assert await stored() == {"pexels": CacheRate(11, 0, 0)}

    async def test_a_server_evicts(self, settings: Settings) -> None:
        """Otherwise a row for every provider and five minutes would stay for ever."""
        async with opened(settings) as database:
            database.use()
            await keep("pexels", int(time.time()) // SLOT - 3000, 1000)

        services = Services(settings)
        async with services.serving():
            services.database.use()
            async with asyncio.timeout(EVENT_LIMIT):
                while await stored():  # noqa: ASYNC110  another task forgets it
                    await asyncio.sleep(PAUSE)
