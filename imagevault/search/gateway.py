"""The gateway: searching, looking up and showing images of all providers, on the settings in force."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import httpx
import msgspec

from imagevault.cache.database_store import DatabasePageStore
from imagevault.cache.page_cache import Pages
from imagevault.config.settings import Settings
from imagevault.errors import BadInput, ResourceNotFound, Unconfigured
from imagevault.images.attribution import attribution
from imagevault.images.signed_links import SignedLinks
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.records import Image, ImageRecord, ProviderInfo, Rendition
from imagevault.search.search import Search, SearchRequest, SearchResponse, Watch, switched_on
from imagevault.security.keyring import Keyring
from imagevault.storage.clock import SharedClock
from imagevault.upstream.database_store import DatabaseStateStore

RECORDS = 4000  # kept ready to be shown, some 4 KB each


class Gateway:
    """The search over all providers. One per app."""

    def __init__(
        self,
        settings: Settings,
        plugins: PluginRegistry,
        keyring: Keyring,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self.settings = settings
        self.plugins = plugins
        self.keyring = keyring
        self.media = SignedLinks(plugins, keyring, settings.base_url, settings.data / "thumbnails")
        self.records: dict[tuple[str, str], tuple[Image, ProviderInfo, ImageRecord]] = {}
        self.clock = SharedClock()
        self.problems: Callable[[], list[str]] = list
        self.pages = Pages(DatabasePageStore(), DatabaseStateStore(), self.clock, transports)

    @property
    def providers(self) -> Mapping[str, Provider]:
        """Those in force now."""
        return self.plugins.providers

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Takes the database's time, and at the end lets go of everything."""
        await self.clock.set()
        async with self.pages.running():
            yield

    def configure(self, settings: Settings, before: Mapping[str, Provider]) -> None:
        """Puts these settings in force; `before`: the providers until now. Searches under way end on theirs."""
        self.settings = settings
        self.pages.configure(before, self.providers)

    async def search(self, asked: SearchRequest, watch: Watch | None = None) -> SearchResponse:
        """One page of a search. Raises BadInput for what cannot be asked, SearchFailed if nobody answered.

        `watch` is told of every page that is asked for, and what came of it.
        """
        return await Search(self, asked, watch).answer()

    async def image(self, id: str, field: str = "id", caller: str = "") -> tuple[Provider, Image]:
        """An image by its id, such as `pexels:2014422`. Raises BadInput, Missing, or a ProviderError."""
        name, colon, native = id.partition(":")
        if not colon or not native:
            raise BadInput(field, "must be a provider's name, a colon and its own id, such as pexels:2014422")
        provider = switched_on(self.providers, name, field)
        if provider.state != "ok":
            raise Unconfigured(f"{name}: {provider.excuse}")
        seconds = min(self.settings.deadline, provider.host.timeout)
        image = await self.pages.image(provider, native, seconds, caller=caller)
        if image is None:
            raise ResourceNotFound(f"{provider.info.title} has no image {native}.")
        return provider, image

    def record(self, provider: Provider, image: Image, also_from: Sequence[str] = ()) -> ImageRecord:
        """The image as consumers see it; made once while it is much asked for, except where links are signed anew."""
        key = (provider.name, image.id)
        seen, info, record = self.records.get(key, (None, None, None))
        if record is None or info is not provider.info or (seen is not image and seen != image):
            record = self._record(provider, image)
            if not provider.holds_files:
                self.records[key] = (image, provider.info, record)
                if len(self.records) > RECORDS:
                    self.records.pop(next(iter(self.records)))
        return msgspec.structs.replace(record, also_from=also_from) if also_from else record

    def _record(self, provider: Provider, image: Image) -> ImageRecord:
        return ImageRecord(
            id=f"{provider.name}:{image.id}",
            provider=provider.name,
            title=image.title,
            alt=image.alt,
            width=image.width,
            height=image.height,
            color=image.color,
            blurhash=image.blurhash,
            tags=image.tags,
            author=image.author,
            source_url=image.source_url,
            license=image.license,
            attribution=attribution(provider.info, image),
            hotlink=provider.info.hotlink,
            renditions=[self._linked(provider, image, each) for each in image.renditions],
        )

    def _linked(self, provider: Provider, image: Image, rendition: Rendition) -> Rendition:
        if rendition.url is not None:
            return rendition
        return msgspec.structs.replace(rendition, url=self.media.link(provider.name, image.id, rendition.name))
