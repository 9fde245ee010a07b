"""The page cache: a provider's pages and images, from memory, from the database, or from the upstream.

A provider's pages have one fixed size, and consumers' pages are cut out of them (`search/provider_cursor.py`). A stale
page is served at once while a new one is fetched, so it is also served when that fails.
"""

import asyncio
import contextlib
import math
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence

from imagevault.cache.answers import Answers
from imagevault.cache.background_writes import BackgroundWrites
from imagevault.cache.eviction import Evictor
from imagevault.cache.freshness import Freshness
from imagevault.cache.keys import PageKey, image_digest, token_digest
from imagevault.cache.memory import MemoryCache
from imagevault.cache.origin import Origin
from imagevault.cache.page_digests import PageDigests
from imagevault.cache.result import CacheResult, CacheStatus
from imagevault.cache.single_flight import SingleFlight
from imagevault.cache.statistics import CacheStatistics
from imagevault.cache.store import CacheEntry, PageStore
from imagevault.cache.tiers import CacheTiers
from imagevault.cache.uses import PageUses
from imagevault.counters import Counters
from imagevault.errors import NotFound
from imagevault.plugins.provider import Provider
from imagevault.records import Image, Page
from imagevault.upstream.clients import Clients
from imagevault.upstream.limiter import CallLimiter
from imagevault.upstream.models import Call
from imagevault.upstream.transport import CALL_TIMEOUT

STOP_TIMEOUT = 3.0  # seconds for flights, and then for writes, when the server stops


