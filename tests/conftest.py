"""What tests share: real databases of both engines, servers in this process, and real servers in their own."""

import contextlib
import functools
import gc
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Iterator, Mapping
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
from filelock import FileLock
from pwdlib.hashers.argon2 import Argon2Hasher

from tests.support.offline import OFFLINE, OURS

# A shell that starts the tests in the background lets them ignore Ctrl-C. Commands under test would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("XDG_RUNTIME_DIR", tempfile.mkdtemp(prefix="imagevault-tests-"))
for name in [name for name in os.environ if name.startswith(("IMAGEVAULT_", *OURS))]:
    del os.environ[name]
# Options of this run would change what the test runs print that tests start.
for name in ("SECRET_KEY", "SECRET_KEY_PREVIOUS", "DATABASE_URL", "PYTEST_ADDOPTS"):
    os.environ.pop(name, None)

gc.set_threshold(50_000, 20, 20)  # the default spends a tenth of the run on looking through what pytest keeps

from imagevault.asgi import create  # noqa: E402
from imagevault.config.settings import load  # noqa: E402
from imagevault.runtime.services import Services  # noqa: E402
from imagevault.testing.upstreams.pexels import SimulatedPexels  # noqa: E402
from imagevault.upstream.file_client import FileClient  # noqa: E402
from tests.support.clock import Clock  # noqa: E402
from tests.support.commands import SEARCHING, InProcess  # noqa: E402
from tests.support.installed import Installed, build_wheel  # noqa: E402
from tests.support.patience import PATIENT, patience  # noqa: E402
from tests.support.ports import free_port  # noqa: E402
from tests.support.postgres import Postgres, migrate  # noqa: E402
from tests.support.server import ServerProcess  # noqa: E402
from tests.support.tokens import token_of  # noqa: E402
from tests.support.waiting import COMMAND_LIMIT  # noqa: E402

# Neither looks at anything but the time, which a busy machine stretches.
hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("busy")

