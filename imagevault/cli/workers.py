"""Several worker processes: uvicorn's supervisor, which here also stops at once and replaces a dead worker at once."""

import contextlib
import logging
import os
import signal
import threading
from socket import socket
from types import FrameType

import uvicorn
from uvicorn.supervisors import Multiprocess

log = logging.getLogger(__name__)


class Workers(Multiprocess):
    """Stops at once on SIGINT and SIGTERM, and never waits for the answer of a worker that is dead.

    uvicorn handles the signals in its queue every half second, between two rolling restarts only. Here, the signal
    handler tells the workers to stop, and sets `should_exit`, which uvicorn checks before it replaces the next worker.
    """

    def __init__(self, config: uvicorn.Config, sockets: list[socket]) -> None:
        super().__init__(config, sockets)
        self.should_exit: _ExitEvent = _ExitEvent()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._request_exit)

    def _request_exit(self, number: int, _: FrameType | None) -> None:
        self.should_exit.requested = True
        self.signal_queue.append(number)
        if os.name == "nt":
            return  # there, SIGTERM would end a worker without notice; `terminate_all` sends another signal
        for process in tuple(self.processes):
            if process.pid is not None and process.exitcode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process.pid, signal.SIGTERM)

    def keep_subprocess_alive(self) -> None:
        """Replace the workers that ended or do not answer, and log those that a signal ended.

        uvicorn asks each worker through a pipe and keeps a copy of the worker's end open. If a worker dies before it
        answers, the copy holds the pipe open, and uvicorn waits for `timeout_worker_healthcheck` seconds. Without the
        copy, the pipe ends together with the worker.
        """
        for process in self.processes:
            process.child_conn.close()
        before = tuple(self.processes)
        super().keep_subprocess_alive()
        for process, successor in zip(before, self.processes, strict=True):
            if successor is not process and process.exitcode is not None and process.exitcode < 0:
                number = -process.exitcode
                extra = {"worker": process.pid, "signal": number}
                log.warning("worker %s died (signal %s); another one starts", process.pid, number, extra=extra)

    def terminate_all(self) -> None:
        """Close this process's copies of the listening sockets, then tell all workers to stop.

        A worker takes SIGTERM once, so it makes no difference to those that the signal handler has told. This process
        accepts no connection. If it kept a socket open after the last worker has closed its own, new connections would
        wait there until it ends, and then be reset.
        """
        for listener in self.sockets:
            listener.close()
        super().terminate_all()


class _ExitEvent(threading.Event):
    """An event that a signal handler can set.

    `set` takes a lock. A handler that interrupts the holder of the lock would wait for it forever, so a handler sets
    `requested` instead.
    """

    requested = False

    def is_set(self) -> bool:
        """Whether the event was set, or requested by a signal."""
        return self.requested or super().is_set()
