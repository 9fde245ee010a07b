"""The size of the cache in the database, and what is deleted to keep it, over workers and on both engines."""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from imagevault.cache import database_eviction, eviction
from imagevault.cache.database_eviction import MAX_BYTES, MAX_PAGES, DatabaseEviction, measure_use
from imagevault.cache.database_store import DatabasePageStore
from imagevault.cache.eviction import TURN, CacheUse, Evictor
from imagevault.cache.freshness import MAX_AGE
from imagevault.cache.store import CacheEntry
from imagevault.cache.tables import CachedImage, CachedPage, CacheEviction
from imagevault.cache.uses import STEP
from imagevault.config.settings import Settings, load
from imagevault.errors import DatabaseUnavailable
from imagevault.runtime.services import Services
from imagevault.search.search import SearchRequest
from imagevault.storage.database import AppliedMigration, Database, relaxed_durability
from imagevault.testing.upstreams.pexels import SimulatedPexels
from imagevault.upstream.database_store import DatabaseStateStore
from tests.support.clock import Clock
from tests.support.commands import InProcess
from tests.support.linear_time import is_linear_async
from tests.support.offline import OFFLINE
from tests.support.waiting import EVENT_LIMIT, PAUSE

NOW = 1_800_000_000.0
KB = 1024
MB = 1024 * KB
# What the version before this one ran (imagevault_0003_engine.py).
FORMER_UPSERT = """
INSERT INTO iv_page (key, provider, stored_at, content, former, former_at) VALUES ({}, {}, {}, {}, NULL, 0)
ON CONFLICT (key) DO UPDATE SET former = iv_page.content, former_at = iv_page.stored_at,
    content = excluded.content, stored_at = excluded.stored_at
"""
FORMER_EVICTION = """
DELETE FROM iv_page_image WHERE NOT EXISTS (SELECT 1 FROM iv_page WHERE iv_page.key = iv_page_image.page)
"""


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    return load({"DATABASE_URL": database_url, **OFFLINE}, tmp_path)


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


@pytest.fixture
def clock() -> Clock:
    return Clock(NOW)


async def write(key: str, at: float = NOW, size: int = 50 * KB, images: int = 10) -> None:
    """Store a page of about this size, with images of its own."""
    ids = [f"{key}-{number}" for number in range(images)]
    await store(key, CacheEntry(b"x" * size, at), ids)


async def store(key: str, entry: CacheEntry, ids: list[str]) -> None:
    with relaxed_durability():
        for write in DatabasePageStore().writes_of(key, "pexels", entry, ids):
            await CachedPage.raw("{}", write)


async def pages() -> list[str]:
    """The keys of the stored pages."""
    return sorted(row["key"] for row in await CachedPage.select(CachedPage.key))


async def images() -> set[str]:
    """The pages that the stored images name."""
    return {row["page"] for row in await CachedImage.select(CachedImage.page)}


async def no_pause(_seconds: float) -> None:
    """Wait for nothing."""


def evictor(clock: Clock, max_bytes: int) -> Evictor:
    return Evictor(DatabaseEviction(), clock, lambda: max_bytes, no_pause)


