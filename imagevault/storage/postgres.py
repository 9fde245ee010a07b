"""The PostgreSQL engine: Piccolo's, with one asyncpg pool."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from piccolo.engine.postgres import PostgresEngine
from typing_extensions import override

from imagevault.storage.transactions import PoolTransaction

POOL_SIZE = 10
CONNECT_TIMEOUT = 5.0  # seconds to wait for a connection
QUERY_TIMEOUT = 30  # seconds
MIGRATION_LOCK = 0x1A6E_7A17  # an arbitrary number that identifies this advisory lock

OUTAGES = (  # the database does not answer
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
)
Error = asyncpg.PostgresError  # any error of the database


class Postgres(PostgresEngine):
    """PostgreSQL through one pool, which reconnects after an outage."""

    __slots__ = ()

    def __init__(self, url: str) -> None:
        dsn = re.sub(r"^postgres(ql)?(\+asyncpg)?://", "postgresql://", url)
        super().__init__(config={"dsn": dsn, "timeout": CONNECT_TIMEOUT})

    @property
    def place(self) -> str:
        """Where the database is, for messages; never with a password."""
        parts = urlsplit(self.config["dsn"])
        port = f":{parts.port}" if parts.port else ""
        return f"PostgreSQL at {parts.hostname or 'the local socket'}{port}{parts.path}"

    async def open(self) -> None:
        """Start the pool. Raises an error of asyncpg if the server does not answer."""
        settings = {
            "application_name": "imagevault",
            "statement_timeout": "30s",
            "lock_timeout": "10s",
            "idle_in_transaction_session_timeout": "30s",
        }
        await self.start_connection_pool(
            min_size=1,
            max_size=POOL_SIZE,
            reset=_keep_session,
            command_timeout=QUERY_TIMEOUT,
            server_settings=settings,
        )

    async def close(self) -> None:
        """Wait a few seconds for the current queries, then close every connection."""
        if self.pool is None:
            return
        try:
            await asyncio.wait_for(self.pool.close(), CONNECT_TIMEOUT)
        except TimeoutError:
            self.pool.terminate()
        self.pool = None

    @asynccontextmanager
    async def migration_lock(self) -> AsyncIterator[None]:
        """Let one process at a time run the migrations. The end of its connection releases the lock."""
        connection = await self.get_new_connection()
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
            yield
        finally:
            await connection.close()

    async def time(self) -> float:
        """Unix time by the clock of the database server, which all hosts share."""
        [row] = await self.run_ddl("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
        return float(row["now"])

    async def ping(self) -> None:
        """Raise an error of asyncpg unless the database answers."""
        await self.run_ddl("SELECT 1")

    async def acquire(self) -> Any:
        """Take a connection from the pool."""
        assert self.pool is not None
        return await self.pool.acquire(timeout=CONNECT_TIMEOUT)

    async def release(self, connection: Any) -> None:
        """Return a connection to the pool."""
        assert self.pool is not None
        await self.pool.release(connection)

    @override
    async def get_version(self) -> float:
        """Not queried, because Piccolo would connect while it makes the engine."""
        return 0.0

    @override
    async def _run_in_pool(self, query: str, args: Sequence[Any] | None = None) -> Any:
        assert self.pool is not None
        async with self.pool.acquire(timeout=CONNECT_TIMEOUT) as connection:
            return await connection.fetch(query, *(args or ()))

    @override
    def transaction(self, allow_nested: bool = True) -> PoolTransaction:
        """Return a transaction on a connection of the pool."""
        return PoolTransaction(engine=self, allow_nested=allow_nested)


async def _keep_session(connection: Any) -> None:
    """Skip asyncpg's reset, which costs a round trip at each release; no query leaves anything in a session."""
