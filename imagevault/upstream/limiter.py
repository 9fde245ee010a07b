"""The call limiter, which every call to an upstream passes: it applies `admission` to the state that workers share."""

import asyncio
import logging
import math
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from imagevault.errors import DatabaseUnavailable, RateLimited, Unavailable, Unconfigured
from imagevault.plugins.provider import Provider
from imagevault.upstream import admission, breaker, quota
from imagevault.upstream.flight import Flight
from imagevault.upstream.models import Call, Decision, Limits, Outcome, State
from imagevault.upstream.store import StateStore, UnreadableState
from imagevault.upstream.usage import UsageCounter

if TYPE_CHECKING:
    from piccolo.querystring import QueryString

log = logging.getLogger(__name__)

RETRIES_PER_CALL = 0.1  # a tenth of all calls may be retries
MAX_SAVED_RETRIES = 10.0
CONFLICT = (0.001, 0.01)  # seconds to wait before retrying a write that lost to another worker
SEEN_AGAIN = 60.0  # seconds after which a refused caller is recorded as active again


class QuotaExhausted(RateLimited):
    """The limiter allows no call now. It counts against nobody."""


class ShareExhausted(QuotaExhausted):
    """The caller's share of the quota is used; another caller's may not be."""


class CircuitOpen(Unavailable):
    """The provider failed too often, and is not called for a while."""


class ProviderDisabled(Unconfigured):
    """An admin switched the provider off while it was being asked."""


class InFlightElsewhere(Exception):
    """Another worker is fetching this page, or has just fetched it. Wait for the page, not for the limiter.

    `CallLimiter.admit` raises it, and it travels through the plugin's code to `SingleFlight`, which waits for the page.

    Attributes:
        completed_at: when the page arrived; None if it is still being fetched.

    """

    def __init__(self, completed_at: float | None) -> None:
        super().__init__("another worker is fetching this page")
        self.completed_at = completed_at


