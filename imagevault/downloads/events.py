"""Download events: each download is reported to a provider whose terms demand that, after the caller has the answer.

The outbox holds an event until it is delivered. A worker leases the event, calls the plugin's hook `image_downloaded`
through the call limiter, where it may use the reserve, and deletes the event. So an event is delivered once, over all
workers and hosts. It is delivered again only if the attempt was cut off between the call and the deletion: by a crash
or a stop of the server, by a database that is away for longer than the lease, or because the answer was lost.
"""

import asyncio
import logging
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

import msgspec

from imagevault.downloads.outbox import LEASE, Outbox, OutboxEvent
from imagevault.errors import DatabaseUnavailable, NotFound, ProviderError, TimedOut
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.records import Image
from imagevault.upstream.admission import LEASE as CALL_LEASE
from imagevault.upstream.clients import Clients
from imagevault.upstream.fair_share import DOWNLOAD_EVENTS
from imagevault.upstream.flight import Flight, current_flight
from imagevault.upstream.flight_outcome import outcome_of
from imagevault.upstream.limiter import (
    CallLimiter,
    CircuitOpen,
    InFlightElsewhere,
    ProviderDisabled,
    QuotaExhausted,
)
from imagevault.upstream.models import Call
from imagevault.upstream.provider_errors import to_provider_error
from imagevault.upstream.store import UnreadableState
from imagevault.upstream.transport import CALL_TIMEOUT

log = logging.getLogger(__name__)

FIRST_RETRY = 30.0  # seconds until the second attempt, at most; doubled each time
LONGEST_RETRY = 3600.0  # seconds
MAX_DOUBLINGS = 10  # more of them make the wait no longer
MAX_AGE = 30 * 86400.0  # seconds after which an event is given up
GIVE_UP_INTERVAL = 3600.0  # seconds between two checks for events that are too old
LONGEST_WAIT = 10.0  # seconds that a call waits for a burst limit or for other calls
SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 3600.0  # seconds without a further attempt after a refusal of our own
UNEXPECTED_PAUSE = 60.0  # seconds without a further attempt after a mistake of ours
MARK_INTERVAL = 1.0  # seconds between two attempts to delete a delivered event while the database is away
STOP_TIMEOUT = 3.0  # seconds for the calls that are under way when the server stops

Failure = ProviderError | InFlightElsewhere
"""Why an attempt did not succeed."""


