"""Under plain uvicorn, and inside another program: our lines are there, and no line shows what somebody looks for."""

import asyncio
import contextlib
import io
import json
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from imagevault import logs
from imagevault.config.settings import Settings
from tests.support.ports import free_port
from tests.support.waiting import EVENT_LIMIT, wait_until

WORD = "zebra"
OUTER = """
import logging
logging.basicConfig(level="INFO", format="outer: %(name)s %(message)s")
from imagevault.asgi import app as inner

async def app(scope, receive, send):
    if scope["type"] == "http" and scope["path"].startswith("/outer"):
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
    else:
        await inner(scope, receive, send)
"""


class Uvicorn:
    """`uvicorn APP` in a process of its own; `text` is all that it prints."""

    def __init__(self, folder: Path, app: str, environ: dict[str, str], *arguments: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "uvicorn.log"
        command = [sys.executable, "-m", "uvicorn", app, "--port", str(self.port), *arguments]
        environ = {**os.environ, "IMAGEVAULT_SEARCH": "open", "PYTHONPATH": str(folder), **environ}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=folder, env=environ, stdout=log, stderr=log)
        wait_until(self._is_ready, "the server")

    @property
    def text(self) -> str:
        return self.log.read_text()

    def _is_ready(self) -> bool:
        assert self.process.poll() is None, self.text
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=EVENT_LIMIT).status_code == 200
        except httpx.TransportError:
            return False

    def search(self) -> httpx.Response:
        """A search, and the handshake of a WebSocket with the same words."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=EVENT_LIMIT) as connection:
            head = f"GET /search?q={WORD} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            key = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
            connection.sendall((head + key).encode())
            assert connection.recv(4096).startswith(b"HTTP/1.1 403 ")
        return httpx.get(f"{self.url}/search?q={WORD}&provider=local", timeout=EVENT_LIMIT)

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(EVENT_LIMIT)


@pytest.fixture
def servers() -> Iterator[list[Uvicorn]]:
    """Servers that are ended with the test."""
    started: list[Uvicorn] = []
    yield started
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


@pytest.mark.processes
class TestPlainUvicorn:
    @pytest.mark.parametrize("style", ["json", "console"])
    def test_logs_as_serve_does(self, servers: list[Uvicorn], tmp_path: Path, style: str) -> None:
        """One line of ours for each request, without its query, and uvicorn's lines of its start and end."""
        servers.append(Uvicorn(tmp_path, "imagevault.asgi:app", {"IMAGEVAULT_LOG": style}))
        server = servers[0]
        id = server.search().headers["x-request-id"]
        server.stop()

        [line] = [line for line in server.text.splitlines() if id in line]
        if style == "json":
            found = json.loads(line)
            assert (found["event"], found["path"], found["logger"]) == (
                "request",
                "/search",
                "imagevault.http.access_log",
            )
        else:
            assert "path=/search" in line
        assert WORD not in server.text
        assert "Uvicorn running on" in server.text
        assert "draining: " in server.text

    def test_obeys_the_settings_of_the_log(self, servers: list[Uvicorn], tmp_path: Path) -> None:
        """Those of the start, and those that change while it runs."""
        servers.append(Uvicorn(tmp_path, "imagevault.asgi:app", {}))
        server = servers[0]
        (tmp_path / "imagevault.toml").write_text('log = "json"\nlog_level = "warning"\n')
        wait_until(lambda: "config changed: log, log_level" in server.text, "the new settings")
        server.search()
        server.stop()

        [last] = [line for line in server.text.splitlines() if "draining: " in line]
        assert json.loads(last)["level"] == "warning"
        assert "path=/search" not in server.text
        assert WORD not in server.text

    def test_leaves_another_programs_log_alone(self, servers: list[Uvicorn], tmp_path: Path) -> None:
        """Its own requests are in uvicorn's access log, and our lines go where it sends them, once each."""
        (tmp_path / "outer.py").write_text(OUTER)
        servers.append(Uvicorn(tmp_path, "outer:app", {}))
        server = servers[0]
        httpx.get(f"{server.url}/outer?q=other", timeout=EVENT_LIMIT)
        server.search()
        httpx.get(f"{server.url}/outer?q=more", timeout=EVENT_LIMIT)
        server.stop()

        assert [f"/outer?q={word}" in server.text for word in ("other", "more")] == [True, True]
        lines = server.text.splitlines()
        assert lines.count("outer: imagevault.http.access_log request") == len(
            [line for line in lines if "imagevault.http.access_log" in line]
        )
        assert WORD not in server.text


class TestAccessLog:
    async def test_only_our_requests_are_left_out(self, api: Any, edge_of: Any, ask: Any) -> None:
        """Uvicorn writes its line in the task of the request, when the response begins."""
        written = io.StringIO()
        handler = logging.StreamHandler(written)
        logger = logging.getLogger("uvicorn.access")
        logger.addHandler(handler)
        level = logger.level
        logger.setLevel("INFO")

        async def send(message: Any) -> None:
            logger.info("of ours")
            logger.warning("a warning")

        try:
            await asyncio.create_task(ask(edge_of(api), headers=[(b"host", b"127.0.0.1")], send=send))
            logger.info("of another")
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)

        assert set(written.getvalue().splitlines()) == {"a warning", "of another"}


@contextlib.contextmanager
def unconfigured_log() -> Iterator[logging.Logger]:
    """Our logger, in a process whose log nobody has set up. pytest has its own handlers while a test runs."""
    root, ours, database = (logging.getLogger(name) for name in (None, "imagevault", "asyncpg"))
    before = [(logger, logger.handlers, logger.level) for logger in (root, ours, database)]
    for logger in (ours, database):
        logger.setLevel(logging.NOTSET)
    root.handlers = []
    ours.handlers = []
    try:
        yield ours
    finally:
        for logger, handlers, level in before:
            logger.handlers = handlers
            logger.setLevel(level)


class TestFallback:
    def test_writes_where_nobody_does(self, capsys: pytest.CaptureFixture[str]) -> None:
        with unconfigured_log() as ours:
            logs.configure_fallback(Settings(log="json", log_level="info"))
            logs.configure_fallback(Settings(log="json", log_level="info"))
            ours.debug("too low")
            ours.info("written")

        assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["written"]

    def test_ends_when_the_root_logger_gets_a_handler(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`logging.basicConfig` of the program that we are a part of works, also after the import."""
        stream = io.StringIO()
        with unconfigured_log() as ours:
            logs.configure_fallback(Settings())
            logging.getLogger().addHandler(logging.StreamHandler(stream))
            ours.info("once")

        assert (stream.getvalue(), capsys.readouterr().err) == ("once\n", "")

    def test_does_nothing_where_a_log_is_set_up(self) -> None:
        with unconfigured_log() as ours:
            logging.getLogger().addHandler(logging.NullHandler())
            logs.configure_fallback(Settings(log_level="debug"))
            found = (ours.handlers, ours.level)

        assert found == ([], logging.NOTSET)
