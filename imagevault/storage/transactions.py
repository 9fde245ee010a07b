"""The transactions of both engines. A cancelled caller never interrupts a commit or a rollback."""

import asyncio
import contextvars
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from piccolo.engine.postgres import PostgresTransaction
from piccolo.engine.sqlite import SQLiteTransaction
from typing_extensions import override

if TYPE_CHECKING:
    from imagevault.storage.postgres import Postgres
    from imagevault.storage.sqlite import SQLite

# Whether writes return before the disk has them. A power failure may then lose the last of them.
relaxed: contextvars.ContextVar[bool] = contextvars.ContextVar("imagevault_relaxed", default=False)


class WriteTransaction(SQLiteTransaction):
    """A transaction on the shared SQLite writer. It holds the writer's lock until it ends."""

    engine: "SQLite"

    @override
    async def __aenter__(self) -> SQLiteTransaction:
        if self._parent is not None:
            return self._parent
        await self.engine.lock.acquire()
        self.connection = self.engine.writer_now
        try:
            self.engine.check_file()
            await self.begin()
        except BaseException:
            await _run_to_end(self._roll_back())
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    @override
    async def __aexit__(self, exception_type: Any, exception: Any, traceback: Any) -> bool:
        if self._parent is not None:
            return exception is None
        self.engine.current_transaction.reset(self.context)
        await _run_to_end(self._roll_back() if exception else self._commit())
        return exception is None

    async def _commit(self) -> None:
        try:
            await self.commit()
        except BaseException:
            await self._roll_back()
            raise
        self.engine.lock.release()

    async def _roll_back(self) -> None:
        try:
            if self.connection.in_transaction:
                await self.rollback()
        finally:
            self.engine.lock.release()


class PoolTransaction(PostgresTransaction):
    """A transaction on a connection of the PostgreSQL pool. The connection always returns to the pool."""

    engine: "Postgres"

    @override
    async def __aenter__(self) -> PostgresTransaction:
        if self._parent is not None:
            return self._parent
        self.connection = await self.engine.acquire()
        try:
            self.transaction = self.connection.transaction()
            await self.begin()
        except BaseException:
            await _run_to_end(self.engine.release(self.connection))
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    @override
    async def __aexit__(self, exception_type: Any, exception: Any, traceback: Any) -> bool:
        if self._parent is not None:
            return exception is None
        self.engine.current_transaction.reset(self.context)
        await _run_to_end(self._end(failed=exception is not None))
        return exception is None

    async def _end(self, *, failed: bool) -> None:
        try:
            await (self.rollback() if failed else self.commit())
        finally:
            await self.engine.release(self.connection)


async def _run_to_end(ending: Coroutine[Any, Any, None]) -> None:
    """Await the end of a transaction completely, even if the caller is cancelled while it runs."""
    task = asyncio.ensure_future(ending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
