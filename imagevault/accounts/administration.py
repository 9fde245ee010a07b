"""What admins do to accounts of others. Each change is in force within a second, and stands in the audit trail."""

import uuid
from typing import Any

from imagevault.accounts import audit, one_time_codes, throttle
from imagevault.accounts.api_keys import revoke_all
from imagevault.accounts.one_time_codes import IssuedCode
from imagevault.accounts.service import Accounts, NewAccount, normalize_username
from imagevault.accounts.tables import Account
from imagevault.errors import Forbidden, ResourceNotFound
from imagevault.storage.database import transaction

RESET_CODE_TTL = audit.DAY
NO_PASSWORD = "!"  # noqa: S105  a hash that no password belongs to


class Administration:
    """Changes accounts by their names.

    Every method raises ResourceNotFound if there is no account of that name, and returns its normalized name or what
    it says.
    """

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts

    async def create(self, username: str, password: str, *, is_admin: bool) -> str:
        """Create an account, also where sign-up is closed. Raises what `Accounts.create` raises."""
        detail = "admin" if is_admin else "user"

        async def record(account: NewAccount) -> None:
            await audit.record("account_created", account=account.id, username=account.username, detail=detail)

        account = await self.accounts.create(username, password, is_admin=is_admin, also=record)
        return account.username

    async def set_admin(self, username: str, *, is_admin: bool) -> str:
        """Make an account an admin, or an ordinary user again."""
        id, name = await find(username)
        async with transaction():
            await self.accounts.set_admin(name, is_admin=is_admin)
            await audit.record("role_changed", account=id, username=name, detail="admin" if is_admin else "user")
        return name

    async def lock(self, username: str) -> str:
        """Shut an account out: no password, token, session or key of it works until it is unlocked."""
        id, name = await find(username)
        async with transaction():
            await Account.update({Account.is_active: False, Account.epoch: Account.epoch + 1}).where(Account.id == id)
            await audit.record("account_locked", account=id, username=name)
        return name

    async def unlock(self, username: str) -> str:
        """Let an account in again, and forget its wrong passwords. Tokens of before the lock stay revoked."""
        id, name = await find(username)
        async with transaction():
            await Account.update({Account.is_active: True}).where(Account.id == id)
            await throttle.lift(name)
            await audit.record("account_unlocked", account=id, username=name)
        return name

    async def reset_password(self, username: str, *, revoke_keys: bool = False) -> IssuedCode:
        """End the password and every token of an account. Returns a code with which its owner sets a new password.

        Args:
            username: the name of the account.
            revoke_keys: whether to revoke its API keys too.

        """
        id, name = await find(username)
        async with transaction():
            values: dict[Any, Any] = {Account.password_hash: NO_PASSWORD, Account.epoch: Account.epoch + 1}
            await Account.update(values).where(Account.id == id)
            code = await one_time_codes.issue("password_reset", RESET_CODE_TTL, id)
            if revoke_keys:
                await revoke_all(id, name)
            await throttle.lift(name)
            await audit.record("reset_code_created", account=id, username=name)
        return code

    async def set_password(self, username: str, code: str, password: str) -> None:
        """Set a new password with the code of `reset_password`.

        Raises:
            Forbidden: the code is not valid for this account.
            BadInput: the password is not acceptable; the code stays valid.
            Busy: too many passwords are being hashed.

        """
        refusal = Forbidden("This code is not valid: it was used, it has expired, or it is of another account.")
        try:
            id, name = await find(username)
        except ResourceNotFound:
            raise refusal from None
        if not await one_time_codes.is_valid("password_reset", code, id):
            raise refusal
        await self.accounts.passwords.check(password, name, "new_password")
        password_hash = await self.accounts.passwords.hash(password)
        async with transaction():
            if not await one_time_codes.redeem("password_reset", code, id):
                raise refusal
            values: dict[Any, Any] = {Account.password_hash: password_hash, Account.epoch: Account.epoch + 1}
            await Account.update(values).where(Account.id == id)
            await audit.record("password_reset", account=id, username=name)

    async def invite(self, days: float) -> IssuedCode:
        """Make an invitation that one person may sign up with, and that expires after so many days."""
        async with transaction():
            code = await one_time_codes.issue("invitation", days * audit.DAY)
            await audit.record("invitation_created", detail=f"until {code.expires_at:%Y-%m-%d}")
        return code


async def find(username: str) -> tuple[uuid.UUID, str]:
    """Return the id and the normalized name of an account. Raises ResourceNotFound if there is none."""
    name = normalize_username(username)
    row = await Account.select(Account.id).where(Account.username == name).first()
    if row is None:
        raise ResourceNotFound(f"There is no account {name}.")
    return row["id"], name
