"""The background tasks of a worker: one polls the config file, one exchanges state with the database."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from imagevault.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

INTERVAL = 0.4  # seconds between two rounds
INTERVAL_WHILE_CHANGING = 0.15  # seconds before a file that has changed is read again


class BackgroundTasks:
    """Polls the config file and synchronizes with the database at a fixed interval.

    A slow or unavailable database never delays a poll of the file.

    Args:
        poll: read the config file; returns whether to poll again soon.
        synchronize: exchange state with the database once.
        sleep: wait for some seconds; tests put in another clock.

    """

    def __init__(
        self,
        poll: Callable[[], bool],
        synchronize: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._poll = poll
        self._synchronize = synchronize
        self._sleep = sleep
        self._synchronization: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the tasks until the block ends."""
        rounds = asyncio.create_task(self._run())
        try:
            yield
        finally:
            tasks = [rounds] if self._synchronization is None else [rounds, self._synchronization]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            is_changing = self._poll_file()
            if self._synchronization is None or self._synchronization.done():
                self._synchronization = asyncio.create_task(self._synchronize_once())
            await self._sleep(INTERVAL_WHILE_CHANGING if is_changing else INTERVAL)

    def _poll_file(self) -> bool:
        try:
            return self._poll()
        except Exception:
            log.exception("the config file could not be polled")
            return False

    async def _synchronize_once(self) -> None:
        try:
            await self._synchronize()
        except DatabaseUnavailable:
            pass  # the log says already that an outage began
        except Exception:
            log.exception("a background task failed")
