"""The page cache: a provider's pages and images, from memory, from the database, or from the upstream.

A provider's pages have one fixed size, and consumers' pages are cut out of them (`search/provider_cursor.py`). A stale
page is served at once while a new one is fetched, so it is also served when that fails.
"""

import asyncio
import contextlib
import logging
import math
import uuid
from collections.abc import AsyncIterator, Mapping

import httpx

from imagevault.cache.background_writes import BackgroundWrites
from imagevault.cache.freshness import MAX_AGE, Freshness
from imagevault.cache.keys import PageKey, image_digest
from imagevault.cache.memory import MemoryCache
from imagevault.cache.origin import Origin
from imagevault.cache.result import CacheResult, CacheStatus
from imagevault.cache.single_flight import SingleFlight
from imagevault.cache.statistics import CacheStatistics
from imagevault.cache.store import CacheEntry, PageStore
from imagevault.cache.tiers import CacheTiers
from imagevault.errors import NotFound
from imagevault.plugins.provider import Provider
from imagevault.records import Image, Page
from imagevault.upstream.clients import Clients
from imagevault.upstream.limiter import CallLimiter
from imagevault.upstream.models import Call
from imagevault.upstream.transport import CALL_TIMEOUT

log = logging.getLogger(__name__)

STOP_TIMEOUT = 3.0  # seconds for flights, and then for writes, when the server stops
EVICTION_INTERVAL = 3600.0  # seconds


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
    ) -> None:
        self._tiers = tiers
        self._freshness = freshness
        self._flights = flights
        self._origin = origin
        self._clients = clients
        self._limiter = limiter
        self._writes = writes
        self._statistics = statistics

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
        self._statistics.count(provider.name, result.status)
        return result

    async def fetch(self, provider: Provider, key: PageKey, seconds: float) -> Page:
        """Return a page by a new upstream call. Raises a ProviderError."""
        call = Call(key=key.digest, owner=_new_owner())
        fetched = await self._flights.join(provider, call, lambda: self._origin.search(provider, key), seconds)
        return fetched.page or Page([])

    async def read_image(self, provider: Provider, id: str, seconds: float, *, caller: str = "") -> Image | None:
        """Return one image by the provider's own id, from a cached page or the upstream; None if there is none.

        Raises:
            ProviderError: no cached page holds it, and the upstream failed.

        """
        checked_at = self._limiter.clock()
        image = await self._tiers.find(provider, id)
        if image is not None:
            return image
        return await self.fetch_image(provider, id, seconds, caller=caller, checked_at=checked_at)

    async def fetch_image(
        self, provider: Provider, id: str, seconds: float, *, caller: str = "", checked_at: float = math.inf
    ) -> Image | None:
        """Return one image by a new upstream call, None if there is none. Raises a ProviderError."""
        call = Call(
            key=image_digest(provider.name, id),
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
        """Close the clients of replaced providers after their last call.

        The breaker is reset where the address or key changed.
        """
        replaced = [provider for name, provider in before.items() if provider is not now[name]]
        self._writes.start(self._clients.retire(replaced))
        for provider in replaced:
            successor = now[provider.name]
            if provider.reached_by != successor.reached_by:
                self._writes.start(self._limiter.reset_breaker(successor))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Evict old pages while the block runs; then end flights, wait for writes and close the connections."""
        evicting = asyncio.create_task(self._evict())
        try:
            yield
        finally:
            evicting.cancel()
            await self._flights.stop(STOP_TIMEOUT)
            await asyncio.gather(evicting, return_exceptions=True)
            await self._writes.drain(STOP_TIMEOUT)
            await self._clients.aclose()

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
            return CacheResult(page, "miss", "upstream", self._tiers.version_in_memory(digest), fetched.calls)
        entry, tier = found
        previous = self._previous_for(entry, version)
        if previous is not None:
            return CacheResult(self._tiers.decode(previous), "hit", tier, entry.previous_version)
        status: CacheStatus = "hit"
        if not self._freshness.is_fresh(provider, entry):
            status = "stale"
            self._flights.start(provider, call, lambda: self._origin.search(provider, key), CALL_TIMEOUT)
        return CacheResult(self._tiers.decode(entry.content), status, tier, entry.version)

    def _previous_for(self, entry: CacheEntry, version: int | None) -> bytes | None:
        """The content before this one, where a walk began with that and may go on with it."""
        if version != entry.previous_version or not self._freshness.keeps_walks_open(entry):
            return None
        return entry.previous

    async def _evict(self) -> None:
        while True:
            try:
                await self._tiers.evict(self._limiter.clock() - MAX_AGE)
            except Exception as error:  # noqa: BLE001  whatever it is, it may work the next time
                log.warning("old pages could not be evicted: %s", error)
            await asyncio.sleep(EVICTION_INTERVAL)


def make_page_cache(
    store: PageStore,
    limiter: CallLimiter,
    statistics: CacheStatistics,
    transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
) -> PageCache:
    """Make the page cache of one worker, with all its parts.

    Args:
        store: the pages that all workers share.
        limiter: admits its calls; its clock is the cache's too.
        statistics: counts how pages were found.
        transports: provider -> a replacement of its innermost transport, in tests.

    """
    memory = MemoryCache()
    clients = Clients(limiter, transports)
    writes = BackgroundWrites()
    freshness = Freshness(limiter.clock, limiter.fraction_left)
    tiers = CacheTiers(memory, store, freshness)
    flights = SingleFlight(limiter, tiers, writes, limiter.clock)
    return PageCache(
        tiers=tiers,
        freshness=freshness,
        flights=flights,
        origin=Origin(clients, memory),
        clients=clients,
        limiter=limiter,
        writes=writes,
        statistics=statistics,
    )


def _new_owner() -> str:
    return uuid.uuid4().hex
