"""Stopping without a failed request: the server announces that it stops, then finishes what is in progress."""

import asyncio
import contextvars
import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)

NOTICE = 1.0  # seconds between SIGTERM and closing the listeners: load balancers and clients learn of the stop
LAST_REQUESTS = 0.5  # seconds for connections that were accepted just before to send their request

SignalHandler = Callable[[int, FrameType | None], Any]


class Drain:
    """Whether this worker wants no more requests: because it stops, or because `draining` is set in the config."""

    def __init__(self, configured: Callable[[], bool]) -> None:
        self.configured = configured
        self.stopping = False

    @property
    def is_draining(self) -> bool:
        """Whether load balancers should send requests elsewhere."""
        return self.stopping or self.configured()

    def install(self) -> None:
        """Give notice of SIGTERM before the server handles it. Does nothing where signals cannot be caught."""
        server_handler = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is not threading.main_thread() or not callable(server_handler):
            return
        signal.signal(signal.SIGTERM, _GracefulStop(self, server_handler, asyncio.get_running_loop()))

    def announce_stop(self) -> None:
        """From now on `/health/ready` is 503 and each response closes its connection."""
        self.stopping = True
        contextvars.Context().run(_log_stop)  # The signal may interrupt a request, whose id has no place in the line.


def _log_stop() -> None:
    log.warning("draining: this worker finishes its requests and accepts no new ones")


class _GracefulStop:
    """Handles SIGTERM: announces the stop, closes the listeners after `NOTICE`, and then lets the server stop."""

    def __init__(self, drain: Drain, server_handler: SignalHandler, loop: asyncio.AbstractEventLoop) -> None:
        self.drain = drain
        self.server_handler = server_handler
        self.loop = loop

    def __call__(self, number: int, _: FrameType | None) -> None:
        """Take the first signal only. A service manager may signal the workers, which their parent signals too."""
        if self.drain.stopping:
            return
        self.drain.announce_stop()
        self.loop.call_soon_threadsafe(self.loop.call_later, NOTICE, self._close_listeners, number)

    def _close_listeners(self, number: int) -> None:
        # The handler is a method of uvicorn's server. That server would close the listeners and the idle connections
        # together, among them connections that were accepted a moment ago and whose request is on its way.
        server = getattr(self.server_handler, "__self__", None)
        for listener in getattr(server, "servers", ()):
            listener.close()
        self.loop.call_later(LAST_REQUESTS, self.server_handler, number, None)
