"""Accounts without HTTP, on both engines, with clocks that a test sets."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from imagevault.accounts.passwords import Passwords
from imagevault.accounts.service import Accounts
from imagevault.accounts.tokens import Tokens
from imagevault.config.settings import Argon2, Settings, load
from imagevault.security.keyring import Keyring
from imagevault.storage.database import Database
from tests.support.clock import Clock

KEYRING = Keyring(b"a test secret of more than thirty-two bytes")
CHEAP = {"memory": 64, "passes": 1}  # below the floor of the settings: where the cost of a hash is not the subject


class Worker:
    """One worker's accounts: its own memory, a database shared with others."""

    def __init__(self, database: Database, keyring: Keyring, ttl: int, cost: Argon2) -> None:
        self.database = database
        self.clock = Clock()
        self.passwords = Passwords(Settings(argon2=cost))
        self.accounts = Accounts(self.passwords, Tokens(keyring, ttl), self.clock)


Work = Callable[..., Awaitable[Worker]]


@pytest.fixture
async def worker(database_url: str, tmp_path: Path) -> AsyncIterator[Work]:
    """A maker of workers that share one database; the last one made is in use.

    `ours, theirs = await worker(), await worker(ttl=60)`. A hash costs next to nothing unless `memory` or `passes` say
    otherwise.
    """
    async with contextlib.AsyncExitStack() as stack:

        async def make(keyring: Keyring = KEYRING, ttl: int = 3600, **cost: int) -> Worker:
            database = Database(load({"DATABASE_URL": database_url}, tmp_path))
            await database.open()
            stack.push_async_callback(database.close)
            return Worker(database, keyring, ttl, Argon2(**{**CHEAP, **cost}))

        yield make
