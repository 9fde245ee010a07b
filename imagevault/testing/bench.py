"""A bench for one provider: it runs with the gateway's own transport and sanitizing, against a simulated upstream.

What the gateway adds in service (quotas, cache, retries, circuit breaker) is the same for every provider and left out.
"""

import asyncio
import inspect
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, nullcontext
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx
import msgspec

from imagevault.config.settings import Settings
from imagevault.errors import InvalidResponse, TimedOut
from imagevault.images import sanitize
from imagevault.plugins.declarative.plugin import DeclarativePlugin
from imagevault.plugins.provider import Provider
from imagevault.plugins.registry import PluginRegistry
from imagevault.records import Image, Page, SearchQuery
from imagevault.testing.checks.toml_words import in_words_of_toml
from imagevault.testing.upstream import Upstream
from imagevault.upstream.provider_errors import to_provider_error
from imagevault.upstream.transport import open_client

T = TypeVar("T")
P = ParamSpec("P")

# Without certificates: loading them takes most of a test's time.
LOOPBACK_ONLY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
HOOK_LIMIT = 20.0  # seconds for one hook; a plugin that takes longer hangs


class Outgoing(msgspec.Struct, frozen=True):
    """One call as it leaves the provider: two are the same if method, address and body are."""

    method: str
    url: httpx.URL
    body: bytes = b""