class PageCache:
    """Reads pages and single images of all providers. One for each worker."""

    def __init__(
        self,
        tiers: CacheTiers,
        freshness: Freshness,
        flights: SingleFlight,
        origin: Origin,
        clients: Clients,
        limiter: CallLimiter,
        writes: BackgroundWrites,
        statistics: CacheStatistics,
        uses: PageUses,
        answers: Answers,
        evictor: Evictor | None = None,
    ) -> None:
        self._tiers = tiers
        self._freshness = freshness
        self._flights = flights
        self._origin = origin
        self._clients = clients
        self._limiter = limiter
        self._writes = writes
        self._statistics = statistics
        self._uses = uses
        self.answers = answers
        self._evictor = evictor

    async def read(
        self, provider: Provider, key: PageKey, seconds: float, *, caller: str = "", version: int | None = None
    ) -> CacheResult:
        """Return a page.

        Args:
            provider: the provider.
            key: which of its pages.
            seconds: how long to wait for the upstream; a page that comes later is cached all the same.
            caller: whose share of the quota a call uses.
            version: the version of the page that a walk is in the middle of, so that it goes on with that one.

        Raises:
            ProviderError: no page is cached, and none could be fetched.

        """
        result = await self._read(provider, key, seconds, caller, version)
        self._statistics.count(provider.name, result.status, result.tier)
        return result

    async def read_digests(self, provider: Provider, keys: Sequence[str]) -> dict[str, PageDigests]:
        """Return the digests of the pictures on those pages that are cached, however old.

        While the database does not answer, these are the pages that are fresh in memory.
        """
        return await self._tiers.read_digests(provider, keys)

    async def read_token(self, provider: Provider, key: str, digest: bytes) -> str | None:
        """Return the token of the page after this one, None if it is not kept.

        Args:
            provider: the provider.
            key: of the page that named the token.
            digest: of the token.

        """
        async for page in self._tiers.read_versions(provider, key):
            if page.next is not None and token_digest(page.next) == digest:
                return page.next
        return None

    async def fetch(self, provider: Provider, key: PageKey, seconds: float) -> Page:
        """Return a page by a new upstream call. Raises a ProviderError."""
        call = Call(key=key.digest, owner=_new_owner())
        fetched = await self._flights.join(provider, call, lambda: self._origin.search(provider, key), seconds)
        return fetched.page or Page([])

    async def read_image(
        self, provider: Provider, id: str, seconds: float, *, caller: str = ""
    ) -> tuple[Image, float] | None:
        """Return one image by the provider's own id, and when the provider sent it, Unix time; None if there is none.

        It comes from a cached page or the upstream.

        Raises:
            ProviderError: no cached page holds it, and the upstream failed.

        """
        checked_at = self._limiter.clock()
        found = await self._tiers.find(provider, id)
        if found is not None:
            return found
        image = await self.fetch_image(provider, id, seconds, caller=caller, checked_at=checked_at)
        return (image, self._limiter.clock()) if image is not None else None

    async def fetch_image(
        self, provider: Provider, id: str, seconds: float, *, caller: str = "", checked_at: float = math.inf
    ) -> Image | None:
        """Return one image by a new upstream call, None if there is none. Raises a ProviderError."""
        call = Call(
            key=image_digest(provider.name, id, provider.revision),
            owner=_new_owner(),
            checked_at=checked_at,
            caller=caller,
        )
        try:
            fetched = await self._flights.join(provider, call, lambda: self._origin.look_up(provider, id), seconds)
        except NotFound:
            return None
        return fetched.page.images[0] if fetched.page else None

    def configure(self, before: Mapping[str, Provider], now: Mapping[str, Provider]) -> None:
        """Forget all answers. Close the clients of replaced providers after their last call.

        The breaker is reset where the address or key changed.
        """
        self.answers.clear()
        replaced = [provider for name, provider in before.items() if provider is not now.get(name)]
        self._writes.start(self._clients.retire(replaced))
        for provider in replaced:
            successor = now.get(provider.name)  # None if its file is gone
            if successor is not None and provider.reached_by != successor.reached_by:
                self._writes.start(self._limiter.reset_breaker(successor))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Evict pages while the block runs; then end flights, wait for writes and close the connections."""
        evicting = [asyncio.create_task(self._evictor.run())] if self._evictor is not None else []
        try:
            yield
        finally:
            for task in evicting:
                task.cancel()
            await self._flights.stop(STOP_TIMEOUT)
            await asyncio.gather(*evicting, return_exceptions=True)
            await self._writes.drain(STOP_TIMEOUT)
            await self._clients.aclose()

    @property
    def writes_under_way(self) -> int:
        """How many writes go on after their caller has the answer."""
        return len(self._writes.tasks)

    async def flush_uses(self, *, now: bool = False) -> None:
        """Write which pages were used, at most every 30 seconds unless `now`. Raises DatabaseUnavailable."""
        await self._uses.flush(now=now)

    async def drain(self) -> None:
        """Wait until every flight has ended and everything is written."""
        while self._flights.in_flight or self._writes.tasks:
            await asyncio.wait([*self._writes.tasks, *self._flights.in_flight])

    async def _read(
        self, provider: Provider, key: PageKey, seconds: float, caller: str, version: int | None
    ) -> CacheResult:
        digest = key.digest
        checked_at = self._limiter.clock()
        found = await self._tiers.read(provider, digest, version)
        call = Call(
            key=digest,
            owner=_new_owner(),
            checked_at=checked_at,
            caller=caller,
            background=found is not None,
        )
        if found is None:
            fetched = await self._flights.join(provider, call, lambda: self._origin.search(provider, key), seconds)
            page = fetched.page or Page([])
            return CacheResult(page, "miss", "upstream", self._tiers.version_in_memory(digest), fetched.calls, digest)
        entry, tier = found
        previous = self._previous_for(entry, version)
        if previous is not None:
            return CacheResult(self._tiers.decode(previous), "hit", tier, entry.previous_version, key=digest)
        status: CacheStatus = "hit"
        if not self._freshness.is_fresh(provider, entry):
            status = "stale"
            self._flights.start(provider, call, lambda: self._origin.search(provider, key), CALL_TIMEOUT)
        return CacheResult(self._tiers.decode(entry.content), status, tier, entry.version, key=digest)

    def _previous_for(self, entry: CacheEntry, version: int | None) -> bytes | None:
        """The content before this one, where a walk began with that and may go on with it."""
        if version != entry.previous_version or not self._freshness.keeps_walks_open(entry):
            return None
        return entry.previous


def make_page_cache(
    store: PageStore,
    limiter: CallLimiter,
    statistics: CacheStatistics,
    clients: Clients,
    evictor: Evictor | None = None,
    counters: Counters | None = None,
) -> PageCache:
    """Make the page cache of one worker, with all its parts.

    Args:
        store: the pages that all workers share.
        limiter: admits its calls; its clock is the cache's too.
        statistics: counts how pages were found.
        clients: the HTTP clients of the providers; the cache closes them when it stops.
        evictor: evicts the pages that all workers share, while the cache runs.
        counters: count what is shared and kept.

    """
    counters = counters or Counters()
    memory = MemoryCache()
    writes = BackgroundWrites()
    freshness = Freshness(limiter.clock, limiter.fraction_left)
    uses = PageUses(store.mark_used, limiter.clock)
    tiers = CacheTiers(memory, store, freshness, uses)
    flights = SingleFlight(limiter, tiers, writes, limiter.clock, counters)
    return PageCache(
        tiers=tiers,
        freshness=freshness,
        flights=flights,
        origin=Origin(clients),
        clients=clients,
        limiter=limiter,
        writes=writes,
        statistics=statistics,
        uses=uses,
        answers=Answers(tiers, uses, statistics, limiter.clock, counters),
        evictor=evictor,
    )


def _new_owner() -> str:
    return uuid.uuid4().hex
