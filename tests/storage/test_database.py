"""The database, on both engines."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from imagevault.accounts.tables import Account
from imagevault.config.settings import load
from imagevault.downloads.tables import Download, DownloadEvent
from imagevault.errors import DatabaseUnavailable
from imagevault.storage.database import AppliedMigration, Database, relaxed_durability, transaction
from imagevault.storage.sqlite import SQLite
from tests.support.open_files import room_for
from tests.support.waiting import EVENT_LIMIT, until

DOWNLOAD_EVENTS = "2026-11-29T12:47:26:904954"  # the ID of imagevault_0005_download_events.py


def account(username: str) -> Account:
    return Account(id=uuid.uuid4(), username=username, password_hash="x", created_at=datetime.now(UTC))


async def usernames() -> set[str]:
    return {row["username"] for row in await Account.select(Account.username)}


CRASH = """
import asyncio, sys
from imagevault.config.settings import load
from imagevault.storage.database import Database

database = Database(load({"DATABASE_URL": sys.argv[1]}))  # as in a server, something refers to it until the end

async def crash():
    await database.open()
    raise SystemExit(7)

asyncio.run(crash())
"""


@pytest.mark.processes
def test_a_process_ends_after_a_crash_of_its_event_loop(empty_database_url: str, tmp_path: Path) -> None:
    """The connections are open then, and nothing closes them."""
    command = [sys.executable, "-c", CRASH, empty_database_url]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=EVENT_LIMIT, check=False)

    assert ended.returncode == 7, ended.stderr


class TestDatabase:
    @pytest.fixture
    async def database(self, empty_database_url: str, tmp_path: Path) -> Database:
        return Database(load({"DATABASE_URL": empty_database_url}, tmp_path))

    async def test_keeps_every_type_of_value(self, database: Database) -> None:
        """Ids, times with their zone, flags and nulls are read as they were written."""
        await database.open()
        try:
            row = Download(
                id=uuid.uuid4(), account=uuid.uuid4(), url="https://a.example/ä", created_at=datetime.now(UTC)
            )
            await Download.insert(row)

            [read] = await Download.select()

            assert row.to_dict() == read
        finally:
            await database.close()

    async def test_opens_again_with_rows_present(self, database: Database) -> None:
        """Migrations run once and lose no rows."""
        await database.open()
        await Account.insert(account("ada"))
        await database.close()

        await database.open()
        try:
            assert {"ada"} == await usernames()
        finally:
            await database.close()

    async def test_a_database_of_the_version_before_is_migrated(self, database: Database) -> None:
        """Its rows stay, and the new table is there and empty."""
        await database.open()
        row = Download(id=uuid.uuid4(), account=uuid.uuid4(), url="https://a.example/", created_at=datetime.now(UTC))
        await Download.insert(row)
        await DownloadEvent.alter().drop_table()
        await AppliedMigration.delete().where(AppliedMigration.name == DOWNLOAD_EVENTS)
        await database.close()

        await database.open()
        try:
            assert await Download.select() == [row.to_dict()]
            assert await DownloadEvent.select() == []
        finally:
            await database.close()

    async def test_a_transaction_is_kept_whole_or_not_at_all(self, database: Database) -> None:
        """An error rolls back the whole transaction and no write of another task."""
        await database.open()
        try:
            inside, go_on = asyncio.Event(), asyncio.Event()

            async def failing() -> None:
                async with transaction():
                    await Account.insert(account("gone"))
                    inside.set()
                    await go_on.wait()
                    raise KeyError

            task = asyncio.create_task(failing())
            await inside.wait()
            other = asyncio.create_task(Account.insert(account("stays")).run())
            go_on.set()
            with pytest.raises(KeyError):
                await task
            await other

            assert {"stays"} == await usernames()
        finally:
            await database.close()

    async def test_a_cancelled_transaction_is_undone_and_lets_others_go_on(self, database: Database) -> None:
        """A caller that is cancelled leaves neither rows nor a lock behind."""
        await database.open()
        try:
            inside = asyncio.Event()

            async def leaving() -> None:
                async with transaction():
                    await Account.insert(account("gone"))
                    inside.set()
                    await asyncio.Event().wait()

            task = asyncio.create_task(leaving())
            await inside.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            async with transaction():
                await Account.insert(account("next"))

            assert {"next"} == await usernames()
        finally:
            await database.close()

    async def test_two_apps_in_one_process_do_not_mix(
        self, database: Database, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """Each task works on the database of its own app, also when both work at the same time."""
        other = Database(load({}, tmp_path_factory.mktemp("other")))

        async def work(database: Database, username: str, rounds: int = 20) -> set[str]:
            await database.open()
            try:
                for number in range(rounds):
                    await Account.insert(account(f"{username}{number}"))
                return await usernames()
            finally:
                await database.close()

        ours, theirs = await asyncio.gather(work(database, "ours"), work(other, "theirs"))

        assert {f"ours{number}" for number in range(20)} == ours
        assert {f"theirs{number}" for number in range(20)} == theirs


class TestUnavailable:
    @pytest.mark.parametrize(
        ("url", "reason"),
        [
            ("postgresql+asyncpg://user:hidden@127.0.0.1:1/db", "PostgreSQL at 127.0.0.1:1/db cannot be used"),
            ("sqlite:////dev/null/no/file.sqlite", "SQLite at /dev/null/no/file.sqlite cannot be used"),
        ],
    )
    async def test_says_where_and_why_without_the_password(self, tmp_path: Path, url: str, reason: str) -> None:
        """A database that cannot be opened stops the start with one clear line."""
        with pytest.raises(DatabaseUnavailable, match=reason) as caught:
            await Database(load({"DATABASE_URL": url}, tmp_path)).open()

        assert "hidden" not in str(caught.value)

    async def test_a_file_that_is_no_database(self, tmp_path: Path) -> None:
        """An existing file that is no database is not overwritten."""
        path = tmp_path / "notes.txt"
        path.write_text("not a database, but notes\n" * 100)

        with pytest.raises(DatabaseUnavailable, match="file is not a database"):
            await Database(load({"DATABASE_URL": f"sqlite:///{path}"}, tmp_path)).open()

        assert path.read_text().startswith("not a database")


async def test_sqlite_waits_for_the_disk(tmp_path: Path) -> None:
    """The writer runs with synchronous=FULL (2) in WAL mode: an acknowledged download survives a power failure."""
    database = Database(load({}, tmp_path))
    await database.open()
    try:
        writer = database.engine.writer  # type: ignore[union-attr]
        modes = [list(await writer.execute_fetchall(f"PRAGMA {name}"))[0] for name in ("synchronous", "journal_mode")]

        assert modes == [{"synchronous": 2}, {"journal_mode": "wal"}]
    finally:
        await database.close()


@pytest.mark.parametrize("is_in_transaction", [False, True])
@pytest.mark.parametrize(("durability", "synchronous"), [(contextlib.nullcontext, 2), (relaxed_durability, 1)])
async def test_sqlite_writes_wait_for_the_disk_unless_they_are_relaxed(
    tmp_path: Path, durability: Any, synchronous: int, is_in_transaction: bool
) -> None:
    """Also in a transaction: each sign-in attempt is counted in one, and need not survive a power failure."""
    database = Database(load({}, tmp_path))
    await database.open()
    database.use()
    try:
        with durability():
            async with transaction() if is_in_transaction else contextlib.nullcontext():
                modes = await AppliedMigration.raw("PRAGMA synchronous")

        assert modes == [{"synchronous": synchronous}]
    finally:
        await database.close()


async def test_sqlite_is_for_the_server_only(tmp_path: Path) -> None:
    """Only the owner may read the folder and the file, because they hold password hashes."""
    database = Database(load({}, tmp_path))
    await database.open()
    try:
        folder = tmp_path / "imagevault-data"
        modes = [path.stat().st_mode & 0o777 for path in (folder, *folder.glob("imagevault.sqlite*"))]

        assert modes[0] == 0o700
        assert {mode & 0o077 for path, mode in zip(folder.glob("*.sqlite"), modes[1:], strict=False)} == {0}
    finally:
        await database.close()


def chmod(file: Path, mode: int) -> None:
    file.chmod(mode)


class TestModeOfSQLite:
    """A file that was made in another way, such as by a copy, is for its owner only too."""

    @pytest.fixture
    def file(self, tmp_path: Path, migrated_sqlite: Path) -> Path:
        shutil.copy(migrated_sqlite, tmp_path / "vault.sqlite")
        return tmp_path / "vault.sqlite"

    @pytest.mark.parametrize("mode", [0o644, 0o660, 0o604, 0o666])
    async def test_others_are_kept_out(self, file: Path, mode: int, caplog: pytest.LogCaptureFixture) -> None:
        """The log says so once, and the journal is for the owner too."""
        chmod(file, mode)
        database = Database(load({"DATABASE_URL": f"sqlite:///{file}"}, file.parent))
        for _ in range(2):
            await database.open()
            modes = [path.stat().st_mode & 0o777 for path in file.parent.glob("vault.sqlite*")]
            await database.close()

            assert set(modes) == {0o600}
        own = [record.getMessage() for record in caplog.records if record.getMessage().endswith(": " + str(file))]
        assert own == [f"others could read the database, which is closed to them now: {file}"]

    async def test_a_file_of_somebody_else_is_used_with_a_warning(
        self, file: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Only its owner may change its mode, and root, which the tests may be."""

        def refuse(*_: object) -> None:
            raise PermissionError

        chmod(file, 0o644)
        monkeypatch.setattr(Path, "chmod", refuse)
        database = Database(load({"DATABASE_URL": f"sqlite:///{file}"}, file.parent))
        await database.open()
        await database.close()

        assert f"others can read the database, which holds password hashes; run: chmod 600 {file}" in caplog.text

    async def test_a_file_that_is_no_database_is_left_alone(self, tmp_path: Path) -> None:
        """The URL may have a typing error."""
        path = tmp_path / "notes.txt"
        path.write_text("not a database, but notes\n" * 100)
        path.chmod(0o644)

        with pytest.raises(DatabaseUnavailable):
            await Database(load({"DATABASE_URL": f"sqlite:///{path}"}, tmp_path)).open()

        assert path.stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("more", range(1, 12))
