"""A row of an account, here of its ledger, beside a deletion of the account, on both engines."""

import asyncio
import uuid
from typing import Any

import pytest

from imagevault.accounts.locking import insert_row_of_account
from imagevault.accounts.tables import Account
from imagevault.downloads.rows import download_row
from imagevault.downloads.tables import Download
from imagevault.errors import NotSignedIn
from imagevault.storage.database import DB, transaction
from tests.support.database_locks import until_something_waits
from tests.support.waiting import EVENT_LIMIT


@pytest.fixture
async def api(start: Any, database_url: str) -> Any:
    return await start({"DATABASE_URL": database_url})


async def a_row(api: Any) -> Download:
    """A row that is not written, of a new account."""
    await api.sign_in("ada")
    api.services.database.use()
    [account] = await Account.select(Account.id).where(Account.username == "ada")
    return download_row(str(account["id"]), project=None, note=None, url="https://a.example/1.jpg")


async def test_a_deletion_under_way_ends_first(api: Any) -> None:
    row = await a_row(api)
    is_deleted, may_commit = asyncio.Event(), asyncio.Event()

    async def delete() -> None:
        async with transaction():
            await Account.delete().where(Account.id == row.account)
            is_deleted.set()
            await may_commit.wait()

    deletion = asyncio.create_task(delete())
    await is_deleted.wait()
    insertion = asyncio.create_task(insert_row_of_account(row, row.account))
    await until_something_waits(insertion)
    may_commit.set()
    await deletion

    with pytest.raises(NotSignedIn):
        await insertion
    assert await Download.count() == 0


async def test_a_deletion_waits_for_the_row_and_removes_it(api: Any) -> None:
    row = await a_row(api)
    is_written = asyncio.Event()

    async def delete() -> None:
        await is_written.wait()
        async with transaction():
            if DB.engine_type == "postgres":  # a busy machine may need longer than the 10 seconds of the app
                await DB.run_ddl(f"SET LOCAL lock_timeout = '{EVENT_LIMIT:.0f}s'")
            await Account.delete().where(Account.id == row.account)
            await Download.delete().where(Download.account == row.account)

    deletion = asyncio.create_task(delete())  # begun here, where no transaction is open that it would take part in
    async with transaction():
        await insert_row_of_account(row, row.account)
        is_written.set()
        await until_something_waits(deletion)
    await deletion

    assert await Download.count() == 0


@pytest.mark.parametrize("account", ["gone", "locked"])
async def test_no_row_of_an_account_that_is(api: Any, account: str) -> None:
    row = await a_row(api)
    if account == "gone":
        row.account = uuid.uuid4()
    else:
        await Account.update({Account.is_active: False}).where(Account.id == row.account)

    with pytest.raises(NotSignedIn):
        await insert_row_of_account(row, row.account)
    assert await Download.count() == 0


async def test_every_column_is_stored(api: Any) -> None:
    """Each value in its own column, whatever their order."""
    row = await a_row(api)
    row.title, row.note, row.width, row.commercial = "a {title} with 100 % \" ' of {}", "n", 7, False

    await insert_row_of_account(row, row.account)

    [stored] = await Download.select()
    written = row.to_dict()
    stored["created_at"], written["created_at"] = stored["created_at"].timestamp(), written["created_at"].timestamp()
    assert stored == written
