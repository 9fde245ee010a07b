"""Where pages come from: the plugin is asked, and what it returns is sanitized."""

import asyncio
import logging
from collections import Counter, defaultdict

import httpx

from imagevault.cache.keys import PageKey
from imagevault.cache.time_slices import TimeSlices
from imagevault.errors import InvalidResponse, NotFound, TokenLost
from imagevault.images import sanitize
from imagevault.images.identity import identify
from imagevault.plugins.decoding import MAX_REASON, RecordCount, count_records
from imagevault.plugins.provider import Provider
from imagevault.records import Image, Page, SearchQuery
from imagevault.upstream.clients import Clients

log = logging.getLogger(__name__)

READ_FACTOR = 2  # times the page size: a plugin may ask for more than it shows
MIN_RECORDS = 100
MAX_HOSTS = 5  # that a message names
TOKEN_REFUSED = {400, 404, 410, 422}  # statuses by which upstreams refuse a token that they gave


class Origin:
    """Asks the plugins of all providers. One for each worker."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        # One page of a provider at a time: the slices of many would add up, and each of them would be late.
        self._sanitizing: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def search(self, provider: Provider, key: PageKey) -> Page:
        """Return one sanitized page of results.

        Raises:
            InvalidResponse: there are records, and none of them can be shown.
            TokenLost: the upstream refuses the token of the page. Also raises what the plugin raises.

        """
        query = SearchQuery(
            text=key.text,
            page=key.page,
            per_page=key.size,
            native=dict(key.native),
            parameters=dict(key.parameters),
            token=key.token if isinstance(key.token, str) else None,
        )
        async with self._clients.of(provider) as http:
            with count_records(limit=max(MIN_RECORDS, READ_FACTOR * key.size)) as count:
                returned = await _asked(provider, query, http)
                async with self._sanitizing[provider.name]:
                    page = await _sanitized(returned, provider)
        _log_dropped(provider, count)
        return page

    async def look_up(self, provider: Provider, id: str) -> Page | None:
        """Return a page of this one image, None if there is none.

        Raises:
            InvalidResponse: the plugin returned another image. Also raises what the plugin raises.

        """
        async with self._clients.of(provider) as http:
            with count_records(limit=MIN_RECORDS):
                returned = await provider.fetch_image(id, http)
        if returned is None:
            return None
        try:
            image = sanitize.image(
                returned,
                provider.info,
                holds_files=provider.holds_files,
                moved_to=provider.moved_to,
            )
        except sanitize.InvalidRecord as error:
            raise InvalidResponse(f"the image cannot be shown: {error}") from None
        if image.id != id:
            raise InvalidResponse(f"{provider.info.title} sent another image than {id}")
        return Page(list(identify([image], provider.name)), last=True)


async def _asked(provider: Provider, query: SearchQuery, http: httpx.AsyncClient) -> Page:
    """Return what the plugin returns. An upstream that refuses a token is not broken: the token is too old."""
    try:
        return await provider.search_images(query, http)
    except (httpx.HTTPStatusError, NotFound) as error:
        is_refusal = isinstance(error, NotFound) or error.response.status_code in TOKEN_REFUSED
        if query.token is None or not is_refusal:
            raise
        raise TokenLost(f"{provider.info.title} no longer goes on from this page; start a new search") from None


async def _sanitized(returned: Page, provider: Provider) -> Page:
    """Return a plugin's page, sanitized and with identity keys. Many long records take a second: others run too."""
    slices = TimeSlices()
    sanitizer = sanitize.PageSanitizer(
        returned,
        provider.info,
        holds_files=provider.holds_files,
        moved_to=provider.moved_to,
    )
    for record in sanitizer.records:
        sanitizer.add(record)
        await slices.pause()
    _log_undeclared(provider, sanitizer.undeclared)
    page = sanitizer.page()
    images: list[Image] = []
    for image in identify(page.images, provider.name):
        images.append(image)
        await slices.pause()
    return Page(images, page.total, page.last, page.next)


def _log_undeclared(provider: Provider, hosts: Counter[str]) -> None:
    if hosts:
        named = ", ".join(host for host, _ in hosts.most_common(MAX_HOSTS))
        message = "%s: %d files were left out, because file_hosts does not name their hosts: %s"
        log.warning(message, provider.name, hosts.total(), named)


def _log_dropped(provider: Provider, count: RecordCount) -> None:
    if count.dropped:
        usable = count.records - count.dropped
        reason = provider.redacted_start(f"{count.reason}", MAX_REASON)
        message = "%s: %d of %d records can be used; the first that was dropped: %s"
        log.warning(message, provider.name, usable, count.records, reason)
