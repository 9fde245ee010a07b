"""Flights: getting a page once for all who want it, in this worker and in the others, and writing down how it went."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import msgspec

from imagevault.cache.memory import MemoryCache, decode, encode
from imagevault.cache.store import CacheEntry, PageStore
from imagevault.errors import DatabaseUnavailable, NotFound, ProviderError, RateLimited, TimedOut
from imagevault.plugins.provider import Provider
from imagevault.records import Page
from imagevault.upstream.admission import LEASE, Call, Outcome
from imagevault.upstream.limiter import (
    CallLimiter,
    CircuitOpen,
    Flight,
    InFlightElsewhere,
    ProviderDisabled,
    QuotaExhausted,
    ShareExhausted,
    current_flight,
)
from imagevault.upstream.store import StateStore
from imagevault.upstream.transport import LATEST, explain

log = logging.getLogger(__name__)

LOOK_AGAIN, LOOK_LATER = 0.05, 0.5  # seconds between two looks for another worker's page: first, and at last
STRETCH = 3.0  # how many times longer pages stay fresh when a quota is all used

Work = Callable[[], Coroutine[Any, Any, Page | None]]


class Flights:
    """The flights of one worker, its memory of pages, and what is still to be written."""

    def __init__(
        self,
        store: PageStore,
        states: StateStore,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.store = store
        self.clock = clock
        self.sleep = sleep
        self.gate = CallLimiter(states, clock, sleep)
        self.shelf = MemoryCache()
        self.flights: dict[str, tuple[asyncio.Task[Page | None], Flight]] = {}  # those that can be joined
        self.aloft: set[asyncio.Task[Page | None]] = set()  # and these are all
        self.behind: set[asyncio.Task[None]] = set()

    async def settle(self) -> None:
        """Waits until every flight has landed and everything is written."""
        while self.aloft or self.behind:
            await asyncio.wait([*self.behind, *self.aloft])

    def _fresh(self, provider: Provider, kept: CacheEntry) -> bool:
        scarcity = max(0.0, 1 - 2 * self.gate.fraction(provider))
        longest = provider.info.max_age or math.inf
        return self.clock() - kept.stored_at < min(longest, provider.info.cache_for * (1 + STRETCH * scarcity))

    async def _join(self, provider: Provider, call: Call, work: Work, seconds: float) -> tuple[Page | None, int]:
        end = asyncio.get_running_loop().time() + seconds
        while True:
            task = self._fly(provider, call, work, end - asyncio.get_running_loop().time())
            _, flight = self.flights[call.key]
            done, _ = await asyncio.wait([task], timeout=max(0, end - asyncio.get_running_loop().time()))
            if not done:
                raise TimedOut(f"no answer within {seconds:.1f} seconds")
            try:
                return task.result(), flight.calls
            except ShareExhausted:
                if flight.call.caller == call.caller:
                    raise  # else it was another's share that was used

    def _fly(self, provider: Provider, call: Call, work: Work, seconds: float) -> "asyncio.Task[Page | None]":
        deadline = asyncio.get_running_loop().time() + seconds
        if call.key in self.flights:
            task, flight = self.flights[call.key]
            if flight.provider.reached_by == provider.reached_by:  # else it is under way to a former address
                flight.deadline = max(flight.deadline, deadline)
                return task
        flight = Flight(call=call, provider=provider, deadline=deadline, gate=self.gate)
        task = asyncio.create_task(self._get(flight, work))
        self.flights[call.key] = (task, flight)
        self.aloft.add(task)
        task.add_done_callback(self.aloft.discard)
        task.add_done_callback(lambda done: self._landed(flight, done))
        return task

    def _landed(self, flight: Flight, done: "asyncio.Task[Page | None]") -> None:
        if self.flights.get(flight.call.key, (None, None))[1] is flight:  # else another has taken its place
            del self.flights[flight.call.key]
        page = None
        error = asyncio.CancelledError("the server stopped") if done.cancelled() else done.exception()
        if error is not None:
            log.info("%s: %s", flight.provider.name, error)
        else:
            page = done.result()
        kept = None
        if page is not None and not flight.from_another:
            former = self.shelf.get(flight.call.key)
            before = (former.content, former.stored_at) if former else (None, 0.0)
            kept = CacheEntry(encode(page), self.clock(), *before)
            self.shelf.put(flight.call.key, flight.provider.name, kept, page)
        if flight.calls:
            self._do_behind(self._write(flight, kept, page, error))

    async def _write(
        self, flight: Flight, kept: CacheEntry | None, page: Page | None, error: BaseException | None
    ) -> None:
        """Keeps the page first and then ends the flight: who waits for it in another worker looks for the page."""
        try:
            if kept is not None and page is not None:
                ids = [image.id for image in page.images]
                await self.store.keep(flight.call.key, flight.provider.name, kept.content, ids, kept.stored_at)
        finally:
            await self.gate.observe(flight.provider, flight, _outcome(flight, error))

    def _do_behind(self, work: Coroutine[Any, Any, None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except Exception as error:  # noqa: BLE001  the caller has his answer; nobody else would hear of it
                log.error("could not be written: %s: %s", type(error).__name__, error)

        task = asyncio.create_task(guarded())
        self.behind.add(task)
        task.add_done_callback(self.behind.discard)

    async def _get(self, flight: Flight, work: Work) -> Page | None:
        current_flight.set(flight)
        renewing = asyncio.create_task(self._renew(flight))
        try:
            return await self._got(flight, work)
        finally:
            renewing.cancel()

    async def _renew(self, flight: Flight) -> None:
        while True:
            await self.sleep(LEASE / 2)
            if flight.calls:
                try:
                    await self.gate.renew(flight.provider, flight)
                except DatabaseUnavailable as error:
                    log.warning("a flight's mark could not be renewed: %s", error)

    async def _got(self, flight: Flight, work: Work) -> Page | None:
        while True:
            try:
                async with asyncio.timeout(LATEST):
                    return await work()
            except InFlightElsewhere:
                if (page := await self._from_another(flight)) is not None:
                    return page
            except DatabaseUnavailable:
                raise
            except Exception as error:  # noqa: BLE001  upstream or plugin: only this provider fails
                raise _named(error, flight.provider) from None

    async def _from_another(self, flight: Flight) -> Page | None:
        """The page that another worker is getting, or None if it is not there yet."""
        provider = flight.provider
        if asyncio.get_running_loop().time() > flight.deadline:
            raise TimedOut(f"{provider.info.title} did not answer another worker in time")
        if flight.call.background:
            raise TimedOut(f"another worker is asking {provider.info.title}")
        await self.sleep(min(LOOK_AGAIN * 1.3**flight.looks, LOOK_LATER))
        flight.looks += 1
        looked = self.clock()
        stored = await self.store.page(flight.call.key)
        flight.call = msgspec.structs.replace(flight.call, looked=looked)
        if stored is None or not self._fresh(provider, stored):
            return None
        flight.from_another = True
        page = decode(stored.content)
        self.shelf.put(flight.call.key, provider.name, stored, page)
        return page


def _outcome(flight: Flight, error: BaseException | None) -> Outcome:
    if error is None or isinstance(error, NotFound):
        return Outcome(word="ok", learned=flight.learned)
    if flight.provider.superseded:  # it says nothing of the address or key now in force
        return Outcome(word="refused")
    if isinstance(error, QuotaExhausted | CircuitOpen | ProviderDisabled):
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
