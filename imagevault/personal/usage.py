"""How much an account uses, and for admins who uses the quotas."""

import uuid
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from imagevault.accounts.service import usernames_of
from imagevault.cache.freshness import has_upstream
from imagevault.downloads.tables import Download
from imagevault.search.gateway import Gateway
from imagevault.search.provider_list import QuotaLeft, health_of
from imagevault.security.caller import Caller
from imagevault.upstream.usage_store import read_most_calls, read_usage

DAYS = 30
MAX_CALLERS = 20  # of each provider that admins see, those with the most calls

Count = Annotated[int, Meta(ge=0)]


class Counts(msgspec.Struct, frozen=True):
    """What an account did in some time.

    Attributes:
        searches: pages of a search that it asked for.
        upstream_calls: calls to providers that its requests caused; a page from the cache causes none.
        downloads: downloads that it recorded and still holds.

    """

    searches: Count
    upstream_calls: Count
    downloads: Count


class RequestLimit(msgspec.Struct, frozen=True):
    """The limit of requests.

    Attributes:
        amount: requests that may be sent in `seconds`.
        seconds: that time.

    """

    amount: Annotated[int, Meta(ge=1)]
    seconds: Annotated[int, Meta(ge=1)]


class CallerShare(msgspec.Struct, frozen=True):
    """The calls to one provider that one account caused.

    Attributes:
        username: the account's name; null if it was deleted.
        today: its calls since midnight, UTC.
        last_30_days: its calls in the last 30 days.

    """

    username: str | None
    today: Count
    last_30_days: Count


class ProviderUsage(msgspec.Struct, frozen=True):
    """What is used of a provider's quotas, and by whom.

    Attributes:
        provider: the provider's name.
        quotas: its quotas and what is left of each, by the count of all workers.
        callers: the accounts that caused most calls.

    """

    provider: str
    quotas: list[QuotaLeft]
    callers: list[CallerShare]


class Usage(msgspec.Struct, frozen=True):
    """How much the account uses. The counts of other workers are up to five seconds old.

    Attributes:
        today: since midnight, UTC.
        last_30_days: today and the 29 days before.
        requests: the limit of requests. The header `RateLimit` says what is left of it.
        providers: for admins, what is used of each provider's quotas; null for others.

    """

    today: Counts
    last_30_days: Counts
    requests: RequestLimit
    providers: list[ProviderUsage] | None


async def measure_usage(gateway: Gateway, caller: Caller) -> Usage:
    """Return the usage of an account, and for an admin that of everybody's calls."""
    today = gateway.usage.today()
    rows = await read_usage(today - DAYS + 1, caller.id)
    rows += gateway.usage_store.unwritten(caller.id)
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    rate = gateway.settings.limits.requests
    return Usage(
        today=await _counts([row for row in rows if row["day"] == today], caller, midnight),
        last_30_days=await _counts(rows, caller, midnight - timedelta(days=DAYS - 1)),
        requests=RequestLimit(rate.amount, rate.seconds),
        providers=await _providers(gateway, today) if caller.is_admin else None,
    )


async def _counts(rows: list[dict[str, Any]], caller: Caller, since: datetime) -> Counts:
    is_own = (Download.account == uuid.UUID(caller.id)) & (Download.created_at >= since)
    return Counts(
        searches=sum(row["searches"] for row in rows),
        upstream_calls=sum(row["calls"] for row in rows),
        downloads=await Download.count().where(is_own),
    )


async def _providers(gateway: Gateway, today: int) -> list[ProviderUsage]:
    await gateway.usage_store.flush(now=True)
    rows = await read_most_calls(today - DAYS + 1, today, MAX_CALLERS)
    names = await usernames_of({row["caller"] for row in rows})
    callers: defaultdict[str, list[CallerShare]] = defaultdict(list)
    for row in rows:
        callers[row["provider"]].append(CallerShare(names.get(row["caller"]), row["today"], row["calls"]))
    found = []
    for name, provider in sorted(gateway.providers.items()):
        if not has_upstream(provider) or provider.state != "ok":
            continue
        health = health_of(provider, gateway.limiter.last_seen(provider), gateway.clock())
        found.append(ProviderUsage(name, health.quotas, callers[name]))
    return found
