"""Several worker processes: uvicorn's supervisor, with a shutdown that a rolling restart does not delay."""

import signal
import threading
from socket import socket
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess


class Workers(Multiprocess):
    """Stops at once on SIGINT and SIGTERM.

    uvicorn handles the signals in its queue between two rolling restarts only. Here, the signal handler also sets
    `should_exit`, which uvicorn checks before it replaces the next worker.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self.should_exit: _ExitEvent = _ExitEvent()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._request_exit)

    def _request_exit(self, number: int, _: FrameType | None) -> None:
        self.should_exit.requested = True
        self.signal_queue.append(number)


class _ExitEvent(threading.Event):
    """An event that a signal handler can set.

    `set` takes a lock. A handler that interrupts the holder of the lock would wait for it forever, so a handler sets
    `requested` instead.
    """

    requested = False

    def is_set(self) -> bool:
        """Whether the event was set, or requested by a signal."""
        return self.requested or super().is_set()
