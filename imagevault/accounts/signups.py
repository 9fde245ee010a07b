"""Who may sign up: anyone, nobody, or who has an invitation; and how many accounts one address may create."""

import asyncio
import math
from collections.abc import Callable
from typing import Any

from imagevault.accounts import audit, one_time_codes
from imagevault.accounts.service import Accounts, NewAccount
from imagevault.accounts.tables import Throttle
from imagevault.config.settings import Settings
from imagevault.errors import Forbidden, TooMany
from imagevault.storage.database import relaxed_durability, transaction


class Signups:
    """Counts the accounts created from each address (`limits.signup`), in the database for all workers.

    The generic cell rate algorithm keeps one moment for an address: when it could use the whole limit again. Each
    account moves it on by the time in which one account becomes free. The audit trail has one refusal of each wait, so
    an attack cannot fill the database with them.

    Args:
        accounts: creates the accounts.
        settings: the settings in force at the start.
        clock: Unix time in seconds, the same in all workers.

    Attributes:
        mode: who may sign up (`signup`).

    """

    def __init__(self, accounts: Accounts, settings: Settings, clock: Callable[[], float]) -> None:
        self.accounts = accounts
        self.clock = clock
        self.configure(settings)

    def configure(self, settings: Settings) -> None:
        """Put these settings in force."""
        self.mode = settings.signup
        self.rate = settings.limits.signup

    async def create(self, username: str, password: str, invitation: str | None, address: str) -> NewAccount:
        """Create an account for a stranger.

        Args:
            username: as it was typed.
            password: as it was typed.
            invitation: the code of an invitation.
            address: where the request comes from.

        Raises:
            Forbidden: if sign-ups are closed, or the invitation that they need is missing or not valid.
            TooMany: if the address may not create another account yet.
            BadInput, Conflict, Busy: as `Accounts.create`.

        """
        if self.mode == "closed":
            raise Forbidden("Signing up is closed; ask an admin of this server for an account.")
        if self.mode == "invite" and not invitation:
            raise Forbidden("Signing up needs an invitation; ask an admin of this server for one.")
        await self._take(address)
        try:
            if self.mode == "open" or invitation is None:
                return await self.accounts.create(username, password, also=_record)
            return await self._create_invited(username, password, invitation)
        except Forbidden:
            raise
        except BaseException:  # also of a client that hangs up while the password is hashed
            await asyncio.shield(self._give_back(address))
            raise

    async def _create_invited(self, username: str, password: str, invitation: str) -> NewAccount:
        """Create the account and use the invitation up, or neither."""
        refusal = Forbidden("This invitation is not valid: it was used, it has expired, or it is misspelt.")

        async def redeem(account: NewAccount) -> None:
            if not await one_time_codes.redeem("invitation", invitation):
                raise refusal
            await _record(account)

        if not await one_time_codes.is_valid("invitation", invitation):  # a password need not be hashed for it
            raise refusal
        return await self.accounts.create(username, password, also=redeem)

    @property
    def interval(self) -> int:
        """Milliseconds in which one account becomes free."""
        return max(1, self.rate.seconds * 1000 // self.rate.amount)

    async def _take(self, address: str) -> None:
        """Count one account for this address.

        Raises:
            TooMany: if the address may not create another one yet.

        """
        wait = await self._count(address)
        if wait > 0:
            message = f"At most {self.rate.amount} accounts in {self.rate.seconds} seconds are allowed."
            raise TooMany(message, retry_after=wait / 1000)

    async def _count(self, address: str) -> int:
        """Count one account, or its refusal (`failures`). Returns the milliseconds to wait, at most 0 if it may be."""
        key = f"signup {address}"[:64]
        now = round(self.clock() * 1000)
        with relaxed_durability():
            async with transaction():
                # One statement makes the row or locks it: between two, `prune` may delete it.
                row = Throttle(key=key, network=address[:64])
                locking = Throttle.insert(row).on_conflict(Throttle.key, "DO UPDATE", [Throttle.key])
                [counter] = await locking.returning(Throttle.blocked_until, Throttle.failures)
                is_free_at = max(counter["blocked_until"], now)
                wait: int = is_free_at - now - (self.rate.amount - 1) * self.interval
                values: dict[Any, Any] = {}
                if wait <= 0:
                    until = is_free_at + self.interval
                    values = {Throttle.blocked_until: until, Throttle.forgotten_at: until, Throttle.failures: 0}
                elif not counter["failures"]:
                    values = {Throttle.failures: 1}
                    await audit.record("sign_up_throttled", detail=f"the next account waits {math.ceil(wait / 1000)} s")
                if values:
                    await Throttle.update(values).where(Throttle.key == key)
        return wait

    async def _give_back(self, address: str) -> None:
        """Undo `_take` for an account that was not created."""
        with relaxed_durability():
            values: dict[Any, Any] = {Throttle.blocked_until: Throttle.blocked_until - self.interval}
            await Throttle.update(values).where(Throttle.key == f"signup {address}"[:64])


async def _record(account: NewAccount) -> None:
    await audit.record("account_created", account=account.id, username=account.username)
