"""Where pages come from: the plugin is asked, and what it returns is sanitized."""

from imagevault.cache.keys import PageKey
from imagevault.cache.memory import MemoryCache
from imagevault.errors import InvalidResponse
from imagevault.images import sanitize
from imagevault.plugins.provider import Provider
from imagevault.records import Page, SearchQuery
from imagevault.upstream.clients import Clients


class Origin:
    """Asks the plugins of all providers. One for each worker."""

    def __init__(self, clients: Clients, memory: MemoryCache) -> None:
        self._clients = clients
        self._memory = memory

    async def search(self, provider: Provider, key: PageKey) -> Page:
        """Return one sanitized page of results, without images of the page before. Raises what the plugin raises."""
        query = SearchQuery(
            text=key.text,
            page=key.page,
            per_page=key.size,
            native=dict(key.native),
        )
        async with self._clients.of(provider) as http:
            returned = await provider.search_images(query, http)
        page = sanitize.page(returned, provider.info, holds_files=provider.holds_files)
        return self._without_previous(key, page)

    async def look_up(self, provider: Provider, id: str) -> Page | None:
        """Return a page of this one image, None if there is none.

        Raises:
            InvalidResponse: the plugin returned another image. Also raises what the plugin raises.

        """
        async with self._clients.of(provider) as http:
            returned = await provider.fetch_image(id, http)
        if returned is None:
            return None
        image = sanitize.image(returned, provider.info, holds_files=provider.holds_files)
        if image is None or image.id != id:
            raise InvalidResponse(f"{provider.info.title} sent another image than {id}")
        return Page([image], last=True)

    def _without_previous(self, key: PageKey, page: Page) -> Page:
        """Drop what the page before this one holds: the upstream's list may have moved on between the two calls."""
        previous = key.previous
        entry = self._memory.get(previous.digest) if previous is not None else None
        if entry is None:
            return page
        known = {image.id for image in self._memory.decode(entry.content).images}
        images = [image for image in page.images if image.id not in known]
        return Page(images, page.total, page.last)
