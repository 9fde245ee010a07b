"""Signing in with a password: throttled, and written to the audit trail."""

from imagevault.accounts.service import Accounts, SignedIn
from imagevault.accounts.throttle import SignInThrottle, record_of_name
from imagevault.errors import Forbidden, NotSignedIn


class SignIn:
    """Every way in with a password passes here.

    Args:
        accounts: checks the password.
        throttle: counts the wrong ones.

    """

    def __init__(self, accounts: Accounts, throttle: SignInThrottle) -> None:
        self.accounts = accounts
        self.throttle = throttle

    async def token(self, username: str, password: str, address: str) -> str:
        """Return an access token. Arguments and errors are those of `authenticate`."""
        account = await self.authenticate(username, password, address)
        return self.accounts.tokens.issue(account.id, account.epoch)

    async def authenticate(self, username: str, password: str, address: str) -> SignedIn:
        """Sign somebody in.

        Args:
            username: as it was typed.
            password: as it was typed.
            address: where the request comes from, `RequestContext.network`.

        Raises:
            NotSignedIn: the username or the password is wrong, or the account is locked.
            TooMany: too many wrong passwords came before.
            Busy: too many passwords are being hashed.

        """
        async with self.throttle.guarding(username, address):
            account = await self.accounts.check_password(username, password)
        await record_of_name("signed_in", username)
        return account

    async def check(self, username: str, password: str, address: str) -> None:
        """Check the password of somebody who is signed in, before a change that needs it.

        Raises:
            Forbidden: the password is wrong.
            TooMany: too many wrong passwords came before.
            Busy: too many passwords are being hashed.

        """
        try:
            async with self.throttle.guarding(username, address):
                await self.accounts.check_password(username, password)
        except NotSignedIn:
            raise Forbidden("The password is wrong.") from None
