"""Checking an account again in the transaction, or the statement, that writes something for good."""

import uuid

from piccolo.querystring import QueryString
from piccolo.table import Table

from imagevault.accounts.tables import Account
from imagevault.errors import NotSignedIn
from imagevault.security.caller import Caller
from imagevault.storage.dialect import for_share, for_update

INSERT = """
WITH owner AS (SELECT id FROM iv_account WHERE id = {} AND is_active = {} {})
INSERT INTO {} ({}) SELECT {} FROM owner RETURNING account
"""


async def lock_account(caller: Caller) -> bool:
    """Lock the account's row until the transaction ends. Returns whether the account is an admin's.

    A verified credential is remembered for up to a second. What outlives that second, such as a new key, must not be
    left by a credential that was revoked in the meantime.

    Raises:
        NotSignedIn: the account is gone or locked, or has another epoch than the caller's credential.

    """
    query = "SELECT is_active, epoch, is_admin FROM iv_account WHERE id = {} {}"
    rows = await Account.raw(query, uuid.UUID(caller.id), for_update())
    if not rows or not rows[0]["is_active"] or rows[0]["epoch"] != caller.epoch:
        raise NotSignedIn
    return bool(rows[0]["is_admin"])


async def insert_row_of_account(row: Table, account: uuid.UUID) -> None:
    """Insert a row, in one statement, unless its account is gone or locked. Its table has a column `account`.

    A request that began before its account was deleted must leave nothing behind. A deletion that began first ends
    first; a later one waits for this statement, or for its transaction. API keys outlive an epoch, so the epoch is not
    compared.

    Raises:
        NotSignedIn: if the account is gone or locked.

    """
    columns = dict(zip(row.to_dict(), row.querystring.args, strict=True))
    table = QueryString(row._meta.tablename)  # noqa: SLF001  Piccolo's way to ask for it
    names = QueryString(", ".join(f'"{name}"' for name in columns))
    values = QueryString(", ".join("{}" for _ in columns), *columns.values())
    if not await row.raw(INSERT, account, True, for_share(), table, names, values):
        raise NotSignedIn
