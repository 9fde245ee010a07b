"""Reads the files of providers for the gateway: from declared hosts and checked addresses, bounded in size and time.

No cookie, key or content coding is involved. Files are read in pieces; nothing here holds a whole file.
"""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import cached_property
from urllib.parse import urlsplit

import httpcore
import httpx
import msgspec

from imagevault.errors import Busy, InvalidResponse, NotFound, ProviderError, RateLimited, TimedOut, Unavailable
from imagevault.plugins.declaration import ANY_HOST
from imagevault.plugins.provider import Provider
from imagevault.upstream.addresses import DEFAULT_PORTS, FileAddress, read_address, read_redirect
from imagevault.upstream.pinned_backend import BlockedAddress, PinnedBackend, Resolve, resolve
from imagevault.upstream.provider_errors import retry_after
from imagevault.upstream.response_body import MEGABYTE
from imagevault.upstream.tls import tls_context
from imagevault.upstream.transport import USER_AGENT

log = logging.getLogger(__name__)

REDIRECTS = {301, 302, 303, 307, 308}
MAX_REDIRECTS = 3
MAX_CONNECTIONS = 32  # of a worker, for files
CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")
STRONG_TAG = re.compile(r'"[!#-~]{0,200}"')


class FileLimits(msgspec.Struct, frozen=True, kw_only=True):
    """What one file may cost.

    Attributes:
        size: bytes.
        pool: seconds until one of the other files is read, where too many are.
        connect: seconds until a connection is made, with the look-up of the host.
        read: seconds between two pieces.
        total: seconds that the provider may take for the whole file, beside those in which nobody reads.

    """

    size: int = 200 * MEGABYTE
    pool: float = 5.0
    connect: float = 5.0
    read: float = 10.0
    total: float = 120.0


class Span(msgspec.Struct, frozen=True):
    """A part of a file, from the first to the last byte; both count from 0 and belong to it."""

    first: int
    last: int


