"""The two engines as Piccolo wants them, plus what it lacks: kept SQLite connections, safe ends of transactions."""

import asyncio
import contextvars
import re
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiosqlite
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction
from piccolo.engine.sqlite import SQLiteEngine, SQLiteTransaction, TransactionType, dict_factory
from typing_extensions import override

POOL_SIZE = 10
READERS = 2
WAIT = 5.0  # seconds for a connection, or for a lock that another holds


# Set where a write need not wait for the disk: a power cut may lose the last of the engine's, never a download.
relaxed: contextvars.ContextVar[bool] = contextvars.ContextVar("imagevault_relaxed", default=False)


class SQLite(SQLiteEngine):
    """SQLite with kept connections: writers behind one lock, and readers beside them.

    Piccolo opens a connection per query (1 to 3 ms). The writer waits for the disk (`synchronous=FULL`): what it
    acknowledged survives a power cut. Its lock is held over a whole transaction, for on a shared connection one
    caller's rollback would erase another's acknowledged insert. A second writer does not wait (`relaxed`).
    """

    __slots__ = ("inode", "lock", "quick", "readers", "writer")

    def __init__(self, path: Path) -> None:
        super().__init__(path=str(path), timeout=WAIT)

    async def open(self) -> None:
        """Opens the file, making it and its folder if need be."""
        self._make_file()
        self.lock = asyncio.Lock()
        self.readers: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        self.writer = await self.get_connection()
        try:
            await self.writer.execute("PRAGMA journal_mode = WAL")
            await self.writer.execute("PRAGMA synchronous = FULL")
            self.quick = await self.get_connection()
            await self.quick.execute("PRAGMA synchronous = NORMAL")
            for _ in range(READERS):
                self.readers.put_nowait(await self.get_connection())
        except BaseException:
            await self.writer.close()  # an open connection's thread keeps the process from ending
            raise

    async def close(self) -> None:
        """Waits for the write under way, then closes every connection."""
        async with self.lock:
            await self.writer.close()
            await self.quick.close()
        for _ in range(READERS):
            await (await self.readers.get()).close()

    @override
    async def get_connection(self) -> aiosqlite.Connection:
        connection = await aiosqlite.connect(**self.connection_kwargs)
        connection.row_factory = dict_factory  # type: ignore[assignment]
        await connection.execute("PRAGMA foreign_keys = 1")
        return connection

    def _make_file(self) -> None:
        """Nobody else may read it, for it holds password hashes."""
        path = Path(self.path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self.inode = path.stat().st_ino

    def check_file(self) -> None:
        """Raises OperationalError if the file is not the one that was opened: what is written would be lost."""
        try:
            found = Path(self.path).stat().st_ino
        except FileNotFoundError:
            found = None
        if found != self.inode:
            raise sqlite3.OperationalError("the database file was removed or replaced while the server was running")

    @override
    async def _run_in_new_connection(
        self, query: str, args: list[Any] | None = None, query_type: str = "generic", table: Any = None
    ) -> Any:
        if query.lstrip()[:6].upper() != "SELECT":
            async with self.lock:
                self.check_file()
                writer = self.quick if relaxed.get() else self.writer
                return await writer.execute_fetchall(query, args or [])
        reader = await self.readers.get()
        try:
            return await reader.execute_fetchall(query, args or [])
        finally:
            self.readers.put_nowait(reader)

    @override
    async def _run_in_existing_connection(
        self, connection: Any, query: str, args: list[Any] | None = None, query_type: str = "generic", table: Any = None
    ) -> Any:
        return await connection.execute_fetchall(query, args or [])

    @override
    def transaction(
        self, transaction_type: TransactionType = TransactionType.immediate, allow_nested: bool = True
    ) -> "WriteTransaction":
        """A transaction that takes the write lock at once, instead of failing half-way."""
        return WriteTransaction(self, TransactionType.immediate, allow_nested)


class WriteTransaction(SQLiteTransaction):
    """A transaction on the kept writer, whose lock it holds to the end."""

    engine: SQLite

    @override
    async def __aenter__(self) -> SQLiteTransaction:
        if self._parent is not None:
            return self._parent
        await self.engine.lock.acquire()
        self.connection = self.engine.writer
        try:
            self.engine.check_file()
            await self.begin()
        except BaseException:
            await _finish(self._abandon())
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    @override
    async def __aexit__(self, exception_type: Any, exception: Any, traceback: Any) -> bool:
        if self._parent is not None:
            return exception is None
        self.engine.current_transaction.reset(self.context)
        await _finish(self._abandon() if exception else self._keep())
        return exception is None

    async def _keep(self) -> None:
        try:
            await self.commit()
        except BaseException:
            await self._abandon()
            raise
        self.engine.lock.release()

    async def _abandon(self) -> None:
        try:
            if self.connection.in_transaction:
                await self.rollback()
        finally:
            self.engine.lock.release()


async def _finish(ending: Any) -> None:
    """Awaits a commit or rollback to its end, also when the caller is cancelled meanwhile."""
    task = asyncio.ensure_future(ending)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def _no_reset(connection: Any) -> None:
    """Asyncpg's reset costs a round trip at each release; we leave nothing in a session that it would clear."""


class Postgres(PostgresEngine):
    """PostgreSQL through one asyncpg pool, which connects again by itself after an outage."""

    __slots__ = ()

    def __init__(self, url: str) -> None:
        dsn = re.sub(r"^postgres(ql)?(\+asyncpg)?://", "postgresql://", url)
        super().__init__(config={"dsn": dsn, "timeout": WAIT})

    @override
    async def get_version(self) -> float:
        """Not asked: Piccolo would connect while the object is made."""
        return 0.0

    async def open(self) -> None:
        """Starts the pool; raises what asyncpg raises when the server does not answer."""
        settings = {
            "application_name": "imagevault",
            "statement_timeout": "30s",
            "lock_timeout": "10s",
            "idle_in_transaction_session_timeout": "30s",
        }
        await self.start_connection_pool(
            min_size=1, max_size=POOL_SIZE, reset=_no_reset, command_timeout=30, server_settings=settings
        )

    async def close(self) -> None:
        """Waits a little for queries under way, then closes every connection."""
        if self.pool is not None:
            try:
                await asyncio.wait_for(self.pool.close(), WAIT)
            except TimeoutError:
                self.pool.terminate()
            self.pool = None

    @override
    async def _run_in_pool(self, query: str, args: Sequence[Any] | None = None) -> Any:
        assert self.pool is not None
        async with self.pool.acquire(timeout=WAIT) as connection:
            return await connection.fetch(query, *(args or ()))

    @override
    def transaction(self, allow_nested: bool = True) -> "PoolTransaction":
        """A transaction on a connection of the pool."""
        return PoolTransaction(engine=self, allow_nested=allow_nested)


class PoolTransaction(PostgresTransaction):
    """A transaction whose connection always goes back to the pool, and whose commit a cancelled caller cannot cut."""

    @override
    async def __aenter__(self) -> PostgresTransaction:
        if self._parent is not None:
            return self._parent
        assert self.engine.pool is not None
        self.connection = await self.engine.pool.acquire(timeout=WAIT)
        try:
            self.transaction = self.connection.transaction()
            await self.begin()
        except BaseException:
            await _finish(self._release())
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    @override
    async def __aexit__(self, exception_type: Any, exception: Any, traceback: Any) -> bool:
        if self._parent is not None:
            return exception is None
        self.engine.current_transaction.reset(self.context)
        await _finish(self._end(failed=exception is not None))
        return exception is None

    async def _end(self, *, failed: bool) -> None:
        try:
            await (self.rollback() if failed else self.commit())
        finally:
            await self._release()

    async def _release(self) -> None:
        assert self.engine.pool is not None
        await self.engine.pool.release(self.connection)
