"""What a plugin keeps between calls: `await keep(key, make, seconds)`."""

import asyncio
from typing import Any

import httpx
import pytest

from imagevault import SearchQuery
from imagevault.plugins.cache import PluginCache
from tests.support.clock import Clock

QUERY = SearchQuery(text="fox", per_page=10)
HEAD = """
from pathlib import Path
import msgspec
from imagevault import Image, Page, ProviderInfo, Quota, hookimpl
"""
INFO = """
@hookimpl
def provider_info():
    return ProviderInfo(title="Acme", page_size=10)
"""


class Maker:
    """A `make` that waits for `go_on`, and counts its calls."""

    def __init__(self) -> None:
        self.calls = 0
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> str:
        self.calls += 1
        self.begun.set()
        await self.go_on.wait()
        if self.error:
            raise self.error
        return f"made {self.calls}"


class TestKeep:
    """What a plugin keeps between calls: `await keep(key, make, seconds)`."""

    @pytest.fixture
    def clock(self) -> Clock:
        return Clock(100.0)

    @pytest.fixture
    def keep(self, clock: Clock) -> PluginCache:
        return PluginCache(clock)

    @pytest.fixture
    async def make(self) -> Maker:
        return Maker()

    async def test_is_made_once(self, keep: PluginCache, make: Maker) -> None:
        """And then kept, under its key only."""
        make.go_on.set()

        assert [await keep(key, make, 10) for key in ("a", "a", "b")] == ["made 1", "made 1", "made 2"]

    async def test_one_that_waits_for_itself_raises(self, keep: PluginCache) -> None:
        """Otherwise it would wait forever, and every later caller too."""

        async def first() -> str:
            return await keep("b", second, 10)

        async def second() -> str:
            return await keep("a", first, 10)

        with pytest.raises(RuntimeError, match=r"keep\('a'\) waits for itself: its `make` asks for the same key"):
            await asyncio.wait_for(keep("a", first, 10), 5)

    async def test_none_is_kept_too(self, keep: PluginCache) -> None:
        """That there is nothing is an answer."""
        calls: list[str] = []

        async def nothing() -> None:
            calls.append("made")

        for _ in range(2):
            await keep("a", nothing, 10)

        assert calls == ["made"]

    async def test_is_made_anew_when_too_old(self, keep: PluginCache, make: Maker, clock: Clock) -> None:
        """At the second, not before; the time counts from when it was made."""
        make.go_on.clear()
        first = asyncio.create_task(keep("a", make, 10))
        await make.begun.wait()
        clock.now += 5
        make.go_on.set()
        assert await first == "made 1"

        clock.now += 9.99
        assert await keep("a", make, 10) == "made 1"
        clock.now += 0.01
        assert await keep("a", make, 10) == "made 2"

    async def test_callers_at_the_same_time_wait_for_one(self, keep: PluginCache, make: Maker) -> None:
        """Single flight: a token is fetched once, however many searches need it."""
        callers = [asyncio.create_task(keep("a", make, 10)) for _ in range(20)]
        await make.begun.wait()
        make.go_on.set()

        assert await asyncio.gather(*callers) == ["made 1"] * 20

    async def test_a_failure_is_everybodys_and_kept_by_nobody(self, keep: PluginCache, make: Maker) -> None:
        """The next caller tries again."""
        make.error = KeyError("x")
        callers = [asyncio.create_task(keep("a", make, 10)) for _ in range(3)]
        await make.begun.wait()
        make.go_on.set()

        assert [type(result) for result in await asyncio.gather(*callers, return_exceptions=True)] == [KeyError] * 3
        make.error = None
        assert await keep("a", make, 10) == "made 2"

    async def test_a_failure_leaves_what_is_kept_elsewhere(self, keep: PluginCache, make: Maker, clock: Clock) -> None:
        make.go_on.set()
        await keep("a", make, 100)
        make.error = KeyError("x")
        with pytest.raises(KeyError):
            await keep("b", make, 100)

        assert await keep("a", make, 100) == "made 1"

    async def test_a_caller_who_leaves_disturbs_no_other(self, keep: PluginCache, make: Maker) -> None:
        """Not even the first one, for whom it was begun."""
        first, second = (asyncio.create_task(keep("a", make, 10)) for _ in range(2))
        await make.begun.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        make.go_on.set()

        assert await second == "made 1"
        assert await keep("a", make, 10) == "made 1"

    async def test_what_all_left_is_kept_for_the_next(self, keep: PluginCache, make: Maker) -> None:
        caller = asyncio.create_task(keep("a", make, 10))
        await make.begun.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        make.go_on.set()

        assert await keep("a", make, 10) == "made 1"

    async def test_is_bounded(self, clock: Clock, make: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
        """The value that was used least recently goes first; one that is made anew or read counts as used."""
        monkeypatch.setattr(PluginCache, "MAX_VALUES", 4)
        keep = PluginCache(clock)
        make.go_on.set()
        await keep("a", make, 5)
        for key in ("b", "c", "d"):
            await keep(key, make, 10)
        clock.now += 5
        await keep("a", make, 10)
        await keep("b", make, 10)
        await keep("e", make, 10)

        assert set(keep.values) == {"d", "a", "b", "e"}

    async def test_make_may_be_any_awaitable(self, keep: PluginCache, make: Maker) -> None:
        """What is no coroutine function is the author's error, and keeps nothing."""
        with pytest.raises(TypeError):
            await keep("a", lambda: 5, 10)  # type: ignore[arg-type,return-value]
        make.go_on.set()

        assert await keep("a", make, 10) == "made 1"

    async def test_of_each_provider_is_its_own(self, place: Any, http: httpx.AsyncClient) -> None:
        """Two plugins may use the same key."""
        source = """
@hookimpl
async def search_images(keep):
    async def make():
        return __name__
    return Page([Image(id=await keep("token", make, seconds=60))])
"""
        place.write("other", HEAD + INFO + source)
        place.write("acme", HEAD + INFO + source)
        providers = place.load().providers

        pages: list[Any] = [await providers[name].search_images(QUERY, http) for name in ("acme", "other", "acme")]

        assert pages[0] == pages[2] != pages[1]
