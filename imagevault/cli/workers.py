"""Several workers: uvicorn's supervisor, which also stops at once when it is told to amid a rolling restart."""

import signal
import threading
from socket import socket
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess


class Workers(Multiprocess):
    """Signals wait in its queue while it replaces workers one by one; those to stop are seen there too."""

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self.should_exit: _Stop = _Stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._tell)

    def _tell(self, number: int, _: FrameType | None) -> None:
        self.should_exit.told = True
        self.signal_queue.append(number)


class _Stop(threading.Event):
    """`told` is for a signal handler, in which `set` could wait for ever for what it interrupts."""

    told = False

    def is_set(self) -> bool:
        """Whether it was set or told."""
        return self.told or super().is_set()