PASSWORD = "violet-harbour-71"
SECRET = "a test secret of more than thirty-two bytes"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
PROCESS_FIXTURES = {"serve", "cli", "wheel", "postgres", "own_postgres"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what starts a process, as far as its fixtures show it; `alone` implies `soak`."""
    for item in items:
        parameters = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        on_postgres = "postgresql" in (parameters.get("database_url"), parameters.get("empty_database_url"))
        if on_postgres or PROCESS_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("processes")
        if item.get_closest_marker("alone"):
            item.add_marker("soak")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
    """Shows what a failed command printed, which its exception keeps for itself."""
    error = call.excinfo and call.excinfo.value
    if isinstance(error, subprocess.CalledProcessError | subprocess.TimeoutExpired):
        error.add_note(f"stdout: {error.stdout!r}\nstderr: {error.stderr!r}")
    return (yield)


@pytest.fixture(autouse=True)
def _processes_are_marked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that starts a process says so, and `make test-fast` stays fast."""

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("this test starts a process: mark it with @pytest.mark.processes")

    if not request.node.get_closest_marker("processes"):
        monkeypatch.setattr(subprocess.Popen, "__init__", refuse)


@pytest.fixture
def real_argon2() -> bool:
    """For tests of the cost itself: passwords are hashed as in production."""
    return True


@pytest.fixture(autouse=True, scope="session")
def _cheap_argon2() -> Iterator[None]:
    """Hashes take a thousandth of the memory: three of 19 MiB each took half of the time of a test with an account.

    The floor of the settings stays. Different costs stay different, so that a change of the cost is still noticed.
    """

    def hasher(*, memory_cost: int, **cost: Any) -> Argon2Hasher:
        return Argon2Hasher(memory_cost=max(8, memory_cost // 1000), **cost)  # 8 KiB is the least that works

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imagevault.accounts.passwords.Argon2Hasher", hasher)
        yield


@pytest.fixture(autouse=True)
def _argon2_of_this_test(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if "real_argon2" in request.fixturenames:
        monkeypatch.setattr("imagevault.accounts.passwords.Argon2Hasher", Argon2Hasher)


@pytest.fixture(autouse=True, scope="session")
def _entry_points_read_once() -> Iterator[None]:
    """Servers in this process read the metadata of all installed packages once, for they do not change."""

    @functools.cache
    def read(group: str, path: tuple[str, ...]) -> EntryPoints:
        return entry_points(group=group)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("imagevault.plugins.registry.entry_points", lambda *, group: read(group, tuple(sys.path)))
        yield


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


@pytest.fixture
def clock() -> Clock:
    """A clock that stands at 1000 seconds until a test sets it."""
    return Clock(1000.0)


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that all workers of this test run share."""
    own = tmp_path_factory.getbasetemp()
    return own if WORKER == "main" else own.parent


@pytest.fixture(scope="session")
def postgres(run_folder: Path) -> Iterator[Postgres]:
    """The PostgreSQL server of this test run."""
    server = Postgres(run_folder, WORKER)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def migrated_sqlite(run_folder: Path) -> Path:
    """An SQLite file whose tables are up to date, to be copied."""
    file = run_folder / "migrated.sqlite"
    with FileLock(run_folder / "migrated.lock"):
        if not file.exists():
            migrate(f"sqlite:///{run_folder}/being-migrated.sqlite")
            (run_folder / "being-migrated.sqlite").rename(file)
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without content, its tables up to date; each test runs on both engines."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "test.sqlite")
        return f"sqlite:///{tmp_path}/test.sqlite"
    server: Postgres = request.getfixturevalue("postgres")
    return server.make_migrated_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables; each test runs on both engines."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.sqlite"
    server: Postgres = request.getfixturevalue("postgres")
    return server.make_database()


def _copy_once(source: Path, target: Path) -> None:
    if not target.exists():
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        shutil.copy(source, target)


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
        token = await token_of(self.services.accounts, username, PASSWORD)
        return {"Authorization": f"Bearer {token}"}


Start = Callable[..., Awaitable[Api]]


@pytest.fixture
async def start(tmp_path: Path, migrated_sqlite: Path) -> AsyncIterator[Start]:
    """A starter of servers in this process.

    `api = await start({"PEXELS_API_KEY": "..."}, toml="[limits] ...")`
    """
    async with contextlib.AsyncExitStack() as stack:

        async def start(
            environ: Mapping[str, str] | None = None,
            *,
            toml: str = "",
            transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
            file_client: FileClient | None = None,
        ) -> Api:
            (tmp_path / "imagevault.toml").write_text(toml)
            settings = load({"SECRET_KEY": SECRET, **OFFLINE, **patience(toml), **(environ or {})}, tmp_path)
            if settings.database_url is None:
                _copy_once(migrated_sqlite, settings.data / "imagevault.sqlite")
            services = Services(settings, transports, file_client)
            await stack.enter_async_context(services.running())
            transport = httpx.ASGITransport(create(services))
            client = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")
            return Api(services, await stack.enter_async_context(client))

        yield start


Serve = Callable[..., ServerProcess]


@pytest.fixture
def serve(tmp_path: Path, migrated_sqlite: Path) -> Iterator[Serve]:
    """A starter of real servers, on an SQLite file whose tables are up to date if `environ` names no database.

    `server = serve({"DATABASE_URL": url}, "--workers", "4").wait_until_ready()`
    """
    started: list[ServerProcess] = []

    def serve(environ: Mapping[str, str] | None = None, *arguments: str) -> ServerProcess:
        file = tmp_path / "imagevault.toml"
        toml = file.read_text() if file.exists() else ""
        environ = {**OFFLINE, **patience(toml), **(environ or {})}
        if "DATABASE_URL" not in environ:
            _copy_once(migrated_sqlite, tmp_path / "imagevault-data" / "imagevault.sqlite")
        started.append(ServerProcess(tmp_path, environ, *arguments))
        return started[-1]

    yield serve
    for server in started:
        server.kill()


@pytest.fixture
def cli(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """A runner of `imagevault ...` in a process of its own, in an empty folder; `here` is a hundred times faster.

    `cli("search", "fox", environ={...}, input="...")`
    """

    def run(
        *arguments: str, environ: Mapping[str, str] | None = None, **more: Any
    ) -> "subprocess.CompletedProcess[str]":
        known = {"COLUMNS": "200", "IMAGEVAULT_PORT": str(free_port()), **OFFLINE}
        if SEARCHING & set(arguments[:1]):
            known.update(PATIENT)
        return subprocess.run(
            [sys.executable, "-m", "imagevault", *arguments],
            cwd=tmp_path,
            env={**os.environ, **known, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=COMMAND_LIMIT,
            check=False,
            **more,
        )

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> InProcess:
    """The same in this process: `here("config", "check", environ={...}, input="...")`."""
    monkeypatch.chdir(tmp_path)
    return InProcess(monkeypatch, capsys, OFFLINE | PATIENT)


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
def wheel(run_folder: Path) -> Path:
    """The wheel."""
    return build_wheel(run_folder)


@pytest.fixture(scope="module")
def installed(run_folder: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with the wheel; what a module installs more is that module's own."""
    return Installed(run_folder, tmp_path_factory.mktemp("installed"), wheel)


@pytest.fixture
def raw_scope() -> Callable[..., dict[str, Any]]:
    """Makes an ASGI scope with exactly these headers. Keywords replace other parts of it."""

    def raw_scope(headers: list[tuple[bytes, bytes]], **more: Any) -> dict[str, Any]:
        path = more.get("path", "/health/live")
        return {
            "type": "http",
            "method": "GET",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8000),
            "state": {},
            **more,
        }

    return raw_scope