class DownloadEvents:
    """Delivers the events in the outbox. One for each worker.

    The clock of the limiter is used, on which all workers agree.
    """

    def __init__(
        self,
        outbox: Outbox,
        plugins: PluginRegistry,
        clients: Clients,
        limiter: CallLimiter,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Make a dispatcher without any task.

        Args:
            outbox: the events.
            plugins: the providers in force.
            clients: their HTTP clients.
            limiter: admits every call.
            sleep: waits for some seconds.

        """
        self._outbox = outbox
        self._plugins = plugins
        self._clients = clients
        self._limiter = limiter
        self._clock = limiter.clock
        self._sleep = sleep
        self._tasks: dict[str, asyncio.Task[None]] = {}  # by provider
        self._paused_until: WeakKeyDictionary[Provider, float] = WeakKeyDictionary()  # other settings: no pause
        self._looked_for_old_at: float | None = None
        self._is_stopping = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """When the block ends, wait some seconds for the calls that are under way, and then cut them off."""
        try:
            yield
        finally:
            self._is_stopping = True
            tasks = list(self._tasks.values())
            if tasks:
                await asyncio.wait(tasks, timeout=STOP_TIMEOUT)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def synchronize(self) -> None:
        """Begin to deliver what is due, in tasks of their own; once an hour, give up what is too old.

        Raises:
            DatabaseUnavailable: the database does not answer.

        """
        for provider in self._plugins.providers.values():
            if _can_take_events(provider) and not self._is_paused(provider) and provider.name not in self._tasks:
                self._start(provider)
        now = self._clock()
        if self._looked_for_old_at is None or now - self._looked_for_old_at >= GIVE_UP_INTERVAL:
            await self._give_up_old(now)
            self._looked_for_old_at = now

    async def deliver_due(self, provider: Provider) -> None:
        """Deliver the events of a provider that are due, several at once, until none is or the provider must wait.

        Raises:
            DatabaseUnavailable: the database does not answer.

        """
        while self._may_go_on(provider):
            events = await self._claim_due(provider)
            if not events:
                return
            attempts = [self._deliver(provider, event) for event in events]
            results = await asyncio.gather(*attempts, return_exceptions=True)
            errors = [result for result in results if result is not None]
            if errors:
                raise errors[0]

    async def deliver_now(self, download: uuid.UUID) -> bool:
        """Try to deliver the event of one download. Return whether none waits any more.

        Raises:
            DatabaseUnavailable: the database does not answer.

        """
        event = await self._outbox.find(download)
        if event is None:
            return True
        provider = self._plugins.providers.get(event.provider)
        if provider is None or not _can_take_events(provider) or not await self._outbox.claim(event, self._clock()):
            return False
        await self._deliver(provider, event)
        return await self._outbox.find(download) is None

    # Tasks

    def _may_go_on(self, provider: Provider) -> bool:
        """Whether to lease further events: the server runs on, the settings are in force, and there is no pause."""
        is_in_force = self._plugins.providers.get(provider.name) is provider
        return is_in_force and not self._is_stopping and not self._is_paused(provider)

    def _start(self, provider: Provider) -> None:
        task = asyncio.create_task(self._deliver_and_log(provider))
        self._tasks[provider.name] = task
        task.add_done_callback(lambda _: self._tasks.pop(provider.name))

    async def _deliver_and_log(self, provider: Provider) -> None:
        try:
            await self.deliver_due(provider)
        except DatabaseUnavailable as error:  # the background tasks warn of the outage
            log.info("%s: the outbox of downloads cannot be read: %s", provider.name, error)
        except Exception:
            log.exception("the downloads of %s cannot be reported", provider.name)
            self._pause(provider, UNEXPECTED_PAUSE)

    async def _give_up_old(self, now: float) -> None:
        for event in await self._outbox.give_up(now - MAX_AGE, now):
            message = "download event given up: download %s could not be reported to %s for 30 days"
            log.error(message, event.download, event.provider, extra={"provider": event.provider})

    # One attempt

    async def _claim_due(self, provider: Provider) -> list[OutboxEvent]:
        """Lease a few events. Half of the calls that the provider allows at once are left to searches."""
        now = self._clock()
        limit = max(1, provider.info.concurrency // 2)
        candidates = await self._outbox.due(provider.name, now, limit)
        return [event for event in candidates if await self._outbox.claim(event, now)]

    async def _deliver(self, provider: Provider, event: OutboxEvent) -> None:
        """Make one attempt for an event that this worker leases."""
        call = Call(
            key=f"download:{event.download.hex}",
            owner=event.owner,
            caller=DOWNLOAD_EVENTS,
            reserved=True,
        )
        deadline = asyncio.get_running_loop().time() + LONGEST_WAIT
        flight = Flight(call=call, provider=provider, deadline=deadline)
        failure = await self._call(flight, event)
        await self._settle(provider, event, failure)  # before anything else, so that no other worker repeats the call
        if flight.calls:
            await self._limiter.observe(provider, flight, outcome_of(flight, failure))

    async def _call(self, flight: Flight, event: OutboxEvent) -> Failure | None:
        """Call the hook. Return why it did not succeed, None if it did."""
        provider = flight.provider
        try:
            image = msgspec.json.decode(event.image, type=Image)
        except msgspec.MsgspecError as error:
            return ProviderError(f"the image in the outbox cannot be read: {error}")
        token = current_flight.set(flight)
        try:
            async with (
                self._limiter.lease_kept(flight),
                asyncio.timeout(CALL_TIMEOUT),
                self._clients.of(provider) as http,
            ):
                await provider.image_downloaded(image, http)
        except DatabaseUnavailable:
            raise
        except InFlightElsewhere as error:
            return error
        except TimeoutError:
            return TimedOut(f"{provider.info.title} did not answer within {CALL_TIMEOUT:.0f} seconds")
        except Exception as error:  # noqa: BLE001  upstream or plugin: only this event has to wait
            return to_provider_error(error, provider)
        finally:
            current_flight.reset(token)
        return None

    async def _settle(self, provider: Provider, event: OutboxEvent, failure: Failure | None) -> None:
        """Delete an event that is done with. Postpone another: our own refusals do not count as attempts."""
        now = self._clock()
        match failure:
            case None:
                await self._complete(event)
            case InFlightElsewhere():  # the worker that leased the event before is still trying
                await self._outbox.postpone(event, now + CALL_LEASE, event.attempts)
            case QuotaExhausted() | CircuitOpen() | ProviderDisabled() | UnreadableState():
                self._pause(provider, failure.retry_after or SHORTEST_PAUSE)
                await self._outbox.postpone(event, now, event.attempts)
            case NotFound():
                message = "download event ended: %s does not have the image of download %s any more: %s"
                log.warning(message, provider.name, event.download, failure, extra={"provider": provider.name})
                await self._complete(event)
            case _:
                seconds = retry_delay(event.attempts + 1)
                log.info("%s: %s; the download is reported again in %.0f s", provider.name, failure, seconds)
                await self._outbox.postpone(event, now + seconds, event.attempts + 1)

    async def _complete(self, event: OutboxEvent) -> None:
        """Delete an event; while the database is away, try again for as long as the lease holds."""
        leased_until = self._clock() + LEASE
        while True:
            try:
                await self._outbox.complete(event)
            except DatabaseUnavailable:
                if self._clock() >= leased_until:
                    raise
                await self._sleep(MARK_INTERVAL)
            else:
                return

    # The pauses of this worker: while no call may be made, it leases no event

    def _pause(self, provider: Provider, seconds: float) -> None:
        self._paused_until[provider] = self._clock() + min(max(seconds, SHORTEST_PAUSE), LONGEST_PAUSE)

    def _is_paused(self, provider: Provider) -> bool:
        return self._clock() < self._paused_until.get(provider, 0.0)


def retry_delay(attempts: int) -> float:
    """Return the seconds until the next attempt, after so many that failed.

    At most 30, 60, 120, ... and an hour; at least half of that, at random, so that events do not stay in step.
    """
    doublings = min(attempts - 1, MAX_DOUBLINGS)
    longest = min(LONGEST_RETRY, FIRST_RETRY * 2.0**doublings)
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  not for cryptography


def _can_take_events(provider: Provider) -> bool:
    """Whether this provider requires events and can be called. Otherwise its events wait."""
    return provider.requires_download_events and provider.state == "ok"
