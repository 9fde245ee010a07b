"""How several workers are replaced and stop: at once, and without a connection that is accepted and then reset."""

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.supervisors import multiprocess

from imagevault.cli.workers import Workers
from tests.support.waiting import EVENT_LIMIT, wait_until


@pytest.fixture
def _signals_restored() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in multiprocess.SIGNALS}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


async def app(*_: object) -> None:
    """The application of a worker that nobody calls."""


@pytest.mark.usefixtures("_signals_restored")
class TestReplacement:
    def test_a_worker_that_dies_before_it_answers_is_replaced_at_once(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The supervisor asks it whether it is alive, and the end of the pipe answers. The log names the signal."""
        config = uvicorn.Config(
            f"{__name__}:app", workers=1, lifespan="off", timeout_worker_healthcheck=int(EVENT_LIMIT), log_config=None
        )
        workers = Workers(config, [])
        workers.init_processes()
        asked = workers.processes[0]
        assert asked.pid is not None
        os.kill(asked.pid, signal.SIGSTOP)  # it does not answer
        answered = []
        poll = asked.parent_conn.poll

        def die_and_poll(timeout: float) -> bool:
            assert asked.pid is not None
            os.kill(asked.pid, signal.SIGKILL)
            answered.append(poll(timeout))
            return answered[-1]

        monkeypatch.setattr(asked.parent_conn, "poll", die_and_poll)
        try:
            workers.keep_subprocess_alive()
            successor = workers.processes[0]
            assert answered == [True]
            assert successor is not asked
            assert successor.is_alive(EVENT_LIMIT)
            assert caplog.messages == [f"worker {asked.pid} died (signal 9); another one starts"]
        finally:
            for process in workers.processes:
                process.kill()
                process.join()


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
    """With two workers. Few are reset: one as the last socket closes, and one in each worker that sent nothing yet."""
    server = serve({}, "--workers", "2").wait_until_ready()
    outcomes: list[int | str] = []
    resets = 0

    server.process.send_signal(signal.SIGTERM)
    while server.process.poll() is None and outcomes[-1:] != ["refused"]:
        try:
            outcomes.append(httpx.get(f"{server.url}/health/ready", timeout=30).status_code)
        except httpx.ConnectError:
            outcomes.append("refused")
        except httpx.TransportError:
            resets += 1

    assert resets <= 3
    assert set(outcomes) - {200} == {503, "refused"}
    assert server.stop() == 0


def test_what_becomes_of_workers_is_in_the_log(serve: Any, tmp_path: Path) -> None:
    """One that dies, and one that cannot start. Each line is JSON."""
    server = serve({"IMAGEVAULT_LOG": "json"}, "--workers", "2").wait_until_ready()
    (tmp_path / ".env").write_text("IMAGEVAULT_FOO=1")

    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: server.lines("a worker cannot start"), "the line of the new worker")
    (tmp_path / ".env").unlink()
    assert httpx.get(f"{server.url}/docs", timeout=EVENT_LIMIT).status_code == 200
    wait_until(lambda: server.lines("request"), "the line of the request")
    victim = server.lines("request")[0]["pid"]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: server.lines(f"worker {victim} died"), "the line of the worker that died")

    [died] = server.lines("worker ")
    assert died["event"] == f"worker {victim} died (signal 9); another one starts"
    assert (died["level"], died["worker"], died["signal"]) == ("warning", victim, 9)
    assert server.stop() == 0
    assert [line for line in server.log.read_text().splitlines() if not line.startswith("{")] == []
