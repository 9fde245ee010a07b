"""The parts of one server, made from its settings, for the API, the command line and the tests."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager

import httpx

from imagevault import logs
from imagevault.accounts.administration import Administration
from imagevault.accounts.api_keys import ApiKeys
from imagevault.accounts.credentials import CredentialVerifier
from imagevault.accounts.passwords import Passwords
from imagevault.accounts.retention import Retention
from imagevault.accounts.service import Accounts
from imagevault.accounts.sessions import Sessions
from imagevault.accounts.sign_in import SignIn
from imagevault.accounts.sign_out import SignOut
from imagevault.accounts.signups import Signups
from imagevault.accounts.throttle import SignInThrottle
from imagevault.accounts.tokens import Tokens
from imagevault.cache.statistics import CacheStatistics
from imagevault.config.database_url import is_postgres, read_postgres_url
from imagevault.config.settings import Settings
from imagevault.counters import Counters
from imagevault.downloads.events import DownloadEvents
from imagevault.downloads.files import Files
from imagevault.downloads.ledger import Ledger
from imagevault.downloads.outbox import Outbox
from imagevault.downloads.verification import Verification
from imagevault.errors import DatabaseUnavailable
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.plugins.watchdog import Watchdog
from imagevault.runtime.background import BackgroundTasks
from imagevault.runtime.heap import collecting_less, return_large_blocks
from imagevault.runtime.metrics import Metrics, is_served
from imagevault.runtime.reload import LiveSettings
from imagevault.search.gateway import Gateway
from imagevault.security.keyring import Keyring, open_keyring
from imagevault.storage.database import Database, outages
from imagevault.upstream.call_history import CallHistory
from imagevault.upstream.file_client import FileClient
from imagevault.upstream.tls import tls_context

log = logging.getLogger(__name__)

RETRY_INTERVAL = 1.0  # seconds between two attempts to open the database


class Services:
    """One instance of each part, independent of HTTP and of the terminal.

    Args:
        settings: the settings in force at the start.
        transports: the innermost HTTP transport of a provider, by the provider's name; by default real connections.
        file_client: reads the files of downloads; by default over real connections.

    """

    def __init__(
        self,
        settings: Settings,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        file_client: FileClient | None = None,
    ) -> None:
        self.keyring: Keyring = open_keyring(settings)
        self.database = Database(settings)
        self.plugins = PluginRegistry.load(settings)
        self.live = LiveSettings(settings, self.plugins)
        self.counters = Counters()
        self.statistics = CacheStatistics(counters=self.counters)
        self.outbox = Outbox()
        self.gateway = Gateway(
            settings,
            self.plugins,
            self.keyring,
            self.statistics,
            config_problems=self.live.problems,
            waiting_downloads=self.outbox.waiting,
            transports=transports,
            counters=self.counters,
        )
        self.call_history = CallHistory(self.counters, self.gateway.clock)
        self.metrics = Metrics(self.counters, self.gateway, self.plugins)
        self.accounts = Accounts(Passwords(settings), Tokens(self.keyring, settings.token_ttl))
        self.api_keys = ApiKeys(self.plugins)
        self.sessions = Sessions()
        self.credentials = CredentialVerifier(self.accounts.tokens, self.api_keys, self.sessions)
        self.ledger = Ledger(self.gateway, self.outbox)
        self.file_client = file_client or FileClient(lambda: self.settings.allow_networks, settings.base_url)
        self.files = Files(self.gateway, self.file_client)
        self.verification = Verification(self.gateway)
        self.download_events = DownloadEvents(
            self.outbox,
            self.plugins,
            self.gateway.clients,
            self.gateway.limiter,
        )
        self.administration = Administration(self.accounts)
        self.sign_in_throttle = SignInThrottle(settings.limits, self.gateway.clock)
        self.sign_in = SignIn(self.accounts, self.sign_in_throttle)
        self.sign_out = SignOut(self.accounts.passwords, self.sign_in)
        self.signups = Signups(self.accounts, settings, self.gateway.clock)
        self.retention = Retention(self.sign_in_throttle)
        self._hide_secrets(settings)
        self.live.subscribe(self._configure)

    @asynccontextmanager
    async def running(self, patience: float = 0.0) -> AsyncIterator[None]:
        """Open the database and run the parts until the block ends.

        Args:
            patience: seconds to wait for a database that does not answer.

        Raises:
            DatabaseUnavailable: the database cannot be opened in that time.

        """
        async with AsyncExitStack() as stack:
            await self._open(patience)
            stack.push_async_callback(self.database.close)
            stack.push_async_callback(self.file_client.aclose)
            await stack.enter_async_context(self.gateway.running())
            stack.push_async_callback(self._flush)
            await stack.enter_async_context(Watchdog(self.plugins.modules()).running())
            yield

    @asynccontextmanager
    async def serving(self, patience: float = 0.0) -> AsyncIterator[None]:
        """Do what `running` does, with the background tasks.

        They put a changed config file in force and deliver download events.
        """
        return_large_blocks()
        await asyncio.to_thread(tls_context)  # the first search would block while the certificates are read
        tasks = BackgroundTasks(self.live.poll, self._synchronize)
        async with self.running(patience), self.download_events.running(), self.verification.running(), tasks.running():
            if self.settings.allow_networks:
                log.warning("files may come from these networks: %s", ", ".join(self.settings.allow_networks))
            for problem in self.live.problems():
                log.warning("config: %s", problem)
            with collecting_less():
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
        self.credentials.forget_all()
        self.sign_in_throttle.configure(settings.limits)
        self.signups.configure(settings)

    def _hide_secrets(self, settings: Settings) -> None:
        logs.hide([settings.secret_key, settings.secret_key_previous, settings.metrics_token])
        if settings.database_url is not None and is_postgres(settings.database_url):
            logs.hide(read_postgres_url(settings.database_url).secrets)
        logs.hide(secret for provider in self.plugins.providers.values() for secret in provider.secrets)

    async def _synchronize(self) -> None:
        self.database.use()
        with outages():
            # What must be in force within a second comes first: a failure or a slow write below must not delay it.
            await self.credentials.refresh()
            await self.gateway.hidden.refresh()
            await self.gateway.limiter.refresh()
            await self.api_keys.flush_uses()
            await self.statistics.flush()
            await self.gateway.usage_store.flush()
            await self.call_history.flush()
            await self.gateway.pages.flush_uses()
            if is_served(self.settings):
                await self.metrics.flush()
            await self.download_events.synchronize()
            await self.ledger.saves.prune()
            await self.retention.run(self.settings)

    async def _flush(self) -> None:
        self.database.use()
        try:
            with outages():
                await self.api_keys.flush_uses()
                await self.statistics.flush(now=True)
                await self.gateway.usage_store.flush(now=True)
                await self.call_history.flush(now=True)
                await self.gateway.pages.flush_uses(now=True)
                if is_served(self.settings):
                    await self.metrics.flush(now=True)
        except DatabaseUnavailable as error:
            log.warning("the last counts could not be written: %s", error)
