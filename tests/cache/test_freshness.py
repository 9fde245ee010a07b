"""How long a page is fresh, and how long it is served at all."""

import pytest

from imagevault import ProviderInfo
from imagevault.cache.freshness import FUTURE, MAX_AGE, Freshness
from imagevault.cache.store import CacheEntry
from imagevault.plugins.provider import Provider
from tests.support.clock import Clock
from tests.support.plain_provider import provider_of

CACHE_FOR = 60


def make_provider(base_url: str | None = "https://p.example/", max_age: int | None = None) -> Provider:
    return provider_of(ProviderInfo(title="P", page_size=2, base_url=base_url, cache_for=CACHE_FOR, max_age=max_age))


def entry(clock: Clock, age: float) -> CacheEntry:
    """A page that was stored so many seconds ago."""
    return CacheEntry(content=b"", stored_at=clock() - age)


@pytest.mark.parametrize(
    ("age", "max_age", "left", "is_fresh"),
    [
        pytest.param(59, None, 1.0, True, id="within cache_for"),
        pytest.param(60, None, 1.0, False, id="after cache_for"),
        pytest.param(60, None, 0.5, False, id="half of the quota is plenty"),
        pytest.param(149, None, 0.25, True, id="a quarter of the quota stretches"),
        pytest.param(150, None, 0.25, False, id="but not for ever"),
        pytest.param(239, None, 0.0, True, id="no quota stretches most"),
        pytest.param(240, None, 0.0, False, id="four times cache_for at most"),
        pytest.param(29, 30, 1.0, True, id="a max_age below cache_for"),
        pytest.param(30, 30, 1.0, False, id="ends it"),
        pytest.param(99, 100, 0.0, True, id="a max_age above cache_for"),
        pytest.param(100, 100, 0.0, False, id="ends the stretch"),
        pytest.param(-3600, None, 1.0, True, id="the clock was set back by an hour"),
        pytest.param(-FUTURE - 1, None, 0.0, False, id="nobody knows how old it is"),
    ],
)
def test_fresh(clock: Clock, age: float, max_age: int | None, left: float, is_fresh: bool) -> None:
    """A page is fresh for `cache_for`, longer while calls are scarce, and never for longer than `max_age`."""
    freshness = Freshness(clock, lambda _provider: left)
    assert freshness.is_fresh(make_provider(max_age=max_age), entry(clock, age)) is is_fresh


@pytest.mark.parametrize(
    ("age", "base_url", "max_age", "is_servable"),
    [
        pytest.param(MAX_AGE - 1, "https://p.example/", None, True, id="stale for a week"),
        pytest.param(MAX_AGE, "https://p.example/", None, False, id="but no longer"),
        pytest.param(119, "https://p.example/", 120, True, id="stale until max_age"),
        pytest.param(120, "https://p.example/", 120, False, id="dead links"),
        pytest.param(MAX_AGE, "https://p.example/", 30 * 86_400, False, id="a long max_age"),
        pytest.param(59, None, None, True, id="without an upstream"),
        pytest.param(60, None, None, False, id="without an upstream never stale"),
        pytest.param(-FUTURE - 1, "https://p.example/", None, False, id="nobody knows how old it is"),
    ],
)
def test_servable(clock: Clock, age: float, base_url: str | None, max_age: int | None, is_servable: bool) -> None:
    """A stale page is served for a week, unless its links are dead before."""
    freshness = Freshness(clock, lambda _provider: 1.0)
    assert freshness.is_servable(make_provider(base_url, max_age), entry(clock, age)) is is_servable
