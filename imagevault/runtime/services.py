"""All parts of one server, made from its settings: what the API, the command line and tests work with."""

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

AGAIN = 1.0  # seconds between two tries to open the database


class Services:
    """One of each part. It knows neither HTTP nor a terminal."""

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
        """Opens the database, waiting some seconds for one that is away, and at the end lets go of everything."""
        async with AsyncExitStack() as stack:
            await self._open(patience)
            stack.push_async_callback(self.database.close)
            await stack.enter_async_context(self.gateway.running())
            stack.push_async_callback(self._flush)
            await stack.enter_async_context(Watchdog(self.plugins.modules()).running())
            yield

    @asynccontextmanager
    async def serving(self, patience: float = 0.0) -> AsyncIterator[None]:
        """As `running`, and with a pulse, which puts a changed config file in force."""
        async with self.running(patience), BackgroundTasks(self.live.poll, self._carry).running():
            for problem in self.live.problems():
                log.warning("config: %s", problem)
            yield

    @property
    def settings(self) -> Settings:
        """Those in force now."""
        return self.live.settings

    async def _open(self, patience: float) -> None:
        end = time.monotonic() + patience
        while True:
            try:
                await self.database.open()
            except DatabaseUnavailable as error:
                if time.monotonic() + AGAIN > end:
                    raise
                log.warning("waiting for the database: %s", error)
                await asyncio.sleep(AGAIN)
            else:
                return

    def _configure(self, settings: Settings, before: Mapping[str, Provider]) -> None:
        self._hide_secrets(settings)
        self.gateway.configure(settings, before)
        self.accounts.configure(settings)
        self.signups.configure(settings)

    def _hide_secrets(self, settings: Settings) -> None:
        password = urlsplit(settings.database_url or "").password
        logs.hide([settings.secret_key, settings.secret_key_previous, password, password and unquote(password)])
        for provider in self.plugins.providers.values():
            logs.hide(provider.secrets)

    async def _carry(self) -> None:
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
            log.warning("what was counted last could not be written: %s", error)
