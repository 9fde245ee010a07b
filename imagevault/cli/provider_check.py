"""Trying a provider with real queries: what came back, how long it took, and what is missing in its records."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import msgspec

from imagevault.cache.keys import PageKey, normalize_query
from imagevault.errors import ProviderError
from imagevault.plugins.provider import Provider
from imagevault.records import Image, Page
from imagevault.runtime.services import Services
from imagevault.search.filters import plan
from imagevault.testing.recorded import Recording
from imagevault.upstream.transport import CALL_TIMEOUT

FIELDS = ("title", "alt", "width", "height", "author", "source_url", "license")
NOT_RECORDED = re.compile(  # headers of HTTP itself, of the machines on the way, and those that tell who called
    r"set-cookie|date|server|server-timing|via|connection|keep-alive|content-(length|encoding)|transfer-encoding|alt-svc"
    r"|strict-transport-security|report-to|nel|cf-ray|x-amz.*|.*request-id"
)
TOKEN = re.compile(r'("(?:[a-z]+_)?token"\s*:\s*")[^"]+')  # in the answer to a sign-in, as OAuth has it


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What a query brought. `missing`: per field of the record, how many images lack it.

    `asked`: for what the upstream was asked, in order: `page 1`, `page 2`, `image 2014422`.
    """

    name: str
    ok: bool
    milliseconds: int
    images: int = 0
    total: int | None = None
    missing: dict[str, int] = {}
    error: str | None = None
    asked: Sequence[str] = ()


async def check(services: Services, provider: Provider, words: str, *, more: bool = False) -> Checked:
    """Asks a provider for the first page of these words, past every cache, though not past its quota.

    With `more`, also for the second page if there is one, and for one image of the first by its id: what
    `ProviderContract` needs of a recording. Figures are those of the first page, but an error is that of any.
    """
    if provider.state != "ok":
        return Checked(name=provider.name, ok=False, milliseconds=0, error=provider.reason)
    begun, asked = time.monotonic(), ["page 1"]
    try:
        page = await _ask(services, provider, words, 1, provider.host.timeout)
    except ProviderError as error:
        return Checked(name=provider.name, ok=False, milliseconds=_since(begun), error=str(error), asked=asked)
    checked = Checked(
        name=provider.name,
        ok=bool(page.images),
        milliseconds=_since(begun),
        images=len(page.images),
        total=page.total,
        missing=_missing(page.images),
        error=None if page.images else f"nothing was found for {words}; try other words",
        asked=asked,
    )
    if not more or not page.images:
        return checked
    try:
        if not page.last:
            asked.append("page 2")
            await _ask(services, provider, words, 2, CALL_TIMEOUT)
        if "fetch_image" in provider.hooks:
            asked.append(f"image {page.images[0].id}")
            if await services.gateway.pages.fetch_image(provider, page.images[0].id, CALL_TIMEOUT) is None:
                return msgspec.structs.replace(checked, ok=False, error=f"fetch_image does not find {asked[-1]}")
    except ProviderError as error:
        return msgspec.structs.replace(checked, ok=False, error=f"{asked[-1]}: {error}")
    return checked


async def _ask(services: Services, provider: Provider, words: str, number: int, seconds: float) -> Page:
    native = tuple(sorted(plan(provider.info, {}).native.items()))
    key = PageKey(provider.name, normalize_query(words), native, provider.info.page_size, number)
    return await services.gateway.pages.fetch(provider, key, seconds)


def _since(begun: float) -> int:
    return round((time.monotonic() - begun) * 1000)


def _missing(images: Sequence[Image]) -> dict[str, int]:
    counts = {field: sum(getattr(image, field) is None for image in images) for field in FIELDS}
    return {field: count for field, count in counts.items() if count}


class Recorder(httpx.AsyncBaseTransport):
    """An innermost transport that keeps what a provider answered."""

    def __init__(self) -> None:
        self.inner = httpx.AsyncHTTPTransport()
        self.exchanges: list[Recording] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Passes a call on and keeps the answer, read whole."""
        request.headers["Accept-Encoding"] = "identity"
        response = await self.inner.handle_async_request(request)
        body = (await response.aread()).decode("utf-8", "replace")
        path = request.url.raw_path.decode("ascii")
        kept = Recording(request.method, path, response.status_code, dict(response.headers), body)
        self.exchanges.append(kept)
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)

    async def aclose(self) -> None:
        """Closes the connections."""
        await self.inner.aclose()

    def save(self, path: Path, provider: Provider) -> None:
        """Writes what was recorded as JSON: addresses below `base_url`, no secret, and the telling headers."""
        base = httpx.URL(provider.host.base_url or provider.info.base_url or "").path.rstrip("/") + "/"
        kept = [
            msgspec.structs.replace(
                each,
                url=provider.redacted(each.url.removeprefix(base)),
                headers={
                    name: provider.redacted(value)
                    for name, value in each.headers.items()
                    if not NOT_RECORDED.fullmatch(name)
                },
                body=provider.redacted(TOKEN.sub(r"\1***", each.body)),
            )
            for each in self.exchanges
        ]
        path.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")
