"""The SQLite engine: Piccolo's, with connections that stay open."""

import asyncio
import logging
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from filelock import AsyncFileLock
from piccolo.engine.sqlite import SQLiteEngine, TransactionType, dict_factory
from typing_extensions import override

from imagevault.storage.transactions import WriteTransaction, relaxed

log = logging.getLogger(__name__)

READERS = 2
OTHERS = 0o077  # the permissions of the group and of everybody
LOCK_TIMEOUT = 5.0  # seconds to wait for a lock that another process holds

OUTAGES = (sqlite3.OperationalError,)  # the database does not answer
Error = sqlite3.DatabaseError  # any error of the database


class SQLite(SQLiteEngine):
    """SQLite with connections that stay open: two writers behind one lock, and readers beside them.

    Piccolo opens a connection for each query, which takes 1 to 3 ms.

    * `writer` waits for the disk (`synchronous=FULL`): a write that it acknowledged survives a power failure.
    * `relaxed_writer` does not wait. It takes the writes within `relaxed_durability`.
    * `lock` is held for a whole transaction. On a shared connection, the rollback of one caller would otherwise undo
      an acknowledged write of another.
    """

    __slots__ = ("inode", "lock", "readers", "relaxed_writer", "writer")

    REFUSED_WRITES = OUTAGES  # these errors of a write say nothing about reads

    def __init__(self, path: Path) -> None:
        super().__init__(path=str(path), timeout=LOCK_TIMEOUT)

    @property
    def writer_now(self) -> aiosqlite.Connection:
        """The writer for what the caller writes: the relaxed one within `relaxed_durability`."""
        return self.relaxed_writer if relaxed.get() else self.writer

    @property
    def place(self) -> str:
        """Where the database is, for messages."""
        return f"SQLite at {self.path}"

    def is_damage(self, error: BaseException) -> bool:
        """Whether an error means that the file is damaged or no database.

        sqlite3 raises DatabaseError itself for SQLITE_CORRUPT and SQLITE_NOTADB, and classes derived from it for the
        rest (`_pysqlite_seterror` of CPython).
        """
        return type(error) is sqlite3.DatabaseError

    def remedy(self, error: BaseException) -> str | None:
        """What to do about an error; None if that is not known."""
        if self.is_damage(error):
            return f"{self.path} is damaged or no SQLite database: stop the server and restore the file from a backup"
        return None

    async def open(self) -> None:
        """Open the file. A missing file and its folder are created. A file that others can read is closed to them."""
        self._create_file()
        self.lock = asyncio.Lock()
        self.readers: asyncio.LifoQueue[aiosqlite.Connection] = asyncio.LifoQueue()
        async with AsyncExitStack() as stack:
            self.writer = await self._connect(stack)
            await self.writer.execute("PRAGMA journal_mode = WAL")
            await self.writer.execute("PRAGMA synchronous = FULL")
            self.relaxed_writer = await self._connect(stack)
            await self.relaxed_writer.execute("PRAGMA synchronous = NORMAL")
            for _ in range(READERS):
                self.readers.put_nowait(await self._connect(stack))
            self._keep_from_others()
            stack.pop_all()

    async def _connect(self, stack: AsyncExitStack) -> aiosqlite.Connection:
        """Open a connection, which is closed if a later step of opening the file fails."""
        connection = await self.get_connection()
        stack.push_async_callback(connection.close)
        return connection

    async def close(self) -> None:
        """Wait for the current write, then close every connection."""
        async with self.lock:
            await self.writer.close()
            await self.relaxed_writer.close()
        for _ in range(READERS):
            reader = await self.readers.get()
            await reader.close()

    @asynccontextmanager
    async def migration_lock(self) -> AsyncIterator[None]:
        """Let one process at a time run the migrations.

        The lock is the file `imagevault.sqlite.lock` beside the database. The holder removes it before it releases the
        lock; filelock notices in the waiting processes that the file is gone and creates another.
        """
        path = Path(f"{self.path}.lock")
        async with AsyncFileLock(path, mode=0o600):
            try:
                yield
            finally:
                path.unlink(missing_ok=True)  # noqa: ASYNC240  as short as opening the database

    async def time(self) -> float:
        """Unix time of this host, on which all processes with this file run."""
        return time.time()

    async def ping(self) -> None:
        """Raise an error of SQLite unless the file can be read."""
        await self.run_ddl("SELECT count(*) FROM sqlite_master")

    async def try_to_write(self) -> None:
        """Write one page and change nothing. Raise an error of SQLite if the disk does not take it.

        An UPDATE to the same value would write nothing. `user_version` is a number in the file that nobody uses.
        """
        await self.run_ddl("PRAGMA user_version = 0")

    def check_file(self) -> None:
        """Raise OperationalError if the file was removed or replaced, because every write would be lost."""
        try:
            inode = Path(self.path).stat().st_ino
        except FileNotFoundError:
            inode = None
        if inode != self.inode:
            raise sqlite3.OperationalError("the database file was removed or replaced while the server was running")

    def _create_file(self) -> None:
        """Only the owner may read it, because it holds password hashes."""
        path = Path(self.path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        self.inode = path.stat().st_ino

    def _keep_from_others(self) -> None:
        """Let only the owner read and write the file and its journal, also if they were made in another way.

        SQLite gives a new journal the mode of the file.
        """
        for path in (Path(f"{self.path}{suffix}") for suffix in ("", "-wal", "-shm")):
            if not path.exists() or not path.stat().st_mode & OTHERS:
                continue
            try:
                path.chmod(path.stat().st_mode & ~OTHERS)
            except OSError:
                log.warning("others can read the database, which holds password hashes; run: chmod 600 %s", path)
            else:
                log.warning("others could read the database, which is closed to them now: %s", path)

    @override
    async def get_connection(self) -> aiosqlite.Connection:
        connection = aiosqlite.connect(**self.connection_kwargs)
        # Otherwise the process would never end after a crash of the event loop, which closes no connection.
        connection._thread.daemon = True  # noqa: SLF001  aiosqlite has no option for it
        await connection
        connection.row_factory = dict_factory  # type: ignore[assignment]
        await connection.execute("PRAGMA foreign_keys = 1")
        return connection

    @override
    async def _run_in_new_connection(
        self, query: str, args: list[Any] | None = None, query_type: str = "generic", table: Any = None
    ) -> Any:
        if query.lstrip()[:6].upper() == "SELECT":
            return await self._read(query, args or [])
        async with self.lock:
            self.check_file()
            return await self.writer_now.execute_fetchall(query, args or [])

    async def _read(self, query: str, args: list[Any]) -> Any:
        reader = await self.readers.get()
        try:
            return await reader.execute_fetchall(query, args)
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
    ) -> WriteTransaction:
        """A transaction that takes the write lock when it begins, so that no later statement fails for lack of it."""
        return WriteTransaction(self, TransactionType.immediate, allow_nested)
