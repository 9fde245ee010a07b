"""The walk over one or many providers' lists: no repeat, no gap, and full pages unless a provider halts.

Each provider has a seat with a nominal offset into its own, unfiltered list. From the seat whose turn it is, one image
is taken from each in turn. A seat that fails, is late or has read its budget of pages halts for this request, its
offset unmoved; a seat whose list is over has ended. Only when all have ended is the walk over.
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from imagevault.cache.page_cache import CacheStatus
from imagevault.errors import ProviderError
from imagevault.records import Image, Page

ORDER: tuple[CacheStatus, ...] = ("miss", "stale", "hit")
FILL_BUDGET = 3  # upstream pages that one request may cost at each provider

Read = Callable[[int], Awaitable[tuple[Page, CacheStatus]]]


class ProviderCursor:
    """One provider's place in a walk. `read` takes a page number from 0 and answers that page, a hit or a miss.

    `offset` is None once the list is over. `window`: how deep the provider's list can be read. `limit`: how far this
    request goes. `most`: how many images it may give in this request.
    """

    def __init__(
        self,
        name: str,
        size: int,
        offset: int | None,
        read: Read,
        *,
        matches: Callable[[Image], bool] | None = None,
        emulated: list[str] | None = None,
        versions: dict[int, int] | None = None,
        window: int | None = None,
        limit: int | None = None,
        most: int | None = None,
        budget: int = FILL_BUDGET,
    ) -> None:
        self.name = name
        self.size = size
        self.offset: int | None = None
        self.matches = matches or (lambda _: True)
        self.emulated = emulated or []
        self.versions = {} if versions is None else versions
        self.window = window
        self.limit = limit
        self.most = most
        self.given = 0
        self.budget = budget
        self.error: ProviderError | None = None
        self.spent = False
        self.total: int | None = None
        self._read = read
        self._reading: dict[int, asyncio.Future[tuple[Page, CacheStatus]]] = {}
        self._had: dict[int, tuple[Page, CacheStatus]] = {}
        if offset is not None:
            self._move(offset)

    @property
    def active(self) -> bool:
        """Whether it may still give images in this request."""
        return self._open and not self.full

    @property
    def _open(self) -> bool:
        within = self.offset is not None and (self.limit is None or self.offset < self.limit)
        return within and self.error is None and not self.spent

    @property
    def full(self) -> bool:
        """Whether it gave all that it may give in this request."""
        return self.most is not None and self.given >= self.most

    @property
    def answered(self) -> bool:
        """Whether any page was had in this request."""
        return bool(self._had)

    @property
    def version(self) -> int | None:
        """The version of the page in whose midst it stands, as `read` left it in `versions`."""
        return self.versions.get(self.offset // self.size) if self.offset and self.offset % self.size else None

    @property
    def misses(self) -> int:
        """How many upstream calls its pages cost."""
        return sum(found == "miss" for _, found in self._had.values())

    @property
    def cache(self) -> CacheStatus | None:
        """How the pages were had: a miss if any was, else stale if any was."""
        found = {found for _, found in self._had.values()}
        return next((word for word in ORDER if word in found), None)

    def start(self) -> None:
        """Begins to read the first page that will be needed."""
        if self.active and self.offset is not None:
            self._begin(self.offset // self.size)

    async def next(self) -> Image | None:
        """The next image that matches, or None: the seat has then ended or halted."""
        while self.active and self.offset is not None:
            number, index = divmod(self.offset, self.size)
            page = await self._page(number)
            if page is None:
                return None
            if index >= len(page.images):
                self._turn_over(page, number)
                continue
            self._pass(page, self.offset, index)
            if self.matches(page.images[index]):
                return page.images[index]
        return None

    def settle(self) -> None:
        """Goes on past what does not match on pages already had, so that the end is seen where it is."""
        while self._open and self.offset is not None:
            number, index = divmod(self.offset, self.size)
            if number not in self._had:
                return
            page = self._had[number][0]
            if index >= len(page.images):
                if not page.last:
                    return
                self._turn_over(page, number)
            elif self.matches(page.images[index]):
                return
            else:
                self._pass(page, self.offset, index)

    def _begin(self, number: int) -> "asyncio.Future[tuple[Page, CacheStatus]]":
        if number not in self._reading:
            future = self._reading[number] = asyncio.ensure_future(self._read(number))
            future.add_done_callback(lambda done: done.cancelled() or done.exception())  # seen, also if nobody waits
        return self._reading[number]

    async def _page(self, number: int) -> Page | None:
        if number not in self._had:
            if number not in self._reading and self.misses >= self.budget:
                self.spent = True
                return None
            try:
                self._had[number] = await self._begin(number)
            except ProviderError as error:
                self.error = error
                return None
            if self._had[number][0].total is not None:
                self.total = self._had[number][0].total
        return self._had[number][0]

    def _pass(self, page: Page, offset: int, index: int) -> None:
        if page.last and index + 1 >= len(page.images):
            self.offset = None
        else:
            self._move(offset + 1)

    def _turn_over(self, page: Page, number: int) -> None:
        """Without an end or a total that is told, two empty pages in a row are the end: of one all may be dropped."""
        past, before = (number + 1) * self.size, self._had.get(number - 1)
        over = past >= page.total if page.total is not None else before is not None and not before[0].images
        if page.last or (not page.images and over):
            self.offset = None
        else:
            self._move(past)

    def _move(self, offset: int) -> None:
        self.offset = None if self.window is not None and offset >= self.window else offset


class Step(msgspec.Struct):
    """One image of a walk, with the names of the providers that had the same one on this page."""

    seat: ProviderCursor
    image: Image
    also_from: list[str]


async def walk(seats: list[ProviderCursor], turn: int, count: int) -> tuple[list[Step], int]:
    """The next `count` images and whose turn it is then. The seats hold where each has come to, and what failed."""
    for seat in seats:
        seat.start()
    steps: list[Step] = []
    sources: dict[str, Step] = {}
    while len(steps) < count and any(seat.active for seat in seats):
        seat = seats[turn]
        image = await seat.next()
        if image is not None:
            known = sources.get(image.source_url) if image.source_url else None
            if known is not None and known.seat is not seat:
                if seat.name not in known.also_from:
                    known.also_from.append(seat.name)
                continue
            steps.append(Step(seat, image, []))
            seat.given += 1
            if image.source_url:
                sources[image.source_url] = steps[-1]
        turn = (turn + 1) % len(seats)
    for seat in seats:
        seat.settle()
    return steps, turn
