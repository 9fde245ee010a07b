"""A provider's pages: out of memory, out of the database, or by one flight for all who want one at the same time.

Provider pages have one fixed size; consumers' pages are cut out of them (`walk`). A page is fresh for `cache_for`
seconds. An older one is served at once while one flight behind it gets a new one, so it also serves when that fails.
"""

import asyncio
import contextlib
import hashlib
import logging
import math
import unicodedata
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Literal

import httpx
import msgspec

from imagevault.cache.memory import decode, on_page
from imagevault.cache.single_flight import Flights
from imagevault.cache.store import DAY, CacheEntry, PageStore
from imagevault.errors import DatabaseUnavailable, InvalidResponse, NotFound
from imagevault.images import sanitize as mend
from imagevault.plugins.provider import Provider
from imagevault.records import Image, Page, SearchQuery
from imagevault.upstream.admission import Call
from imagevault.upstream.clients import Clients
from imagevault.upstream.store import StateStore
from imagevault.upstream.transport import LATEST

log = logging.getLogger(__name__)

STALE = 7 * DAY  # seconds for which an old page may still serve
OPEN_WALK = 600.0  # seconds for which a walk goes on with the page that it began with, when that is replaced
CLOSING = 3.0  # seconds that flights, and then writes, may take when the server stops

CacheStatus = Literal["hit", "stale", "miss"]
CacheTier = Literal["memory", "database", "upstream"]


class PageKey(msgspec.Struct, frozen=True):
    """One page of a provider's list for one query; `text` as `normalize_query` gives it."""

    provider: str
    text: str
    native: tuple[tuple[str, str], ...]
    size: int
    page: int

    @property
    def hash(self) -> str:
        """The key under which the page is kept: a digest, so that any query makes one of the same length."""
        return _digest(msgspec.json.encode(self))


