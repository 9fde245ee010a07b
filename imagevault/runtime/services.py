"""The parts of one server, made from its settings, for the API, the command line and the tests."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import unquote, urlsplit

import httpx

from imagevault import logs
from imagevault.accounts.passwords import Passwords
from imagevault.accounts.service import Accounts
from imagevault.accounts.signups import Signups
from imagevault.accounts.tokens import Tokens
from imagevault.cache.statistics import CacheStatistics
from imagevault.config.settings import Settings
from imagevault.downloads.ledger import Ledger
from imagevault.errors import DatabaseUnavailable
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.plugins.watchdog import Watchdog
from imagevault.runtime.background import BackgroundTasks
from imagevault.runtime.reload import LiveSettings
from imagevault.search.gateway import Gateway
from imagevault.security.keyring import Keyring, open_keyring
from imagevault.storage.database import Database, outages

log = logging.getLogger(__name__)

RETRY_INTERVAL = 1.0  # seconds between two attempts to open the database


class Services:
    """One instance of each part, independent of HTTP and of the terminal.

    Args:
        settings: the settings in force at the start.
        transports: the innermost HTTP transport of a provider, by the provider's name; by default real connections.

    """

    def __init__(self, settings: Settings, transports: Mapping[str, httpx.AsyncBaseTransport] | None = None) -> None:
        self.keyring: Keyring = open_keyring(settings)
        self.database = Database(settings)
        self.plugins = PluginRegistry.load(settings)
        self.live = LiveSettings(settings, self.plugins)
        self.statistics = CacheStatistics()
        self.gateway = Gateway(
            settings,
            self.plugins,
            self.keyring,
            self.statistics,
            config_problems=self.live.problems,
            transports=transports,
        )
        self.accounts = Accounts(Passwords(settings), Tokens(self.keyring, settings.token_ttl))
        self.ledger = Ledger(self.gateway)
        self.signups = Signups(settings)
        self._hide_secrets(settings)
        self.live.subscribe(self._configure)

    @asynccontextmanager
    async def running(self, patience: float = 0.0) -> AsyncIterator[None]:
        """Open the database and run the parts until the block ends.

        Args:
            patience: seconds to wait for a database that does not answer.

        Raises:
            DatabaseUnavailable: if the database cannot be opened in that time.

        """
        async with AsyncExitStack() as stack:
            await self._open(patience)
            stack.push_async_callback(self.database.close)
            await stack.enter_async_context(self.gateway.running())
            stack.push_async_callback(self._flush)
            await stack.enter_async_context(Watchdog(self.plugins.modules()).running())
            yield

    @asynccontextmanager
    async def serving(self, patience: float = 0.0) -> AsyncIterator[None]:
        """Do what `running` does, with the background tasks, which put a changed config file in force."""
        async with self.running(patience), BackgroundTasks(self.live.poll, self._synchronize).running():
            for problem in self.live.problems():
                log.warning("config: %s", problem)
            yield

    @property
    def settings(self) -> Settings:
        """The settings in force now."""
        return self.live.settings

    async def _open(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        while True:
            try:
                await self.database.open()
            except DatabaseUnavailable as error:
                if time.monotonic() + RETRY_INTERVAL > deadline:
                    raise
                log.warning("waiting for the database: %s", error)
                await asyncio.sleep(RETRY_INTERVAL)
            else:
                return

    def _configure(self, settings: Settings, previous: Mapping[str, Provider]) -> None:
        self._hide_secrets(settings)
        self.gateway.configure(settings, previous)
        self.accounts.configure(settings)
        self.signups.configure(settings)

    def _hide_secrets(self, settings: Settings) -> None:
        password = urlsplit(settings.database_url or "").password
        logs.hide([settings.secret_key, settings.secret_key_previous, password, password and unquote(password)])
        for provider in self.plugins.providers.values():
            logs.hide(provider.secrets)

    async def _synchronize(self) -> None:
        self.database.use()
        with outages():
            await self.gateway.limiter.refresh()
            await self.statistics.flush()

    async def _flush(self) -> None:
        self.database.use()
        try:
            with outages():
                await self.statistics.flush(now=True)
        except DatabaseUnavailable as error:
            log.warning("the last cache statistics could not be written: %s", error)
