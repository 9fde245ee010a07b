"""Leaving without failing anybody: whoever must stop says so first, and finishes what is under way."""

import asyncio
import contextvars
import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)

NOTICE = 1.0  # seconds in which load balancers and clients are told, and requests still taken
LAST = 0.5  # seconds in which connections that were taken just before may still send their request


class Drain:
    """Whether this worker, or the whole server by its config (`draining`), wants no more requests."""

    def __init__(self, configured: Callable[[], bool]) -> None:
        self.configured = configured
        self.leaving = False

    @property
    def wanted(self) -> bool:
        """Whether load balancers should send requests elsewhere."""
        return self.leaving or self.configured()

    def install(self) -> None:
        """From now on SIGTERM gives notice before the server gets it; only where signals can be caught."""
        former = signal.getsignal(signal.SIGTERM)
        if threading.current_thread() is not threading.main_thread() or not callable(former):
            return
        loop = asyncio.get_running_loop()
        handle: Callable[[int, FrameType | None], Any] = former

        def tell() -> None:
            log.warning("leaving: requests under way are finished, no new ones are wanted")

        def give_notice(number: int, _: FrameType | None) -> None:
            if self.leaving:  # a service manager may tell the workers too, whom their parent tells again
                return
            self.leaving = True
            contextvars.Context().run(tell)  # it belongs to no request
            loop.call_soon_threadsafe(loop.call_later, NOTICE, stop_listening, number)

        def stop_listening(number: int) -> None:
            # The handler is a method of uvicorn's server, which would close connections together with the listeners,
            # among them those that were taken a moment ago and whose request is on its way.
            for listener in getattr(getattr(former, "__self__", None), "servers", ()):
                listener.close()
            loop.call_later(LAST, handle, number, None)

        signal.signal(signal.SIGTERM, give_notice)
