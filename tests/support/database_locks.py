"""Waiting until a task waits for a lock of the database that the test holds."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from imagevault.accounts.tables import Throttle
from imagevault.storage.database import DB, AppliedMigration, transaction
from imagevault.storage.dialect import for_update
from tests.support.waiting import EVENT_LIMIT, PAUSE

WAITS = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def until_something_waits(task: "asyncio.Task[Any]") -> None:
    """Return once a session of this PostgreSQL waits for a lock. On SQLite, one connection writes at a time anyway.

    Raises AssertionError if the task ends, for it was to wait.
    """
    async with asyncio.timeout(EVENT_LIMIT):
        while DB.engine_type == "postgres" and not await AppliedMigration.raw(WAITS):
            assert not task.done(), "the task waits for no lock"
            await asyncio.sleep(PAUSE)


async def delete_counters_before(waiting: Coroutine[Any, Any, Any]) -> Any:
    """Let something wait for the counters of `iv_throttle`, and delete them before it has them. Returns its result."""
    are_locked, may_go_on = asyncio.Event(), asyncio.Event()

    async def delete() -> None:
        async with transaction():
            await Throttle.raw("SELECT key FROM iv_throttle {}", for_update())
            are_locked.set()
            await may_go_on.wait()
            await Throttle.delete(force=True)

    deletion = asyncio.create_task(delete())
    await are_locked.wait()
    task = asyncio.create_task(waiting)
    await until_something_waits(task)
    may_go_on.set()
    await deletion
    return await task
