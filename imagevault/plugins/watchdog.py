"""Names the plugin that blocks the event loop: it cannot be isolated there, so it must be found."""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import FrameType

log = logging.getLogger(__name__)

BEAT = 0.1  # seconds between two signs of life
PATIENCE = 0.5  # seconds without one after which the culprit is looked for


class Watchdog:
    """A thread that looks at what the event loop is doing when it gives no sign of life.

    `modules`: the name of each plugin's module -> the provider. `report` gets the provider and the line, once a block.
    """

    def __init__(self, modules: Mapping[str, str], report: Callable[[str], None] | None = None) -> None:
        self.modules = modules
        self.report = report or (lambda message: log.error("%s", message))
        self.last_beat = time.monotonic()
        self.ended = threading.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watches the running loop until the block ends."""
        loop_thread = threading.get_ident()
        beating = asyncio.create_task(self._beat())
        thread = threading.Thread(target=self._watch, args=(loop_thread,), name="imagevault-watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            beating.cancel()
            self.ended.set()
            thread.join(1)

    async def _beat(self) -> None:
        while True:
            self.last_beat = time.monotonic()
            await asyncio.sleep(BEAT)

    def _watch(self, loop_thread: int) -> None:
        reported = 0.0
        while not self.ended.wait(BEAT):
            beat = self.last_beat
            if time.monotonic() - beat > PATIENCE and beat != reported:
                reported = beat
                if (where := self._culprit(sys._current_frames().get(loop_thread))) is not None:  # noqa: SLF001
                    self.report(where)

    def _culprit(self, frame: FrameType | None) -> str | None:
        while frame is not None:
            provider = self.modules.get(frame.f_globals.get("__name__", ""))
            if provider is not None:
                where = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                return f"plugin {provider} blocks the server at {where}; its hooks must await, or use a thread"
            frame = frame.f_back
        return None
