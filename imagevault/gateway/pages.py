"""A provider's pages: out of memory, out of the database, or by one flight for all who want one at the same time.

Provider pages have one fixed size; consumers' pages are cut out of them (`walk`). A page is fresh for `cache_for`
seconds. An older one is served at once while one flight behind it gets a new one, so it also serves when that fails.
"""

import asyncio
import contextlib
import hashlib
import logging
import unicodedata
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from typing import Any, Literal

import httpx
import msgspec

from imagevault.errors import DatabaseUnavailable, InvalidResponse, NotFound, ProviderError, RateLimited, TimedOut
from imagevault.gateway import mend
from imagevault.gateway.gate import Cooling, Flight, Flying, Gate, Held, under_way
from imagevault.gateway.shelf import Shelf, decode, encode, on_page
from imagevault.gateway.state import Call, Outcome
from imagevault.gateway.store import DAY, Kept, Store
from imagevault.gateway.transport import LATEST, explain, open_client
from imagevault.plugins import Provider
from imagevault.records import Image, Page, SearchQuery

log = logging.getLogger(__name__)

STALE = 7 * DAY  # seconds for which an old page may still serve
OPEN_WALK = 600.0  # seconds for which a walk goes on with the page that it began with, when that is replaced
LOOK_AGAIN = 0.05  # seconds between two looks for the page that another worker is getting
STRETCH = 3.0  # how many times longer pages stay fresh when a quota is all used
CLOSING = 5.0  # seconds that writes may take when the server stops

Found = Literal["hit", "stale", "miss"]
Storey = Literal["memory", "database", "upstream"]


class Key(msgspec.Struct, frozen=True):
    """One page of a provider's list for one query; `text` as `normal` gives it."""

    provider: str
    text: str
    native: tuple[tuple[str, str], ...]
    size: int
    page: int

    @property
    def hash(self) -> str:
        """The key under which the page is kept: a digest, so that any query makes one of the same length."""
        return _digest(msgspec.json.encode(self))


