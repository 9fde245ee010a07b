"""Ending access: signing out everywhere, and changing the password.

Both raise the account's epoch, which ends every token and session of the account, in every worker within a second.
"""

import uuid
from typing import Any

from imagevault.accounts import audit
from imagevault.accounts.api_keys import revoke_all
from imagevault.accounts.locking import lock_account
from imagevault.accounts.passwords import Passwords
from imagevault.accounts.sign_in import SignIn
from imagevault.accounts.tables import Account, PageSession
from imagevault.security.caller import Caller
from imagevault.storage.database import transaction


class SignOut:
    """Ends access to accounts.

    Args:
        passwords: checks and hashes new passwords.
        sign_in: checks the current password.

    """

    def __init__(self, passwords: Passwords, sign_in: SignIn) -> None:
        self.passwords = passwords
        self.sign_in = sign_in

    async def everywhere(self, caller: Caller, *, revoke_keys: bool) -> None:
        """End every token and session of the caller's account, and its API keys too if `revoke_keys`.

        Raises:
            NotSignedIn: this was done since the request began.

        """
        async with transaction():
            await lock_account(caller)
            await _end_access(caller, {}, revoke_keys=revoke_keys)
            await audit.record("signed_out", account=caller.id, username=caller.username)

    async def change_password(self, caller: Caller, current: str, new: str, *, revoke_keys: bool, address: str) -> None:
        """Change the password of the caller's account, and end what `everywhere` ends.

        Args:
            caller: who signed in.
            current: the password until now. A wrong one counts like one at sign-in.
            new: the new password.
            revoke_keys: whether the API keys end too.
            address: where the request comes from, `RequestContext.network`.

        Raises:
            Forbidden: the current password is wrong.
            BadInput: the new password is not acceptable.
            TooMany: too many wrong passwords came before.
            NotSignedIn: the account was signed out, or got another password, since the request began.
            Busy: too many passwords are being hashed.

        """
        await self.sign_in.check(caller.username, current, address)
        await self.passwords.check(new, caller.username, "new_password")
        new_hash = await self.passwords.hash(new)
        async with transaction():
            await lock_account(caller)  # every change of the password raises the epoch that this compares
            await _end_access(caller, {Account.password_hash: new_hash}, revoke_keys=revoke_keys)
            await audit.record("password_changed", account=caller.id, username=caller.username)


async def _end_access(caller: Caller, changes: dict[Any, Any], *, revoke_keys: bool) -> None:
    account = uuid.UUID(caller.id)
    await Account.update({**changes, Account.epoch: caller.epoch + 1}).where(Account.id == account)
    await PageSession.delete().where(PageSession.account == account)
    if revoke_keys:
        await revoke_all(account, caller.username)
