"""Single flight: one upstream call for all who want the same page at the same time, in this worker and in others.

In this worker, later callers await the task of the first. Other workers see the lease in the provider's state, and look
for the page in the database instead.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from imagevault.cache.background_writes import BackgroundWrites
from imagevault.cache.store import CacheEntry
from imagevault.cache.tiers import CacheTiers
from imagevault.counters import Counters
from imagevault.errors import DatabaseUnavailable, TimedOut
from imagevault.plugins.provider import Provider
from imagevault.records import Page
from imagevault.upstream.flight import Flight, current_flight
from imagevault.upstream.flight_outcome import outcome_of
from imagevault.upstream.limiter import CallLimiter, InFlightElsewhere, ShareExhausted
from imagevault.upstream.models import Call
from imagevault.upstream.provider_errors import to_provider_error
from imagevault.upstream.transport import CALL_TIMEOUT

if TYPE_CHECKING:
    from piccolo.querystring import QueryString

log = logging.getLogger(__name__)

FIRST_CHECK, LAST_CHECK = 0.05, 0.5  # seconds between two checks for another worker's page
CHECK_GROWTH = 1.3
MAX_RECORDING = 1.0  # seconds that the callers of a flight without a page wait until it is recorded

Fetch = Callable[[], Coroutine[Any, Any, Page | None]]
"""Fetches a page by the provider's hooks; None where the provider has no such image."""


class Fetched(msgspec.Struct, frozen=True):
    """A page that was fetched, None if there is none, and the upstream calls that left for it."""

    page: Page | None
    calls: int


