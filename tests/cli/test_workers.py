"""How several workers stop: at once, and without a connection that is accepted and then reset."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.supervisors import multiprocess

from imagevault.cli.workers import Workers

NOTICEABLE = 0.3  # seconds; a connection that nobody accepts waits longer, until the parent ends


@pytest.fixture
def _signals_restored() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in multiprocess.SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_signals_restored")
class TestStop:
    @pytest.fixture
    def signalled(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
        """The processes that get a signal, and the signal; 13 is gone."""
        sent: list[tuple[int, int]] = []

        def kill(pid: int, number: int) -> None:
            if pid == 13:
                raise ProcessLookupError
            sent.append((pid, number))

        monkeypatch.setattr(os, "kill", kill)
        return sent

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_each_worker_that_runs_is_told_at_once(self, signalled: list[tuple[int, int]], number: int) -> None:
        """The supervisor looks at its queue every half second; `/health/ready` must not be 200 for so long."""
        workers = Workers(uvicorn.Config("none:app", workers=4), [])
        processes = [(11, None), (12, 0), (13, None), (14, None), (None, None)]  # ended: 12; not started: the last
        workers.processes = [SimpleNamespace(pid=pid, exitcode=code) for pid, code in processes]  # type: ignore[misc]

        signal.raise_signal(number)

        assert signalled == [(11, signal.SIGTERM), (14, signal.SIGTERM)]
        assert workers.should_exit.is_set()

    def test_the_parent_closes_its_listening_sockets(self) -> None:
        """Before the workers close theirs, which they do a second after the signal."""
        listener = socket.create_server(("127.0.0.1", 0))
        open_elsewhere = listener.dup()  # as in a worker
        workers = Workers(uvicorn.Config("none:app", workers=2), [listener])

        workers.terminate_all()

        assert listener.fileno() == -1
        socket.create_connection(open_elsewhere.getsockname()).close()
        open_elsewhere.close()


def test_a_stopping_server_answers_or_refuses_each_new_connection(serve: Any) -> None:
    """With two workers. One in the very moment in which the last worker closes its socket may be reset."""
    server = serve({}, "--workers", "2").wait_until_ready()
    outcomes: list[int | str] = []

    server.process.send_signal(signal.SIGTERM)
    while server.process.poll() is None and outcomes[-1:] != ["refused"]:
        began = time.monotonic()
        try:
            outcomes.append(httpx.get(f"{server.url}/health/ready", timeout=30).status_code)
        except httpx.ConnectError:
            outcomes.append("refused")
        except httpx.TransportError as error:
            if time.monotonic() - began > NOTICEABLE:
                outcomes.append(f"{type(error).__name__} after a wait")

    assert set(outcomes) - {200} == {503, "refused"}
    assert server.stop() == 0
