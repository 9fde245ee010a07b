"""Work that goes on after the caller has the answer."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

from imagevault.errors import DatabaseUnavailable

log = logging.getLogger(__name__)


class BackgroundWrites:
    """Runs coroutines as tasks, and logs those that fail: their caller is gone. One for each worker."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine to its end. The task never fails."""
        task = asyncio.create_task(self._logged(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task

    async def drain(self, seconds: float | None = None) -> None:
        """Wait until everything is done, at most for some seconds."""
        if self.tasks:
            await asyncio.wait(self.tasks, timeout=seconds)

    async def _logged(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except DatabaseUnavailable as error:  # the log says already that an outage began
            log.debug("a background write failed: %s", error)
        except Exception as error:  # noqa: BLE001  the caller has the answer, so nobody else would hear of it
            log.error("a background write failed: %s: %s", type(error).__name__, error)
