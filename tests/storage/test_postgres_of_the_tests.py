"""The PostgreSQL that the tests bring: it has its tables for every worker, whenever the worker needs it."""

from pathlib import Path

import asyncpg
import pytest

from tests.support.postgres import Postgres

pytestmark = [pytest.mark.processes, pytest.mark.anyio]


async def count_accounts(database_url: str) -> int:
    connection = await asyncpg.connect(database_url.replace("+asyncpg", ""))
    try:
        return int(await connection.fetchval("SELECT count(*) FROM iv_account"))
    finally:
        await connection.close()


async def test_a_worker_that_comes_after_the_last_one_ended_finds_the_tables(tmp_path: Path) -> None:
    early = Postgres(tmp_path, "early")
    assert await count_accounts(early.make_migrated_database()) == 0
    early.stop()

    late = Postgres(tmp_path, "late")
    try:
        assert await count_accounts(late.make_migrated_database()) == 0
    finally:
        late.stop()
