"""How a provider is called: one httpx client each, whose transport keeps the rules an author could forget.

Answers are capped, counted on the inflated bytes inside the inflater; redirects stay within the provider's own host; no
cookie is kept; every failure gets one of our names, without the URL, which may hold a key.
"""

import asyncio
import ipaddress
import json
import logging
import random
import time
import traceback
import zlib
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import httpx
import msgspec

from imagevault.errors import (
    InvalidResponse,
    NotFound,
    ProviderError,
    RateLimited,
    TimedOut,
    Unauthorized,
    Unavailable,
)
from imagevault.plugins.provider import Provider
from imagevault.upstream.limiter import Flight, current_flight, learned

log = logging.getLogger(__name__)
for name in ("httpx", "httpcore"):
    logging.getLogger(name).setLevel(logging.WARNING)  # httpx logs each full URL, key and all, at INFO

MAX_ANSWER = 5 * 1024 * 1024
CHUNK = 64 * 1024
LATEST = 30.0  # seconds after which a call is given up, also when its caller left long ago
DAY = 86400
JITTER = (0.05, 0.25)  # seconds before a second try
USER_AGENT = f"ImageVault/{version('imagevault')}"


def open_client(provider: Provider, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """The provider's client. `transport` replaces the innermost one, in tests."""
    base_url = provider.host.base_url or provider.info.base_url or ""
    if base_url and not base_url.endswith("/"):
        base_url += "/"
    inner = transport or httpx.AsyncHTTPTransport(
        limits=httpx.Limits(max_connections=provider.info.concurrency, keepalive_expiry=60)
    )
    return httpx.AsyncClient(
        base_url=base_url,
        transport=Rules(inner, httpx.URL(base_url), provider),
        timeout=httpx.Timeout(LATEST, connect=5.0),
        headers={"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"},
        follow_redirects=True,
        max_redirects=3,
        trust_env=False,
    )


class Rules(httpx.AsyncBaseTransport):
    """The rules of every call of one provider."""

    def __init__(self, inner: httpx.AsyncBaseTransport, base_url: httpx.URL, provider: Provider) -> None:
        self.inner = inner
        self.base_url = base_url
        self.provider = provider

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends a request to the provider's own host, and no other; every redirect comes through here again.

        Each try passes the gate first, where there is a flight. Raises what the gate raises when no call may leave now.
        """
        self._check_host(request.url)
        request.headers.pop("Cookie", None)
        flight = current_flight.get()
        response = await self._send(request, flight)
        if flight is not None:
            flight.learned |= learned(tuple(self.provider.info.quotas), response.headers, flight.gate.clock())
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        dropped = {"content-encoding", "content-length", "set-cookie"}
        return httpx.Response(
            response.status_code,
            headers=[(name, value) for name, value in response.headers.multi_items() if name.lower() not in dropped],
            stream=_Capped(response, encoding),
            extensions=response.extensions,
        )

    async def _send(self, request: httpx.Request, flight: Flight | None) -> httpx.Response:
        """The answer; a failed connection and a 502, 503 or 504 that names no time are tried once more."""
        if flight is None:
            return await self._once(request)
        await flight.gate.admit(self.provider, flight)
        try:
            response = await self._once(request)
            passing = response.status_code in {502, 503, 504} and "retry-after" not in response.headers
            if not passing or not self._again(request, flight):
                return response
            await response.aclose()
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            if not self._again(request, flight):
                raise
        await flight.gate.sleep(random.uniform(*JITTER))  # noqa: S311  no secret
        await flight.gate.admit(self.provider, flight)
        return await self._once(request)

    async def _once(self, request: httpx.Request) -> httpx.Response:
        """One call, and one line in the log; without the query, which may hold a key."""
        begun, fields = time.perf_counter(), dict[str, object](provider=self.provider.name, method=request.method)
        try:
            response = await self.inner.handle_async_request(request)
            fields["status"] = response.status_code
        except BaseException as error:
            fields["error"] = type(error).__name__
            raise
        else:
            return response
        finally:
            fields |= {"path": request.url.path, "ms": round((time.perf_counter() - begun) * 1000, 1)}
            log.info("upstream call", extra=fields)

    def _again(self, request: httpx.Request, flight: Flight) -> bool:
        in_time = asyncio.get_running_loop().time() + JITTER[1] < flight.deadline
        return in_time and request.method == "GET" and flight.gate.may_retry(self.provider)

    def _check_host(self, url: httpx.URL) -> None:
        own = (self.base_url.scheme, self.base_url.host, self.base_url.port)
        if (url.scheme, url.host, url.port) != own:
            raise InvalidResponse(f"it leads to another host: {url.host}")
        if url.scheme != "https" and not _is_loopback(url.host):
            raise InvalidResponse("its address is not https")

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.inner.aclose()


class _Capped(httpx.AsyncByteStream):
    """The body of an answer, inflated piece by piece and no further than the cap."""

    def __init__(self, response: httpx.Response, encoding: str) -> None:
        self.response = response
        self.encoding = encoding

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self.encoding not in {"identity", "gzip", "deflate"}:
            raise InvalidResponse(f"its answer is encoded as {self.encoding}, which was not asked for")
        total = 0
        async for piece in self._pieces():
            total += len(piece)
            if total > MAX_ANSWER:
                raise InvalidResponse(f"its answer is larger than {MAX_ANSWER // 1024 // 1024} MB")
            yield piece

    async def _pieces(self) -> AsyncIterator[bytes]:
        assert isinstance(self.response.stream, httpx.AsyncByteStream)
        if self.encoding == "identity":
            async for piece in self.response.stream:
                yield piece
            return
        inflater = zlib.decompressobj(47)  # gzip or zlib, as the data says
        async for piece in self.response.stream:
            left = piece
            while left and not inflater.eof:
                try:
                    yield inflater.decompress(left, CHUNK)
                except zlib.error:
                    raise InvalidResponse("its compressed answer is broken") from None
                left = inflater.unconsumed_tail
        if not inflater.eof:
            raise InvalidResponse("its compressed answer is cut off")

    async def aclose(self) -> None:
        await self.response.aclose()


def explain(error: Exception, provider: Provider) -> ProviderError:
    """The error in our own names, its message fit to be shown and logged."""
    title = provider.info.title
    match error:
        case ProviderError():
            error.args = (provider.redacted(str(error)),)
            return error
        case httpx.HTTPStatusError(response=response):
            return _status(response, title, keyed=bool(provider.secrets))
        case httpx.TimeoutException():
            return TimedOut(f"{title} did not answer in time")
        case httpx.DecodingError() | httpx.RemoteProtocolError() | httpx.TooManyRedirects() | httpx.InvalidURL():
            return InvalidResponse(f"{title} sent an answer that cannot be read ({type(error).__name__})")
        case httpx.TransportError():
            return Unavailable(f"{title} cannot be reached ({type(error).__name__})")
        case msgspec.MsgspecError() | json.JSONDecodeError() | UnicodeDecodeError() | RecursionError():
            reason = provider.redacted(str(error))
            return InvalidResponse(f"{title} sent an answer of another form than documented: {reason}")
        case _:
            trace = "".join(traceback.format_exception(error))  # an httpx error in the chain shows the URL, key and all
            log.error("plugin %s raised: %s", provider.name, provider.redacted(trace))
            return ProviderError(f"the plugin failed ({type(error).__name__})")


def _status(response: httpx.Response, title: str, *, keyed: bool) -> ProviderError:
    status = response.status_code
    if status in {401, 403}:
        refused = "does not accept the key" if keyed else "refuses calls of this server"
        return Unauthorized(f"{title} {refused} (it answered {status})")
    if status == 429:
        return RateLimited(f"{title} allows no more requests now", retry_after(response))
    if status in {404, 410}:
        return NotFound(f"{title} has no such thing (it answered {status})")
    if status >= 500:
        return Unavailable(f"{title} answered {status}", retry_after(response))
    return InvalidResponse(f"{title} did not understand the request (it answered {status})")


def retry_after(response: httpx.Response) -> float | None:
    """The seconds that a `Retry-After` header asks for, as number or date, a day at most; None if it says nothing."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdigit():
        return min(float(text), DAY)
    try:
        seconds = parsedate_to_datetime(text).timestamp() - time.time()
    except ValueError:
        return None
    return min(seconds, DAY) if seconds > 0 else None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
