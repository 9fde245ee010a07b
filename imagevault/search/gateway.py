"""The gateway: what routes, the ledger and the command line use to search and to look up images."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from typing import NamedTuple

import httpx

from imagevault.cache.database_eviction import DatabaseEviction
from imagevault.cache.database_store import DatabasePageStore
from imagevault.cache.eviction import Evictor
from imagevault.cache.page_cache import make_page_cache
from imagevault.cache.statistics import CacheStatistics
from imagevault.config.settings import Settings
from imagevault.counters import Counters
from imagevault.errors import BadInput, ResourceNotFound, Unconfigured
from imagevault.images.record import ImageRecord
from imagevault.images.sanitize import is_id
from imagevault.images.signed_links import SignedLinks
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.records import Image
from imagevault.search.choice import find_enabled
from imagevault.search.cursor import CursorSeal
from imagevault.search.hidden import HiddenImages
from imagevault.search.image_records import ImageRecords
from imagevault.search.outcome import ProviderStatus, SearchFailed
from imagevault.search.provider_cursor import Observer
from imagevault.search.search import Search, SearchRequest, SearchResponse
from imagevault.search.waiting_downloads import CountWaiting, no_downloads
from imagevault.security.keyring import Keyring
from imagevault.storage.clock import SharedClock
from imagevault.upstream.clients import Clients
from imagevault.upstream.database_store import DatabaseStateStore
from imagevault.upstream.limiter import CallLimiter
from imagevault.upstream.usage import UsageCounter
from imagevault.upstream.usage_store import UsageStore

MEGABYTE = 1024 * 1024  # bytes


class FoundImage(NamedTuple):
    """An image, its provider, and when the provider sent it: Unix time of the clock that workers share."""

    provider: Provider
    image: Image
    fetched_at: float


class Gateway:
    """Searches, looks up and shows images of all providers, with the settings in force. One for each worker."""

    def __init__(
        self,
        settings: Settings,
        plugins: PluginRegistry,
        keyring: Keyring,
        statistics: CacheStatistics,
        config_problems: Callable[[], list[str]] = list,
        waiting_downloads: CountWaiting = no_downloads,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        counters: Counters | None = None,
    ) -> None:
        """Make a gateway.

        Args:
            settings: in force at the start.
            plugins: all providers.
            keyring: signs cursors and links.
            statistics: counts how pages were found.
            config_problems: returns what is wrong with the configuration, for admins.
            waiting_downloads: counts the downloads that are not reported to their providers yet, for admins.
            transports: provider -> a replacement of its innermost transport, in tests.
            counters: count what happens, for `/metrics`.

        """
        self._counters = counters or Counters()
        self.settings = settings
        self.plugins = plugins
        self.config_problems = config_problems
        self.waiting_downloads = waiting_downloads
        self.clock = SharedClock()
        self.usage = UsageCounter()
        self.usage_store = UsageStore(self.usage)
        self.limiter = CallLimiter(DatabaseStateStore(), self.clock, usage=self.usage)
        self.clients = Clients(self.limiter, transports, self._counters)
        evictor = Evictor(DatabaseEviction(), self.clock, lambda: self.cache_bytes)
        self.pages = make_page_cache(
            DatabasePageStore(), self.limiter, statistics, self.clients, evictor, self._counters
        )
        self.links = SignedLinks(plugins, keyring, settings.base_url, settings.data / "thumbnails")
        self._records = ImageRecords(self.links)
        self.hidden = HiddenImages(self.clock, self.pages.answers.clear)
        self._seal = CursorSeal(keyring)

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The providers in force now."""
        return self.plugins.providers

    @property
    def cache_bytes(self) -> int:
        """The size that the cached pages in the database may have."""
        return self.settings.cache_size * MEGABYTE

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Set the clock by the database; when the block ends, end flights, write, and close connections."""
        await self.clock.sync()
        await self.hidden.refresh()
        async with self.pages.running():
            yield

    def configure(self, settings: Settings, before: Mapping[str, Provider]) -> None:
        """Put settings in force. Searches in progress end with the settings that they began with.

        Args:
            settings: the new settings.
            before: the providers that were in force until now.

        """
        self.settings = settings
        self.pages.configure(before, self.providers)

    async def search(self, request: SearchRequest, observe: Observer | None = None) -> SearchResponse:
        """Return one page of a search.

        Args:
            request: what is asked.
            observe: receives an event for each page that is read.

        Raises:
            BadInput: the request cannot be understood.
            Forbidden: the caller may not use one of the providers.
            SearchFailed: no provider answered.

        """
        try:
            response = await self._prepare(request, observe).run()
        except SearchFailed as error:
            self._count(request, error.statuses)
            raise
        self._count(request, response.providers)
        return response

    def check_search(self, request: SearchRequest) -> None:
        """Check a search, and ask no provider.

        Raises:
            BadInput: the request cannot be understood.
            Forbidden: the caller may not use one of the providers.

        """
        self._prepare(request).check()

    def _prepare(self, request: SearchRequest, observe: Observer | None = None) -> Search:
        return Search(
            request,
            settings=self.settings,
            providers=self.providers,
            pages=self.pages,
            records=self._records,
            hidden=self.hidden,
            seal=self._seal,
            observe=observe or (lambda _: None),
            not_loaded=self.plugins.not_loaded,
        )

    def _count(self, request: SearchRequest, statuses: Sequence[ProviderStatus]) -> None:
        """Count a search, unless it was refused before a provider was asked."""
        self.usage.count_search(request.caller)
        for status in statuses:
            self._counters.add("provider_answers", status.name, status.status)

    async def image(
        self, id: str, field: str = "id", caller: str = "", allowed: AbstractSet[str] | None = None
    ) -> tuple[Provider, Image]:
        """Return an image and its provider. Arguments and errors are those of `find_image`."""
        found = await self.find_image(id, field, caller, allowed)
        return found.provider, found.image

    async def find_image(
        self, id: str, field: str = "id", caller: str = "", allowed: AbstractSet[str] | None = None
    ) -> FoundImage:
        """Return an image, its provider, and when the provider sent it.

        Args:
            id: `PROVIDER:ID`, for example `pexels:2014422`.
            field: the name of the parameter, for error messages.
            caller: whose share of a quota the look-up uses.
            allowed: the names of the providers that the caller may use; None for all.

        Raises:
            BadInput: the id has another form, or its provider does not exist or is switched off.
            Forbidden: its provider is not allowed.
            ResourceNotFound: the provider has no such image.
            ProviderError: the provider failed.

        """
        name, colon, native_id = id.partition(":")
        if not colon or not native_id:
            raise BadInput(field, "must be a provider's name, a colon and its own id, such as pexels:2014422")
        provider = find_enabled(self.providers, name, field, allowed, self.plugins.not_loaded)
        if provider.state != "ok":
            raise Unconfigured(f"{name}: {provider.public_reason}")
        seconds = min(self.settings.deadline, provider.timeout)
        if not is_id(native_id):  # no record has such an id, so asking the provider would only cost a call
            raise ResourceNotFound(f"{provider.info.title} has no image of this id.")
        if native_id in self.hidden.of(name):
            raise ResourceNotFound(f"An admin of this server has hidden {id}.")
        found = await self.pages.read_image(provider, native_id, seconds, caller=caller)
        if found is None:
            raise ResourceNotFound(f"{provider.info.title} has no image {native_id}.")
        image, fetched_at = found
        return FoundImage(provider, image, fetched_at)

    def record(self, provider: Provider, image: Image) -> ImageRecord:
        """Return the image as consumers see it."""
        return self._records.record(provider, image)
