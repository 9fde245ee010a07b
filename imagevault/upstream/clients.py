"""The HTTP clients of all providers: one for each provider in force, closed when nobody uses it any more."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from weakref import WeakSet

import httpx

from imagevault.counters import Counters
from imagevault.plugins.provider import Provider
from imagevault.upstream.limiter import CallLimiter
from imagevault.upstream.transport import open_client


class Clients:
    """Opens a client at its first use. One for each worker."""

    def __init__(
        self,
        limiter: CallLimiter | None,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
        counters: Counters | None = None,
    ) -> None:
        """Make an empty collection.

        Args:
            limiter: admits every call; None in tests that keep no quota.
            transports: provider -> a replacement of its innermost transport, in tests.
            counters: count the calls.

        """
        self._limiter = limiter
        self._counters = counters
        self._transports = transports or {}
        self._clients: dict[Provider, httpx.AsyncClient] = {}
        self._uses: Counter[Provider] = Counter()
        self._retired: WeakSet[Provider] = WeakSet()

    @asynccontextmanager
    async def of(self, provider: Provider) -> AsyncIterator[httpx.AsyncClient]:
        """The client of a provider. It stays open until the block ends."""
        if provider not in self._clients:
            transport = self._transports.get(provider.name)
            self._clients[provider] = open_client(provider, self._limiter, transport, self._counters)
        self._uses[provider] += 1
        try:
            yield self._clients[provider]
        finally:
            self._uses[provider] -= 1
            if provider in self._retired:
                await self._close_unused(provider)

    async def retire(self, providers: Collection[Provider]) -> None:
        """Close the clients of providers that are no longer in force, at once or after their last call."""
        self._retired.update(providers)
        for provider in list(providers):
            await self._close_unused(provider)

    async def aclose(self) -> None:
        """Close every client."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _close_unused(self, provider: Provider) -> None:
        if self._uses[provider]:
            return
        del self._uses[provider]
        client = self._clients.pop(provider, None)
        if client is not None:
            await client.aclose()
