"""One HTTP client for each provider. Its transport enforces the rules that a plugin author could forget.

A call goes to the own host of the provider or one of its `api_hosts` only, also after a redirect. The limiter admits
it. Cookies are not kept, and answers are capped. Each call writes one log line without the query, which may hold a key.
"""

import asyncio
import logging
import random
import time
from importlib.metadata import version

import httpx

from imagevault.config.validation import is_loopback
from imagevault.counters import Counters
from imagevault.errors import InvalidResponse
from imagevault.plugins.provider import Provider
from imagevault.upstream.content_coding import CODINGS
from imagevault.upstream.flight import Flight, current_flight
from imagevault.upstream.limiter import CallLimiter
from imagevault.upstream.provider_errors import retry_after
from imagevault.upstream.reported_quota import reported_quotas
from imagevault.upstream.response_body import CappedBody
from imagevault.upstream.tls import tls_context

log = logging.getLogger(__name__)
for name in ("httpx", "httpcore"):
    logging.getLogger(name).setLevel(logging.WARNING)  # httpx logs each full URL, with the key in it, at INFO

CALL_TIMEOUT = 30.0  # seconds after which a call is given up, also when its caller left long ago
CONNECT_TIMEOUT = 5.0  # seconds
KEEPALIVE = 60.0  # seconds that an idle connection stays open
RETRY_PAUSE = (0.05, 0.25)  # seconds before the second try
USER_AGENT = f"ImageVault/{version('imagevault')}"
TEMPORARY = {502, 503, 504}  # statuses that are worth a second try, where they name no time
DROPPED_HEADERS = {b"content-encoding", b"content-length", b"set-cookie"}  # the body is decoded, cookies are not kept


def open_client(
    provider: Provider,
    limiter: CallLimiter | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
    counters: Counters | None = None,
) -> httpx.AsyncClient:
    """Open the HTTP client of a provider.

    Args:
        provider: the provider.
        limiter: admits its calls. None for a plugin's own tests, which have no quota to keep.
        transport: replaces the innermost transport, in tests.
        counters: count its calls.

    """
    base_url = provider.host.base_url or provider.info.base_url or ""
    if base_url and not base_url.endswith("/"):
        base_url += "/"
    inner = transport or httpx.AsyncHTTPTransport(
        verify=tls_context(), limits=httpx.Limits(max_connections=provider.info.concurrency, keepalive_expiry=KEEPALIVE)
    )
    return httpx.AsyncClient(
        base_url=base_url,
        transport=ProviderTransport(inner, httpx.URL(base_url), provider, limiter, counters or Counters()),
        timeout=httpx.Timeout(CALL_TIMEOUT, connect=CONNECT_TIMEOUT),
        headers={"User-Agent": USER_AGENT, "Accept": "application/json", "Accept-Encoding": ", ".join(CODINGS)},
        follow_redirects=True,
        max_redirects=3,
        trust_env=False,
    )


