"""Trying a provider with one real query: what came back, how long it took, and what is missing in its records."""

import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import msgspec

from imagevault.app import Services
from imagevault.errors import ProviderError
from imagevault.gateway.filters import plan
from imagevault.gateway.pages import Key, normal
from imagevault.gateway.transport import redact
from imagevault.provider import Provider
from imagevault.records import Image
from imagevault.testing.recorded import Recording

FIELDS = ("title", "alt", "width", "height", "author", "source_url", "license")


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What one query brought. `missing`: per field of the record, how many images lack it."""

    name: str
    ok: bool
    milliseconds: int
    images: int = 0
    total: int | None = None
    missing: dict[str, int] = {}
    error: str | None = None


async def check(services: Services, provider: Provider, words: str) -> Checked:
    """Asks a provider for the first page of these words, past every cache, though not past its quota."""
    if provider.state != "ok":
        return Checked(name=provider.name, ok=False, milliseconds=0, error=provider.reason)
    native = tuple(sorted(plan(provider.info, {}).native.items()))
    key = Key(provider.name, normal(words), native, provider.info.page_size, 1)
    begun = time.monotonic()
    try:
        page = await services.gateway.pages.ask(provider, key, provider.host.timeout)
    except ProviderError as error:
        return Checked(name=provider.name, ok=False, milliseconds=_since(begun), error=str(error))
    return Checked(
        name=provider.name,
        ok=bool(page.images),
        milliseconds=_since(begun),
        images=len(page.images),
        total=page.total,
        missing=_missing(page.images),
        error=None if page.images else f"nothing was found for {words}; try other words",
    )


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def _missing(images: Sequence[Image]) -> dict[str, int]:
    counts = {field: sum(getattr(image, field) is None for image in images) for field in FIELDS}
    return {field: count for field, count in counts.items() if count}


class Recorder(httpx.AsyncBaseTransport):
    """An innermost transport that keeps what a provider answered."""

    KEPT_HEADERS = ("content-type", "retry-after")

    def __init__(self) -> None:
        self.inner = httpx.AsyncHTTPTransport()
        self.exchanges: list[Recording] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Passes a call on and keeps the answer, read whole."""
        request.headers["Accept-Encoding"] = "identity"
        response = await self.inner.handle_async_request(request)
        body = await response.aread()
        names = [name for name in response.headers if name in self.KEPT_HEADERS or "ratelimit" in name]
        headers = {name: response.headers[name] for name in names}
        kept = Recording(
            request.method, str(request.url), response.status_code, headers, body.decode("utf-8", "replace")
        )
        self.exchanges.append(kept)
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.inner.aclose()

    def save(self, path: Path, provider: Provider) -> None:
        """Writes what was recorded as JSON, without any of the provider's secrets."""
        text = msgspec.json.format(msgspec.json.encode(self.exchanges), indent=2).decode()
        path.write_text(redact(text, provider) + "\n", encoding="utf-8")
