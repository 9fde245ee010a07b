"""Reports which plugin blocks the event loop. Nothing can isolate such a plugin, so its author must know."""

import asyncio
import logging
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import FrameType

log = logging.getLogger(__name__)

HEARTBEAT_INTERVAL = 0.25  # seconds between two heartbeats of the event loop; each wakes an idle worker
BLOCKED_AFTER = 0.75  # seconds without a heartbeat: the loop has then been late for half a second at least


def _log_error(message: str) -> None:
    log.error("%s", message)


class Watchdog:
    """A thread that looks at what the event loop is doing when its heartbeat stops.

    Args:
        modules: the name of each plugin's module -> the provider's name.
        report: receives the message, once for each time that the loop is blocked. Logs an error by default.

    """

    def __init__(self, modules: Mapping[str, str], report: Callable[[str], None] = _log_error) -> None:
        self.modules = modules
        self.report = report
        self.last_heartbeat = time.monotonic()
        self.stopped = threading.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch the running event loop until the block ends."""
        heartbeat = asyncio.create_task(self._send_heartbeats())
        thread = threading.Thread(
            target=self._watch,
            args=(threading.get_ident(),),
            name="imagevault-watchdog",
            daemon=True,
        )
        thread.start()
        try:
            yield
        finally:
            heartbeat.cancel()
            self.stopped.set()
            thread.join(1)

    async def _send_heartbeats(self) -> None:
        while True:
            self.last_heartbeat = time.monotonic()
            await asyncio.sleep(HEARTBEAT_INTERVAL)

    def _watch(self, loop_thread: int) -> None:
        reported_heartbeat = 0.0
        while not self.stopped.wait(HEARTBEAT_INTERVAL):
            heartbeat = self.last_heartbeat
            is_blocked = time.monotonic() - heartbeat > BLOCKED_AFTER
            if not is_blocked or heartbeat == reported_heartbeat:
                continue
            reported_heartbeat = heartbeat
            message = self._describe(sys._current_frames().get(loop_thread))  # noqa: SLF001  there is no other way
            if message is not None:
                self.report(message)

    def _describe(self, frame: FrameType | None) -> str | None:
        """Return the message that names the innermost frame of a plugin; None if no plugin is running."""
        while frame is not None:
            provider = self.modules.get(frame.f_globals.get("__name__", ""))
            if provider is not None:
                place = f"{frame.f_code.co_filename}:{frame.f_lineno}"
                return f"plugin {provider} blocks the server at {place}; its hooks must await, or use a thread"
            frame = frame.f_back
        return None
