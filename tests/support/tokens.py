"""Access tokens without HTTP and without the throttle of sign-ins."""

from imagevault.accounts.service import Accounts


async def token_of(accounts: Accounts, username: str, password: str) -> str:
    """An access token of an account. Raises what `check_password` raises."""
    account = await accounts.check_password(username, password)
    return accounts.tokens.issue(account.id, account.epoch)