class SingleFlight:
    """The flights of one worker."""

    def __init__(
        self,
        limiter: CallLimiter,
        tiers: CacheTiers,
        writes: BackgroundWrites,
        clock: Callable[[], float],
        counters: Counters,
    ) -> None:
        """Make a single flight without any flight.

        Args:
            limiter: leases pages to flights, and takes in how flights end.
            tiers: caches what flights fetch.
            writes: what goes on after the caller has the answer.
            clock: the time that all workers share, in seconds.
            counters: count the callers who wait for a flight under way.

        """
        self._counters = counters
        self._limiter = limiter
        self._tiers = tiers
        self._writes = writes
        self._clock = clock
        self._joinable: dict[str, tuple[asyncio.Task[Page | None], Flight]] = {}  # by cache key
        self.in_flight: set[asyncio.Task[Page | None]] = set()

    async def join(self, provider: Provider, call: Call, fetch: Fetch, seconds: float) -> Fetched:
        """Return the page of a flight under way, or of a new one.

        A flight whose callers have left goes on, and its page is cached.

        Raises:
            TimedOut: there was no page within `seconds`.
            ProviderError: the flight failed.

        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while True:
            task = self.start(provider, call, fetch, deadline - loop.time())
            _, flight = self._joinable[call.key]
            done, _ = await asyncio.wait([task], timeout=max(0.0, deadline - loop.time()))
            if not done:
                raise TimedOut(f"no answer within {seconds:.1f} seconds")
            try:
                return Fetched(task.result(), flight.calls)
            except ShareExhausted:
                if flight.call.caller == call.caller:
                    raise
                # The share of the caller who began the flight is used, and ours may not be: begin another.

    def start(self, provider: Provider, call: Call, fetch: Fetch, seconds: float) -> "asyncio.Task[Page | None]":
        """Return the task of a flight under way for this page, or of a new one whose calls may wait for `seconds`."""
        deadline = asyncio.get_running_loop().time() + seconds
        if call.key in self._joinable:
            task, flight = self._joinable[call.key]
            if flight.provider.reached_by == provider.reached_by:  # otherwise that flight uses the old address or key
                flight.deadline = max(flight.deadline, deadline)
                self._counters.add("flights_joined", provider.name)
                return task
        flight = Flight(call=call, provider=provider, deadline=deadline)
        task = asyncio.create_task(self._fly(flight, fetch))
        self._joinable[call.key] = (task, flight)
        self.in_flight.add(task)
        task.add_done_callback(self.in_flight.discard)
        task.add_done_callback(lambda ended: self._end(flight, ended))
        return task

    async def stop(self, seconds: float) -> None:
        """Wait for the flights for some seconds, because their calls are counted already; then cancel them."""
        flights = list(self.in_flight)
        if flights:
            await asyncio.wait(flights, timeout=seconds)
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    # One flight

    async def _fly(self, flight: Flight, fetch: Fetch) -> Page | None:
        current_flight.set(flight)
        try:
            async with self._limiter.lease_kept(flight):
                page = await self._fetch_or_find(flight, fetch)
        except Exception as error:
            await self._record_without_page(flight, error)
            raise
        if page is None:
            await self._record_without_page(flight, None)
        return page

    async def _record_without_page(self, flight: Flight, error: Exception | None) -> None:
        """Record a flight without a page before its callers hear of it.

        A caller who tries again at once must meet the pause that the upstream asked for.
        """
        recording = self._start_recording(flight, None, None, error)
        if recording is not None:
            await asyncio.wait([recording], timeout=MAX_RECORDING)

    async def _fetch_or_find(self, flight: Flight, fetch: Fetch) -> Page | None:
        """Fetch the page; while another worker is fetching it, look for that worker's page."""
        while True:
            try:
                async with asyncio.timeout(CALL_TIMEOUT):
                    return await fetch()
            except InFlightElsewhere as elsewhere:
                page = await self._page_from_elsewhere(flight, elsewhere.completed_at)
                if page is not None:
                    return page
            except DatabaseUnavailable:
                raise
            except TimeoutError:
                title = flight.provider.info.title
                raise TimedOut(f"{title} did not answer within {CALL_TIMEOUT:.0f} seconds") from None
            except Exception as error:  # noqa: BLE001  upstream or plugin: only this provider fails
                raise to_provider_error(error, flight.provider) from None

    async def _page_from_elsewhere(self, flight: Flight, completed_at: float | None) -> Page | None:
        """Return the page that another worker is fetching, None if it is not there. Wait a little unless it arrived."""
        title = flight.provider.info.title
        if asyncio.get_running_loop().time() > flight.deadline:
            raise TimedOut(f"{title} did not answer another worker in time")
        if flight.call.background:
            raise TimedOut(f"another worker is asking {title}")
        if completed_at is None:
            await asyncio.sleep(min(FIRST_CHECK * CHECK_GROWTH**flight.checks, LAST_CHECK))
            flight.checks += 1
        known = flight.call.known_completion if completed_at is None else completed_at
        flight.call = msgspec.structs.replace(flight.call, checked_at=self._clock(), known_completion=known)
        page = await self._tiers.read_shared(flight.provider, flight.call.key)
        flight.from_elsewhere = page is not None
        return page

    # Its end

    def _end(self, flight: Flight, task: "asyncio.Task[Page | None]") -> None:
        self._forget(flight)
        page: Page | None = None
        error = asyncio.CancelledError("the server stopped") if task.cancelled() else task.exception()
        if error is not None:
            log.info("%s: %s", flight.provider.name, error)
        else:
            page = task.result()
        entry: CacheEntry | None = None
        if page is not None and not flight.from_elsewhere:
            entry = self._tiers.put(flight.provider, flight.call.key, page, self._clock())
        self._start_recording(flight, entry, page, error)

    def _forget(self, flight: Flight) -> None:
        """Let no more callers join, unless another flight for this page has taken its place."""
        key = flight.call.key
        if key in self._joinable and self._joinable[key][1] is flight:
            del self._joinable[key]

    def _start_recording(
        self, flight: Flight, entry: CacheEntry | None, page: Page | None, error: BaseException | None
    ) -> "asyncio.Task[None] | None":
        """Record once how a flight ended; None if no call left, or if it is recorded already."""
        if not flight.calls or flight.is_recorded:
            return None
        flight.is_recorded = True
        return self._writes.start(self._record(flight, entry, page, error))

    async def _record(
        self, flight: Flight, entry: CacheEntry | None, page: Page | None, error: BaseException | None
    ) -> None:
        """Store the page and end the lease at once: a worker that waits for the lease looks for the page."""
        before: Sequence[QueryString] = ()
        if entry is not None and page is not None:
            before = self._tiers.writes_of(flight.provider, flight.call.key, entry, page)
        await self._limiter.observe(flight.provider, flight, outcome_of(flight, error), before)
