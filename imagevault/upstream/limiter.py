"""The gate through which every call to an upstream goes: it asks `state.admit`, and keeps the count in the store."""

import asyncio
import contextvars
import logging
import math
import random
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping

import msgspec

from imagevault.errors import RateLimited, Unavailable, Unconfigured
from imagevault.plugins.provider import Provider
from imagevault.records import Quota
from imagevault.upstream import admission as engine
from imagevault.upstream.admission import Call, Decision, Outcome, Rules, State
from imagevault.upstream.store import StateStore

log = logging.getLogger(__name__)

RETRIES = 0.1  # of all calls: what may be spent on trying again
CONFLICT = (0.001, 0.01)  # seconds before a change that another worker was faster with is tried again
NEWS = 60.0  # seconds after which it is noted again that a caller who was refused still asks


class QuotaExhausted(RateLimited):
    """Our own bookkeeping lets no call leave now: it counts against nobody."""


class ShareExhausted(QuotaExhausted):
    """The share of the caller is used; that of another may not be."""


class CircuitOpen(Unavailable):
    """The provider failed too often and is left alone for a while."""


class ProviderDisabled(Unconfigured):
    """An admin switched the provider off while it was being asked."""


class InFlightElsewhere(Exception):
    """Another worker is getting this very page; wait for it."""


class Flight(msgspec.Struct, kw_only=True):
    """Getting one page. `deadline`: until when a call may wait to leave, by the event loop's clock.

    `calls`: how many left. `looks`: how often another worker's page was looked for; `from_another`: it was found.
    """

    call: Call
    provider: Provider
    deadline: float
    gate: "CallLimiter"
    calls: int = 0
    looks: int = 0
    from_another: bool = False
    learned: dict[str, tuple[int, float | None]] = {}


current_flight: contextvars.ContextVar[Flight | None] = contextvars.ContextVar("imagevault_flight", default=None)


