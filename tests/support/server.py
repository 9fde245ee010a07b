"""`imagevault serve` in a process of its own."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.support.ports import free_port
from tests.support.waiting import EVENT_LIMIT, wait_until

START_LIMIT = 2 * EVENT_LIMIT  # four workers that start at once on a busy machine


class ServerProcess:
    """`imagevault serve` in a process of its own, on loopback."""

    def __init__(self, folder: Path, environ: Mapping[str, str], *arguments: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"serve-{self.port}.log"
        self.read = 0  # bytes of it
        self.found: list[dict[str, Any]] = []
        command = [sys.executable, "-m", "imagevault", "serve", "--port", str(self.port), *arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **environ},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> "ServerProcess":
        """Returns when the server answers. Raises AssertionError with its log when it ended or took too long."""
        try:
            with httpx.Client(timeout=EVENT_LIMIT) as client:
                wait_until(
                    lambda: self.process.poll() is not None or self._is_ready(client),
                    "the server to start",
                    START_LIMIT,
                )
        except AssertionError as error:
            raise AssertionError(f"{error}:\n{self.log.read_text()}") from error
        assert self.process.poll() is None, f"the server did not start:\n{self.log.read_text()}"
        return self

    def _is_ready(self, client: httpx.Client) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return client.get(f"{self.url}/health/ready").status_code == 200
        return False

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The lines of its log with this event, where that is JSON; as far as they are whole, each read once."""
        with self.log.open("rb") as file:
            file.seek(self.read)
            whole = file.read().rpartition(b"\n")[0]  # the last one may still be written
        self.read += len(whole)
        self.found += [json.loads(line) for line in whole.splitlines() if line.startswith(b"{")]
        return [line for line in self.found if line["event"].startswith(event)]

    def stop(self) -> int:
        """Ends it as a service manager would; answers the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(EVENT_LIMIT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends it and its workers at once, where a test has seen all it wanted."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
