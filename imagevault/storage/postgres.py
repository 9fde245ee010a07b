"""The PostgreSQL engine: Piccolo's, with one asyncpg pool."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from piccolo.engine.postgres import PostgresEngine
from typing_extensions import override

from imagevault.config.database_url import Address, PostgresURL, read_postgres_url
from imagevault.storage.transactions import PoolTransaction

POOL_SIZE = 10
CONNECT_TIMEOUT = 5.0  # seconds to wait for a connection; several hosts share them
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
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.PostgresSystemError,
    asyncpg.LockNotAvailableError,  # not within `lock_timeout`
    asyncpg.InvalidCachedStatementError,  # a migration changed the table of a transaction
    asyncpg.InternalClientError,  # a server that stops says so on a connection that waits for nothing
)
TRY_NEXT = (  # errors of a host after which the next one is tried, as asyncpg does; TimeoutError is an OSError
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.exceptions.TargetServerAttributeNotMatched,
)
DAMAGE = (asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError)
Error = asyncpg.PostgresError  # any error of the database


class Postgres(PostgresEngine):
    """PostgreSQL through one pool, which reconnects after an outage, to another host if the URL names several."""

    __slots__ = ("_addresses", "_url")

    REFUSED_WRITES = (asyncpg.DiskFullError, asyncpg.ReadOnlySQLTransactionError)  # reads may work all the same

    def __init__(self, url: str) -> None:
        self._url = read_postgres_url(url)
        self._addresses = list(self._url.addresses)  # the one that answered last comes first
        super().__init__(config={"dsn": self._url.query, **_arguments(self._url)})

    @property
    def place(self) -> str:
        """Where the database is, for messages; never with a password."""
        return f"PostgreSQL at {self._url.place}"

    def is_damage(self, error: BaseException) -> bool:
        """Whether an error means that the database is damaged."""
        return isinstance(error, DAMAGE)

    def remedy(self, error: BaseException) -> str | None:
        """What to do about an error; None if that is not known."""
        if self.is_damage(error):
            return "the database is damaged: stop the server and restore it from a backup"
        if isinstance(error, asyncpg.InsufficientPrivilegeError):
            role = self._url.user or "the role"
            return f"let {role} own the database, or run in it, as its owner: GRANT ALL ON SCHEMA public TO {role}"
        return None

    async def try_to_write(self) -> None:
        """Write a few rows and change nothing. Raise an error of asyncpg if the database does not take it."""
        await self.run_ddl("UPDATE migration SET name = name WHERE app_name = 'imagevault'")

    def check_file(self) -> None:
        """Do nothing: the server looks after its files."""

    async def open(self) -> None:
        """Start the pool.

        Raises:
            OSError: no server answers.
            asyncpg.PostgresError: a server refuses the connection.
            asyncpg.InterfaceError: what the environment says of the connection is wrong.

        """
        settings = {
            "application_name": "imagevault",
            "statement_timeout": "30s",
            "lock_timeout": "10s",
            "idle_in_transaction_session_timeout": "30s",
            # A plan for any value walks a whole ledger where one value of a filter is rare.
            "plan_cache_mode": "force_custom_plan",
        }
        try:
            await self.start_connection_pool(
                min_size=1,
                max_size=POOL_SIZE,
                reset=_keep_session,
                command_timeout=QUERY_TIMEOUT,
                server_settings=settings,
                connect=self._connect,
            )
        except asyncpg.InterfaceError:
            raise
        except ValueError:  # asyncpg reads ports with `int`
            raise asyncpg.InterfaceError("PGPORT and the port of a service file must be numbers") from None

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
    async def get_new_connection(self) -> Any:
        """Connect outside the pool."""
        return await self._connect(**self.config)

    async def _connect(self, *arguments: Any, **options: Any) -> Any:
        """Connect to the first host that answers. It is tried first from then on.

        asyncpg has one time-out for all hosts. Here each host has its share of it, so that a host that does not answer
        leaves time for the next.

        Raises:
            OSError: the last host does not answer, or not in time.
            asyncpg.PostgresError: a server refuses the connection.
            asyncpg.exceptions.TargetServerAttributeNotMatched: the last host cannot write.

        """
        if not self._addresses:
            return await asyncpg.connect(*arguments, **{**options, "timeout": CONNECT_TIMEOUT})
        options["timeout"] = CONNECT_TIMEOUT / len(self._addresses)
        error: Exception | None = None
        for address in tuple(self._addresses):
            try:
                connection = await asyncpg.connect(*arguments, **{**options, **_place(address)})
            except TRY_NEXT as failed:
                error = failed
            else:
                self._addresses = [address, *(other for other in self._addresses if other != address)]
                return connection
        assert error is not None
        raise error

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


def _arguments(url: PostgresURL) -> dict[str, str]:
    """What asyncpg is given beside a host. Of several hosts one that can write is chosen, unless the URL says other."""
    arguments = {"user": url.user, "password": url.password, "database": url.database}
    if len(url.addresses) > 1:
        arguments["target_session_attrs"] = url.options.get("target_session_attrs", "read-write")
    return {name: value for name, value in arguments.items() if value is not None}


def _place(address: Address) -> dict[str, Any]:
    """The host as asyncpg takes it. Without a port it takes that of `PGPORT`, or 5432."""
    return {"host": address.host} if address.port is None else {"host": address.host, "port": address.port}
