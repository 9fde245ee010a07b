"""The database of one app, behind one object for SQLite and PostgreSQL.

Piccolo keeps one engine on each table class for the whole process. Here that engine is `DB`. It passes every query to
the database of the app whose code is running (a context variable), so that two apps in one process stay separate.
"""

import asyncio
import contextlib
import contextvars
import io
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
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
from imagevault.storage.outage import Access, Outage
from imagevault.storage.postgres import Postgres
from imagevault.storage.sqlite import SQLite
from imagevault.storage.transactions import relaxed

log = logging.getLogger(__name__)

os.environ.setdefault("PICCOLO_CONF", "imagevault.storage.migrations")  # a wheel has no piccolo_conf.py
MIGRATION_ID = re.compile(r'^ID = "(.+)"$', re.MULTILINE)

OUTAGES = (OSError, *sqlite.OUTAGES, *postgres.OUTAGES)  # TimeoutError is an OSError
READY_DEADLINE = 2.0  # seconds in which a database that is ready answers
WRITE_TRIAL_INTERVAL = 5.0  # seconds between two attempts to write, while writes fail

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
        engine = current().engine
        access = _access_of(querystring.template)
        with outages(access, is_proof=not engine.transaction_exists()):
            return await engine.run_querystring(querystring, in_pool)

    @override
    async def run_ddl(self, ddl: str, in_pool: bool = True) -> Any:
        with outages(_access_of(ddl)):
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
def outages(access: Access = "read", *, is_proof: bool = False) -> Iterator[None]:
    """Turn every error that means "the database does not work" into DatabaseUnavailable.

    Args:
        access: what is done inside.
        is_proof: whether it proves that this access works, if it succeeds. A write inside a transaction does not.
    """
    database = current()
    try:
        yield
    except (*OUTAGES, sqlite.Error, postgres.Error) as error:
        unavailable = database.take_in(error, access)
        if unavailable is None:
            raise
        raise unavailable from error
    if is_proof:
        database.outage.succeed(access)


def count_refusal() -> None:
    """Count a request that is refused because the database of the running app does not work."""
    database = _current.get(None)
    if database is not None:
        database.outage.refusals += 1


def _access_of(sql: str) -> Access:
    return "read" if sql.lstrip()[:6].upper() == "SELECT" else "write"


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
    with outages("write", is_proof=True):
        async with DB.transaction():
            yield


class Database:
    """The database of one app. It is opened and migrated when the app starts, and closed when the app stops."""

    def __init__(self, settings: Settings) -> None:
        self.engine = _engine(settings)
        self.outage = Outage(self.place)
        self._is_open = False
        self._logs_outages = False
        self._tried_to_write_at = 0.0  # time.monotonic

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
        self.outage = Outage(self.place)
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
            raise DatabaseUnavailable(f"{self.place} cannot be used: {self._reason(error)}") from error
        self._is_open = True
        self.outage.is_logged = self._logs_outages

    async def close(self) -> None:
        """Close every connection."""
        self._is_open = False
        await self.engine.close()

    def log_outages(self) -> None:
        """From now on, write a line when an outage of the open database begins, and one when it is over."""
        self._logs_outages = True
        self.outage.is_logged = self._is_open

    async def time(self) -> float:
        """Unix time by a clock that all workers share. Raises DatabaseUnavailable if the database does not answer."""
        with outages():
            return await self.engine.time()

    async def check_ready(self) -> None:
        """Check that the database can serve requests.

        It answers a read in time. If a write failed, none has worked since, and a small one does not work now either,
        it is not ready. That write is tried at most every `WRITE_TRIAL_INTERVAL`.

        Raises:
            DatabaseUnavailable: with the reason.

        """
        self.use()
        with outages("read", is_proof=True):
            await _in_time(self.engine.ping())
        with outages("write"):
            self.engine.check_file()
        if self.outage.reason("write") is not None:
            await self._try_to_write()

    async def _try_to_write(self) -> None:
        now = time.monotonic()
        if now - self._tried_to_write_at >= WRITE_TRIAL_INTERVAL:
            self._tried_to_write_at = now
            with outages("write", is_proof=True):
                await _in_time(self.engine.try_to_write())
        reason = self.outage.reason("write")
        if reason is not None:
            raise DatabaseUnavailable(reason)

    def take_in(self, error: BaseException, access: Access) -> DatabaseUnavailable | None:
        """Note an error that an access raised. Returns None if it does not mean that the database does not work."""
        reason = self._reason(error)
        if self.engine.is_damage(error):
            self.outage.damage(reason)
        elif not isinstance(error, OUTAGES):
            return None
        elif access == "write" and isinstance(error, self.engine.REFUSED_WRITES):
            self.outage.fail("write", reason)
        else:
            self.outage.fail("read", reason)
        return DatabaseUnavailable(reason)

    def _reason(self, error: BaseException) -> str:
        """Why the database does not work, and what to do about it, where that is known."""
        reason = str(error) or type(error).__name__
        remedy = self.engine.remedy(error)
        return f"{reason}; {remedy}" if remedy else reason


async def _in_time(work: Awaitable[Any]) -> None:
    """Await work of at most `READY_DEADLINE`. Raises TimeoutError, which says so."""
    try:
        async with asyncio.timeout(READY_DEADLINE):
            await work
    except TimeoutError:
        raise TimeoutError(f"no answer in {READY_DEADLINE} seconds") from None


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
