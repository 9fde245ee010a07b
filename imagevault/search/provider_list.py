"""How the providers stand: for consumers in a word, for admins in numbers."""

import math
from collections.abc import Mapping
from typing import Literal

import msgspec

from imagevault.cache.statistics import CacheRate, last_hour
from imagevault.plugins.provider import Provider
from imagevault.search import filters
from imagevault.search.gateway import Gateway
from imagevault.storage.database import outages
from imagevault.upstream import admission as engine
from imagevault.upstream.admission import State
from imagevault.upstream.limiter import rules

QuotaWord = Literal["ok", "low", "out"]


class QuotaLeft(msgspec.Struct, frozen=True):
    """One quota, such as `200/hour`, the calls left of it, and the seconds until there are more; None if all are."""

    name: str
    limit: int
    left: int
    more_in: int | None = None


class ProviderHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What the gateway knows of a provider. `retry_after`: seconds until a call may leave. Times are Unix time.

    `cache`: how its pages were had in the last hour, by all workers.
    """

    quotas: list[QuotaLeft]
    breaker: Literal["closed", "open", "probing"]
    retry_after: int
    last_error: str | None
    last_error_at: float | None
    cache: CacheRate | None = None


class ProviderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A provider: its `state` (ok, unconfigured, disabled, failed), what it can do, and what its terms ask for.

    `quota`: how much of what it allows is left. `reason` (why it is not ok), `source` (what it was installed with) and
    `health` are for admins.
    """

    name: str
    title: str
    homepage: str | None
    state: str
    quota: QuotaWord
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
    """All providers by name. For admins also plugins that failed, and what the config says of unknown providers."""

    providers: list[ProviderRecord]
    failures: list[FailedPlugin] = []
    problems: list[str] = []


async def list_providers(gateway: Gateway, *, admin: bool) -> ProviderList:
    """All providers by name, as they stand now."""
    with outages():
        await gateway.pages.gate.refresh()
        rates = await last_hour() if admin else {}
    records = [_record(gateway, each, rates, admin=admin) for _, each in sorted(gateway.providers.items())]
    if not admin:
        return ProviderList(providers=records)
    failures = [FailedPlugin(each.name, each.source, each.reason) for each in gateway.plugins.failures]
    return ProviderList(providers=records, failures=failures, problems=gateway.problems())


def _record(gateway: Gateway, provider: Provider, rates: Mapping[str, CacheRate], *, admin: bool) -> ProviderRecord:
    info, now = provider.info, gateway.clock()
    upstream = info.base_url is not None and provider.state == "ok"
    state = gateway.pages.gate.seen.get(provider.name, State())
    part = engine.fraction(state, rules(provider), now)
    return ProviderRecord(
        name=provider.name,
        title=info.title,
        homepage=info.homepage,
        state=provider.state,
        quota="out" if part <= 0 else "low" if part < engine.LOW else "ok",
        notice=info.notice,
        hotlink=info.hotlink,
        page_size=info.page_size,
        max_results=info.max_results,
        filters={name: list(values) for name, values in info.filters.items()},
        emulated=filters.emulated(info),
        reason=provider.reason if admin else None,
        source=provider.source if admin else None,
        health=health_of(provider, state, now, rates.get(provider.name)) if admin and upstream else None,
    )


def health_of(provider: Provider, state: State, now: float, cache: CacheRate | None = None) -> ProviderHealth:
    """The numbers of one provider."""
    until = max(state.open_until, state.cooling_until)
    return ProviderHealth(
        quotas=[
            QuotaLeft(quota.name, quota.limit, engine.left(state, quota, now), engine.more_in(state, quota, now))
            for quota in provider.info.quotas
        ],
        breaker="open" if now < state.open_until else "probing" if state.openings else "closed",
        retry_after=max(0, math.ceil(until - now)),
        last_error=state.last_error,
        last_error_at=state.last_error_at or None,
        cache=cache,
    )
