"""The database: two engines, SQLite and PostgreSQL, behind one object per app.

Piccolo keeps one engine on each table class for the whole process. Here that engine is `DB`, which hands every query to
the database of the app whose code is running (a context variable), so that two apps in one process never mix.
"""

import asyncio
import contextlib
import contextvars
import io
import logging
import os
import re
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import asyncpg
from piccolo.columns import Varchar
from piccolo.engine.base import BaseAtomic, BaseBatch, Engine
from piccolo.query.base import Query
from piccolo.querystring import QueryString
from piccolo.table import Table
from typing_extensions import override

from imagevault.config.settings import Settings
from imagevault.errors import DatabaseUnavailable
from imagevault.storage.engines import Postgres, SQLite, relaxed

try:
    import fcntl
except ImportError:  # pragma: no cover  (Windows: one worker only)
    fcntl = None  # type: ignore[assignment]

log = logging.getLogger(__name__)

os.environ.setdefault("PICCOLO_CONF", "imagevault.storage.migrations")  # a wheel has no piccolo_conf.py
MIGRATION_ID = re.compile(r'^ID = "(.+)"$', re.MULTILINE)
MIGRATION_LOCK = 0x1A6E_7A17  # any number that nothing else in the database takes for an advisory lock

OUTAGES = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
    sqlite3.OperationalError,
)


_current: contextvars.ContextVar["Database"] = contextvars.ContextVar("imagevault_database")


def current() -> "Database":
    """The database of the app whose code is running."""
    return _current.get()


class _Current(Engine[Any]):
    """What Piccolo's tables hold: the engine of the running app, its outages under one name."""

    def __init__(self) -> None:
        self.query_id = 0

    @property
    @override
    def engine_type(self) -> str:  # type: ignore[override]
        return current().engine.engine_type

    @override
    async def run_querystring(self, querystring: QueryString, in_pool: bool = True) -> Any:
        with outages():
            return await current().engine.run_querystring(querystring, in_pool)

    @override
    async def run_ddl(self, ddl: str, in_pool: bool = True) -> Any:
        with outages():
            return await current().engine.run_ddl(ddl, in_pool)

    @override
    def transform_response_to_dicts(self, results: Any) -> list[dict[str, Any]]:
        return current().engine.transform_response_to_dicts(results)

    @override
    def transaction(self, *args: Any, **kwargs: Any) -> Any:
        return current().engine.transaction(*args, **kwargs)

    @override
    def atomic(self) -> BaseAtomic:
        return current().engine.atomic()

    @override
    async def batch(self, query: Query[Any, Any], batch_size: int = 100, node: str | None = None) -> BaseBatch:
        return await current().engine.batch(query, batch_size, node)

    @override
    async def get_version(self) -> float:
        return await current().engine.get_version()

    @override
    def get_version_sync(self) -> float:
        return current().engine.get_version_sync()

    @override
    async def prep_database(self) -> None:
        """Nothing: no extension is needed."""


DB = _Current()


class AppliedMigration(Table, tablename="migration", db=DB):
    """The migrations that ran, as Piccolo notes them down."""

    name = Varchar()
    app_name = Varchar()


@contextlib.contextmanager
def outages() -> Iterator[None]:
    """Turns every error that means "the database does not answer" into DatabaseUnavailable."""
    try:
        yield
    except OUTAGES as error:
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error


@contextlib.contextmanager
def relaxed_durability() -> Iterator[None]:
    """Writes inside need not wait for the disk, where the engine can tell them apart (SQLite)."""
    token = relaxed.set(True)
    try:
        yield
    finally:
        relaxed.reset(token)


@contextlib.asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """All queries inside are kept together, or none; never gather them: one connection runs one query at a time."""
    with outages():
        async with DB.transaction():
            yield


class Database:
    """The database of one app: opened and migrated when it starts, closed when it stops."""

    def __init__(self, settings: Settings) -> None:
        url = settings.database_url
        self.engine: SQLite | Postgres
        if url is None:
            self.engine = SQLite(settings.data / "imagevault.sqlite")
        elif url.startswith("sqlite"):
            self.engine = SQLite(Path(unquote(urlsplit(url).path[1:])))
        else:
            self.engine = Postgres(url)

    @property
    def place(self) -> str:
        """Where it is, for messages: never with a password."""
        if isinstance(self.engine, SQLite):
            return f"SQLite at {self.engine.path}"
        parts = urlsplit(self.engine.config["dsn"])
        return (
            f"PostgreSQL at {parts.hostname or 'the local socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"
        )

    def use(self) -> None:
        """From here on, code in this task and those it starts works on this database."""
        _current.set(self)

    async def open(self) -> None:
        """Connects and brings the tables up to date. Raises DatabaseUnavailable with the place and the reason."""
        self.use()
        try:
            await self.engine.open()
            try:
                if not await _is_up_to_date():
                    async with _migration_lock(self.engine):
                        await _migrate()
            except BaseException:
                await self.engine.close()
                raise
        except (DatabaseUnavailable, *OUTAGES, sqlite3.DatabaseError, asyncpg.PostgresError) as error:
            raise DatabaseUnavailable(f"{self.place} cannot be used: {error or type(error).__name__}") from error

    async def close(self) -> None:
        """Closes every connection."""
        await self.engine.close()

    async def time(self) -> float:
        """Unix time by the database's clock, which all hosts share; SQLite's is this host's."""
        if isinstance(self.engine, SQLite):
            return time.time()
        with outages():
            [row] = await self.engine.run_ddl("SELECT extract(epoch FROM clock_timestamp())::float8 AS now")
            return float(row["now"])

    async def ping(self) -> None:
        """Raises DatabaseUnavailable unless the database answers now."""
        self.use()
        with outages():
            if isinstance(self.engine, SQLite):
                self.engine.check_file()
            await self.engine.run_ddl("SELECT 1")


@contextlib.asynccontextmanager
async def _migration_lock(engine: SQLite | Postgres) -> AsyncIterator[None]:
    """Of workers that start at once, one migrates and the others wait for it."""
    if isinstance(engine, Postgres):
        connection = await engine.get_new_connection()  # closing it frees the advisory lock
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
            yield
        finally:
            await connection.close()
    else:
        with open(f"{engine.path}.lock", "w") as handle:  # noqa: ASYNC230, PTH123  a lock file of no content
            if fcntl is not None:
                await asyncio.to_thread(fcntl.flock, handle, fcntl.LOCK_EX)
            yield


async def _is_up_to_date() -> bool:
    if not await AppliedMigration.table_exists():
        return False
    rows = await AppliedMigration.select(AppliedMigration.name).where(AppliedMigration.app_name == "imagevault")
    sources = (each.read_text() for each in files("imagevault_migrations").iterdir() if each.name.endswith(".py"))
    return {id for source in sources for id in MIGRATION_ID.findall(source)} <= {row["name"] for row in rows}


async def _migrate() -> None:
    from piccolo.apps.migrations.commands.forwards import run_forwards  # noqa: PLC0415  large, and rarely needed

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):  # Piccolo prints what it does
        result = await run_forwards("imagevault")
    for line in filter(None, map(str.strip, printed.getvalue().splitlines())):
        log.debug("migrations: %s", line)
    if not result.success:
        raise DatabaseUnavailable(f"the migrations failed: {result.message}")