def normal(text: str) -> str:
    """The one form of a query's words: NFKC, case folded, blanks folded. It is also what providers are asked."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class Got(msgspec.Struct, frozen=True):
    """A page and how it was had: `calls` is how many left for it, `version` tells it from the page before it."""

    page: Page
    found: Found
    storey: Storey
    version: int
    calls: int = 0


class Pages:
    """Reads pages and single images of all providers. One per worker."""

    def __init__(
        self,
        store: Store,
        clock: Callable[[], float],
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.store = store
        self.clock = clock
        self.sleep = sleep
        self.gate = Gate(store, clock, sleep)
        self.shelf = Shelf()
        self.transports = transports or {}
        self.clients: dict[str, httpx.AsyncClient] = {}
        self.flights: dict[str, tuple[asyncio.Task[Page | None], Flight]] = {}
        self.behind: set[asyncio.Task[None]] = set()

    async def read(
        self, provider: Provider, key: Key, seconds: float, *, caller: str = "", version: int | None = None
    ) -> Got:
        """The page, waited for at most some seconds; a late one is still kept when it comes. Raises a ProviderError.

        `version`: that of the page in whose midst a walk is, so that it goes on with the one it began with.
        """
        name, looked = key.hash, self.clock()
        kept, storey = await self._kept(provider, name)
        call = Call(key=name, owner=_owner(), looked=looked, caller=caller, background=kept is not None)
        if kept is None:
            page, calls = await self._join(provider, call, lambda: self._search(provider, key), seconds)
            got = self.shelf.get(name)
            return Got(page or Page([]), "miss", "upstream", got.version if got else 0, calls)
        if kept.former is not None and version == round(kept.former_at * 1000) and self._recent(kept):
            return Got(self.shelf.read(kept.former), "hit", storey, version)
        if self._fresh(provider, kept):
            return Got(self.shelf.read(kept.content), "hit", storey, kept.version)
        self._fly(provider, call, lambda: self._search(provider, key), LATEST)
        return Got(self.shelf.read(kept.content), "stale", storey, kept.version)

    async def ask(self, provider: Provider, key: Key, seconds: float) -> Page:
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
        if kept is not None and (seen := on_page(kept, id)) is not None:
            return seen
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
            for flight, _ in self.flights.values():
                flight.cancel()
            await asyncio.gather(sweeping, *(flight for flight, _ in self.flights.values()), return_exceptions=True)
            if self.behind:
                await asyncio.wait(self.behind, timeout=CLOSING)
            for client in self.clients.values():
                await client.aclose()

    async def settle(self) -> None:
        """Waits until every flight has landed and everything is written."""
        while self.flights or self.behind:
            await asyncio.wait([*self.behind, *(flight for flight, _ in self.flights.values())])

    # What is there

    async def _kept(self, provider: Provider, name: str) -> tuple[Kept | None, Storey]:
        storey: Storey = "memory"
        kept = self.shelf.get(name)
        upstream = _has_upstream(provider)
        if upstream and (kept is None or not self._fresh(provider, kept)):
            stored = await self.store.page(name)
            if stored is not None and (kept is None or stored.stored_at > kept.stored_at):
                kept, storey = stored, "database"
                self.shelf.put(name, provider.name, kept, decode(kept.content))
        oldest = STALE if upstream else provider.info.cache_for  # what costs no call is not served old
        return kept if kept is not None and self.clock() - kept.stored_at < oldest else None, storey

    def _fresh(self, provider: Provider, kept: Kept) -> bool:
        scarcity = max(0.0, 1 - 2 * self.gate.fraction(provider))
        return self.clock() - kept.stored_at < provider.info.cache_for * (1 + STRETCH * scarcity)

    def _recent(self, kept: Kept) -> bool:
        return self.clock() - kept.stored_at < OPEN_WALK

    # Flights

    async def _join(
        self, provider: Provider, call: Call, work: Callable[[], Coroutine[Any, Any, Page | None]], seconds: float
    ) -> tuple[Page | None, int]:
        task = self._fly(provider, call, work, seconds)
        _, flight = self.flights[call.key]
        done, _ = await asyncio.wait([task], timeout=max(seconds, 0))
        if not done:
            raise TimedOut(f"no answer within {seconds:.1f} seconds")
        return task.result(), flight.calls

    def _fly(
        self, provider: Provider, call: Call, work: Callable[[], Coroutine[Any, Any, Page | None]], seconds: float
    ) -> "asyncio.Task[Page | None]":
        deadline = asyncio.get_running_loop().time() + seconds
        if call.key in self.flights:
            task, flight = self.flights[call.key]
            flight.deadline = max(flight.deadline, deadline)
            return task
        flight = Flight(call=call, deadline=deadline)
        task = asyncio.create_task(self._get(provider, flight, work))
        self.flights[call.key] = (task, flight)
        task.add_done_callback(lambda done: self._landed(provider, flight, done))
        return task

    def _landed(self, provider: Provider, flight: Flight, done: "asyncio.Task[Page | None]") -> None:
        del self.flights[flight.call.key]
        if done.cancelled():
            return
        error, page = done.exception(), None
        if error is not None:
            log.info("%s: %s", provider.name, error)
        else:
            page = done.result()
        kept = None
        if page is not None and not flight.from_another:
            former = self.shelf.get(flight.call.key)
            before = (former.content, former.stored_at) if former else (None, 0.0)
            kept = Kept(encode(page), self.clock(), *before)
            self.shelf.put(flight.call.key, provider.name, kept, page)
        if flight.calls:
            self._do_behind(self._write(provider, flight, kept, page, error))

    async def _write(
        self, provider: Provider, flight: Flight, kept: Kept | None, page: Page | None, error: BaseException | None
    ) -> None:
        """Keeps the page first and then ends the flight: who waits for it in another worker looks for the page."""
        if kept is not None and page is not None:
            ids = [image.id for image in page.images]
            await self.store.keep(flight.call.key, provider.name, kept.content, ids, kept.stored_at)
        await self.gate.observe(provider, flight, _outcome(flight, error))

    def _do_behind(self, work: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except DatabaseUnavailable as error:
                log.warning("could not be written: %s", error)

        task = asyncio.create_task(guarded())
        self.behind.add(task)
        task.add_done_callback(self.behind.discard)

    async def _get(
        self, provider: Provider, flight: Flight, work: Callable[[], Coroutine[Any, Any, Page | None]]
    ) -> Page | None:
        under_way.set(flight)
        while True:
            try:
                async with asyncio.timeout(LATEST):
                    return await work()
            except Flying:
                if (page := await self._from_another(provider, flight)) is not None:
                    return page
            except DatabaseUnavailable:
                raise
            except Exception as error:  # noqa: BLE001  upstream or plugin: only this provider fails
                raise _named(error, provider) from None

    async def _from_another(self, provider: Provider, flight: Flight) -> Page | None:
        """The page that another worker is getting, or None if it is not there yet."""
        if asyncio.get_running_loop().time() > flight.deadline:
            raise TimedOut(f"{provider.info.title} did not answer another worker in time")
        await self.sleep(LOOK_AGAIN)
        looked = self.clock()
        stored = await self.store.page(flight.call.key)
        flight.call = msgspec.structs.replace(flight.call, looked=looked)
        if stored is None or not self._fresh(provider, stored):
            return None
        flight.from_another = True
        page = decode(stored.content)
        self.shelf.put(flight.call.key, provider.name, stored, page)
        return page

    # What the plugin does

    def _client(self, provider: Provider) -> httpx.AsyncClient:
        if provider.name not in self.clients:
            transport = self.transports.get(provider.name)
            self.clients[provider.name] = open_client(provider, self.gate, transport)
        return self.clients[provider.name]

    async def _search(self, provider: Provider, key: Key) -> Page:
        query = SearchQuery(text=key.text, page=key.page, per_page=key.size, native=dict(key.native))
        given = await provider.search_images(query, self._client(provider))
        page = mend.page(given, holds_files=provider.holds_files, license=provider.info.license)
        before = self.shelf.get(msgspec.structs.replace(key, page=key.page - 1).hash) if key.page > 1 else None
        if before is not None:  # upstream's list moved on meanwhile: what the page before holds is not shown again
            known = {image.id for image in decode(before.content).images}
            page = Page([image for image in page.images if image.id not in known], page.total, page.last)
        return page

    async def _lookup(self, provider: Provider, id: str) -> Page | None:
        given = await provider.fetch_image(id, self._client(provider))
        if given is None:
            return None
        image = mend.image(given, holds_files=provider.holds_files, license=provider.info.license)
        if image is None or image.id != id:
            raise InvalidResponse(f"{provider.info.title} sent another image than {id}")
        return Page([image], last=True)

    async def _sweep(self) -> None:
        while True:
            try:
                await self.store.sweep(self.clock() - STALE)
            except DatabaseUnavailable as error:
                log.warning("old pages could not be swept: %s", error)
            await self.sleep(3600)


def _outcome(flight: Flight, error: BaseException | None) -> Outcome:
    if error is None or isinstance(error, NotFound):
        return Outcome(word="ok", learned=flight.learned)
    if isinstance(error, Held | Cooling):
        return Outcome(word="refused", learned=flight.learned)
    if isinstance(error, RateLimited):
        return Outcome(word="limited", learned=flight.learned, retry_after=error.retry_after, error=str(error))
    if not isinstance(error, ProviderError) or type(error) is ProviderError:  # our own or the plugin's fault
        return Outcome(word="refused", learned=flight.learned, error=str(error))
    return Outcome(word="failed", learned=flight.learned, retry_after=error.retry_after, error=str(error))


def _named(error: Exception, provider: Provider) -> ProviderError:
    if isinstance(error, TimeoutError):
        return TimedOut(f"{provider.info.title} did not answer within {LATEST:.0f} seconds")
    return explain(error, provider)


def _has_upstream(provider: Provider) -> bool:
    return provider.info.base_url is not None


def _owner() -> str:
    return uuid.uuid4().hex


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()