async def test_a_failed_start_leaves_no_connection_open(tmp_path: Path, more: int) -> None:
    """Each connection has a thread, which would keep the process from ending. Here the limit of open files stops it."""
    database = Database(load({}, tmp_path))
    is_open = False
    with room_for(more), contextlib.suppress(DatabaseUnavailable):
        await database.open()
        is_open = True
    if is_open:
        await database.close()

    await until(lambda: not _connection_threads(), "the end of the threads")


def _connection_threads() -> list[str]:
    """The threads of open connections, by the name of what aiosqlite runs in them."""
    return [thread.name for thread in threading.enumerate() if "_connection_worker_thread" in thread.name]


def files(folder: Path) -> list[str]:
    """The names of the files in a folder."""
    return [path.name for path in folder.iterdir()]


class TestMigrationLockOfSQLite:
    async def test_leaves_no_file(self, tmp_path: Path) -> None:
        """An admin finds the database and its journal beside the secret, and no lock."""
        database = Database(load({}, tmp_path))
        await database.open()
        await database.close()

        assert "imagevault.sqlite" in files(tmp_path / "imagevault-data")
        assert not [name for name in files(tmp_path / "imagevault-data") if name.endswith(".lock")]

    async def test_one_holds_it_at_a_time(self, tmp_path: Path) -> None:
        """The first one removes the file; those that wait for it still exclude each other."""
        engines = [SQLite(tmp_path / "vault.sqlite") for _ in range(4)]
        inside: list[int] = []
        most = 0

        async def work(engine: SQLite) -> None:
            nonlocal most
            async with engine.migration_lock():
                inside.append(1)
                most = max(most, len(inside))
                await asyncio.sleep(0)
                inside.pop()

        await asyncio.gather(*map(work, engines))

        assert most == 1
        assert files(tmp_path) == []

    async def test_a_cancelled_wait_keeps_nobody_out(self, tmp_path: Path) -> None:
        holder, waiter, later = (SQLite(tmp_path / "vault.sqlite") for _ in range(3))

        async def wait() -> None:
            async with waiter.migration_lock():
                raise AssertionError("the lock is held")

        async with holder.migration_lock():
            task = asyncio.create_task(wait())
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with asyncio.timeout(EVENT_LIMIT), later.migration_lock():
            pass