def normalize_query(text: str) -> str:
    """The one form of a query's words: NFKC, case folded, blanks folded. It is also what providers are asked."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class CacheResult(msgspec.Struct, frozen=True):
    """A page and how it was had: `calls` is how many left for it, `version` tells it from the page before it."""

    page: Page
    found: CacheStatus
    storey: CacheTier
    version: int
    calls: int = 0


class Pages(Flights):
    """Reads pages and single images of all providers. One per worker."""

    def __init__(
        self,
        store: PageStore,
        states: StateStore,
        clock: Callable[[], float],
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(store, states, clock, sleep)
        self.clients = Clients(transports)
        self.counted: Callable[[str, CacheStatus], None] = lambda _provider, _found: None

    async def read(
        self, provider: Provider, key: PageKey, seconds: float, *, caller: str = "", version: int | None = None
    ) -> CacheResult:
        """The page, waited for at most some seconds; a late one is still kept when it comes. Raises a ProviderError.

        `version`: that of the page in whose midst a walk is, so that it goes on with the one it began with.
        """
        got = await self._read(provider, key, seconds, caller, version)
        self.counted(provider.name, got.found)
        return got

    async def _read(
        self, provider: Provider, key: PageKey, seconds: float, caller: str, version: int | None
    ) -> CacheResult:
        name, looked = key.hash, self.clock()
        kept, storey = await self._kept(provider, name, version)
        call = Call(key=name, owner=_owner(), looked=looked, caller=caller, background=kept is not None)
        if kept is None:
            page, calls = await self._join(provider, call, lambda: self._search(provider, key), seconds)
            got = self.shelf.get(name)
            return CacheResult(page or Page([]), "miss", "upstream", got.version if got else 0, calls)
        if kept.former is not None and version == kept.former_version and self._recent(kept):
            return CacheResult(self.shelf.read(kept.former), "hit", storey, version)
        if self._fresh(provider, kept):
            return CacheResult(self.shelf.read(kept.content), "hit", storey, kept.version)
        self._fly(provider, call, lambda: self._search(provider, key), LATEST)
        return CacheResult(self.shelf.read(kept.content), "stale", storey, kept.version)

    async def ask(self, provider: Provider, key: PageKey, seconds: float) -> Page:
        """The page by a call of its own, whatever is kept. Raises a ProviderError."""
        call = Call(key=key.hash, owner=_owner())
        page, _ = await self._join(provider, call, lambda: self._search(provider, key), seconds)
        return page or Page([])

    async def image(self, provider: Provider, id: str, seconds: float, *, caller: str = "") -> Image | None:
        """One image by the provider's own id, None if there is none. Raises a ProviderError."""
        looked = self.clock()
        kept = self.shelf.find(provider.name, id)
        if kept is None and _has_upstream(provider):
            kept = await self.store.find(provider.name, id)
        if kept is not None and self.clock() - kept.stored_at >= _oldest(provider):
            kept = None
        if kept is not None and (seen := on_page(kept, id)) is not None:
            return seen
        return await self.look_up(provider, id, seconds, caller=caller, looked=looked)

    async def look_up(
        self, provider: Provider, id: str, seconds: float, *, caller: str = "", looked: float = math.inf
    ) -> Image | None:
        """One image by a call of its own, whatever is kept; None if there is none. Raises a ProviderError."""
        key = _digest(f"image\0{provider.name}\0{id}".encode())
        call = Call(key=key, owner=_owner(), looked=looked, caller=caller)
        try:
            page, _ = await self._join(provider, call, lambda: self._lookup(provider, id), seconds)
        except NotFound:
            return None
        return page.images[0] if page else None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Sweeps old pages while the block runs; then waits for writes, ends flights and closes the connections."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            flights = [*self.aloft]
            if flights:  # their calls are paid for
                await asyncio.wait(flights, timeout=CLOSING)
            for flight in flights:
                flight.cancel()
            await asyncio.gather(sweeping, *flights, return_exceptions=True)
            if self.behind:
                await asyncio.wait(self.behind, timeout=CLOSING)
            await self.clients.aclose()

    def configure(self, before: Mapping[str, Provider], now: Mapping[str, Provider]) -> None:
        """Other providers are in force. Of what is under way, each call ends on the client that it began with."""
        replaced = [each for name, each in before.items() if each is not now[name]]
        self._do_behind(self.clients.retire(replaced))
        for each in replaced:
            if each.reached_by != now[each.name].reached_by:
                self._do_behind(self.gate.forgive(now[each.name]))

    # What is there

    async def _kept(self, provider: Provider, name: str, version: int | None) -> tuple[CacheEntry | None, CacheTier]:
        storey: CacheTier = "memory"
        kept = self.shelf.get(name)
        other = kept is not None and version not in {None, kept.version, kept.former_version}
        if _has_upstream(provider) and (kept is None or other or not self._fresh(provider, kept)):
            stored = await self._stored(name, kept)
            if stored is not None and (kept is None or stored.stored_at > kept.stored_at):
                kept, storey = stored, "database"
                self.shelf.put(name, provider.name, kept, decode(kept.content))
        return kept if kept is not None and self.clock() - kept.stored_at < _oldest(provider) else None, storey

    async def _stored(self, name: str, kept: CacheEntry | None) -> CacheEntry | None:
        try:
            return await self.store.page(name)
        except DatabaseUnavailable:
            if kept is None:
                raise
            return kept  # an old page is better than none

    def _recent(self, kept: CacheEntry) -> bool:
        return self.clock() - kept.stored_at < OPEN_WALK

    # What the plugin does

    async def _search(self, provider: Provider, key: PageKey) -> Page:
        query = SearchQuery(text=key.text, page=key.page, per_page=key.size, native=dict(key.native))
        async with self.clients.of(provider) as http:
            given = await provider.search_images(query, http)
        page = mend.page(given, provider.info, holds_files=provider.holds_files)
        before = self.shelf.get(msgspec.structs.replace(key, page=key.page - 1).hash) if key.page > 1 else None
        if before is not None:  # upstream's list moved on meanwhile: what the page before holds is not shown again
            known = {image.id for image in decode(before.content).images}
            page = Page([image for image in page.images if image.id not in known], page.total, page.last)
        return page

    async def _lookup(self, provider: Provider, id: str) -> Page | None:
        async with self.clients.of(provider) as http:
            given = await provider.fetch_image(id, http)
        if given is None:
            return None
        image = mend.image(given, provider.info, holds_files=provider.holds_files)
        if image is None or image.id != id:
            raise InvalidResponse(f"{provider.info.title} sent another image than {id}")
        return Page([image], last=True)

    async def _sweep(self) -> None:
        while True:
            try:
                await self.store.sweep(self.clock() - STALE)
            except Exception as error:  # noqa: BLE001  whatever it is, the next time it may go
                log.warning("old pages could not be swept: %s", error)
            await self.sleep(3600)


def _oldest(provider: Provider) -> float:
    """The age up to which a page serves; what costs no call is not served old, nor what links to dead files."""
    return min(STALE, provider.info.max_age or STALE) if _has_upstream(provider) else provider.info.cache_for


def _has_upstream(provider: Provider) -> bool:
    return provider.info.base_url is not None


def _owner() -> str:
    return uuid.uuid4().hex


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()
