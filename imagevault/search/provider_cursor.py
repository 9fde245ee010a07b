"""A provider's place in a walk: which of its images comes next, and where it stands when the request ends.

The place is an offset into the provider's own, unfiltered list. A cursor that fails, is late, or has read its budget of
pages halts for this request with its offset unmoved. So does one that cannot be asked at all, such as one without its
key; the walk may end without it. A cursor whose list is over has ended: its offset is None.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

import msgspec

from imagevault.cache.keys import PageKey, token_digest
from imagevault.cache.page_cache import PageCache
from imagevault.cache.result import CacheResult, CacheStatus
from imagevault.errors import ProviderError, TokenLost
from imagevault.plugins.provider import Provider
from imagevault.records import Image, Page
from imagevault.search.cursor import MAX_TOKEN, LongToken, Place
from imagevault.search.filters import NO_FILTERS, Plan

PAGE_BUDGET = 3  # upstream calls that one request may cause at each provider
WORST_FIRST: tuple[CacheStatus, ...] = ("miss", "stale", "hit")


class PageSource(Protocol):
    """Where a cursor reads its pages."""

    async def read(self, number: int, version: int | None, token: str | LongToken | None) -> CacheResult:
        """Return a page, counted from 0, if possible in this version. Raises a ProviderError.

        The token is that of the page, where the provider pages by token and it is not the first page.
        """
        ...


class Event(msgspec.Struct, frozen=True):
    """Something that happened in a search: a page was asked for, arrived (`result`), or did not (`error`)."""

    provider: str
    page: int
    result: CacheResult | None = None
    error: ProviderError | None = None


Observer = Callable[[Event], None]


class CachedPages:
    """A `PageSource` for one provider, one query and one request: the page cache."""

    def __init__(
        self,
        cache: PageCache,
        provider: Provider,
        first_page: PageKey,
        *,
        deadline: float,
        caller: str,
        observe: Observer,
    ) -> None:
        """Make a source.

        Args:
            cache: the page cache.
            provider: the provider.
            first_page: the key of the first page.
            deadline: until when a page may be waited for, by `time.monotonic()`.
            caller: whose share of the quota the calls use.
            observe: receives an event before and after each page.

        """
        self._cache = cache
        self._provider = provider
        self._first_page = first_page
        self._deadline = deadline
        self._caller = caller
        self._observe = observe

    async def read(self, number: int, version: int | None, token: str | LongToken | None) -> CacheResult:
        """Return a page, counted from 0. Raises a ProviderError."""
        key = self._first_page.at(number, await self._known(token) if isinstance(token, LongToken) else token)
        seconds = min(self._deadline - time.monotonic(), self._provider.timeout)
        event = Event(provider=self._provider.name, page=key.page)
        self._observe(event)
        try:
            result = await self._cache.read(self._provider, key, seconds, caller=self._caller, version=version)
        except ProviderError as error:
            self._observe(msgspec.structs.replace(event, error=error))
            raise
        self._observe(msgspec.structs.replace(event, result=result))
        return result

    async def _known(self, token: LongToken) -> str:
        """The token from the page that named it. Raises TokenLost if that page is no longer kept."""
        text = await self._cache.read_token(self._provider, token.page, token.digest)
        if text is None:
            raise TokenLost("the place in its list is no longer known; start a new search")
        return text


class ProviderCursor:
    """One provider's place in a walk."""

    def __init__(
        self,
        place: Place,
        pages: PageSource | None = None,
        *,
        plan: Plan = NO_FILTERS,
        rank: int = 0,
        max_text: int | None = None,
        max_results: int | None = None,
        end: int | None = None,
        max_images: int | None = None,
        page_budget: int = PAGE_BUDGET,
        max_token: int = MAX_TOKEN,
        error: ProviderError | None = None,
    ) -> None:
        """Make a cursor.

        Args:
            place: where to go on in the provider's list.
            pages: its pages; None where it cannot be asked (see `error`).
            plan: how the provider meets the filters.
            rank: whose record of a picture is shown, the lowest first.
            max_text: the length to which the query was cut; None if it was not.
            max_results: how many images of its list can be read at all.
            end: the offset at which this request ends.
            max_images: how many images this request may show.
            page_budget: how many upstream calls this request may cause.
            max_token: how many bytes of a token its place may hold.
            error: why the provider cannot be asked.

        """
        self.name = place.name
        self.page_size = place.size
        self.was_open = place.offset is not None
        self.plan = plan
        self.rank = rank
        self.max_text = max_text
        self.max_images = max_images
        self.budget_exhausted = False
        self.total: int | None = None
        self.error = error
        self.offset: int | None = None
        self.shown = 0
        self._pages = pages
        self._max_results = max_results
        self._end = end
        self._page_budget = page_budget
        self._max_token = max_token
        self._tokens: dict[int, str | LongToken] = {}
        self._versions: dict[int, int] = {}
        self._reading: dict[int, asyncio.Future[CacheResult]] = {}
        self._read: dict[int, CacheResult] = {}
        if place.offset is None:
            return
        if place.version is not None:
            self._versions[place.offset // place.size] = place.version
        if place.token is not None:
            self._tokens[place.offset // place.size] = place.token
        self._move_to(place.offset)

    @property
    def is_active(self) -> bool:
        """Whether it may still give images in this request."""
        return self._is_open and not self.is_full

    @property
    def is_over(self) -> bool:
        """Whether the walk need not go on for it: its list is over, or it cannot be asked."""
        return self.offset is None or self._pages is None

    @property
    def is_full(self) -> bool:
        """Whether it gave all images that it may give in this request."""
        return self.max_images is not None and self.shown >= self.max_images

    @property
    def has_answered(self) -> bool:
        """Whether any page was read in this request."""
        return bool(self._read)

    @property
    def place(self) -> Place:
        """Where it stands now, for the next request. It names the version of a page only in the middle of that page."""
        version: int | None = None
        if self.offset and self.offset % self.page_size:
            version = self._versions.get(self.offset // self.page_size)
        return Place(self.name, self.page_size, self.offset, version, self._token)

    @property
    def _token(self) -> str | LongToken | None:
        """The token of the page that it stands in, as its place holds it."""
        if self.offset is None:
            return None
        number = self.offset // self.page_size
        token = self._tokens.get(number)
        if isinstance(token, str) and len(token.encode()) > self._max_token and number - 1 in self._read:
            return LongToken(token_digest(token), self._read[number - 1].key)
        return token

    @property
    def misses(self) -> int:
        """How many of its pages were fetched from the upstream."""
        return sum(result.status == "miss" for result in self._read.values())

    @property
    def cache_status(self) -> CacheStatus | None:
        """How its pages were found: a miss if any was, else stale if any was; None if none was read."""
        statuses = {result.status for result in self._read.values()}
        return next((status for status in WORST_FIRST if status in statuses), None)

    def prefetch(self) -> None:
        """Begin to read the page that is needed first."""
        if self.is_active and self.offset is not None:
            self._begin(self.offset // self.page_size)

    async def next(self) -> Image | None:
        """Return the next image that matches. None means that the cursor has halted or ended."""
        while self.is_active and self.offset is not None:
            number, index = divmod(self.offset, self.page_size)
            page = await self._page(number)
            if page is None:
                return None
            if index >= len(page.images):
                self._turn_page(page, number)
                continue
            self._step(page, self.offset, index)
            if self.plan.matches(page.images[index]):
                return page.images[index]
        return None

    def skip_rest(self) -> None:
        """Move past images that do not match, on pages that were read, so that the end of the list is noticed."""
        while self._is_open and self.offset is not None:
            number, index = divmod(self.offset, self.page_size)
            if number not in self._read:
                return
            page = self._read[number].page
            if index >= len(page.images):
                if not page.last:
                    return
                self._turn_page(page, number)
            elif self.plan.matches(page.images[index]):
                return
            else:
                self._step(page, self.offset, index)

    @property
    def _is_open(self) -> bool:
        if self.offset is None or self.error is not None or self.budget_exhausted:
            return False
        return self._end is None or self.offset < self._end

    def _begin(self, number: int) -> "asyncio.Future[CacheResult]":
        if number not in self._reading:
            assert self._pages is not None
            future = asyncio.ensure_future(
                self._pages.read(number, self._versions.get(number), self._tokens.get(number))
            )
            # Retrieves the exception, so that asyncio does not log it where nobody awaits this page.
            future.add_done_callback(lambda done: done.cancelled() or done.exception())
            self._reading[number] = future
        return self._reading[number]

    async def _page(self, number: int) -> Page | None:
        """The page, or None where the cursor halts."""
        if number in self._read:
            return self._read[number].page
        if number not in self._reading and self.misses >= self._page_budget:
            self.budget_exhausted = True
            return None
        try:
            result = await self._begin(number)
        except ProviderError as error:
            self.error = error
            return None
        self._read[number] = result
        self._versions[number] = result.version
        if result.page.next is not None:
            self._tokens[number + 1] = result.page.next
        if result.page.total is not None:
            self.total = result.page.total
        return result.page

    def _step(self, page: Page, offset: int, index: int) -> None:
        """Move past one image."""
        is_last_image = page.last and index + 1 >= len(page.images)
        if is_last_image:
            self.offset = None
        else:
            self._move_to(offset + 1)

    def _turn_page(self, page: Page, number: int) -> None:
        """Move past the end of a page.

        Where the provider names neither its end nor a total, the end is two empty pages in a row: the plugin or the
        gateway may have dropped everything on one page. A page that names the next one is never the end.
        """
        start_of_next = (number + 1) * self.page_size
        previous = self._read.get(number - 1)
        if page.next is not None:
            is_past_the_end = False
        elif page.total is not None:
            is_past_the_end = start_of_next >= page.total
        else:
            is_past_the_end = previous is not None and not previous.page.images
        if page.last or (not page.images and is_past_the_end):
            self.offset = None
        else:
            self._move_to(start_of_next)

    def _move_to(self, offset: int) -> None:
        is_too_deep = self._max_results is not None and offset >= self._max_results
        self.offset = None if is_too_deep else offset