class ProviderTransport(httpx.AsyncBaseTransport):
    """The transport of one provider's client. Redirects pass through it again."""

    def __init__(
        self,
        inner: httpx.AsyncBaseTransport,
        base_url: httpx.URL,
        provider: Provider,
        limiter: CallLimiter | None,
        counters: Counters,
    ) -> None:
        self._counters = counters
        self._inner = inner
        self._base_url = base_url
        self._provider = provider
        self._limiter = limiter

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request once it is admitted.

        Raises:
            InvalidResponse: it leads to another host, or not to https.
            QuotaExhausted, CircuitOpen, ProviderDisabled, InFlightElsewhere: see `CallLimiter.admit`.

        """
        self._check_host(request.url)
        request.headers.pop("Cookie", None)
        flight = current_flight.get()
        if flight is None or self._limiter is None:
            response = await self._send_once(request)
        else:
            response = await self._send_admitted(request, flight, self._limiter)
        try:
            if flight is not None and self._limiter is not None:
                quotas = self._provider.info.quotas
                flight.reported |= reported_quotas(quotas, response.headers, self._limiter.clock())
                _note_wait(flight, response)
            return httpx.Response(
                response.status_code,
                headers=_passed_headers(response),
                stream=CappedBody(response),
                extensions=response.extensions,
            )
        except BaseException:
            await response.aclose()  # otherwise its connection is lost to the pool
            raise

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()

    async def _send_admitted(self, request: httpx.Request, flight: Flight, limiter: CallLimiter) -> httpx.Response:
        """Send a request, and once more where the connection failed or the status is temporary."""
        await limiter.admit(self._provider, flight)
        try:
            response = await self._send_once(request)
        except (httpx.NetworkError, httpx.RemoteProtocolError):
            if not self._may_retry(request, flight, limiter):
                raise
        else:
            names_no_time = retry_after(response) is None
            is_temporary = response.status_code in TEMPORARY and names_no_time
            if not is_temporary or not self._may_retry(request, flight, limiter):
                return response
            await response.aclose()
        await limiter.sleep(random.uniform(*RETRY_PAUSE))  # noqa: S311  not for cryptography
        await limiter.admit(self._provider, flight)
        return await self._send_once(request)

    def _may_retry(self, request: httpx.Request, flight: Flight, limiter: CallLimiter) -> bool:
        is_in_time = asyncio.get_running_loop().time() + RETRY_PAUSE[1] < flight.deadline
        return is_in_time and _is_repeatable(request) and limiter.take_retry(self._provider)

    async def _send_once(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and log it."""
        started = time.perf_counter()
        fields: dict[str, object] = {"provider": self._provider.name, "method": request.method}
        try:
            response = await self._inner.handle_async_request(request)
        except BaseException as error:
            fields["error"] = type(error).__name__
            raise
        else:
            fields["status"] = response.status_code
            return response
        finally:
            fields["path"] = request.url.path
            seconds = time.perf_counter() - started
            fields["ms"] = round(seconds * 1000, 1)
            result = str(fields.get("status") or fields.get("error"))
            self._counters.add("upstream_calls", self._provider.name, result)
            self._counters.observe(seconds, "upstream_call_duration_seconds", self._provider.name)
            log.info("upstream call", extra=fields)

    def _check_host(self, url: httpx.URL) -> None:
        if url.scheme == "https" and url.port is None and url.host in self._provider.info.api_hosts:
            return
        own = (self._base_url.scheme, self._base_url.host, self._base_url.port)
        if (url.scheme, url.host, url.port) != own:
            raise InvalidResponse(f"the request leads to another host: {url.host}; api_hosts does not name it")
        may_be_http = self._provider.host.allow_http or is_loopback(url.host.strip("[]"))
        if url.scheme != "https" and not may_be_http:
            raise InvalidResponse("the address of the request is not https")


def _is_repeatable(request: httpx.Request) -> bool:
    """Whether a request may be sent twice: a GET, or one that the plugin marks, and whose body is still there.

    `http.post(..., extensions={"imagevault": {"retry": True}})` marks one, such as a search by GraphQL.
    """
    if request.method == "GET":
        return True
    marks = request.extensions.get("imagevault")
    is_marked = isinstance(marks, dict) and marks.get("retry") is True
    return is_marked and isinstance(request.stream, httpx.ByteStream)


def _note_wait(flight: Flight, response: httpx.Response) -> None:
    """Note the wait that an error states, also where the plugin takes the error for an answer, such as a 404."""
    seconds = retry_after(response) if response.is_error else None
    if seconds is not None:
        flight.retry_after = max(seconds, flight.retry_after or 0.0)


def _passed_headers(response: httpx.Response) -> list[tuple[bytes, bytes]]:
    """The headers as bytes, because upstreams send non-ASCII values. The body counts as UTF-8, whatever they say."""
    headers = [(name, value) for name, value in response.headers.raw if name.lower() not in DROPPED_HEADERS]
    return [(name, _without_charset(value) if name.lower() == b"content-type" else value) for name, value in headers]


def _without_charset(content_type: bytes) -> bytes:
    """The media type alone: a charset would choose the Python codec that reads the body."""
    return content_type.partition(b";")[0]