class TestSize:
    async def test_is_kept(self, database: Database, clock: Clock) -> None:
        """The rest fits, and no page goes that could have stayed."""
        database.use()
        for number in range(60):
            await write(f"page {number:02}")
        before = await measure_use(0)

        await evictor(clock, 1 * MB).take_turn()

        after = await measure_use(0)
        page = before.bytes / before.pages
        assert before.bytes > 3 * MB
        assert 1 * MB - page < after.bytes <= 1 * MB
        assert len(await pages()) == after.pages

    async def test_the_least_recently_used_go(self, database: Database, clock: Clock) -> None:
        """Whenever they were stored: what is used stays."""
        database.use()
        for number in range(20):
            await write(f"page {number:02}", at=NOW - number * STEP)
        await DatabasePageStore().mark_used(["page 19", "page 17"], NOW + STEP)

        await evictor(clock, 260 * KB).take_turn()

        assert await pages() == ["page 00", "page 01", "page 17", "page 19"]

    async def test_a_use_never_makes_a_page_older(self, database: Database) -> None:
        """A worker that writes late takes nothing back."""
        database.use()
        await write("page", at=NOW)

        await DatabasePageStore().mark_used(["page"], NOW - 5 * STEP)

        [row] = await CachedPage.select(CachedPage.used_at)
        assert row["used_at"] == int(NOW) // STEP * STEP * 1000

    async def test_images_go_with_their_page(self, database: Database, clock: Clock) -> None:
        """And those that stand on a later page stay."""
        database.use()
        await store("old", CacheEntry(b"x" * 100, NOW - STEP), ["1", "2", "3"])
        await store("new", CacheEntry(b"x" * 100, NOW), ["3", "4"])

        await evictor(clock, 1000).take_turn()

        assert await pages() == ["new"]
        rows = await CachedImage.select().order_by(CachedImage.id)
        assert rows == [{"id": "pexels:3", "page": "new"}, {"id": "pexels:4", "page": "new"}]

    async def test_counts_the_page_that_was_replaced(self, database: Database) -> None:
        """It is stored too, for walks that began with it."""
        database.use()
        await write("page", size=100 * KB)
        once = (await measure_use(0)).bytes
        await write("page", size=10 * KB)

        assert (await measure_use(0)).bytes == once + 10 * KB
        await write("page", size=10 * KB)
        assert (await measure_use(0)).bytes == once - 80 * KB

    async def test_is_about_that_of_the_file(self, database: Database, settings: Settings) -> None:
        """What is counted is what SQLite takes. PostgreSQL takes less: it compresses."""
        database.use()
        dice = random.Random(1)
        for _ in range(40):
            key = f"{dice.getrandbits(168):042x}"
            ids = [f"{dice.getrandbits(32)}" for _ in range(80)]
            await store(key, CacheEntry(dice.randbytes(60 * KB), NOW), ids)
        use = await measure_use(0)
        if database.engine.engine_type == "sqlite":
            [row] = await CachedPage.raw(
                "SELECT page_count * page_size AS bytes FROM pragma_page_count, pragma_page_size"
            )
        else:
            tables = "pg_total_relation_size('iv_page') + pg_total_relation_size('iv_page_image')"
            [row] = await CachedPage.raw(f"SELECT {tables} AS bytes")

        assert 0.7 < use.bytes / row["bytes"] < 1.3

    async def test_nothing_goes_while_it_fits(self, database: Database, clock: Clock) -> None:
        database.use()
        for number in range(5):
            await write(f"page {number}")

        await evictor(clock, 1 * MB).take_turn()

        assert len(await pages()) == 5


class TestAge:
    async def test_pages_of_more_than_a_week_go(self, database: Database, clock: Clock) -> None:
        """However often they are used: they may not be shown any more."""
        database.use()
        for number in range(2 * MAX_PAGES + 5):
            await write(f"old {number:03}", at=NOW - MAX_AGE - 1, size=10)
        await write("young", at=NOW - MAX_AGE + 60)
        await DatabasePageStore().mark_used(["old 001"], NOW)

        await evictor(clock, 100 * MB).take_turn()

        assert await pages() == ["young"]
        assert await images() == {"young"}

    async def test_pages_of_the_future_go(self, database: Database, clock: Clock) -> None:
        """They were stored before the clock was set back, and nobody knows how old they are."""
        database.use()
        await write("a year ahead", at=NOW + 365 * 86_400)
        await write("a minute ahead", at=NOW + 60)

        await evictor(clock, 100 * MB).take_turn()

        assert await pages() == ["a minute ahead"]


