"""A URL of several PostgreSQL hosts: the first one that answers and can write is used."""

import asyncio
import contextlib
import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from imagevault.config.database_url import PostgresURL, read_postgres_url
from imagevault.config.settings import load
from imagevault.errors import DatabaseUnavailable
from imagevault.storage.database import DB, Database, transaction
from imagevault.storage.postgres import Postgres
from tests.support.ports import free_port

Cli = Callable[..., "subprocess.CompletedProcess[str]"]
pytestmark = pytest.mark.processes


@pytest.fixture
def real(postgres: Any) -> PostgresURL:
    """A new database of a real server, on its socket."""
    return read_postgres_url(postgres.make_database())


def several(url: PostgresURL, *before: str, options: str = "") -> str:
    """The URL of that database behind other hosts."""
    hosts = [*before, quote(url.addresses[0].host, safe="")]
    return f"postgresql://{url.user}@{','.join(hosts)}/{url.database}{options}"


@contextlib.contextmanager
def silent_host() -> Iterator[tuple[str, list[str]]]:
    """A host that takes connections and never answers, as behind a broken switch; and one item for each connection."""
    accepted: list[str] = []
    kept: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.append(server.accept()[0])
                    accepted.append("connection")

        thread = threading.Thread(target=accept)
        thread.start()
        try:
            yield f"127.0.0.1:{server.getsockname()[1]}", accepted
        finally:
            server.shutdown(socket.SHUT_RDWR)  # wakes `accept`
            thread.join()
            for connection in kept:
                connection.close()


async def run_at_once(database: Database, count: int) -> None:
    """Run queries that need one connection each."""
    queries = [database.engine.run_ddl("SELECT pg_sleep(0.05)") for _ in range(count)]
    await asyncio.gather(*queries)


async def delete_read_only() -> None:
    """Write where the server takes no writes."""
    async with transaction():
        await DB.run_ddl("SET TRANSACTION READ ONLY")
        await DB.run_ddl("DELETE FROM iv_account")


class TestFailover:
    async def test_the_first_host_is_a_closed_port(self, real: PostgresURL, tmp_path: Path) -> None:
        """The migrations, every connection of the pool and the clock use the second host."""
        url = several(real, f"127.0.0.1:{free_port()}", options="?target_session_attrs=read-write")
        database = Database(load({"DATABASE_URL": url}, tmp_path))

        await database.open()
        try:
            await run_at_once(database, 4)
            assert await database.time() > 0
        finally:
            await database.close()

    async def test_the_first_host_is_silent(self, real: PostgresURL, tmp_path: Path) -> None:
        """It has a share of the time only, and is not asked again while the second one answers."""
        with silent_host() as (silent, accepted):
            database = Database(load({"DATABASE_URL": several(real, silent)}, tmp_path))
            engine = database.engine
            assert isinstance(engine, Postgres)
            await database.open()
            try:
                await run_at_once(database, 4)
                assert accepted == ["connection"]
                engine._addresses.reverse()  # as if the silent one had answered last
                await run_at_once(database, 8)
            finally:
                await database.close()

        assert len(accepted) > 1

    async def test_the_host_that_answered_last_is_tried_first(self, tmp_path: Path) -> None:
        """When it goes away, the others are tried again in their order."""
        engine = Database(load({"DATABASE_URL": "postgresql://h1,h2,h3/vault"}, tmp_path)).engine
        assert isinstance(engine, Postgres)
        up: set[str] = set()
        tried: list[str] = []

        async def connect(*_: Any, host: str, **__: Any) -> Any:
            tried.append(host)
            if host not in up:
                raise ConnectionRefusedError
            return "a connection"

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("asyncpg.connect", connect)
            for host in ("h2", "h2", "h3"):
                up.clear()
                up.add(host)
                assert await engine._connect() == "a connection"

        assert tried == ["h1", "h2", "h2", "h2", "h1", "h3"]

    async def test_no_host_answers(self, tmp_path: Path) -> None:
        """One line with the hosts and the reason, without the password."""
        hosts = f"127.0.0.1:{free_port()},127.0.0.1:{free_port()}"
        url = f"postgresql://vault:hidden@{hosts}/vault"

        with pytest.raises(DatabaseUnavailable) as caught:
            await Database(load({"DATABASE_URL": url}, tmp_path)).open()

        assert str(caught.value).startswith(f"PostgreSQL at {hosts}/vault cannot be used: [Errno 111] Connect call fai")
        assert "hidden" not in str(caught.value)

    async def test_a_host_that_refuses_ends_the_search(self, real: PostgresURL, tmp_path: Path) -> None:
        """As with libpq: the next host is for one that is away, not for a wrong name or password."""
        url = several(real).replace(f"/{real.database}", f",127.0.0.1:{free_port()}/absent")

        with pytest.raises(DatabaseUnavailable, match='database "absent" does not exist'):
            await Database(load({"DATABASE_URL": url}, tmp_path)).open()


