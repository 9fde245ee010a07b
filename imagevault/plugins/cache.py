"""The host's memory for one plugin, which the plugin calls `keep`."""

import asyncio
import contextvars
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

T = TypeVar("T")
_within: contextvars.ContextVar[frozenset[tuple[int, str]]] = contextvars.ContextVar("making", default=frozenset())


class PluginCache:
    """What one plugin keeps between calls (`Keep`): one `make` at a time per key, bounded, the oldest thrown away."""

    SIZE = 10_000

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self.kept: dict[str, tuple[float, Any]] = {}
        self.making: dict[str, asyncio.Future[Any]] = {}

    async def __call__(self, key: str, make: Callable[[], Awaitable[T]], seconds: float) -> T:
        """What is kept under `key`, made now if it is not there or too old."""
        until, value = self.kept.get(key, (0.0, None))
        if self.clock() < until:
            return value  # type: ignore[no-any-return]
        if (id(self), key) in _within.get():
            raise RuntimeError(f"keep({key!r}) waits for itself: its make asked for the same key")
        task = self.making.get(key)
        if task is None:

            async def made() -> T:
                _within.set(_within.get() | {(id(self), key)})
                return await make()

            task = self.making[key] = asyncio.ensure_future(made())
            task.add_done_callback(lambda done: self._store(key, done, seconds))
        return await asyncio.shield(task)  # one caller's leaving disturbs no other

    def _store(self, key: str, done: "asyncio.Future[Any]", seconds: float) -> None:
        del self.making[key]
        if not done.cancelled() and done.exception() is None:
            self.kept.pop(key, None)
            self.kept[key] = (self.clock() + seconds, done.result())
            while len(self.kept) > self.SIZE:
                del self.kept[next(iter(self.kept))]
