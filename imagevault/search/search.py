"""One search: choose the providers, open a cursor for each, merge their images, and say what each provider did."""

import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

import msgspec

from imagevault.cache.keys import PageKey
from imagevault.cache.page_cache import PageCache
from imagevault.config.settings import Settings
from imagevault.errors import BadInput, ProviderError, Unconfigured
from imagevault.images.identity import rank
from imagevault.images.record import ImageRecord, with_others
from imagevault.plugins.provider import Provider
from imagevault.search import filters, parameters
from imagevault.search.choice import ALL, check_allowed, choose, split_names
from imagevault.search.cursor import MAX_TOKEN, MAX_TOKENS, Cursor, CursorSeal, Place
from imagevault.search.hidden import HiddenImages
from imagevault.search.image_records import ImageRecords
from imagevault.search.merge import MergedImage, interleave
from imagevault.search.outcome import ProviderStatus, SearchFailed, has_answer, status_of
from imagevault.search.passed import Passed, read_passed
from imagevault.search.provider_cursor import PAGE_BUDGET, CachedPages, Observer, ProviderCursor
from imagevault.search.query_text import cut, read_query

PER_PAGE = 30


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A search as it was asked, before anything is checked.

    Attributes:
        text: the query.
        providers: names, separated by commas, or `all`; None for the default chain.
        per_page: images on a page.
        page: a page number, from 1; only with one provider.
        cursor: `next` of the page before.
        filters: filter -> value.
        parameters: `NAME.parameter` -> value, for single providers.
        caller: whose share of a quota the search uses.
        allowed: the names of the providers that the caller may use; None for all.

    """

    text: str | None = None
    providers: str | None = None
    per_page: int | None = None
    page: int | None = None
    cursor: str | None = None
    filters: Mapping[str, str | None] = {}
    parameters: Mapping[str, str] = {}
    caller: str = ""
    allowed: AbstractSet[str] | None = None


class SearchResponse(msgspec.Struct, frozen=True):
    """A page of a search.

    Attributes:
        images: the images of this page.
        providers: what each provider that was asked did.
        next: the cursor of the page after it; null at the end.

    """

    images: Sequence[ImageRecord]
    providers: Sequence[ProviderStatus]
    next: str | None


class _Start(NamedTuple):
    """Where a search starts.

    Attributes:
        cursors: one, or those of a chain, of which the first that answers counts.
        end: the number of the picture before which its page ends; None if nothing but its length ends it.
        is_chain: whether the cursors are those of the default chain.

    """

    cursors: Sequence[Cursor]
    end: int | None = None
    is_chain: bool = False


class Search:
    """One search. It ends with the settings and the providers that it began with."""

    def __init__(
        self,
        request: SearchRequest,
        *,
        settings: Settings,
        providers: Mapping[str, Provider],
        pages: PageCache,
        records: ImageRecords,
        hidden: HiddenImages,
        seal: CursorSeal,
        observe: Observer,
        not_loaded: AbstractSet[str] = frozenset(),
    ) -> None:
        """Prepare a search.

        Args:
            request: what is asked.
            settings: in force now.
            providers: in force now.
            pages: the page cache.
            records: makes what consumers see.
            hidden: what an admin hides.
            seal: seals and opens cursors.
            observe: receives an event for each page that is read.
            not_loaded: the names of plugins that could not be loaded.

        """
        self._request = request
        self._settings = settings
        self._providers = providers
        self._pages = pages
        self._records = records
        self._hidden = hidden
        self._seal = seal
        self._observe = observe
        self._not_loaded = not_loaded

    async def run(self) -> SearchResponse:
        """Return one page.

        Raises:
            BadInput: the request cannot be understood.
            Forbidden: the caller may not use one of the providers.
            SearchFailed: no provider answered.

        """
        start = self._start()
        if start.is_chain:
            return await self._try_default_chain(start.cursors)
        return await self._walk(start.cursors[0], start.end)

    def check(self) -> None:
        """Check the request alone, before a provider is asked. Raises what `run` raises for a wrong one."""
        self._start()

    def _start(self) -> _Start:
        """Where the walk starts, by the request."""
        request = self._request
        if request.cursor is not None:
            return _Start([self._resumed(self._seal.open(request.cursor))])
        text = read_query(request.text)
        wanted = filters.check(request.filters)
        per_page = request.per_page or PER_PAGE
        if request.providers is None:
            if request.page is not None:
                raise BadInput("page", "requires exactly one provider; name one, or use cursor to continue")
            chain = self._default_chain()
            wanted |= parameters.check(request.parameters, chain)
            cursors = [Cursor.at_start(text, wanted, per_page, [provider]) for provider in chain]
            return _Start(cursors, is_chain=True)
        chosen = choose(self._providers, request.providers, request.allowed, self._not_loaded)
        wanted |= parameters.check(request.parameters, chosen)
        if request.page is None:
            return _Start([Cursor.at_start(text, wanted, per_page, chosen)])
        if len(chosen) > 1:
            raise BadInput("page", "requires exactly one provider; name one, or use cursor to continue")
        return _start_of_page(text, wanted, per_page, chosen[0], request.page)

    async def _try_default_chain(self, chain: Sequence[Cursor]) -> SearchResponse:
        """The page of the first provider that answers. Each has its share of the time that is left."""
        failed: list[ProviderStatus] = []
        deadline = time.monotonic() + self._settings.deadline
        for position, cursor in enumerate(chain):
            names = [place.name for later in chain[position:] for place in later.places]
            usable = sum(self._providers[name].state == "ok" for name in names)
            seconds = (deadline - time.monotonic()) / max(1, usable)
            try:
                response = await self._walk(cursor, seconds=seconds)
            except SearchFailed as error:
                failed += error.statuses
            else:
                return msgspec.structs.replace(response, providers=[*failed, *response.providers])
        raise SearchFailed(failed)

    def _default_chain(self) -> list[Provider]:
        """The providers of the default chain that the caller may use; where there are none, all that he may use."""
        allowed = self._request.allowed
        chain = [self._providers[name] for name in self._settings.default if name in self._providers]
        if allowed is None:
            return chain
        return [provider for provider in chain if provider.name in allowed] or choose(self._providers, ALL, allowed)

    async def _walk(self, cursor: Cursor, end: int | None = None, seconds: float | None = None) -> SearchResponse:
        """Return the page at a cursor: open a cursor for each provider, merge the images, seal the next cursor."""
        deadline = time.monotonic() + (seconds or self._settings.deadline)
        opened = [self._open(place, cursor, deadline, end) for place in cursor.places]
        cursors = [provider_cursor for provider_cursor, _ in opened]
        passed = await read_passed(self._pages, [passed for _, passed in opened if passed is not None])
        merged, turn = await interleave(cursors, cursor.turn, cursor.per_page, passed.was_shown)
        statuses = [status_of(provider_cursor) for provider_cursor in cursors]
        if not has_answer(cursors):
            raise SearchFailed([status_of(provider_cursor) for provider_cursor in cursors if provider_cursor.was_open])
        images = [self._record(picture) for picture in merged]
        return SearchResponse(images, statuses, self._next(cursor, cursors, turn))

    def _record(self, picture: MergedImage) -> ImageRecord:
        """What consumers see of a picture, with the other providers that list it."""
        shown, *others = [
            self._records.record(self._providers[listing.cursor.name], listing.image) for listing in picture.listings
        ]
        return with_others(shown, others)

    def _open(
        self, place: Place, cursor: Cursor, deadline: float, end: int | None
    ) -> tuple[ProviderCursor, Passed | None]:
        """A provider's cursor at its place, and what the walk has passed; one with an error if it cannot be asked."""
        provider = self._providers[place.name]
        problem = None if provider.state == "ok" else Unconfigured(provider.public_reason)
        try:
            plan = msgspec.structs.replace(
                filters.plan(provider.info, cursor.filters, provider.name),
                hidden=self._hidden.of(provider.name),
            )
        except ProviderError as error:
            return ProviderCursor(place, error=problem or error), None
        first_page = PageKey(
            provider=provider.name,
            text=cut(cursor.query, provider.info.max_text),
            native=tuple(sorted(plan.native.items())),
            size=provider.info.page_size,
            page=1,
            parameters=tuple(sorted(plan.parameters.items())),
            paging=provider.info.paging,
            revision=provider.revision,
        )
        if problem is not None:
            unasked = ProviderCursor(place, plan=plan, error=problem)
            return unasked, Passed(unasked, provider, place, first_page)
        pages = CachedPages(
            self._pages,
            provider,
            first_page,
            deadline=deadline,
            caller=self._request.caller,
            observe=self._observe,
        )
        pages_of_range = cursor.per_page // place.size + 2
        provider_cursor = ProviderCursor(
            place,
            pages,
            plan=plan,
            rank=rank(provider.name, provider.info),
            max_text=provider.info.max_text if len(first_page.text) < len(cursor.query) else None,
            max_results=provider.info.max_results,
            end=end,
            max_images=provider.info.max_shown,
            page_budget=PAGE_BUDGET if end is None else pages_of_range,
            max_token=self._max_token(cursor),
        )
        return provider_cursor, Passed(provider_cursor, provider, place, first_page)

    def _max_token(self, cursor: Cursor) -> int:
        """How many bytes of a token each place may hold, so that the cursor stays short."""
        count = sum(self._providers[place.name].info.paging == "token" for place in cursor.places)
        return min(MAX_TOKEN, MAX_TOKENS // max(1, count))

    def _next(self, cursor: Cursor, cursors: list[ProviderCursor], turn: int) -> str | None:
        """The sealed cursor of the page after this one, None when every list is over."""
        if all(provider_cursor.is_over for provider_cursor in cursors):
            return None
        places = [provider_cursor.place for provider_cursor in cursors]
        return self._seal.close(msgspec.structs.replace(cursor, turn=turn, places=places))

    def _resumed(self, cursor: Cursor) -> Cursor:
        """The cursor to go on with. Raises BadInput where the request differs from what the walk began with."""
        request = self._request
        for place in cursor.places:
            check_allowed(place.name, request.allowed)
        if request.page is not None:
            raise BadInput("page", "cannot be given with a cursor")
        if request.text is not None and not cursor.belongs_to(read_query(request.text)):
            raise BadInput("cursor", "belongs to another q")
        wanted = filters.check(request.filters)
        walked = [self._providers[place.name] for place in cursor.places if place.name in self._providers]
        wanted |= parameters.check(request.parameters, walked)
        repeated = [name for name, value in {**request.filters, **request.parameters}.items() if value]
        if any(wanted.get(name) != cursor.filters.get(name) for name in repeated):
            raise BadInput("cursor", "belongs to a search with other filters")
        if request.providers is not None and split_names(self._providers, request.providers, request.allowed) != [ALL]:
            names = [
                provider.name
                for provider in choose(self._providers, request.providers, request.allowed, self._not_loaded)
            ]
            if names != [place.name for place in cursor.places]:
                raise BadInput("cursor", "belongs to a search of other providers")
        for place in cursor.places:
            provider = self._providers.get(place.name)
            if provider is None or provider.state == "disabled" or not _continues(place, provider):
                raise BadInput(
                    "cursor", f"is no longer valid: {place.name} was disabled or changed; start a new search"
                )
        parameters.check({name: value for name, value in cursor.filters.items() if "." in name}, walked)
        return msgspec.structs.replace(cursor, per_page=request.per_page or cursor.per_page)


def _start_of_page(text: str, wanted: dict[str, str], per_page: int, provider: Provider, number: int) -> _Start:
    """A fixed range of one provider's list."""
    if provider.info.paging == "token":
        raise BadInput("page", f"{provider.name} has no numbered pages; use cursor to continue")
    per_page = min(per_page, provider.info.max_shown or per_page)
    start = (number - 1) * per_page
    return _Start([Cursor.at_start(text, wanted, per_page, [provider], offset=start)], end=start + per_page)


def _continues(place: Place, provider: Provider) -> bool:
    """Whether a place is still one in the list of a provider: it has pages as when the walk began."""
    by_token = provider.info.paging == "token" and bool(place.offset)  # whether the place needs a token
    same_pages = place.offset is None or place.offset < place.size or by_token == (place.token is not None)
    return provider.info.page_size == place.size and same_pages