class CallLimiter:
    """Admits the calls of one worker. One for each worker."""

    def __init__(
        self,
        store: StateStore,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        usage: UsageCounter | None = None,
    ) -> None:
        """Make a limiter.

        Args:
            store: the states that all workers share.
            clock: the time that all workers share, in seconds.
            sleep: waits for some seconds.
            usage: counts the calls that each account causes.

        """
        self.store = store
        self.clock = clock
        self.sleep = sleep
        self.usage = usage or UsageCounter()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._current: dict[str, tuple[State, int]] = {}  # what this worker wrote last; others may have written since
        self._seen: dict[str, State] = {}
        self._versions: dict[str, int] = {}
        self._exhausted_until: dict[str, float] = {}  # so that an exhausted quota is logged once
        self._retries: defaultdict[str, float] = defaultdict(lambda: 1.0)

    def last_seen(self, provider: Provider) -> State:
        """Return the state of a provider as this worker last saw it; an empty one if it never did."""
        return self._seen.get(provider.name, State())

    def fraction_left(self, provider: Provider) -> float:
        """Return the part left of the scarcest quota, from 0 to 1, as this worker last saw it."""
        return quota.fraction_left(self.last_seen(provider), limits_of(provider), self.clock())

    def pause(self, provider: Provider) -> Decision | None:
        """Return why no call to a provider may leave now, whatever its quotas: a pause, or an open circuit breaker.

        As this worker last saw it; None if calls may leave.
        """
        return breaker.refusal(self.last_seen(provider), Call(key="", owner=""), self.clock())

    async def refresh(self) -> None:
        """Read the states that changed. One round trip."""
        for name, state, version in await self.store.changes(self._versions):
            if version <= self._versions.get(name, -1):  # this worker has changed it in the meantime
                continue
            if isinstance(state, UnreadableState):
                log.error("the stored state of %s cannot be read", name, extra={"provider": name, "reason": str(state)})
                self._current.pop(name, None)
                self._see(name, State(last_error=str(state), last_error_at=self.clock()), version)
            else:
                self._see(name, state, version)

    async def admit(self, provider: Provider, flight: Flight) -> None:
        """Return when a call of this flight may leave; it is counted.

        Raises:
            QuotaExhausted, CircuitOpen: no call may leave before the flight's deadline.
            ProviderDisabled: the provider was switched off.
            UnreadableState: nobody knows how many calls are left.
            InFlightElsewhere: another worker is fetching this page, or has just fetched it.

        """
        while True:
            _check_enabled(provider)
            decision = await self._decide(provider, flight.call)
            if decision.verdict == "go":
                flight.calls += 1
                self.usage.count_call(flight.call.caller, provider.name)
                _check_enabled(provider)  # it may have been switched off during the round trip
                self._retries[provider.name] = min(MAX_SAVED_RETRIES, self._retries[provider.name] + RETRIES_PER_CALL)
                return
            if decision.reason == "in_flight":
                raise InFlightElsewhere(decision.completed_at)
            leaves_at = asyncio.get_running_loop().time() + decision.seconds
            if decision.verdict == "no" or leaves_at > flight.deadline:
                raise self._refusal(provider, decision)
            await self.sleep(decision.seconds * random.uniform(1.0, 1.2))  # noqa: S311  not for cryptography

    def take_retry(self, provider: Provider) -> bool:
        """Return whether a failed call may be tried again: a tenth of all calls may."""
        if self._retries[provider.name] < 1:
            return False
        self._retries[provider.name] -= 1
        return True

    async def observe(
        self, provider: Provider, flight: Flight, outcome: Outcome, before: Sequence["QueryString"] = ()
    ) -> None:
        """Take in how a flight ended. The writes `before` it, of its page, go to the database with it.

        Raises:
            UnreadableState: the state became unreadable since the flight began. Nothing was written.

        """
        async with self._locks[provider.name]:
            while True:
                state, version = await self._current_state(provider)
                new = admission.observe(state, limits_of(provider), flight.call, outcome, self.clock())
                swapped = await self._swap(provider, version, new, before)
                before = ()  # they were made, whether or not another worker has changed the state
                if swapped:
                    self._log_breaker(provider, state, new)
                    return
                await self._wait_after_conflict()

    async def reset_breaker(self, provider: Provider) -> None:
        """Forget failures and leases, because the provider is reached by another key or address from now on."""
        await self._change(provider, admission.reset_breaker)

    async def repair(self, provider: Provider) -> bool:
        """Replace a state that cannot be read by an empty one. Return whether it was such a state."""
        try:
            await self.store.read(provider.name)
        except UnreadableState:
            await self.store.clear(provider.name)
            return True
        return False

    @asynccontextmanager
    async def lease_kept(self, flight: Flight) -> AsyncIterator[None]:
        """Renew the lease of a flight regularly, from its first call until the block ends."""
        renewing = asyncio.create_task(self._keep_lease(flight))
        try:
            yield
        finally:
            renewing.cancel()

    async def _keep_lease(self, flight: Flight) -> None:
        while True:
            await asyncio.sleep(admission.LEASE / 2)
            if not flight.calls:
                continue
            try:
                await self._renew_lease(flight)
            except (DatabaseUnavailable, UnreadableState) as error:
                log.warning("the lease of a flight could not be renewed: %s", error)

    async def _renew_lease(self, flight: Flight) -> None:
        await self._change(flight.provider, lambda state: admission.renew_lease(state, flight.call, self.clock()))

    async def _change(self, provider: Provider, change: Callable[[State], State]) -> None:
        async with self._locks[provider.name]:
            while True:
                state, version = await self._read(provider)
                new = change(state)
                if new == state or await self._swap(provider, version, new):
                    return
                await self._wait_after_conflict()

    async def _decide(self, provider: Provider, call: Call) -> Decision:
        async with self._locks[provider.name]:
            while True:
                is_fresh = provider.name not in self._current
                state, version = await self._current_state(provider)
                decision, new = admission.admit(state, limits_of(provider), call, self.clock())
                if decision.verdict == "go":
                    if await self._swap(provider, version, new):
                        return decision
                    await self._wait_after_conflict()
                elif is_fresh:
                    if decision.reason in {"quota", "share"} and _is_news(state, call, self.clock()):
                        await self._swap(provider, version, new)  # the caller takes part in the shares from now on
                    return decision
                else:
                    del self._current[provider.name]  # another worker may have changed it: read before refusing

    async def _current_state(self, provider: Provider) -> tuple[State, int]:
        return self._current.get(provider.name) or await self._read(provider)

    async def _read(self, provider: Provider) -> tuple[State, int]:
        state, version = await self.store.read(provider.name)
        self._see(provider.name, state, version)
        return state, version

    async def _swap(self, provider: Provider, version: int, new: State, before: Sequence["QueryString"] = ()) -> bool:
        self._current.pop(provider.name, None)
        if not await self.store.swap(provider.name, version, new, before):
            return False
        self._current[provider.name] = (new, version + 1)
        self._see(provider.name, new, version + 1)
        return True

    def _see(self, name: str, state: State, version: int) -> None:
        self._seen[name] = state
        self._versions[name] = version

    async def _wait_after_conflict(self) -> None:
        await self.sleep(random.uniform(*CONFLICT))  # noqa: S311  not for cryptography

    def _refusal(self, provider: Provider, decision: Decision) -> QuotaExhausted | CircuitOpen:
        title = provider.info.title
        seconds = math.ceil(decision.seconds)
        match decision.reason:
            case "circuit_open":
                return CircuitOpen(f"{title} failed too often; the next call is made in {seconds} s", decision.seconds)
            case "share":
                message = f"your share of the calls to {title} is used, and other callers want it too"
                return ShareExhausted(message, decision.seconds)
            case "paused":
                return QuotaExhausted(
                    f"{title} is given a pause; the next call is made in {seconds} s", decision.seconds
                )
            case "quota":
                self._log_exhausted(provider, decision.seconds)
                return QuotaExhausted(f"{title} allows no more calls for {seconds} s", decision.seconds)
            case _:
                return QuotaExhausted(f"{title} is busy for {seconds} s", decision.seconds)

    def _log_exhausted(self, provider: Provider, seconds: float) -> None:
        if self._exhausted_until.get(provider.name, 0.0) > self.clock():
            return
        self._exhausted_until[provider.name] = self.clock() + seconds
        fields = {"provider": provider.name, "retry_after": math.ceil(seconds)}
        log.warning("quota exhausted: %s", provider.info.title, extra=fields)

    def _log_breaker(self, provider: Provider, old: State, new: State) -> None:
        if new.open_until > old.open_until:
            seconds = new.open_until - self.clock()
            message = "breaker opened: %s failed too often and is not called for %.0f s"
            fields = {"provider": provider.name, "retry_after": math.ceil(seconds)}
            log.warning(message, provider.name, seconds, extra=fields)
        elif old.trips and not new.trips:
            log.warning("breaker closed: %s answers again", provider.name, extra={"provider": provider.name})


def limits_of(provider: Provider) -> Limits:
    """Return what a provider allows, as declared and configured."""
    return Limits(
        quotas=tuple(provider.info.quotas),
        concurrency=provider.info.concurrency,
        keeps_reserve=provider.requires_download_events,
    )


def _check_enabled(provider: Provider) -> None:
    if provider.disabled:
        raise ProviderDisabled(f"{provider.info.title} was switched off")


def _is_news(state: State, call: Call, now: float) -> bool:
    """Whether to record this caller: not recorded yet, or last recorded more than `SEEN_AGAIN` seconds ago."""
    if not call.caller:
        return False
    usage = state.callers.get(call.caller)
    return usage is None or now - usage.seen > SEEN_AGAIN
