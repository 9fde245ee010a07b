"""Connections to checked addresses only: a host is resolved once, every address is checked, and one is connected to.

A name that leads elsewhere at the second look has no second look: the connection is made to the address that was
checked. TLS still verifies the name.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore

from imagevault.upstream.addresses import is_allowed

log = logging.getLogger(__name__)

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""Returns the IP addresses of a host, the best first. Raises OSError if there are none."""

MAX_TRIED = 4  # addresses of one host


class BlockedAddress(Exception):
    """A host leads to an address that no file is fetched from."""


async def resolve(host: str, port: int) -> list[str]:
    """Return the IP addresses of a host, in the order of the system's resolver."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class PinnedBackend(httpcore.AsyncNetworkBackend):
    """Opens the connections of a pool."""

    def __init__(
        self,
        networks: Callable[[], Iterable[str]],
        resolve: Resolve = resolve,
        inner: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """Make a backend.

        Args:
            networks: returns the networks that are allowed beside public addresses.
            resolve: looks a host up.
            inner: connects to an IP address.

        """
        self._networks = networks
        self._resolve = resolve
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the signature of httpcore
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a host.

        Raises:
            BlockedAddress: one of its addresses is not allowed.
            httpcore.ConnectError: it has no address, or refuses the connection.
            httpcore.ConnectTimeout: that took longer than `timeout` seconds.

        """
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._checked(host, port)
                return await self._connect(addresses, port, timeout, local_address, socket_options)
        except TimeoutError:
            raise httpcore.ConnectTimeout from None

    async def sleep(self, seconds: float) -> None:
        """Wait between two attempts of the pool."""
        await asyncio.sleep(seconds)

    async def _checked(self, host: str, port: int) -> Sequence[str]:
        """Resolve a host and check each of its addresses: a name with a private address among others is an attack."""
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise httpcore.ConnectError("the host has no address") from None
        if not addresses:
            raise httpcore.ConnectError("the host has no address")
        networks = list(self._networks())
        refused = [address for address in addresses if not is_allowed(address, networks)]
        if refused:
            log.warning("blocked address", extra={"host": host, "address": refused[0]})
            raise BlockedAddress(f"{host} leads to an address that is not public")
        return addresses

    async def _connect(
        self,
        addresses: Sequence[str],
        port: int,
        seconds: float | None,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address that takes the connection."""
        tried = addresses[:MAX_TRIED]
        share = seconds / len(tried) if seconds is not None else None
        failure: Exception = httpcore.ConnectError("the host has no address")
        for address in tried:
            try:
                return await self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure
