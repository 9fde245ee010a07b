"""Leaving without failing anybody: whoever must stop says so first, and finishes what is under way."""

import asyncio
import logging
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

log = logging.getLogger(__name__)

NOTICE = 1.0  # seconds in which load balancers and clients are told, before no connection is taken any more


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
        server: Callable[[int, FrameType | None], Any] = former

        def give_notice(number: int, _: FrameType | None) -> None:
            if self.leaving:
                server(number, None)
                return
            self.leaving = True
            log.warning("leaving: requests under way are finished, no new ones are wanted")
            loop.call_soon_threadsafe(loop.call_later, NOTICE, server, number, None)

        signal.signal(signal.SIGTERM, give_notice)
