"""Waiting until a task waits for a lock of the database that the test holds."""

import asyncio

from imagevault.storage.database import DB, AppliedMigration
from tests.support.waiting import EVENT_LIMIT, PAUSE

WAITS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def until_something_waits(task: "asyncio.Task[None]") -> None:
    """Return once a session of this PostgreSQL waits for a lock. On SQLite, one connection writes at a time anyway.

    Raises AssertionError if the task ends, for it was to wait.
    """
    async with asyncio.timeout(EVENT_LIMIT):
        while DB.engine_type == "postgres" and not await AppliedMigration.raw(WAITS):
            assert not task.done(), "the task waits for no lock"
            await asyncio.sleep(PAUSE)
