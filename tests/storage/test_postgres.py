"""Errors of PostgreSQL and of asyncpg that mean "try again soon", and what becomes of their connection."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from imagevault.config.settings import load
from imagevault.errors import DatabaseUnavailable
from imagevault.storage.database import DB, Database, transaction
from imagevault.storage.postgres import Postgres

FIELDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
SHUTDOWN = b"E" + (len(FIELDS) + 4).to_bytes(4, "big") + FIELDS


@pytest.fixture
async def database(postgres: Any, tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(load({"DATABASE_URL": postgres.make_migrated_database()}, tmp_path))
    await database.open()
    yield database
    await database.close()


async def announce_shutdown(database: Database) -> None:
    """Give an idle connection what a server that stops sends on each, as the socket does, before it closes it."""
    engine = database.engine
    assert isinstance(engine, Postgres)
    connection = await engine.acquire()
    connection._protocol.data_received(SHUTDOWN)
    await engine.release(connection)


async def test_a_query_after_the_announcement_of_a_shutdown_is_an_outage(database: Database) -> None:
    """It is an internal error of asyncpg. The connection is given up, and the next query opens another."""
    await announce_shutdown(database)

    with pytest.raises(DatabaseUnavailable) as caught:
        await DB.run_ddl("SELECT 1")

    assert isinstance(caught.value.__cause__, asyncpg.InternalClientError)
    assert await DB.run_ddl("SELECT 1")


async def test_a_transaction_after_the_announcement_of_a_shutdown_is_an_outage(database: Database) -> None:
    """The same, and the pool has each of its connections again."""
    await announce_shutdown(database)

    with pytest.raises(DatabaseUnavailable):
        async with transaction():
            await DB.run_ddl("SELECT 1")

    async with transaction():
        assert await DB.run_ddl("SELECT 1")
    assert isinstance(database.engine, Postgres)
    assert database.engine.pool is not None
    assert database.engine.pool.get_size() == database.engine.pool.get_idle_size()


async def test_a_transaction_that_meets_the_announcement_is_an_outage(database: Database) -> None:
    """Its rollback fails too, and its connection is given up."""

    async def meet_announcement() -> None:
        async with transaction():
            current = database.engine.current_transaction.get()
            assert current is not None
            current.connection._protocol.data_received(SHUTDOWN)
            await DB.run_ddl("SELECT 1")

    with pytest.raises(DatabaseUnavailable):
        await meet_announcement()

    assert await DB.run_ddl("SELECT 1")


async def test_a_lock_that_is_held_for_too_long_is_an_outage(database: Database) -> None:
    """`lock_timeout` ends the wait, as `statement_timeout` ends a query."""

    async def wait_for_lock() -> None:
        async with transaction():
            await DB.run_ddl("SET LOCAL lock_timeout = '1ms'")
            await DB.run_ddl("LOCK TABLE iv_account")

    engine = database.engine
    assert isinstance(engine, Postgres)
    other = await engine.get_new_connection()
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE iv_account")
            with pytest.raises(DatabaseUnavailable, match="lock timeout"):
                await wait_for_lock()
    finally:
        await other.close()


async def test_a_table_that_changes_under_a_transaction_is_an_outage(database: Database) -> None:
    """A worker of the next version migrates while this one serves; the next query is planned anew."""
    await DB.run_ddl("SELECT * FROM iv_account")
    await DB.run_ddl("ALTER TABLE iv_account ADD COLUMN later text")

    with pytest.raises(DatabaseUnavailable, match="cached"):
        async with transaction():
            await DB.run_ddl("SELECT * FROM iv_account")

    async with transaction():
        assert await DB.run_ddl("SELECT * FROM iv_account") == []


async def test_a_role_without_rights_is_told_how_to_get_them(postgres: Any, tmp_path: Path) -> None:
    """The start fails with the statement that mends it, and with that it works."""
    url = postgres.make_database()
    owner = await asyncpg.connect(url.replace("+asyncpg", ""))
    await owner.execute("DROP ROLE IF EXISTS limited; CREATE ROLE limited LOGIN")
    database = Database(load({"DATABASE_URL": re.sub("//[^@]*@", "//limited@", url)}, tmp_path))
    try:
        with pytest.raises(DatabaseUnavailable, match="permission denied for schema public; ") as caught:
            await database.open()

        remedy = str(caught.value).rpartition(": ")[2]
        assert remedy == "GRANT ALL ON SCHEMA public TO limited"
        await owner.execute(remedy)
        await database.open()
        await database.close()
    finally:
        await owner.execute("DROP OWNED BY limited; DROP ROLE limited")
        await owner.close()
