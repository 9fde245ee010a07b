"""A provider's pages: asked for once by everybody who wants them at the same time, and kept for a while.

Provider pages have one fixed size; consumers' pages are cut out of them (`walk`). Kept in memory, bounded in bytes.
"""

import asyncio
import logging
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Literal, TypeVar

import httpx
import msgspec

from imagevault.errors import NotFound, ProviderError, TimedOut
from imagevault.gateway import mend
from imagevault.gateway.transport import LATEST, explain, open_client
from imagevault.plugins import Provider
from imagevault.records import Image, Page, SearchQuery

log = logging.getLogger(__name__)

MAX_BYTES = 32 * 1024 * 1024
Found = Literal["hit", "miss"]
T = TypeVar("T")
_decoder = msgspec.msgpack.Decoder(Page)


class Key(msgspec.Struct, frozen=True):
    """One page of a provider's list for one query; `text` as `normal` gives it."""

    provider: str
    text: str
    native: tuple[tuple[str, str], ...]
    size: int
    page: int


def normal(text: str) -> str:
    """The one form of a query's words: NFKC, case folded, blanks folded. It is also what providers are asked."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class Shelf:
    """Encoded pages, the least recently used thrown away first, and where each image was seen."""

    def __init__(self, max_bytes: int = MAX_BYTES, clock: Callable[[], float] = time.monotonic) -> None:
        self.max_bytes = max_bytes
        self.clock = clock
        self.bytes = 0
        self.kept: OrderedDict[Key, tuple[float, bytes, tuple[str, ...]]] = OrderedDict()
        self.seen: dict[tuple[str, str], Key] = {}

    def get(self, key: Key) -> Page | None:
        """The page, unless it is not there or too old."""
        found = self.kept.get(key)
        if found is None:
            return None
        if self.clock() >= found[0]:
            self._drop(key)
            return None
        self.kept.move_to_end(key)
        return _decoder.decode(found[1])

    def put(self, key: Key, page: Page, seconds: float) -> None:
        """Keeps a page for some seconds."""
        self._drop(key)
        ids = tuple(image.id for image in page.images)
        encoded = msgspec.msgpack.encode(page)
        self.kept[key] = (self.clock() + seconds, encoded, ids)
        self.bytes += len(encoded)
        self.seen.update(((key.provider, id), key) for id in ids)
        while self.bytes > self.max_bytes:
            self._drop(next(iter(self.kept)))

    def find(self, provider: str, id: str) -> Image | None:
        """An image that stands on a page kept here."""
        key = self.seen.get((provider, id))
        page = self.get(key) if key else None
        return next((image for image in page.images if image.id == id), None) if page else None

    def _drop(self, key: Key) -> None:
        if (found := self.kept.pop(key, None)) is not None:
            self.bytes -= len(found[1])
            for id in found[2]:
                if self.seen.get((key.provider, id)) == key:
                    del self.seen[key.provider, id]


class Pages:
    """Reads pages and single images of all providers."""

    def __init__(self, transports: Mapping[str, httpx.AsyncBaseTransport] | None = None) -> None:
        self.shelf = Shelf()
        self.transports = transports or {}
        self.clients: dict[str, httpx.AsyncClient] = {}
        self.flights: dict[object, asyncio.Task[Any]] = {}

    async def read(self, provider: Provider, key: Key, seconds: float) -> tuple[Page, Found]:
        """The page, waited for at most some seconds; a late one is still kept when it comes. Raises a ProviderError."""
        page = self.shelf.get(key)
        if page is not None:
            return page, "hit"
        return await self._join(key, lambda: self._fetch_page(provider, key), seconds), "miss"

    async def image(self, provider: Provider, id: str, seconds: float) -> Image | None:
        """One image by the provider's own id, None if there is none. Raises a ProviderError."""
        seen = self.shelf.find(provider.name, id)
        if seen is not None:
            return seen
        return await self._join((provider.name, id), lambda: self._fetch_image(provider, id), seconds)

    async def close(self) -> None:
        """Ends what is under way and closes the connections."""
        for flight in list(self.flights.values()):
            flight.cancel()
        await asyncio.gather(*self.flights.values(), return_exceptions=True)
        for client in self.clients.values():
            await client.aclose()

    async def _join(self, key: object, start: Callable[[], Coroutine[Any, Any, T]], seconds: float) -> T:
        flight = self.flights.get(key)
        if flight is None:
            flight = self.flights[key] = asyncio.create_task(start())
            flight.add_done_callback(lambda done: self._landed(key, done))
        done, _ = await asyncio.wait([flight], timeout=max(seconds, 0))
        if not done:
            raise TimedOut(f"no answer within {seconds:.1f} seconds")
        return flight.result()  # type: ignore[no-any-return]

    def _landed(self, key: object, done: asyncio.Task[Any]) -> None:
        del self.flights[key]
        if not done.cancelled() and done.exception() is not None:
            log.info("provider call failed: %s", done.exception())

    def _client(self, provider: Provider) -> httpx.AsyncClient:
        if provider.name not in self.clients:
            self.clients[provider.name] = open_client(provider, self.transports.get(provider.name))
        return self.clients[provider.name]

    async def _fetch_page(self, provider: Provider, key: Key) -> Page:
        query = SearchQuery(text=key.text, page=key.page, per_page=key.size, native=dict(key.native))
        try:
            async with asyncio.timeout(LATEST):
                given = await provider.search_images(query, self._client(provider))
            page = mend.page(given, holds_files=provider.holds_files, license=provider.info.license)
        except Exception as error:  # noqa: BLE001  upstream or plugin: only this provider fails
            raise _named(error, provider) from None
        self.shelf.put(key, page, provider.info.cache_for)
        return page

    async def _fetch_image(self, provider: Provider, id: str) -> Image | None:
        try:
            async with asyncio.timeout(LATEST):
                given = await provider.fetch_image(id, self._client(provider))
        except Exception as error:  # noqa: BLE001
            named = _named(error, provider)
            if isinstance(named, NotFound):
                return None
            raise named from None
        return mend.image(given, holds_files=provider.holds_files, license=provider.info.license) if given else None


def _named(error: Exception, provider: Provider) -> ProviderError:
    if isinstance(error, TimeoutError):
        return TimedOut(f"{provider.info.title} did not answer within {LATEST:.0f} seconds")
    return explain(error, provider)
