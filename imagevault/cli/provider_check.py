"""One real query to a provider: what it returned, how long it took, and which fields its records lack."""

import asyncio
import re
import time
from collections.abc import Sequence
from pathlib import Path

import httpx
import msgspec

from imagevault.cache.keys import PageKey
from imagevault.config.settings import load
from imagevault.errors import ProviderError
from imagevault.licenses import License
from imagevault.plugins.decoding import MAX_REASON, RecordCount, count_records
from imagevault.plugins.provider import Provider
from imagevault.records import Image, Page
from imagevault.runtime.services import Services
from imagevault.search.choice import choose, find_enabled
from imagevault.search.filters import plan
from imagevault.search.query_text import cut, read_query
from imagevault.testing.recorded import Recording
from imagevault.upstream.transport import CALL_TIMEOUT

MAX_SENT = 20_000  # bytes of the body of a request that are recorded
FIELDS = ("title", "alt", "width", "height", "author", "source_url", "license")
NOT_RECORDED = re.compile(  # headers of HTTP itself, of proxies, and those that identify the caller
    r"set-cookie|date|server|server-timing|via|connection|keep-alive|content-(length|encoding)|transfer-encoding|alt-svc"
    r"|strict-transport-security|report-to|nel|cf-ray|x-amz.*|.*request-id"
)
TOKEN = re.compile(
    r'("(?:[a-z]+_)?token"\s*:\s*")[^"]+'
)  # in the answer to a sign-in (RFC 6749): "access_token": "..."