class Bench:
    """`async with Bench(plugin, {"api_key": "test-key"}, upstream) as bench:`.

    The upstream is started, or None for a provider that holds its files itself. Calls to the provider's `api_hosts`
    reach it too, with their own path and `Host`.

    Attributes:
        calls: the addresses that the plugin called with `http`.
        requests: the same calls, each with its method and body.
        rewrite: changes each request before it leaves, if it is set.
        headers: the names of the headers of all answers, in lower case.
        fault: an error of httpx that each call raises, if it is set.

    Raises:
        AssertionError: the plugin cannot be loaded; the message says why.
    """

    def __init__(self, plugin: object, settings: Mapping[str, Any], upstream: Upstream | None) -> None:
        module = getattr(plugin, "__name__", type(plugin).__name__)
        self.name = module.rpartition(".")[2].removeprefix("imagevault_").lower()
        self.upstream = upstream
        plugins = PluginRegistry()
        plugins.add(self.name, lambda: plugin, "bench")
        if plugins.failures:
            raise AssertionError(f"the plugin cannot be loaded: {plugins.failures[0].reason}")
        self.plugin = plugins.loaded[self.name]
        self.configure(settings)
        self.calls: list[httpx.URL] = []
        self.requests: list[Outgoing] = []
        self.rewrite: Callable[[httpx.Request], httpx.Request] | None = None
        self.headers: set[str] = set()
        self.fault: Exception | None = None
        self._stack = AsyncExitStack()

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Give the provider other settings, and clear what the plugin caches."""
        table = dict(settings)
        if self.upstream is not None:
            table["base_url"] = self.upstream.url
        self.provider = Provider(self.plugin, Settings(providers={self.name: table}))

    async def __aenter__(self) -> Self:
        """Open the provider's client."""
        self.http = await self._stack.enter_async_context(open_client(self.provider, transport=_Innermost(self)))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Close it."""
        await self._stack.aclose()

    async def given(
        self,
        text: str,
        page: int = 1,
        native: Mapping[str, str] | None = None,
        *,
        token: str | None = None,
        parameters: Mapping[str, str] | None = None,
    ) -> Page:
        """Return the page as the plugin gives it. Raises a `ProviderError`."""
        query = SearchQuery(
            text=text,
            page=page,
            per_page=self.provider.info.page_size,
            native=native or {},
            parameters=parameters or {},
            token=token,
        )
        return await self._named(self.provider.search_images(query, self.http))

    async def search(
        self, text: str, page: int = 1, native: Mapping[str, str] | None = None, *, token: str | None = None
    ) -> Page:
        """Return the page as the gateway sanitizes it. Raises a `ProviderError`."""
        return self.sanitized(await self.given(text, page, native, token=token))

    def sanitized(self, given: Page) -> Page:
        """Return a page of the plugin as the gateway sanitizes it. Raises InvalidResponse if nothing can be shown."""
        return sanitize.page(
            given,
            self.provider.info,
            holds_files=self.provider.holds_files,
            moved_to=self.provider.moved_to,
        )

    async def fetch(self, id: str) -> Image | None:
        """Return one image as the gateway sanitizes it, or None if there is none. Raises a `ProviderError`."""
        image = await self._named(self.provider.fetch_image(id, self.http))
        if image is None:
            return None
        try:
            return sanitize.image(
                image,
                self.provider.info,
                holds_files=self.provider.holds_files,
                moved_to=self.provider.moved_to,
            )
        except sanitize.InvalidRecord as error:
            raise InvalidResponse(f"the image cannot be shown: {error}") from None

    async def downloaded(self, image: Image) -> None:
        """Report a download to the provider. Raises a `ProviderError`."""
        await self._named(self.provider.image_downloaded(image, self.http))

    async def _named(self, hook: Awaitable[T]) -> T:
        """Return what the hook returns, or raise the `ProviderError` that the gateway makes of its error."""
        try:
            async with asyncio.timeout(HOOK_LIMIT):
                return await hook
        except TimeoutError:
            raise TimedOut(f"the plugin did not return within {HOOK_LIMIT:.0f} s") from None
        except Exception as error:
            raise to_provider_error(error, self.provider) from error


def on_bench(
    plugin: object, settings: Mapping[str, Any], upstream: Upstream | None, work: Callable[[Bench], Awaitable[T]]
) -> T:
    """Run `work` on a bench, for tests that are no coroutines. Starts the upstream before and stops it afterwards."""

    async def run() -> T:
        async with Bench(plugin, settings, upstream) as bench:
            return await work(bench)

    with upstream or nullcontext():
        return asyncio.run(run())


def benched(
    check: Callable[Concatenate[Any, Bench, P], Awaitable[None]],
) -> Callable[Concatenate[Any, P], None]:
    """Make a plain test of the coroutine `check(self, bench, ...)`, so that pytest needs no plugin for it.

    The class of the method has `plugin`, `settings` and `upstream()`.
    """

    def test(self: Any, /, *given: P.args, **named: P.kwargs) -> None:
        try:
            on_bench(self.plugin, self.settings, self.upstream(), lambda bench: check(self, bench, *given, **named))
        except AssertionError as error:
            if isinstance(self.plugin, DeclarativePlugin):
                error.args = (in_words_of_toml(str(error)),)
            raise

    test.__name__ = check.__name__
    test.__qualname__ = check.__qualname__
    test.__doc__ = check.__doc__
    self_parameter, _, *fixtures = inspect.signature(check).parameters.values()
    test.__signature__ = inspect.Signature([self_parameter, *fixtures])  # type: ignore[attr-defined]
    return test


class _Innermost(httpx.AsyncBaseTransport):
    """Records each call that leaves the provider, or raises the fault that is set."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.inner = httpx.AsyncHTTPTransport(verify=LOOPBACK_ONLY)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.bench.rewrite is not None:
            request = self.bench.rewrite(request)
        body = await request.aread()
        self.bench.calls.append(request.url)
        self.bench.requests.append(Outgoing(request.method, request.url, body))
        if self.bench.fault is not None:
            raise self.bench.fault
        if self.bench.upstream is not None and request.url.host in self.bench.provider.info.api_hosts:
            url = httpx.URL(self.bench.upstream.url).copy_with(raw_path=request.url.raw_path)
            request = httpx.Request(
                request.method, url, headers=request.headers, content=body, extensions=request.extensions
            )
        response = await self.inner.handle_async_request(request)
        self.bench.headers.update(name.lower() for name in response.headers)
        return response

    async def aclose(self) -> None:
        await self.inner.aclose()
