"""The cache that a plugin uses as `keep`."""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from cachetools import TLRUCache

T = TypeVar("T")

# The (cache, key) pairs whose values the current task is making, to find a value that waits for itself.
_being_made: contextvars.ContextVar[frozenset[tuple[int, str]]] = contextvars.ContextVar(
    "being_made", default=frozenset()
)


class CachedValue(msgspec.Struct, frozen=True):
    """A value and for how many seconds it is kept."""

    value: Any
    seconds: float


def _expires_at(_key: str, cached: CachedValue, now: float) -> float:
    return now + cached.seconds


class PluginCache:
    """The values of one plugin in one worker (`Keep`): bounded, and each made by one call at a time.

    A full cache drops the values that have expired, then those used least recently.
    """

    MAX_VALUES = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.values: TLRUCache[str, CachedValue] = TLRUCache(self.MAX_VALUES, ttu=_expires_at, timer=clock)
        self.in_flight: dict[str, asyncio.Future[Any]] = {}

    async def __call__(self, key: str, make: Callable[[], Awaitable[T]], seconds: float) -> T:
        """Return the value for `key`; make it if there is none or it has expired.

        Raises:
            RuntimeError: `make` itself asks for the same key, which would wait forever.

        """
        cached = self.values.get(key)
        if cached is not None:
            return cached.value  # type: ignore[no-any-return]
        if (id(self), key) in _being_made.get():
            raise RuntimeError(f"keep({key!r}) waits for itself: its `make` asks for the same key; use another key")
        task = self.in_flight.get(key)
        if task is None:
            task = asyncio.ensure_future(self._make(key, make))
            self.in_flight[key] = task
            task.add_done_callback(lambda done: self._store(key, done, seconds))
        return await asyncio.shield(task)  # a caller that is cancelled does not cancel the others

    async def _make(self, key: str, make: Callable[[], Awaitable[T]]) -> T:
        _being_made.set(_being_made.get() | {(id(self), key)})
        return await make()

    def _store(self, key: str, done: "asyncio.Future[Any]", seconds: float) -> None:
        del self.in_flight[key]
        if not done.cancelled() and done.exception() is None:
            self.values[key] = CachedValue(done.result(), seconds)