class TestBatches:
    async def test_have_few_pages(self, database: Database) -> None:
        """The write lock of SQLite is held for one batch."""
        database.use()
        for number in range(MAX_PAGES + 10):
            await write(f"page {number:03}", at=NOW - MAX_AGE, size=10, images=1)

        assert await DatabaseEviction().delete_outside(NOW, NOW) == MAX_PAGES
        assert await DatabaseEviction().delete_outside(NOW, NOW) == 10
        assert await DatabaseEviction().delete_outside(NOW, NOW) == 0

    async def test_have_few_bytes(self, database: Database) -> None:
        database.use()
        for number in range(4):
            await write(f"page {number}", size=700 * KB)

        size = await DatabaseEviction().delete_least_used(100 * MB)

        assert MAX_BYTES <= size < MAX_BYTES + 710 * KB
        assert len(await pages()) == 2

    async def test_delete_the_images_too(self, database: Database) -> None:
        """In the batch of their page, not only when lost ones are looked for."""
        database.use()
        for number in range(4):
            await write(f"page {number}", at=NOW + number * STEP)

        await DatabaseEviction().delete_least_used(60 * KB)

        assert await images() == {"page 2", "page 3"}

    async def test_a_turn_ends_in_time(self, database: Database, clock: Clock) -> None:
        """What is left waits for the next turn, so that no two turns overlap."""
        database.use()
        for number in range(6):
            await write(f"page {number}", size=MAX_BYTES, images=0)

        async def long_pause(_seconds: float) -> None:
            clock.advance(TURN / 3)

        await Evictor(DatabaseEviction(), clock, lambda: 1, long_pause).take_turn()

        assert 0 < len(await pages()) < 6
        assert clock() < NOW + 2 * TURN

    async def test_storing_many_images_takes_linear_time(self, database: Database) -> None:
        """500 of them took 0.1 s of the event loop."""
        database.use()

        async def store(count: int) -> None:
            await write("page", size=10, images=count)

        assert await is_linear_async(store, 500)


class TestTurns:
    async def test_one_of_many_workers_has_it(self, settings: Settings) -> None:
        async def take(now: float) -> bool:
            async with opened(settings) as database:
                database.use()
                return await DatabaseEviction().begin_turn(now, TURN)

        first = await asyncio.gather(*(take(NOW) for _ in range(6)))
        meanwhile = await asyncio.gather(*(take(NOW + TURN - 1) for _ in range(3)))
        later = await asyncio.gather(*(take(NOW + TURN) for _ in range(6)))

        assert (sum(first), sum(meanwhile), sum(later)) == (1, 0, 1)

    async def test_one_that_died_is_not_waited_for(self, database: Database, clock: Clock) -> None:
        """The next turn is anybody's."""
        database.use()
        assert await DatabaseEviction().begin_turn(NOW, TURN)
        await write("page")
        clock.advance(TURN)

        await evictor(clock, 1).take_turn()

        assert await pages() == []

    async def test_a_clock_that_was_set_back(self, database: Database) -> None:
        """A turn in the future is nobody's."""
        database.use()
        assert await DatabaseEviction().begin_turn(NOW, TURN)

        assert await DatabaseEviction().begin_turn(NOW - 86_400, TURN)

    async def test_without_the_turn_nothing_is_deleted(self, database: Database, clock: Clock) -> None:
        database.use()
        await write("page")
        await DatabaseEviction().begin_turn(NOW, TURN)

        await evictor(clock, 1).take_turn()

        assert await pages() == ["page"]


class TestWorkers:
    async def test_write_use_and_evict_at_the_same_time(self, settings: Settings) -> None:
        """No deadlock, no error, and what is counted is what there is. Pages share most of their images."""
        keys = [f"page {number:02}" for number in range(12)]

        async def work(seed: int) -> None:
            async with opened(settings) as database:
                database.use()
                dice = random.Random(seed)
                pages = DatabasePageStore()
                states = DatabaseStateStore()
                evicting = DatabaseEviction()
                await evicting.begin_turn(NOW + seed * TURN, TURN)
                for number in range(40):
                    ids = [f"{id}" for id in dice.sample(range(60), 40)]
                    entry = CacheEntry(b"x" * dice.randint(10, 2000), NOW + number * STEP)
                    match seed % 3:
                        case 0:
                            writes = pages.writes_of(dice.choice(keys), "pexels", entry, ids)
                            state, version = await states.read("pexels")
                            await states.swap("pexels", version, state, writes)
                        case 1:
                            await pages.mark_used(dice.sample(keys, 8), NOW + number * STEP)
                        case _:
                            await evicting.delete_least_used(dice.randint(1, 10_000))
                            await evicting.delete_lost_images()

        await asyncio.gather(*(work(seed) for seed in range(9)))

        async with opened(settings) as database:
            database.use()
            for row in await CachedPage.select():
                content = len(row["content"]) + len(row["former"] or b"")
                assert row["size"] == 200 + content + 200 * 40
            for _ in range(3):
                await DatabaseEviction().delete_lost_images()
            assert await images() <= set(await pages())


