"""The page of the providers: how each is doing, what its terms ask for, and what to change in the config."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from imagevault.cache.statistics import CacheRate
from imagevault.search.gateway import Gateway
from imagevault.search.provider_list import ProviderList, ProviderRecord, QuotaLeft, list_providers
from imagevault.upstream.call_history import SLOTS, CallSlot
from imagevault.web import words

STEP = 100 / SLOTS  # percent of a plot from one column to the next
WIDTH = 7.0  # percent of a column
STATES = {
    "ok": "works",
    "unconfigured": "is not set up",
    "disabled": "is switched off",
    "failed": "has a wrong setting, or its plugin does not work",
}
BREAKER = {
    "closed": "Calls go through.",
    "open": "Calls are held back after several failures.",
    "probing": "One call tries whether it works again.",
}


class Rect(msgspec.Struct, frozen=True):
    """A part of a plot: its class, its left upper corner, its width and its height, in percent of the plot."""

    kind: str
    x: float
    y: float
    width: float
    height: float


class Plot(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of numbers, drawn by SVG.

    Attributes:
        parts: what is drawn.
        words: what it shows.
        is_tall: whether it is a row of columns, not one bar.

    """

    parts: Sequence[Rect]
    words: str
    is_tall: bool = False


class ProviderCard(msgspec.Struct, frozen=True, kw_only=True):
    """A provider on the page.

    Attributes:
        record: what the provider list says of it.
        state: its state, the rest of a sentence that begins with its name.
        is_ok: whether it can be asked.
        quotas: what is left of its quotas.
        breaker: what the circuit breaker does, in words; None where nobody calls it, and for those who are no admin.
        last_error: its last error with the time; None if there was none.
        cache: how its pages were found in the last hour; None if none was read.
        latency: how long its calls of the last hour took; None if there was none.
        calls: how many there were, and how many failed; None if there was none.
        where: where its settings are, for admins.

    """

    record: ProviderRecord
    state: str
    is_ok: bool
    quotas: Sequence[Plot] = ()
    breaker: str | None = None
    last_error: str | None = None
    cache: Plot | None = None
    latency: Plot | None = None
    calls: Plot | None = None
    where: str | None = None


class ProvidersPage(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows.

    Attributes:
        cards: the providers, by their titles.
        listed: the list that they come from, with failed plugins and problems of the config.

    """

    cards: Sequence[ProviderCard]
    listed: ProviderList


async def read_providers_page(gateway: Gateway, *, is_admin: bool) -> ProvidersPage:
    """Read the providers as they are now. Only admins see numbers, errors and the config."""
    listed = await list_providers(gateway, admin=is_admin)
    cards = [make_card(gateway, record, is_admin=is_admin) for record in listed.providers]
    return ProvidersPage(cards=sorted(cards, key=lambda card: card.record.title.casefold()), listed=listed)


def make_card(gateway: Gateway, record: ProviderRecord, *, is_admin: bool) -> ProviderCard:
    """Return what the page shows of a provider."""
    health = record.health
    place = gateway.settings.where(f"providers.{record.name}")
    pause = gateway.limiter.pause(gateway.providers[record.name]) if record.state == "ok" else None
    card = ProviderCard(
        record=record,
        state=STATES.get(record.state, record.state) if pause is None else words.describe_pause(pause),
        is_ok=record.state == "ok" and pause is None,
        where=place if is_admin and place != "default" else None,
    )
    if health is None:
        return card
    quotas = [quota for quota in health.quotas if not quota.is_burst]
    is_paused = health.breaker == "closed" and health.retry_after
    breaker = "It asked for a pause." if is_paused else BREAKER[health.breaker]
    if health.retry_after:
        breaker += f" The next call is possible in {words.describe_seconds(health.retry_after)}."
    return msgspec.structs.replace(
        card,
        state=card.state if health.breaker == "closed" or pause else "does not answer at present",
        quotas=[quota_bar(quota) for quota in quotas],
        breaker=breaker,
        is_ok=card.is_ok and health.breaker == "closed" and all(quota.left for quota in quotas),
        last_error=_last_error(health.last_error, health.last_error_at),
        cache=cache_bar(health.cache) if health.cache is not None else None,
        latency=latency_plot(health.calls),
        calls=calls_plot(health.calls),
    )


def quota_bar(quota: QuotaLeft) -> Plot:
    """Return how much of a quota is left."""
    name = quota.name.replace(f"{quota.limit}", f"{quota.limit:,}", 1)
    left = f"{quota.left:,} of {name} left"
    more = f", more in {words.describe_seconds(quota.more_in)}" if quota.more_in else ""
    level = "good" if quota.level == "ok" else "low"
    width = round(100 * quota.left / quota.limit, 1)
    return Plot(parts=[Rect(level, 0, 0, width, 100)], words=left + more)


def cache_bar(cache: CacheRate) -> Plot | None:
    """Return how pages were found; None if none was read."""
    total = cache.hits + cache.stale + cache.misses
    if not total:
        return None
    parts = []
    start = 0.0
    for name, count in (("good", cache.hits), ("low", cache.stale), ("rest", cache.misses)):
        width = round(100 * count / total, 1)
        parts.append(Rect(name, start, 0, width, 100))
        start += width
    return Plot(parts=parts, words=f"{cache.hits:,} fresh, {cache.stale:,} old, {cache.misses:,} fetched")


def latency_plot(slots: Sequence[CallSlot]) -> Plot | None:
    """Return how long calls took: a column for each five minutes, as high as their average. None without a call."""
    times = [slot.average_ms or 0 for slot in slots]
    calls = sum(slot.calls for slot in slots)
    if not calls:
        return None
    average = round(sum(time * slot.calls for time, slot in zip(times, slots, strict=True)) / calls)
    longest = max(1, *times)
    parts = [_column(number, "rest", 100 * time / longest) for number, time in enumerate(times) if time]
    words = f"{average:,} ms on average"
    if len(parts) > 1:
        words += f", {max(times):,} ms in the slowest five minutes"
    return Plot(parts=parts, words=words, is_tall=True)


def calls_plot(slots: Sequence[CallSlot]) -> Plot | None:
    """Return how many calls there were: a column for each five minutes, the failed ones at its foot.

    None if there was none.
    """
    calls = sum(slot.calls for slot in slots)
    if not calls:
        return None
    most = max(slot.calls for slot in slots)
    parts = []
    for number, slot in enumerate(slots):
        if slot.calls:
            parts.append(_column(number, "good", 100 * slot.calls / most))
        if slot.failures:
            parts.append(_column(number, "bad", 100 * slot.failures / most))
    failed = sum(slot.failures for slot in slots)
    words = f"{calls:,} call{'' if calls == 1 else 's'}, {f'{failed:,} failed' if failed else 'none failed'}"
    return Plot(parts=parts, words=words, is_tall=True)


def _column(number: int, kind: str, height: float) -> Rect:
    """One of the columns of a plot, at least two percent high, so that it is seen."""
    height = round(max(2.0, height), 1)
    return Rect(kind, round(number * STEP, 1), round(100 - height, 1), WIDTH, height)


def _last_error(message: str | None, at: float | None) -> str | None:
    if message is None or at is None:
        return None
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC: {message}"