class TestWriting:
    @pytest.fixture
    async def read_only(self, real: PostgresURL, postgres: Any) -> PostgresURL:
        """A database that takes no writes, as a standby."""
        postgres.server.psql(f"ALTER DATABASE {real.database} SET default_transaction_read_only = on")
        return real

    @pytest.mark.parametrize("options", ["", "?target_session_attrs=read-write"])
    async def test_a_host_that_cannot_write_is_passed_over(
        self, read_only: PostgresURL, tmp_path: Path, options: str
    ) -> None:
        """With several hosts this needs no option. The error is one line and no traceback."""
        url = several(read_only, f"127.0.0.1:{free_port()}", options=options)

        with pytest.raises(DatabaseUnavailable, match="None of the hosts match the target attribute requirement"):
            await Database(load({"DATABASE_URL": url}, tmp_path)).open()

    async def test_any_takes_it_all_the_same(self, read_only: PostgresURL, tmp_path: Path) -> None:
        """The option wins; the first write then says what is wrong."""
        url = several(read_only, f"127.0.0.1:{free_port()}", options="?target_session_attrs=any")

        with pytest.raises(DatabaseUnavailable, match="cannot execute CREATE TABLE in a read-only transaction"):
            await Database(load({"DATABASE_URL": url}, tmp_path)).open()

    async def test_a_server_that_becomes_read_only_is_an_outage(self, real: PostgresURL, tmp_path: Path) -> None:
        """A former primary: requests are 503 and not 500."""
        database = Database(load({"DATABASE_URL": several(real)}, tmp_path))
        await database.open()
        try:
            with pytest.raises(DatabaseUnavailable, match="in a read-only transaction"):
                await delete_read_only()
        finally:
            await database.close()


class TestOneHost:
    async def test_a_silent_host_is_named_with_a_reason(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("imagevault.storage.postgres.CONNECT_TIMEOUT", 0.1)
        with silent_host() as (silent, _):
            database = Database(load({"DATABASE_URL": f"postgresql://{silent}/vault"}, tmp_path))

            with pytest.raises(DatabaseUnavailable, match="/vault cannot be used: TimeoutError"):
                await database.open()

    async def test_a_port_of_the_environment_that_is_no_number(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """One line instead of asyncpg's ValueError."""
        monkeypatch.setenv("PGPORT", "hidden")

        with pytest.raises(
            DatabaseUnavailable, match="PGPORT and the port of a service file must be numbers"
        ) as caught:
            await Database(load({"DATABASE_URL": "postgresql://127.0.0.1/vault"}, tmp_path)).open()

        assert "hidden" not in str(caught.value)

    async def test_asyncpg_is_given_what_the_url_says(self, real: PostgresURL, tmp_path: Path) -> None:
        """User, database and options reach the server."""
        url = several(real, options="?application_name=mine&search_path=a%2Cb")
        database = Database(load({"DATABASE_URL": url}, tmp_path))
        assert isinstance(database.engine, Postgres)

        connection = await database.engine.get_new_connection()
        try:
            row = await connection.fetchrow("SELECT current_user AS user, current_database() AS name")
            settings = [await connection.fetchval(f"SHOW {name}") for name in ("application_name", "search_path")]
        finally:
            await connection.close()

        assert (row["user"], row["name"]) == (real.user, real.database)
        assert settings == ["mine", "a,b"]
        assert isinstance(connection, asyncpg.Connection)


def test_a_server_starts_on_the_second_host(serve: Any, cli: Cli, real: PostgresURL) -> None:
    """`serve` and the commands take the same URL; the start-up report names both hosts."""
    closed = f"127.0.0.1:{free_port()}"
    url = several(real, closed)
    server = serve({"DATABASE_URL": url}).wait_until_ready()

    made = cli("users", "create", "ada", "--password", "violet-harbour-71", environ={"DATABASE_URL": url})
    listed = cli("users", "list", "--json", environ={"DATABASE_URL": url})

    assert f"PostgreSQL at {closed},the local socket/{real.database}" in server.log.read_text()
    assert (made.returncode, made.stdout) == (0, "ada (user)\n")
    assert [account["username"] for account in json.loads(listed.stdout)["users"]] == ["ada"]