class TestLostImages:
    async def test_of_pages_that_an_admin_deleted(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        """They go part by part, and the images of other pages stay."""
        database.use()
        monkeypatch.setattr(database_eviction, "MAX_IMAGES", 7)
        for number in range(6):
            await write(f"page {number}", images=5)
        await CachedPage.raw("DELETE FROM iv_page WHERE key IN ('page 1', 'page 4')")
        await DatabaseEviction().begin_turn(NOW, TURN)

        left = []
        for _ in range(6):
            await DatabaseEviction().delete_lost_images()
            left.append(await CachedImage.count())

        assert await images() == {"page 0", "page 2", "page 3", "page 5"}
        assert left[0] > 20
        assert left[-1] == 20

    async def test_begins_again_at_the_end(self, database: Database) -> None:
        """What is lost later goes too."""
        database.use()
        await DatabaseEviction().begin_turn(NOW, TURN)
        for key in ("b", "a"):
            await write(key)
            await DatabaseEviction().delete_lost_images()
            await CachedPage.raw("DELETE FROM iv_page")
            await DatabaseEviction().delete_lost_images()
            await DatabaseEviction().delete_lost_images()

        assert await images() == set()


class TestFormerVersion:
    """During a rolling upgrade, workers of both versions use the tables."""

    async def test_its_pages_are_measured(self, database: Database, clock: Clock) -> None:
        """As if this version had stored them; one without a time too."""
        database.use()
        await write("ours", size=1000, images=3)
        await CachedPage.raw(FORMER_UPSERT, "theirs", "pexels", round(NOW * 1000), b"x" * 1000)
        await CachedPage.raw(FORMER_UPSERT, "timeless", "pexels", 0, b"x")
        await CachedImage.insert(*(CachedImage(id=f"pexels:{number}", page="theirs") for number in range(3)))

        await evictor(clock, 100 * MB).take_turn()

        rows = {row["key"]: row for row in await CachedPage.select()}
        assert rows["theirs"]["size"] == rows["ours"]["size"]
        assert rows["theirs"]["used_at"] == round(NOW * 1000)
        assert "timeless" not in rows

    async def test_many_of_its_pages(self, database: Database, clock: Clock) -> None:
        """All in one turn, and then the least recently stored go."""
        database.use()
        for number in range(45):
            at = round((NOW + number * STEP) * 1000)
            await CachedPage.raw(FORMER_UPSERT, f"page {number:02}", "pexels", at, b"x" * 1000)

        await evictor(clock, 12_000).take_turn()

        assert await pages() == [f"page {number:02}" for number in range(35, 45)]

    async def test_its_statements_still_work(self, database: Database) -> None:
        """On pages of this version."""
        database.use()
        await write("page", size=10)
        await CachedPage.raw(FORMER_UPSERT, "page", "pexels", round(NOW * 1000), b"new")
        await CachedPage.delete().where(CachedPage.stored_at < 1)
        await CachedImage.raw(FORMER_EVICTION)

        found = await DatabasePageStore().read("page")

        assert found is not None
        assert (found.content, found.previous) == (b"new", b"x" * 10)
        assert await images() == {"page"}

    async def test_its_rows_outlive_the_migration(self, settings: Settings, clock: Clock) -> None:
        """The tables as that version had them, with rows in them, are migrated."""
        async with opened(settings) as database:
            database.use()
            for column in ("used_at", "size"):
                await CachedPage.raw(f"DROP INDEX iv_page_{column}")
                await CachedPage.raw(f"ALTER TABLE iv_page DROP COLUMN {column}")
            await CachedPage.raw("DROP TABLE iv_cache_eviction")
            await CachedPage.raw("DROP TABLE iv_boot")
            await AppliedMigration.delete().where(AppliedMigration.name == "2026-11-29T13:06:00:120377")
            await CachedPage.raw(FORMER_UPSERT, "page", "pexels", round(NOW * 1000), b"x" * 100)

        async with opened(settings) as database:
            database.use()
            await evictor(clock, 100 * MB).take_turn()

            assert await measure_use(0) == CacheUse(pages=1, bytes=300, max_bytes=0)


UNHURRIED = '[providers.pexels]\nquota = ["1000/second", "1000/hour", "20000/month"]\n'
Start = Callable[..., Any]


class TestServer:
    """What is used is known where it is used: in the gateway."""

    @pytest.fixture
    async def api(self, start: Start, database_url: str, configured: dict[str, str]) -> Any:
        api = await start({**configured, "DATABASE_URL": database_url}, toml=UNHURRIED)
        api.headers = await api.sign_in("ada", admin=True)
        return api

    async def search(self, api: Any, words: str) -> httpx.Response:
        answer = await api.get("/search", params={"q": words, "provider": "pexels"}, headers=api.headers)
        await api.services.gateway.pages.drain()
        assert answer.status_code == 200
        return answer  # type: ignore[no-any-return]

    async def search_for_three(self, api: Any) -> list[httpx.Response]:
        """Fetch three pages, one after the other."""
        answers = []
        for words in ("one", "two", "three"):
            answers.append(await self.search(api, words))
            api.services.gateway.clock.offset += STEP
        return answers

    async def evict_all_but_one(self, api: Any) -> None:
        """Write what is noted, and evict until one page is left."""
        api.services.database.use()
        await api.services.gateway.pages.flush_uses(now=True)
        [largest] = await CachedPage.raw("SELECT MAX(size) AS size FROM iv_page")
        clock = Clock(api.services.gateway.clock() + 2 * TURN)
        await evictor(clock, int(largest["size"])).take_turn()
        assert len(await pages()) == 1

    @pytest.mark.parametrize("reader", ["the same worker", "another worker"])
    async def test_a_page_that_is_served_stays(
        self, api: Any, start: Start, database_url: str, configured: dict[str, str], reader: str
    ) -> None:
        """From memory as well as from the database."""
        await self.search_for_three(api)
        other = api
        if reader == "another worker":
            other = await start({**configured, "DATABASE_URL": database_url}, toml=UNHURRIED)
            other.headers = api.headers
            other.services.gateway.clock.offset = api.services.gateway.clock.offset
        await self.search(other, "One")

        await self.evict_all_but_one(other)

        assert (await self.search(other, "ONE")).json()["providers"][0]["cache"] == "hit"
        [row] = await CachedPage.select(CachedPage.used_at, CachedPage.stored_at)
        assert row["used_at"] > row["stored_at"]

    async def test_a_page_that_a_look_up_uses_stays(self, api: Any) -> None:
        first, *_ = await self.search_for_three(api)
        id = first.json()["images"][0]["id"]
        found = await api.get(f"/images/{id}", headers=api.headers)
        assert found.status_code == 200

        await self.evict_all_but_one(api)

        [row] = await CachedPage.select(CachedPage.used_at, CachedPage.stored_at)
        assert row["used_at"] > row["stored_at"]

    async def test_a_server_that_stops_writes_the_uses(
        self, tmp_path: Path, database_url: str, configured: dict[str, str]
    ) -> None:
        """So does a command: it runs for a second only."""
        environ = {
            **configured,
            **OFFLINE,
            "DATABASE_URL": database_url,
            "SECRET_KEY": "a test secret of more than thirty-two bytes",
        }
        (tmp_path / "imagevault.toml").write_text(UNHURRIED)
        for later in (0, 2 * STEP):
            services = Services(load(environ, tmp_path))
            async with services.running():
                services.gateway.clock.offset += later
                await services.gateway.search(SearchRequest(text="nature", providers="pexels"))

        async with opened(load(environ, tmp_path)) as database:
            database.use()
            [row] = await CachedPage.select(CachedPage.used_at, CachedPage.stored_at)
        assert row["used_at"] > row["stored_at"]

    async def test_an_evicted_page_is_fetched_again(self, api: Any, pexels: SimulatedPexels) -> None:
        """And served all the while from the memory of workers that hold it."""
        await self.search_for_three(api)
        await self.evict_all_but_one(api)

        assert (await self.search(api, "Two")).json()["providers"][0]["cache"] == "hit"
        assert len(pexels.calls) == 3

    async def test_an_admin_sees_it(self, api: Any) -> None:
        """Others do not."""
        await self.search_for_three(api)
        api.services.database.use()
        use = await measure_use(512 * MB)

        listed = (await api.get("/providers", headers=api.headers)).json()
        hidden = (await api.get("/providers", headers=await api.sign_in("bob"))).json()

        assert listed["cache"] == {"pages": 3, "bytes": use.bytes, "max_bytes": 512 * MB}
        assert use.bytes > 3 * 10 * KB
        assert hidden["cache"] is None

    async def test_a_new_size_is_in_force_at_once(self, api: Any) -> None:
        """The next turn uses the settings that are in force then."""
        gateway = api.services.gateway
        api.services.database.use()
        for number in range(30):
            await write(f"page {number:02}", at=gateway.clock(), size=500 * KB, images=0)
        settings = msgspec.structs.replace(gateway.settings, cache_size=10)
        gateway.configure(settings, gateway.providers)
        await CacheEviction.update({CacheEviction.began_at: 0}, force=True)

        await gateway.pages._evictor.take_turn()

        listed = (await api.get("/providers", headers=api.headers)).json()
        assert 9 * MB < listed["cache"]["bytes"] <= listed["cache"]["max_bytes"] == 10 * MB

    async def test_evicts_by_itself(self, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        """When it starts, and again after each pause."""
        async with opened(settings) as database:
            database.use()
            await write("old", at=1000.0)
        monkeypatch.setattr(eviction, "TURN", 0.0)
        services = Services(settings)
        pauses: list[float] = []

        async def pause(seconds: float) -> None:
            if seconds == eviction.INTERVAL and eviction.INTERVAL not in pauses:
                await write("older", at=500.0)
            pauses.append(seconds)
            await asyncio.sleep(PAUSE)

        services.gateway.pages._evictor._sleep = pause  # type: ignore[union-attr]
        async with services.serving():
            services.database.use()
            async with asyncio.timeout(EVENT_LIMIT):
                while pauses.count(eviction.INTERVAL) < 2 or await pages():  # noqa: ASYNC110  another task evicts
                    await asyncio.sleep(PAUSE)


async def test_an_outage_ends_no_eviction(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged, and tried again."""
    turns = 0

    class Away(DatabaseEviction):
        async def begin_turn(self, now: float, seconds: float) -> bool:
            nonlocal turns
            turns += 1
            raise DatabaseUnavailable("gone")

    async def pause(_seconds: float) -> None:
        if turns == 3:
            raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await Evictor(Away(), clock, lambda: 1, pause).run()

    assert [record.getMessage() for record in caplog.records] == ["old pages could not be evicted: gone"] * 3


def test_the_command_line_shows_it(here: InProcess, tmp_path: Path, configured: dict[str, str]) -> None:
    """As a line for people, and as numbers for programs."""
    environ = {**configured, "IMAGEVAULT_CACHE_SIZE": "20", "PEXELS_TIMEOUT": "30"}
    assert here("search", "fox", "-p", "pexels", environ=environ).returncode == 0

    as_text = here("providers", environ=environ)
    as_json = here("providers", "--json", environ=environ)

    found = re.search(r"^cache: (0\.\d) of 20 MB in the database; pages: 1$", as_text.stderr, re.MULTILINE)
    assert found is not None
    listed = json.loads(as_json.stdout)["cache"]
    assert (listed["pages"], listed["max_bytes"]) == (1, 20 * MB)
    assert f"{listed['bytes'] / MB:.1f}" == found[1]
