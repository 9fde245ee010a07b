"""The provider list: for consumers what each provider can do, for admins also how it is doing, in numbers."""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from imagevault.cache.database_eviction import measure_use
from imagevault.cache.eviction import CacheUse
from imagevault.cache.freshness import has_upstream
from imagevault.cache.statistics import CacheRate, last_hour
from imagevault.images.record import ProviderName, Url
from imagevault.plugins.provider import Provider
from imagevault.plugins.provider_settings import ProviderState
from imagevault.quotas import Quota
from imagevault.records import FlagName, Hotlink, Paging, Parameter, Sort
from imagevault.search import filters
from imagevault.search.gateway import Gateway
from imagevault.search.provider_terms import TermsRecord, terms_of
from imagevault.search.waiting_downloads import WaitingDownloads
from imagevault.storage.database import outages
from imagevault.upstream import call_history, quota
from imagevault.upstream.call_history import CallSlot
from imagevault.upstream.limiter import limits_of
from imagevault.upstream.models import Decision, State

Count = Annotated[int, Meta(ge=0)]
QuotaLevel = Literal["ok", "low", "out"]


class QuotaLeft(msgspec.Struct, frozen=True):
    """One quota.

    Attributes:
        name: the quota, for example `200/hour`.
        limit: its calls.
        left: the calls left of it.
        more_in: seconds until more are left; null if all are.

    """

    name: str
    limit: Annotated[int, Meta(ge=1)]
    left: Count
    more_in: Count | None = None

    @property
    def is_burst(self) -> bool:
        """Whether calls wait for it, because it is so short. People need not see what is left of it."""
        _, _, period = self.name.partition("/")
        return quota.is_burst(Quota.parse(f"1/{period}"))

    @property
    def level(self) -> QuotaLevel:
        """How much is left of it."""
        return _level(self.left / self.limit)


class ProviderHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How a provider is doing.

    Attributes:
        quotas: what is left of its quotas.
        breaker: the state of the circuit breaker.
        retry_after: seconds until a call may be made; 0 if one may be made now.
        last_error: the message of the last error, null if there was none.
        last_error_at: when it happened, Unix time.
        cache: how its pages were found in the last hour, by all workers.
        calls: its calls of the last hour, five minutes each, the oldest first; empty if it was not called.

    """

    quotas: list[QuotaLeft]
    breaker: Literal["closed", "open", "probing"]
    retry_after: Count
    last_error: str | None
    last_error_at: float | None
    cache: CacheRate | None = None
    calls: Sequence[CallSlot] = ()


class ParameterRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A search parameter that one provider alone has: `NAME.parameter`.

    Attributes:
        description: what it does.
        values: the values that it takes; empty where `pattern` says it.
        pattern: a regular expression for the whole value; null where `values` says it.
        example: a value.

    """

    description: str
    values: Sequence[str]
    pattern: str | None
    example: str | None


class ProviderRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A provider: its state, what it can do, and what its terms ask for.

    Attributes:
        name: the name to search with.
        title: its name as people write it.
        homepage: its site.
        state: whether it can be asked.
        quota: how much is left of its quotas; null if it cannot be asked.
        notice: the words that its terms require near results; null if none.
        hotlink: whether you may link to its files, must do so, or may do so only for a while.
        page_size: images that one call to it returns.
        max_results: images of one search that it returns at most; null if there is no limit.
        filters: the values of each filter that it applies itself.
        emulated: the filters that the gateway applies to its records.
        declares: the flags that its records carry.
        sorts: the orders that it offers, as values of `sort`.
        parameters: its own search parameters, given as `NAME.parameter`.
        paging: `number`, or `token` where `page` is refused.
        aggregator: whether it lists pictures of other owners.
        terms: its terms of use; null where none are declared.
        reason: why it is not ok; for admins only.
        source: the package that it was installed with; for admins only.
        health: how it is doing; for admins only.
        downloads_waiting: how many downloads are not reported to it yet; for admins only, and null where its terms
            demand no report.
        oldest_waiting: the age of the oldest of them in seconds; null if there is none.

    """

    name: ProviderName
    title: str
    homepage: Url | None
    state: ProviderState
    quota: QuotaLevel | None
    notice: str | None
    hotlink: Hotlink
    page_size: Annotated[int, Meta(ge=1)]
    max_results: Annotated[int, Meta(ge=1)] | None
    filters: dict[str, list[str]]
    emulated: list[str]
    declares: list[FlagName]
    sorts: list[Sort] = []
    parameters: dict[str, ParameterRecord] = {}
    paging: Paging = "number"
    aggregator: bool = False
    terms: TermsRecord | None = None
    reason: str | None = None
    source: str | None = None
    health: ProviderHealth | None = msgspec.field(default=None, name="standing")  # the name in the API
    downloads_waiting: Count | None = None
    oldest_waiting: Count | None = None


class FailedPlugin(msgspec.Struct, frozen=True):
    """A plugin that could not be loaded.

    Attributes:
        name: the name that its provider would have.
        source: the package or file that it comes from.
        reason: why it could not be loaded.

    """

    name: str
    source: str
    reason: str


class ProviderList(msgspec.Struct, frozen=True, kw_only=True):
    """All providers.

    Attributes:
        providers: by name.
        failures: the plugins that could not be loaded; for admins only.
        problems: what is wrong in the config; for admins only.
        cache: how many cached pages the database holds, and how many bytes of `cache_size`; for admins only.

    """

    providers: list[ProviderRecord]
    failures: list[FailedPlugin] = []
    problems: list[str] = []
    cache: CacheUse | None = None


async def list_providers(gateway: Gateway, *, admin: bool, allowed: AbstractSet[str] | None = None) -> ProviderList:
    """Return the providers by name, as they are now.

    Args:
        gateway: knows them.
        admin: whether the list is for an admin.
        allowed: the names of those that the caller may use; None for all.

    Raises:
        DatabaseUnavailable: the database does not answer.

    """
    with outages():
        await gateway.limiter.refresh()
        rates = await last_hour() if admin else {}
        calls = await call_history.last_hour(gateway.clock()) if admin else {}
        waiting = await gateway.waiting_downloads() if admin else {}
        cache = await measure_use(gateway.cache_bytes) if admin else None
    records = [
        _record(gateway, provider, rates.get(name), calls.get(name, ()), admin=admin)
        for name, provider in sorted(gateway.providers.items())
        if allowed is None or name in allowed
    ]
    if not admin:
        return ProviderList(providers=records)
    records = [_with_waiting(gateway, record, waiting) for record in records]
    failures = [FailedPlugin(failure.name, failure.source, failure.reason) for failure in gateway.plugins.failures]
    return ProviderList(providers=records, failures=failures, problems=gateway.config_problems(), cache=cache)


def pauses_of(gateway: Gateway) -> dict[str, Decision]:
    """Return the providers that are not called for a while, each with the reason and the seconds, as last seen."""
    pauses = {name: gateway.limiter.pause(provider) for name, provider in gateway.providers.items()}
    return {name: pause for name, pause in pauses.items() if pause is not None}


def _record(
    gateway: Gateway, provider: Provider, rate: CacheRate | None, calls: Sequence[CallSlot], *, admin: bool
) -> ProviderRecord:
    info = provider.info
    now = gateway.clock()
    state = gateway.limiter.last_seen(provider)
    health: ProviderHealth | None = None
    if admin and has_upstream(provider) and provider.state == "ok":
        health = health_of(provider, state, now, rate, calls)
    return ProviderRecord(
        name=provider.name,
        title=info.title,
        homepage=info.homepage,
        state=provider.state,
        quota=_level(quota.fraction_left(state, limits_of(provider), now)) if provider.state == "ok" else None,
        notice=info.notice,
        hotlink=info.hotlink,
        page_size=info.page_size,
        max_results=info.max_results,
        filters={name: list(values) for name, values in info.filters.items()},
        emulated=filters.emulated(info),
        declares=sorted(info.declares),
        sorts=list(info.sorts),
        parameters={name: _parameter(parameter) for name, parameter in info.parameters.items()},
        paging=info.paging,
        aggregator=info.aggregator,
        terms=terms_of(info, now),
        reason=provider.reason if admin else None,
        source=provider.source if admin else None,
        health=health,
    )


def _parameter(parameter: Parameter) -> ParameterRecord:
    return ParameterRecord(
        description=parameter.description,
        values=list(parameter.values),
        pattern=parameter.pattern,
        example=parameter.example,
    )


def _with_waiting(gateway: Gateway, record: ProviderRecord, waiting: Mapping[str, WaitingDownloads]) -> ProviderRecord:
    """Return the record with the downloads that are not reported yet, where the provider's terms demand it."""
    if not gateway.providers[record.name].requires_download_events:
        return record
    downloads = waiting.get(record.name)
    if downloads is None:
        return msgspec.structs.replace(record, downloads_waiting=0)
    age = max(0, round(gateway.clock() - downloads.oldest_at))
    return msgspec.structs.replace(record, downloads_waiting=downloads.count, oldest_waiting=age)


def health_of(
    provider: Provider, state: State, now: float, cache: CacheRate | None = None, calls: Sequence[CallSlot] = ()
) -> ProviderHealth:
    """Return how a provider is doing.

    Args:
        provider: the provider.
        state: what is known of it.
        now: seconds of the clock that all workers share.
        cache: how its pages were found in the last hour.
        calls: its calls of the last hour.

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
        calls=calls,
    )


def _breaker_state(state: State, now: float) -> Literal["closed", "open", "probing"]:
    if now < state.open_until:
        return "open"
    return "probing" if state.trips else "closed"


def _level(fraction_left: float) -> QuotaLevel:
    if fraction_left <= 0:
        return "out"
    return "low" if fraction_left < quota.LOW else "ok"
