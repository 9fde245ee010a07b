"""The database of one app, behind one object for SQLite and PostgreSQL.

Piccolo keeps one engine on each table class for the whole process. Here that engine is `DB`. It passes every query to
the database of the app whose code is running (a context variable), so that two apps in one process stay separate.
"""

import contextlib
import contextvars
import io
import logging
import os
import re
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from piccolo.columns import Varchar
from piccolo.engine.base import BaseAtomic, BaseBatch, Engine
from piccolo.query.base import Query
from piccolo.querystring import QueryString
from piccolo.table import Table
from typing_extensions import override

from imagevault.config.settings import Settings
from imagevault.errors import DatabaseUnavailable
from imagevault.storage import postgres, sqlite
from imagevault.storage.postgres import Postgres
from imagevault.storage.sqlite import SQLite
from imagevault.storage.transactions import relaxed

log = logging.getLogger(__name__)

os.environ.setdefault("PICCOLO_CONF", "imagevault.storage.migrations")  # a wheel has no piccolo_conf.py
MIGRATION_ID = re.compile(r'^ID = "(.+)"$', re.MULTILINE)

OUTAGES = (OSError, *sqlite.OUTAGES, *postgres.OUTAGES)  # TimeoutError is an OSError

_current: contextvars.ContextVar["Database"] = contextvars.ContextVar("imagevault_database")


def current() -> "Database":
    """The database of the app whose code is running."""
    return _current.get()


class _CurrentEngine(Engine[Any]):
    """The engine that Piccolo's tables hold: that of the running app, with one error for every outage."""

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


DB = _CurrentEngine()


class AppliedMigration(Table, tablename="migration", db=DB):
    """The migrations that ran. Piccolo writes the rows."""

    name = Varchar()
    app_name = Varchar()


@contextlib.contextmanager
def outages() -> Iterator[None]:
    """Turn every error that means "the database does not answer" into DatabaseUnavailable."""
    try:
        yield
    except OUTAGES as error:
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error


@contextlib.contextmanager
def relaxed_durability() -> Iterator[None]:
    """Let writes inside return before the disk has them. This affects SQLite only."""
    token = relaxed.set(True)
    try:
        yield
    finally:
        relaxed.reset(token)


@contextlib.asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """Commit all queries inside together, or none. Await them one by one: they share one connection."""
    with outages():
        async with DB.transaction():
            yield


class Database:
    """The database of one app. It is opened and migrated when the app starts, and closed when the app stops."""

    def __init__(self, settings: Settings) -> None:
        self.engine = _engine(settings)

    @property
    def place(self) -> str:
        """Where the database is, for messages; never with a password."""
        return self.engine.place

    def use(self) -> None:
        """Let this task, and the tasks that it starts from now on, use this database."""
        _current.set(self)

    async def open(self) -> None:
        """Connect and run the migrations that are due.

        Raises:
            DatabaseUnavailable: with the place and the reason.

        """
        self.use()
        try:
            await self.engine.open()
            try:
                if not await _is_up_to_date():
                    async with self.engine.migration_lock():
                        if not await _is_up_to_date():  # another worker may have migrated while this one waited
                            await _migrate()
            except BaseException:
                await self.engine.close()
                raise
        except (DatabaseUnavailable, *OUTAGES, sqlite.Error, postgres.Error) as error:
            raise DatabaseUnavailable(f"{self.place} cannot be used: {error or type(error).__name__}") from error

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.close()

    async def time(self) -> float:
        """Unix time by a clock that all workers share. Raises DatabaseUnavailable if the database does not answer."""
        with outages():
            return await self.engine.time()

    async def ping(self) -> None:
        """Raises DatabaseUnavailable unless the database answers."""
        self.use()
        with outages():
            await self.engine.ping()


def _engine(settings: Settings) -> SQLite | Postgres:
    url = settings.database_url
    if url is None:
        return SQLite(settings.data / "imagevault.sqlite")
    if url.startswith("sqlite"):
        return SQLite(Path(unquote(urlsplit(url).path[1:])))
    return Postgres(url)


async def _is_up_to_date() -> bool:
    """Whether every migration of the package has run."""
    if not await AppliedMigration.table_exists():
        return False
    rows = await AppliedMigration.select(AppliedMigration.name).where(AppliedMigration.app_name == "imagevault")
    applied = {row["name"] for row in rows}
    modules = [module for module in files("imagevault_migrations").iterdir() if module.name.endswith(".py")]
    return all(id in applied for module in modules for id in MIGRATION_ID.findall(module.read_text()))


async def _migrate() -> None:
    from piccolo.apps.migrations.commands.forwards import run_forwards  # noqa: PLC0415  large and rarely needed

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):  # Piccolo prints its steps
        result = await run_forwards("imagevault")
    for line in printed.getvalue().splitlines():
        if line.strip():
            log.debug("migrations: %s", line.strip())
    if not result.success:
        raise DatabaseUnavailable(f"the migrations failed: {result.message}")