class FileAnswer:
    """The answer of a provider's file host: what its head says, and the bytes.

    Attributes:
        span: the part of the file that the bytes are; None for the whole file.
        size: bytes of the whole file; None if the host does not say it.
        tag: the host's strong entity tag; None if it has none.

    """

    def __init__(self, response: httpcore.Response, wanted: Span | None, limits: FileLimits) -> None:
        """Read the head. Raises InvalidResponse if it makes no sense."""
        headers = _headers(response)
        _check_coding(headers)
        self.span = _span(headers, wanted) if response.status == 206 else None
        self.size = _size(headers, is_part=self.span is not None)
        tag = headers.get("etag", "")
        self.tag = tag if STRONG_TAG.fullmatch(tag) else None
        self._response = response
        self._limits = limits
        if self.size is not None and self.size > limits.size:
            raise _too_large(limits)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield the bytes. It ends only where the answer is complete.

        Raises:
            InvalidResponse: there are more or fewer bytes than promised, or more than allowed.
            Unavailable: the connection broke.
            TimedOut: the provider took too long.

        """
        expected = self.size if self.span is None else self.span.last - self.span.first + 1
        received = 0
        waited = 0.0
        clock = asyncio.get_running_loop().time
        stream = self._response.aiter_stream()
        while True:
            began = clock()
            try:
                async with asyncio.timeout(self._limits.total - waited):
                    piece = await anext(stream, None)
            except (TimeoutError, httpcore.TimeoutException):
                raise TimedOut("the provider takes too long to send the file") from None
            except (httpcore.NetworkError, httpcore.ProtocolError):
                raise Unavailable("the provider broke the file off") from None
            waited += clock() - began
            if piece is None:
                break
            received += len(piece)
            if received > self._limits.size:
                raise _too_large(self._limits)
            yield piece
        if expected is not None and received != expected:
            raise InvalidResponse(f"the provider sent {received} bytes of {expected}")


class FileClient:
    """Reads files. One for each worker."""

    def __init__(
        self,
        networks: Callable[[], Iterable[str]],
        own_url: str,
        *,
        limits: FileLimits | None = None,
        resolve: Resolve = resolve,
        connections: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """Prepare.

        Args:
            networks: returns the networks that files may come from beside public addresses.
            own_url: where callers reach this server, which never fetches a file from itself.
            limits: what one file may cost.
            resolve: looks a host up.
            connections: connects to an IP address, in tests.

        """
        self._limits = limits or FileLimits()
        self._own = _origin(own_url)
        self._backend = PinnedBackend(networks, resolve, connections)

    @cached_property
    def _pool(self) -> httpcore.AsyncConnectionPool:
        """The connections. They are made for the first file."""
        return httpcore.AsyncConnectionPool(
            ssl_context=tls_context(),
            max_connections=MAX_CONNECTIONS,
            max_keepalive_connections=0,  # so that each file begins with a look-up and a check
            network_backend=self._backend,
        )

    async def aclose(self) -> None:
        """Close the connections."""
        if "_pool" in self.__dict__:
            await self._pool.aclose()

    @asynccontextmanager
    async def open(self, provider: Provider, url: str, span: Span | None = None) -> AsyncIterator[FileAnswer]:
        """Ask for a file, and follow redirects. The connection is closed when the block ends.

        Args:
            provider: whose file it is.
            url: where it is.
            span: the part that is wanted. The host may send the whole file all the same.

        Raises:
            InvalidResponse: the address or its answer is not allowed, or makes no sense.
            NotFound: there is no such file any more.
            RateLimited, TimedOut, Unavailable, ProviderError: the host failed.
            Busy: this server reads too many files.

        """
        is_secure = False
        for _ in range(MAX_REDIRECTS + 1):
            address = self._checked(provider, url, is_secure=is_secure)
            is_secure = is_secure or address.scheme == "https"
            async with self._request(provider, address, span) as response:
                if response.status not in REDIRECTS:
                    _check_status(provider, response, span)
                    yield FileAnswer(response, span, self._limits)
                    return
                url = read_redirect(url, _location(response))
        raise InvalidResponse(f"{provider.info.title} redirects more than {MAX_REDIRECTS} times")

    def _checked(self, provider: Provider, url: str, *, is_secure: bool) -> FileAddress:
        """Read an address and check that the provider declares its host.

        Raises:
            InvalidResponse: it does not, or http follows https, or the port is another than that of the scheme.

        """
        address = read_address(url)
        title = provider.info.title
        if address.origin[1:] == self._own[1:]:
            raise InvalidResponse(f"a file of {title} is not at this server")
        if provider.moved_to is not None and address.origin == _origin(provider.moved_to):
            return address
        hosts = provider.info.file_hosts
        if address.host not in hosts and ANY_HOST not in hosts:
            raise InvalidResponse(f"{address.host} is none of the hosts of {title} (file_hosts)")
        if address.port != DEFAULT_PORTS[address.scheme]:
            raise InvalidResponse(f"a file of {title} is at an unusual port")
        if address.scheme != "https" and (is_secure or ANY_HOST not in hosts):
            raise InvalidResponse(f"a file of {title} is not at an https address")
        return address

    @asynccontextmanager
    async def _request(
        self, provider: Provider, address: FileAddress, span: Span | None
    ) -> AsyncIterator[httpcore.Response]:
        url = httpcore.URL(
            scheme=address.scheme.encode(),
            host=address.host.encode(),
            port=address.port,
            target=address.target.encode(),
        )
        headers = [
            ("Host", _host(address)),
            ("User-Agent", USER_AGENT),
            ("Accept", "image/*"),
            ("Accept-Encoding", "identity"),
        ]
        if span is not None:
            headers.append(("Range", f"bytes={span.first}-{span.last}"))
        limits = self._limits
        timeout = {"connect": limits.connect, "read": limits.read, "write": limits.read, "pool": limits.pool}
        title = provider.info.title
        request = httpcore.Request("GET", url, headers=headers, extensions={"timeout": timeout})
        try:
            async with asyncio.timeout(limits.pool + limits.connect + limits.read):  # a head may drip, too
                response = await self._pool.handle_async_request(request)
        except BlockedAddress as error:
            raise InvalidResponse(str(error)) from None
        except httpcore.PoolTimeout:
            raise Busy("The server reads too many files at the moment.") from None
        except (TimeoutError, httpcore.TimeoutException):
            raise TimedOut(f"the file host of {title} did not answer in time") from None
        except httpcore.NetworkError:
            raise Unavailable(f"the file host of {title} cannot be reached") from None
        except httpcore.ProtocolError:
            raise InvalidResponse(f"the file host of {title} sent an answer that cannot be read") from None
        log.info("file requested", extra={"provider": provider.name, "host": address.host, "status": response.status})
        try:
            yield response
        finally:
            await response.aclose()


def _origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a URL that an admin configured."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or DEFAULT_PORTS.get(parts.scheme, 0)


def _host(address: FileAddress) -> str:
    host = f"[{address.host}]" if ":" in address.host else address.host
    is_usual = address.port == DEFAULT_PORTS[address.scheme]
    return host if is_usual else f"{host}:{address.port}"


def _headers(response: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


def _location(response: httpcore.Response) -> bytes:
    for name, value in response.headers:
        if name.lower() == b"location":
            return value
    raise InvalidResponse("a redirect has no target")


def _check_status(provider: Provider, response: httpcore.Response, span: Span | None) -> None:
    status = response.status
    title = provider.info.title
    if status == 200 or (status == 206 and span is not None):
        return
    if status in {404, 410}:
        raise NotFound(f"{title} has this file no more (it answered {status})")
    if status == 429:
        seconds = retry_after(httpx.Response(status, headers=response.headers))
        raise RateLimited(f"{title} allows no more requests now", seconds)
    if status >= 500:
        raise Unavailable(f"the file host of {title} answered {status}")
    raise ProviderError(f"the file host of {title} refuses the request (it answered {status})")


def _check_coding(headers: Mapping[str, str]) -> None:
    """Refuse a compressed file: nothing here inflates, so nothing can be inflated without end."""
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in {"", "identity"}:
        raise InvalidResponse("the file is encoded, which was not asked for")


def _span(headers: Mapping[str, str], wanted: Span | None) -> Span:
    """Return the part that an answer holds. Raises InvalidResponse if it does not begin where it should."""
    found = CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if found is None or wanted is None:
        raise InvalidResponse("the provider sent a part of the file and does not say which")
    first, last, size = (int(text) for text in found.groups())
    if first != wanted.first or last != min(wanted.last, size - 1):
        raise InvalidResponse("the provider sent another part of the file than it was asked for")
    return Span(first, last)


def _size(headers: Mapping[str, str], *, is_part: bool) -> int | None:
    """Return the bytes of the whole file.

    Raises:
        InvalidResponse: the answer ends where the connection ends, so that a broken one would look complete.

    """
    if is_part:
        return int(headers["content-range"].rpartition("/")[2])
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return None
    length = headers.get("content-length", "").strip()
    if not re.fullmatch(r"[0-9]{1,15}", length):
        raise InvalidResponse("the provider does not say how long the file is")
    return int(length)


def _too_large(limits: FileLimits) -> InvalidResponse:
    return InvalidResponse(f"the file is larger than {limits.size // MEGABYTE} MB")
