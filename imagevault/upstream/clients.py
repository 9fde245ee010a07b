"""The httpx clients: one for each provider in force, closed when nobody uses it any more."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from weakref import WeakSet

import httpx

from imagevault.plugins.provider import Provider
from imagevault.upstream.transport import open_client


class Clients:
    """Opened when first used. `transports` replaces the innermost one of a provider, in tests."""

    def __init__(self, transports: Mapping[str, httpx.AsyncBaseTransport] | None = None) -> None:
        self.transports = transports or {}
        self.open: dict[Provider, httpx.AsyncClient] = {}
        self.uses: Counter[Provider] = Counter()
        self.retired: WeakSet[Provider] = WeakSet()

    @asynccontextmanager
    async def of(self, provider: Provider) -> AsyncIterator[httpx.AsyncClient]:
        """The client of this provider, which stays open until the block ends."""
        if provider not in self.open:
            self.open[provider] = open_client(provider, self.transports.get(provider.name))
        self.uses[provider] += 1
        try:
            yield self.open[provider]
        finally:
            self.uses[provider] -= 1
            if provider in self.retired:
                await self._close_unused(provider)

    async def retire(self, providers: Collection[Provider]) -> None:
        """These are in force no more: each client is closed, at once or when its last call has come back."""
        self.retired.update(providers)
        for provider in list(providers):
            await self._close_unused(provider)

    async def aclose(self) -> None:
        """Closes every client."""
        for client in self.open.values():
            await client.aclose()
        self.open.clear()

    async def _close_unused(self, provider: Provider) -> None:
        if self.uses[provider]:
            return
        del self.uses[provider]
        if (client := self.open.pop(provider, None)) is not None:
            await client.aclose()
