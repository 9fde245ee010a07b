"""How long a cached page is fresh, and how long it is served at all."""

import math
from collections.abc import Callable

from imagevault.cache.store import CacheEntry
from imagevault.plugins.provider import Provider

MAX_AGE = 7 * 86400.0  # seconds for which a stale page is served
OPEN_WALK = 600.0  # seconds for which a walk goes on with the page it began with after that page was replaced
STRETCH = 3.0  # pages stay fresh up to this much longer while a quota runs out
FUTURE = 86400.0  # seconds; a page that seems to be stored later than that was stored before the clock was set back
PLENTY = 0.5  # the part of a quota below which pages stay fresh for longer


class Freshness:
    """Judges cached pages.

    Args:
        clock: the time that all workers share, in seconds.
        fraction_left: the part that is left of a provider's scarcest quota, from 0 to 1.

    """

    def __init__(self, clock: Callable[[], float], fraction_left: Callable[[Provider], float]) -> None:
        self._clock = clock
        self._fraction_left = fraction_left

    def is_fresh(self, provider: Provider, entry: CacheEntry) -> bool:
        """Whether a page is served without fetching a new one: for `cache_for`, and longer while calls are scarce."""
        age = self._age(entry)
        if age >= (provider.info.max_age or math.inf):
            return False
        if age < provider.info.cache_for:
            return True  # whatever is left of the quota
        scarcity = max(0.0, 1 - self._fraction_left(provider) / PLENTY)
        return age < provider.info.cache_for * (1 + STRETCH * scarcity)

    def is_servable(self, provider: Provider, entry: CacheEntry) -> bool:
        """Whether a page may be served, fresh or stale. Pages without an upstream are never served stale."""
        if not has_upstream(provider):
            return self._age(entry) < provider.info.cache_for
        return self._age(entry) < min(MAX_AGE, provider.info.max_age or MAX_AGE)

    def keeps_walks_open(self, entry: CacheEntry) -> bool:
        """Whether walks that began with the previous version of this page continue with that version."""
        return self._age(entry) < OPEN_WALK

    def _age(self, entry: CacheEntry) -> float:
        """The seconds since a page was stored; endless where the clock was set back, for then nobody knows."""
        age = self._clock() - entry.stored_at
        return age if age >= -FUTURE else math.inf


def has_upstream(provider: Provider) -> bool:
    """Whether a provider calls an upstream; otherwise it holds its files itself, and its pages stay in memory."""
    return provider.info.base_url is not None
