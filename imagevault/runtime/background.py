"""The pulse: what each worker looks after every 0.4 seconds, in one task."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from imagevault.errors import DatabaseUnavailable

log = logging.getLogger(__name__)

BEAT = 0.4  # seconds
SOON = 0.15  # seconds before a second look at a file that is just being changed


class BackgroundTasks:
    """`poll`: at the config file, answering whether to look again soon. `carry`: one round trip to the database.

    A database that is slow or away delays no look at the file.
    """

    def __init__(self, poll: Callable[[], bool], carry: Callable[[], Awaitable[None]]) -> None:
        self.poll = poll
        self.carry = carry
        self.trip: asyncio.Task[None] | None = None
        self.away = False

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Beats until the block ends."""
        beating = asyncio.create_task(self._beat())
        try:
            yield
        finally:
            tasks = [beating, *([self.trip] if self.trip else [])]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _beat(self) -> None:
        while True:
            soon = False
            try:
                soon = self.poll()
            except Exception:
                log.exception("the config file could not be looked at")
            if self.trip is None or self.trip.done():
                self.trip = asyncio.create_task(self._carry())
            await asyncio.sleep(SOON if soon else BEAT)

    async def _carry(self) -> None:
        try:
            await self.carry()
        except DatabaseUnavailable as error:
            if not self.away:
                log.warning("the pulse does not reach the database: %s", error)
            self.away = True
        except Exception:
            log.exception("the pulse failed")
        else:
            if self.away:
                log.warning("the pulse reaches the database again")
            self.away = False
