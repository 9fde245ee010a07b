"""Checking a caller again in the transaction that changes something for good."""

import uuid

from imagevault.accounts.tables import Account
from imagevault.errors import NotSignedIn
from imagevault.security.caller import Caller
from imagevault.storage.dialect import for_update


async def lock_account(caller: Caller) -> bool:
    """Lock the account's row until the transaction ends. Returns whether the account is an admin's.

    A verified credential is remembered for up to a second. What outlives that second, such as a new key, must not be
    left by a credential that was revoked in the meantime.

    Raises:
        NotSignedIn: if the account is gone or locked, or has another epoch than the caller's credential.

    """
    query = "SELECT is_active, epoch, is_admin FROM iv_account WHERE id = {} {}"
    rows = await Account.raw(query, uuid.UUID(caller.id), for_update())
    if not rows or not rows[0]["is_active"] or rows[0]["epoch"] != caller.epoch:
        raise NotSignedIn
    return bool(rows[0]["is_admin"])