class ProviderCheck(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a check.

    Attributes:
        name: the provider's name.
        ok: whether every request succeeded.
        milliseconds: the duration of the first request.
        images: the number of images on the first page.
        records: the number of records that the provider sent for it; 0 where its plugin does not count them.
        dropped: why the first of the records was dropped that could not be used.
        total: the number of images that the provider reports in all, None if it reports none.
        missing: for each field that images of the first page lack, the number of these images.
        note: what to do if the first page has no image.
        error: why it is not ok.
        asked: the requests in their order: `page 1`, `page 2`, `image 2014422`.

    """

    name: str
    ok: bool
    milliseconds: int
    images: int = 0
    records: int = 0
    dropped: str | None = None
    total: int | None = None
    missing: dict[str, int] = {}
    note: str | None = None
    error: str | None = None
    asked: Sequence[str] = ()


def check_all(providers: str, words: str) -> list[ProviderCheck]:
    """Check providers one after the other with the settings of the working directory.

    Args:
        providers: names separated by commas, or `all`.
        words: what to search for.

    Raises:
        BadInput: there is no provider of such a name.

    """

    async def run() -> list[ProviderCheck]:
        services = Services(load())
        async with services.running():
            chosen = choose(services.gateway.providers, providers, not_loaded=services.gateway.plugins.not_loaded)
            return [(await _check_first_page(services, provider, words)).check for provider in chosen]

    return asyncio.run(run())


def check_and_record(name: str, words: str, recorder: "Recorder", path: Path) -> ProviderCheck:
    """Check one provider, and write its answers to a file.

    Checks the second page and one image of the first page too: `ProviderContract` needs them of a recording.

    Raises:
        BadInput: there is no provider of that name.

    """

    async def run() -> ProviderCheck:
        services = Services(load(), {name: recorder})
        async with services.running():
            gateway = services.gateway
            provider = find_enabled(gateway.providers, name, "provider", not_loaded=gateway.plugins.not_loaded)
            first = await _check_first_page(services, provider, words)
            check = await _check_more(services, provider, words, first)
            recorder.save(path, provider)
            return check

    return asyncio.run(run())


class _FirstPage(msgspec.Struct, frozen=True):
    """The result of the first request, and the page, None if it failed."""

    check: ProviderCheck
    page: Page | None = None


async def _check_first_page(services: Services, provider: Provider, words: str) -> _FirstPage:
    """Fetch the first page of a search. Skips every cache, but counts as a call of the quota."""
    if provider.state != "ok":
        return _FirstPage(ProviderCheck(name=provider.name, ok=False, milliseconds=0, error=provider.reason))
    started = time.monotonic()
    try:
        with count_records() as count:
            page = await _fetch_page(services, provider, words, 1, provider.timeout)
    except ProviderError as error:
        check = ProviderCheck(
            name=provider.name,
            ok=False,
            milliseconds=_milliseconds_since(started),
            error=str(error),
            asked=["page 1"],
        )
        return _FirstPage(check)
    lost = _why_lost(page, count, provider)
    check = ProviderCheck(
        name=provider.name,
        ok=lost is None,
        milliseconds=_milliseconds_since(started),
        images=len(page.images),
        records=count.records,
        dropped=provider.redacted_start(count.reason, MAX_REASON) if count.reason else None,
        total=page.total,
        missing=_missing(page.images),
        note=None if page.images or lost else f"nothing was found for {words}; try other words with --query",
        error=lost,
        asked=["page 1"],
    )
    return _FirstPage(check, page)


async def _check_more(services: Services, provider: Provider, words: str, first: _FirstPage) -> ProviderCheck:
    """Fetch the second page, if there is one, and the first image by its id, if the plugin can look one up."""
    check = first.check
    if first.page is None or not first.page.images:
        return check
    image_id = first.page.images[0].id
    try:
        if not first.page.last:
            check = _with_request(check, "page 2")
            await _fetch_page(services, provider, words, 2, CALL_TIMEOUT, first.page.next)
        if "fetch_image" in provider.hooks:
            check = _with_request(check, f"image {image_id}")
            image = await services.gateway.pages.fetch_image(provider, image_id, CALL_TIMEOUT)
            if image is None:
                return _failed(check, f"fetch_image does not find image {image_id}")
    except ProviderError as error:
        return _failed(check, f"{check.asked[-1]}: {error}")
    return check


def _with_request(check: ProviderCheck, request: str) -> ProviderCheck:
    return msgspec.structs.replace(check, asked=[*check.asked, request])


def _failed(check: ProviderCheck, error: str) -> ProviderCheck:
    return msgspec.structs.replace(check, ok=False, error=error)


async def _fetch_page(
    services: Services, provider: Provider, words: str, number: int, seconds: float, token: str | None = None
) -> Page:
    native = tuple(sorted(plan(provider.info, {}).native.items()))
    text = cut(read_query(words), provider.info.max_text)
    info = provider.info
    key = PageKey(
        provider.name,
        text,
        native,
        info.page_size,
        number,
        paging=info.paging,
        token=token,
        revision=provider.revision,
    )
    return await services.gateway.pages.fetch(provider, key, seconds)


def _why_lost(page: Page, count: RecordCount, provider: Provider) -> str | None:
    """Say what dropped the records of a page without images; None if there were none."""
    if page.images:
        return None
    if count.records:
        reason = provider.redacted_start(count.hidden or count.reason or "its plugin leaves them out", MAX_REASON)
        return f"none of {count.records} records is shown: {reason}"
    if page.total:
        return f"{page.total} results are reported, but no record was found; correct search.records of its file"
    return None


def _milliseconds_since(started: float) -> int:
    return round((time.monotonic() - started) * 1000)


def _missing(images: Sequence[Image]) -> dict[str, int]:
    """For each field that some images lack, the number of these images. A licence of unknown rights is none."""
    counts = {field: sum(_lacks(image, field) for image in images) for field in FIELDS}
    return {field: count for field, count in counts.items() if count}


def _lacks(image: Image, field: str) -> bool:
    value = getattr(image, field)
    return value is None or (isinstance(value, License) and value.is_unknown)


class Recorder(httpx.AsyncBaseTransport):
    """A transport to the real upstream that keeps the answers, in `recordings`."""

    def __init__(self) -> None:
        self.recordings: list[Recording] = []
        self._transport = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, read the whole answer, and keep it."""
        request.headers["Accept-Encoding"] = "identity"
        response = await self._transport.handle_async_request(request)
        body = await response.aread()
        recording = Recording(
            request.method,
            request.url.raw_path.decode("ascii"),
            response.status_code,
            dict(response.headers),
            body.decode("utf-8", "replace"),
            (await request.aread())[:MAX_SENT].decode("utf-8", "replace"),
        )
        self.recordings.append(recording)
        return httpx.Response(response.status_code, headers=response.headers, content=body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    def save(self, path: Path, provider: Provider) -> None:
        """Write the recordings as JSON, with URLs relative to `base_url`, and without secrets and transport headers."""
        base_path = httpx.URL(provider.host.base_url or provider.info.base_url or "").path.rstrip("/") + "/"
        cleaned = [_cleaned(recording, provider, base_path) for recording in self.recordings]
        path.write_bytes(msgspec.json.format(msgspec.json.encode(cleaned), indent=2) + b"\n")


def _cleaned(recording: Recording, provider: Provider, base_path: str) -> Recording:
    headers = {
        name: provider.redacted(value) for name, value in recording.headers.items() if not NOT_RECORDED.fullmatch(name)
    }
    return msgspec.structs.replace(
        recording,
        url=provider.redacted(recording.url.removeprefix(base_path)),
        headers=headers,
        body=provider.redacted(TOKEN.sub(r"\1***", recording.body)),
        sent=provider.redacted(TOKEN.sub(r"\1***", recording.sent)),
    )