class CallLimiter:
    """One per worker. `clock` is shared by all workers; `sleep` waits some seconds."""

    def __init__(
        self, store: StateStore, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self.store = store
        self.clock = clock
        self.sleep = sleep
        self.locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.known: dict[str, tuple[State, int]] = {}
        self.seen: dict[str, State] = {}
        self.versions: dict[str, int] = {}
        self.exhausted: dict[str, float] = {}
        self.retries: defaultdict[str, float] = defaultdict(lambda: 1.0)

    def fraction(self, provider: Provider) -> float:
        """The part left of the scarcest quota, as this worker last saw it."""
        return engine.fraction(self.seen.get(provider.name, State()), rules(provider), self.clock())

    async def refresh(self) -> None:
        """Sees how all providers stand by now: one round trip, for what changed since."""
        for name, state, version in await self.store.changes(self.versions):
            if version > self.versions.get(name, -1):  # else this worker changed it meanwhile
                self.seen[name], self.versions[name] = state, version

    async def admit(self, provider: Provider, flight: Flight) -> None:
        """Returns when a call may leave. Raises Held, Cooling, SwitchedOff; Flying if another worker is at it."""
        while True:
            if provider.withdrawn:
                raise ProviderDisabled(f"{provider.info.title} was switched off")
            decision = await self._decide(provider, flight.call)
            if decision.word == "go":
                flight.calls += 1
                if provider.withdrawn:  # meanwhile; it was counted, though it does not leave
                    raise ProviderDisabled(f"{provider.info.title} was switched off")
                self.retries[provider.name] = min(10.0, self.retries[provider.name] + RETRIES)
                return
            if decision.why == "flying":
                raise InFlightElsewhere
            late = asyncio.get_running_loop().time() + decision.seconds > flight.deadline
            if decision.word == "no" or late:
                raise self._refusal(provider, decision)
            await self.sleep(decision.seconds * random.uniform(1.0, 1.2))  # noqa: S311  no secret

    def may_retry(self, provider: Provider) -> bool:
        """Whether a failed call may be tried again: a tenth of all calls may."""
        if self.retries[provider.name] < 1:
            return False
        self.retries[provider.name] -= 1
        return True

    async def observe(self, provider: Provider, flight: Flight, outcome: Outcome) -> None:
        """Takes in how a flight went."""
        async with self.locks[provider.name]:
            while True:
                known, version = self.known.get(provider.name) or await self._state(provider)
                new = engine.observe(known, rules(provider), flight.call, outcome, self.clock())
                if await self._swap(provider, version, new):
                    self._tell(provider, known, new)
                    return
                await self.sleep(random.uniform(*CONFLICT))  # noqa: S311

    async def forgive(self, provider: Provider) -> None:
        """The provider is reached in another way from now on, by another key or address.

        What went wrong with the former one counts no more, and calls to it that hang stand in nobody's way.
        """
        async with self.locks[provider.name]:
            while True:
                known, version = await self._state(provider)
                new = engine.forgive(known)
                if new == known or await self._swap(provider, version, new):
                    return
                await self.sleep(random.uniform(*CONFLICT))  # noqa: S311

    async def renew(self, provider: Provider, flight: Flight) -> None:
        """Keeps the mark of a flight that takes long."""
        async with self.locks[provider.name]:
            while True:
                known, version = await self._state(provider)
                if await self._swap(provider, version, engine.renew(known, flight.call, self.clock())):
                    return
                await self.sleep(random.uniform(*CONFLICT))  # noqa: S311

    async def _decide(self, provider: Provider, call: Call) -> Decision:
        async with self.locks[provider.name]:
            while True:
                fresh = provider.name not in self.known
                known, version = self.known.get(provider.name) or await self._state(provider)
                decision, new = engine.admit(known, rules(provider), call, self.clock())
                if decision.word != "go":
                    if not fresh:
                        self.known.pop(provider.name)  # it may have changed meanwhile: look before saying no
                        continue
                    if decision.why in {"quota", "share"} and _is_news(known, call, self.clock()):
                        await self._swap(provider, version, new)  # he shares it from now on
                    return decision
                if await self._swap(provider, version, new):
                    return decision
                await self.sleep(random.uniform(*CONFLICT))  # noqa: S311

    async def _state(self, provider: Provider) -> tuple[State, int]:
        state, version = await self.store.state(provider.name)
        self.seen[provider.name], self.versions[provider.name] = state, version
        return state, version

    async def _swap(self, provider: Provider, version: int, new: State) -> bool:
        self.known.pop(provider.name, None)
        if not await self.store.swap(provider.name, version, new):
            return False
        self.known[provider.name] = (new, version + 1)
        self.seen[provider.name], self.versions[provider.name] = new, version + 1
        return True

    def _refusal(self, provider: Provider, decision: Decision) -> QuotaExhausted | CircuitOpen:
        title, wait = provider.info.title, math.ceil(decision.seconds)
        if decision.why == "failing":
            return CircuitOpen(f"{title} failed too often; it is asked again in {wait} s", decision.seconds)
        if decision.why == "share":
            return ShareExhausted(f"your share of what {title} allows is used; others want it too", decision.seconds)
        if decision.why == "quota" and self.exhausted.get(provider.name, 0.0) <= self.clock():
            self.exhausted[provider.name] = self.clock() + decision.seconds
            log.warning("quota exhausted: %s", title, extra={"provider": provider.name, "retry_after": wait})
        words = {"cooling": "asked for a pause of", "quota": "allows no more calls for"}
        return QuotaExhausted(f"{title} {words.get(decision.why or '', 'is busy for')} {wait} s", decision.seconds)

    def _tell(self, provider: Provider, old: State, new: State) -> None:
        if new.open_until > old.open_until:
            wait = new.open_until - self.clock()
            message = "breaker opened: %s failed too often and is left alone for %.0f s"
            log.warning(message, provider.name, wait, extra={"provider": provider.name, "retry_after": math.ceil(wait)})
        elif old.openings and not new.openings:
            log.warning("breaker closed: %s answers again", provider.name, extra={"provider": provider.name})


def _is_news(state: State, call: Call, now: float) -> bool:
    return bool(call.caller) and (call.caller not in state.callers or now - state.callers[call.caller].seen > NEWS)


def rules(provider: Provider) -> Rules:
    """The rules of a provider as declared and configured."""
    return Rules(tuple(provider.info.quotas), provider.info.concurrency, "image_downloaded" in provider.hooks)


def learned(quotas: tuple[Quota, ...], headers: Mapping[str, str], now: float) -> dict[str, tuple[int, float | None]]:
    """What an answer's headers say is left of each quota, and when that begins anew (Unix time), if they say so.

    A reset of more than a thousand million is Unix time, a smaller one is seconds from now. An answer out of somebody's
    cache says nothing of now.
    """
    if headers.get("age", "0") not in {"", "0"} or headers.get("cf-cache-status", "").upper() == "HIT":
        return {}
    found: dict[str, tuple[int, float | None]] = {}
    for quota in quotas:
        remaining = headers.get(quota.remaining or "", "").strip()
        if remaining.isdigit():
            reset = headers.get(quota.reset or "", "").strip()
            at = float(reset) if re.fullmatch(r"\d{1,16}(\.\d*)?", reset) else None
            if at is not None and at > 1e11:  # milliseconds
                at /= 1000
            found[quota.period] = (int(remaining), at if at is None or at > 1e9 else now + at)
    return found
