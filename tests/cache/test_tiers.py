"""Memory in front of the database: which digests of pages are believed."""

from collections.abc import Sequence

import pytest

from imagevault import Image, Page, ProviderInfo, Rendition
from imagevault.cache.database_store import DatabasePageStore
from imagevault.cache.freshness import Freshness
from imagevault.cache.memory import MemoryCache
from imagevault.cache.page_digests import PageDigests, encode
from imagevault.cache.store import CacheEntry
from imagevault.cache.store import encode as encode_page
from imagevault.cache.tiers import CacheTiers
from imagevault.cache.uses import PageUses
from imagevault.errors import DatabaseUnavailable
from imagevault.plugins.provider import Provider
from tests.support.clock import Clock
from tests.support.plain_provider import provider_of

CACHE_FOR = 60


class Stored(DatabasePageStore):
    """The digests in the database, as long as it answers."""

    def __init__(self) -> None:
        self.digests: dict[str, PageDigests] = {}
        self.is_away = False
        self.pages: dict[str, CacheEntry] = {}
        self.reads = 0

    async def read(self, key: str) -> CacheEntry | None:
        self.reads += 1
        if self.is_away:
            raise DatabaseUnavailable("away")
        return self.pages.get(key)

    async def read_digests(self, keys: Sequence[str]) -> dict[str, PageDigests]:
        if self.is_away:
            raise DatabaseUnavailable("away")
        return {key: self.digests[key] for key in keys if key in self.digests}


def page(*ids: str) -> Page:
    file = Rendition(name="original", url="https://a.example/1.jpg")
    return Page([Image(id=id, identities=[f"id:p:{id}"], renditions=[file]) for id in ids])


@pytest.fixture
def provider() -> Provider:
    return provider_of(ProviderInfo(title="P", page_size=2, base_url="https://p.example/", cache_for=CACHE_FOR))


@pytest.fixture
def stored() -> Stored:
    return Stored()


@pytest.fixture
def tiers(stored: Stored, clock: Clock) -> CacheTiers:
    async def mark(*_: object) -> None:
        pass

    return CacheTiers(MemoryCache(), stored, Freshness(clock, lambda _provider: 1.0), PageUses(mark, clock))


class TestDigests:
    async def test_a_fresh_page_in_memory_is_believed(
        self, tiers: CacheTiers, stored: Stored, provider: Provider, clock: Clock
    ) -> None:
        tiers.put(provider, "fresh", page("1"), clock())
        stored.digests["fresh"] = PageDigests(2**50, encode(page("2").images))

        found = await tiers.read_digests(provider, ["fresh", "gone"])

        assert found["fresh"].content == encode(page("1").images)
        assert "gone" not in found

    async def test_an_old_page_in_memory_may_have_been_replaced(
        self, tiers: CacheTiers, stored: Stored, provider: Provider, clock: Clock
    ) -> None:
        """By another worker. One that is not stored yet, or was never, is the newest that there is."""
        for key in ("replaced", "not stored yet", "never stored"):
            tiers.put(provider, key, page("1"), clock())
        newer, older = (PageDigests(version, encode(page("2").images)) for version in (2**50, 1))
        stored.digests |= {"replaced": newer, "not stored yet": older}
        clock.advance(CACHE_FOR + 1)

        found = await tiers.read_digests(provider, ["replaced", "not stored yet", "never stored"])

        assert found["replaced"] == newer
        assert found["not stored yet"].content == encode(page("1").images)
        assert found["never stored"].content == encode(page("1").images)

    async def test_without_the_database_fresh_pages_count(
        self, tiers: CacheTiers, stored: Stored, provider: Provider, clock: Clock
    ) -> None:
        """They still hide what was shown; of an old one nobody knows."""
        tiers.put(provider, "old", page("1"), clock())
        clock.advance(CACHE_FOR + 1)
        tiers.put(provider, "fresh", page("2"), clock())
        stored.is_away = True

        assert set(await tiers.read_digests(provider, ["old", "fresh", "gone"])) == {"fresh"}


class TestVersions:
    async def test_memory_is_read_first(
        self, tiers: CacheTiers, stored: Stored, provider: Provider, clock: Clock
    ) -> None:
        """The database is read only for a reader who goes on, and no version comes twice."""
        for id in ("1", "2"):
            tiers.put(provider, "key", page(id), clock())
        other = CacheEntry(content=encode_page(page("3")), stored_at=1.0, previous=encode_page(page("1")))
        stored.pages["key"] = other

        versions = tiers.read_versions(provider, "key")
        in_memory = [(await anext(versions)).images[0].id for _ in range(2)]
        reads = stored.reads
        further = [version.images[0].id async for version in versions]

        assert (in_memory, reads) == (["2", "1"], 0)
        assert (further, stored.reads) == (["3"], 1)

    async def test_without_the_database_those_in_memory_remain(
        self, tiers: CacheTiers, stored: Stored, provider: Provider, clock: Clock
    ) -> None:
        tiers.put(provider, "key", page("1"), clock())
        stored.is_away = True

        assert [version.images[0].id async for version in tiers.read_versions(provider, "key")] == ["1"]
