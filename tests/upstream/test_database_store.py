"""The states of providers in the database, and the pages that are stored with them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from piccolo.querystring import QueryString

from imagevault.cache.database_store import DatabasePageStore
from imagevault.cache.store import CacheEntry
from imagevault.cache.tables import CachedImage, CachedPage
from imagevault.config.settings import load
from imagevault.storage.database import DB, Database
from imagevault.upstream.database_store import DatabaseStateStore
from imagevault.upstream.models import State
from tests.support.offline import OFFLINE

IDS = ["1", "2", "3"]


@pytest.fixture
async def store(tmp_path: Path, database_url: str) -> AsyncIterator[DatabaseStateStore]:
    database = Database(load({"DATABASE_URL": database_url, **OFFLINE}, tmp_path))
    await database.open()
    database.use()
    store = DatabaseStateStore()
    await store.read("pexels")  # makes the row
    yield store
    await database.close()


def page(content: bytes) -> list[QueryString]:
    return DatabasePageStore().writes_of("page", "pexels", CacheEntry(content, 1.0), IDS)


async def stored() -> tuple[list[bytes], set[str]]:
    """The contents of all pages, and the ids of all images."""
    pages = [row["content"] for row in await CachedPage.select()]
    return pages, {row["id"] for row in await CachedImage.select()}


@pytest.mark.parametrize("version", [0, 7])
async def test_a_page_is_stored_with_the_state(store: DatabaseStateStore, version: int) -> None:
    """In any case: another worker may have changed the state, and the page is as good."""
    assert await store.swap("pexels", version, State(failures=3), page(b"new")) == (version == 0)

    assert await stored() == ([b"new"], {f"pexels:{id}" for id in IDS})
    state, now = await store.read("pexels")
    assert (state.failures, now) == ((3, 1) if version == 0 else (0, 0))


async def test_in_one_round_trip(store: DatabaseStateStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """On PostgreSQL. SQLite has no round trips, and three statements."""
    ran: list[str] = []
    run = type(DB).run_querystring

    async def noted(self: object, querystring: QueryString, in_pool: bool = True) -> object:
        ran.append(querystring.template)
        return await run(DB, querystring, in_pool)

    monkeypatch.setattr(type(DB), "run_querystring", noted)

    assert await store.swap("pexels", 0, State(), page(b"new"))

    assert len(ran) == (3 if DB.engine_type == "sqlite" else 1)
