"""Accounts without HTTP, on both engines, with clocks that a test sets."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from imagevault.accounts.api_keys import ApiKeys
from imagevault.accounts.credentials import CredentialVerifier
from imagevault.accounts.passwords import Passwords
from imagevault.accounts.service import Accounts
from imagevault.accounts.sessions import Sessions
from imagevault.accounts.tokens import Tokens
from imagevault.config.settings import Argon2, Settings, load
from imagevault.plugins.registry import PluginRegistry
from imagevault.security.caller import Caller
from imagevault.security.keyring import Keyring
from imagevault.storage.database import Database
from tests.support.clock import Clock
from tests.support.tokens import token_of

KEYRING = Keyring(b"a test secret of more than thirty-two bytes")
PASSWORD = "violet-harbour-71"
CHEAP = {"memory": 64, "passes": 1}  # below the floor of the settings: where the cost of a hash is not the subject


class Worker:
    """One worker's accounts: its own memory, a database shared with others."""

    def __init__(self, database: Database, keyring: Keyring, ttl: int, cost: Argon2, plugins: PluginRegistry) -> None:
        self.database = database
        self.clock = Clock()
        self.passwords = Passwords(Settings(argon2=cost))
        self.accounts = Accounts(self.passwords, Tokens(keyring, ttl))
        self.wall = Clock(1_800_000_000.0)
        self.api_keys = ApiKeys(plugins, self.wall)
        self.sessions = Sessions()
        self.credentials = CredentialVerifier(self.accounts.tokens, self.api_keys, self.sessions, self.clock)

    async def sign_in(self, username: str = "ada") -> Caller:
        """The caller that an account of this name is when it has signed in. The account is created if there is none."""
        if await self.accounts.find_active(username) is None:
            await self.accounts.create(username, PASSWORD)
        token = await token_of(self.accounts, username, PASSWORD)
        caller = await self.credentials.verify(token)
        assert caller is not None
        return caller


Work = Callable[..., Awaitable[Worker]]


@pytest.fixture
async def worker(database_url: str, tmp_path: Path) -> AsyncIterator[Work]:
    """A maker of workers that share one database; the last one made is in use.

    `ours, theirs = await worker(), await worker(ttl=60)`. A hash costs next to nothing unless `memory` or `passes` say
    otherwise.
    """
    async with contextlib.AsyncExitStack() as stack:

        async def make(keyring: Keyring = KEYRING, ttl: int = 3600, **cost: int) -> Worker:
            settings = load({"DATABASE_URL": database_url}, tmp_path)
            database = Database(settings)
            await database.open()
            stack.push_async_callback(database.close)
            return Worker(database, keyring, ttl, Argon2(**{**CHEAP, **cost}), PluginRegistry.load(settings))

        yield make
