"""The gateway: what routes, the ledger and the command line use to search and to look up images."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import httpx

from imagevault.cache.database_store import DatabasePageStore
from imagevault.cache.page_cache import make_page_cache
from imagevault.cache.statistics import CacheStatistics
from imagevault.config.settings import Settings
from imagevault.errors import BadInput, ResourceNotFound, Unconfigured
from imagevault.images.signed_links import SignedLinks
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.records import Image, ImageRecord
from imagevault.search.cursor import CursorSeal
from imagevault.search.image_records import ImageRecords
from imagevault.search.provider_cursor import Observer
from imagevault.search.search import Search, SearchRequest, SearchResponse, find_enabled
from imagevault.security.keyring import Keyring
from imagevault.storage.clock import SharedClock
from imagevault.upstream.database_store import DatabaseStateStore
from imagevault.upstream.limiter import CallLimiter


class Gateway:
    """Searches, looks up and shows images of all providers, with the settings in force. One for each worker."""

    def __init__(
        self,
        settings: Settings,
        plugins: PluginRegistry,
        keyring: Keyring,
        statistics: CacheStatistics,
        config_problems: Callable[[], list[str]] = list,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        """Make a gateway.

        Args:
            settings: in force at the start.
            plugins: all providers.
            keyring: signs cursors and links.
            statistics: counts how pages were found.
            config_problems: returns what is wrong with the configuration, for admins.
            transports: provider -> a replacement of its innermost transport, in tests.

        """
        self.settings = settings
        self.plugins = plugins
        self.config_problems = config_problems
        self.clock = SharedClock()
        self.limiter = CallLimiter(DatabaseStateStore(), self.clock)
        self.pages = make_page_cache(DatabasePageStore(), self.limiter, statistics, transports)
        self.links = SignedLinks(plugins, keyring, settings.base_url, settings.data / "thumbnails")
        self._records = ImageRecords(self.links)
        self._seal = CursorSeal(keyring)

    @property
    def providers(self) -> Mapping[str, Provider]:
        """The providers in force now."""
        return self.plugins.providers

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Set the clock by the database; when the block ends, end flights, write, and close connections."""
        await self.clock.sync()
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
            SearchFailed: no provider answered.

        """
        search = Search(
            request,
            settings=self.settings,
            providers=self.providers,
            pages=self.pages,
            records=self._records,
            seal=self._seal,
            observe=observe or (lambda _: None),
        )
        return await search.run()

    async def image(self, id: str, field: str = "id", caller: str = "") -> tuple[Provider, Image]:
        """Return an image and its provider.

        Args:
            id: `PROVIDER:ID`, for example `pexels:2014422`.
            field: the name of the parameter, for error messages.
            caller: whose share of a quota the look-up uses.

        Raises:
            BadInput: the id has another form, or its provider does not exist or is switched off.
            ResourceNotFound: the provider has no such image.
            ProviderError: the provider failed.

        """
        name, colon, native_id = id.partition(":")
        if not colon or not native_id:
            raise BadInput(field, "must be a provider's name, a colon and its own id, such as pexels:2014422")
        provider = find_enabled(self.providers, name, field)
        if provider.state != "ok":
            raise Unconfigured(f"{name}: {provider.public_reason}")
        seconds = min(self.settings.deadline, provider.host.timeout)
        image = await self.pages.read_image(provider, native_id, seconds, caller=caller)
        if image is None:
            raise ResourceNotFound(f"{provider.info.title} has no image {native_id}.")
        return provider, image

    def record(self, provider: Provider, image: Image, also_from: Sequence[str] = ()) -> ImageRecord:
        """Return the image as consumers see it."""
        return self._records.record(provider, image, also_from)
