"""The provider list: for consumers what each provider can do, for admins also how it is doing, in numbers."""

import math
from collections.abc import Mapping
from typing import Literal

import msgspec

from imagevault.cache.freshness import has_upstream
from imagevault.cache.statistics import CacheRate, last_hour
from imagevault.plugins.provider import Provider
from imagevault.search import filters
from imagevault.search.gateway import Gateway
from imagevault.storage.database import outages
from imagevault.upstream import quota
from imagevault.upstream.limiter import limits_of
from imagevault.upstream.models import State

QuotaLevel = Literal["ok", "low", "out"]


class QuotaLeft(msgspec.Struct, frozen=True):
    """One quota.

    Attributes:
        name: the quota, for example `200/hour`.
        limit: its calls.
        left: the calls left of it.
        more_in: seconds until more are left; None if all are.

    """

    name: str
    limit: int
    left: int
    more_in: int | None = None


class ProviderHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider is doing.

    Attributes:
        quotas: what is left of its quotas.
        breaker: the state of the circuit breaker.
        retry_after: seconds until a call may be made; 0 if one may be made now.
        last_error: the message of the last error, None if there was none.
        last_error_at: when it happened, Unix time.
        cache: how its pages were found in the last hour, by all workers.

    """

    quotas: list[QuotaLeft]
    breaker: Literal["closed", "open", "probing"]
    retry_after: int
    last_error: str | None
    last_error_at: float | None
    cache: CacheRate | None = None


class ProviderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A provider: its state, what it can do, and what its terms ask for.

    Attributes:
        state: ok, unconfigured, disabled or failed.
        quota: how much is left of its quotas.
        reason: why it is not ok; for admins only.
        source: the package that it was installed with; for admins only.
        health: how it is doing; for admins only.

    """

    name: str
    title: str
    homepage: str | None
    state: str
    quota: QuotaLevel
    notice: str | None
    hotlink: str
    page_size: int
    max_results: int | None
    filters: dict[str, list[str]]
    emulated: list[str]
    reason: str | None = None
    source: str | None = None
    health: ProviderHealth | None = msgspec.field(default=None, name="standing")  # the name in the API


class FailedPlugin(msgspec.Struct, frozen=True):
    """A plugin that could not be loaded, and why."""

    name: str
    source: str
    reason: str


class ProviderList(msgspec.Struct, frozen=True, kw_only=True):
    """All providers by name. For admins also the plugins that could not be loaded, and what is wrong in the config."""

    providers: list[ProviderRecord]
    failures: list[FailedPlugin] = []
    problems: list[str] = []


async def list_providers(gateway: Gateway, *, admin: bool) -> ProviderList:
    """Return all providers by name, as they are now.

    Raises:
        DatabaseUnavailable: the database does not answer.

    """
    with outages():
        await gateway.limiter.refresh()
        rates = await last_hour() if admin else {}
    records = [_record(gateway, provider, rates, admin=admin) for _, provider in sorted(gateway.providers.items())]
    if not admin:
        return ProviderList(providers=records)
    failures = [FailedPlugin(failure.name, failure.source, failure.reason) for failure in gateway.plugins.failures]
    return ProviderList(providers=records, failures=failures, problems=gateway.config_problems())


def _record(gateway: Gateway, provider: Provider, rates: Mapping[str, CacheRate], *, admin: bool) -> ProviderRecord:
    info = provider.info
    now = gateway.clock()
    state = gateway.limiter.last_seen(provider)
    health: ProviderHealth | None = None
    if admin and has_upstream(provider) and provider.state == "ok":
        health = health_of(provider, state, now, rates.get(provider.name))
    return ProviderRecord(
        name=provider.name,
        title=info.title,
        homepage=info.homepage,
        state=provider.state,
        quota=_level(quota.fraction_left(state, limits_of(provider), now)),
        notice=info.notice,
        hotlink=info.hotlink,
        page_size=info.page_size,
        max_results=info.max_results,
        filters={name: list(values) for name, values in info.filters.items()},
        emulated=filters.emulated(info),
        reason=provider.reason if admin else None,
        source=provider.source if admin else None,
        health=health,
    )


def health_of(provider: Provider, state: State, now: float, cache: CacheRate | None = None) -> ProviderHealth:
    """Return how a provider is doing.

    Args:
        provider: the provider.
        state: what is known of it.
        now: seconds of the clock that all workers share.
        cache: how its pages were found in the last hour.

    """
    next_call = max(state.open_until, state.paused_until)
    return ProviderHealth(
        quotas=[
            QuotaLeft(
                name=declared.name,
                limit=declared.limit,
                left=quota.left(state, declared, now),
                more_in=quota.seconds_until_more(state, declared, now),
            )
            for declared in provider.info.quotas
        ],
        breaker=_breaker_state(state, now),
        retry_after=max(0, math.ceil(next_call - now)),
        last_error=state.last_error,
        last_error_at=state.last_error_at or None,
        cache=cache,
    )


def _breaker_state(state: State, now: float) -> Literal["closed", "open", "probing"]:
    if now < state.open_until:
        return "open"
    return "probing" if state.trips else "closed"


def _level(fraction_left: float) -> QuotaLevel:
    if fraction_left <= 0:
        return "out"
    return "low" if fraction_left < quota.LOW else "ok"
