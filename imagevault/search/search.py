"""One search: choose the providers, open a cursor for each, merge their images, and say what each provider did."""

import time
from collections.abc import Mapping, Sequence

import msgspec

from imagevault.cache.keys import PageKey, normalize_query
from imagevault.cache.page_cache import PageCache
from imagevault.config.settings import Settings
from imagevault.config.sources import nearest
from imagevault.errors import BadInput, ProviderError, Unconfigured
from imagevault.plugins.provider import Provider
from imagevault.records import ImageRecord
from imagevault.search import filters
from imagevault.search.cursor import Cursor, CursorSeal, Place
from imagevault.search.image_records import ImageRecords
from imagevault.search.merge import interleave
from imagevault.search.outcome import ProviderStatus, SearchFailed, has_answer, status_of
from imagevault.search.provider_cursor import PAGE_BUDGET, CachedPages, Observer, ProviderCursor

PER_PAGE = 30
MAX_TEXT = 200  # characters, normalized
MAX_TYPED_TEXT = 4 * MAX_TEXT  # characters; to normalize thousands of combining marks takes seconds


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A search as it was asked, before anything is checked.

    Attributes:
        text: the query.
        providers: names, separated by commas, or `all`; None for the default chain.
        per_page: images on a page.
        page: a page number, from 1; only with one provider.
        cursor: `next` of the page before.
        filters: filter -> value.
        caller: whose share of a quota the search uses.

    """

    text: str | None = None
    providers: str | None = None
    per_page: int | None = None
    page: int | None = None
    cursor: str | None = None
    filters: Mapping[str, str | None] = {}
    caller: str = ""


class SearchResponse(msgspec.Struct, frozen=True):
    """A page of a search. `next` is the cursor of the page after it, None at the end."""

    images: Sequence[ImageRecord]
    providers: Sequence[ProviderStatus]
    next: str | None


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
        seal: CursorSeal,
        observe: Observer,
    ) -> None:
        """Prepare a search.

        Args:
            request: what is asked.
            settings: in force now.
            providers: in force now.
            pages: the page cache.
            records: makes what consumers see.
            seal: seals and opens cursors.
            observe: receives an event for each page that is read.

        """
        self._request = request
        self._settings = settings
        self._providers = providers
        self._pages = pages
        self._records = records
        self._seal = seal
        self._observe = observe

    async def run(self) -> SearchResponse:
        """Return one page.

        Raises:
            BadInput: the request cannot be understood.
            SearchFailed: no provider answered.

        """
        request = self._request
        if request.cursor is not None:
            return await self._walk(self._resumed(self._seal.open(request.cursor)))
        text = _checked_text(request.text)
        wanted = filters.check(request.filters)
        per_page = request.per_page or PER_PAGE
        if request.providers is None:
            if request.page is not None:
                raise BadInput("page", "requires exactly one provider; name one, or use cursor to continue")
            return await self._try_default_chain(text, wanted, per_page)
        chosen = choose(self._providers, request.providers)
        if request.page is None:
            return await self._walk(Cursor.at_start(text, wanted, per_page, chosen))
        if len(chosen) > 1:
            raise BadInput("page", "requires exactly one provider; name one, or use cursor to continue")
        return await self._read_page(text, wanted, per_page, chosen[0], request.page)

    async def _read_page(
        self, text: str, wanted: dict[str, str], per_page: int, provider: Provider, number: int
    ) -> SearchResponse:
        """A fixed range of one provider's list."""
        per_page = min(per_page, provider.info.max_shown or per_page)
        start = (number - 1) * per_page
        cursor = Cursor.at_start(text, wanted, per_page, [provider], offset=start)
        return await self._walk(cursor, end=start + per_page)

    async def _try_default_chain(self, text: str, wanted: dict[str, str], per_page: int) -> SearchResponse:
        """The page of the first provider that answers. Each has its share of the time that is left."""
        failed: list[ProviderStatus] = []
        chain = [self._providers[name] for name in self._settings.default if name in self._providers]
        deadline = time.monotonic() + self._settings.deadline
        for position, provider in enumerate(chain):
            usable = sum(provider.state == "ok" for provider in chain[position:])
            seconds = (deadline - time.monotonic()) / max(1, usable)
            try:
                response = await self._walk(Cursor.at_start(text, wanted, per_page, [provider]), seconds=seconds)
            except SearchFailed as error:
                failed += error.statuses
            else:
                return msgspec.structs.replace(response, providers=[*failed, *response.providers])
        raise SearchFailed(failed)

    async def _walk(self, cursor: Cursor, end: int | None = None, seconds: float | None = None) -> SearchResponse:
        """Return the page at a cursor: open a cursor for each provider, merge the images, seal the next cursor."""
        deadline = time.monotonic() + (seconds or self._settings.deadline)
        cursors = [self._open(place, cursor, deadline, end) for place in cursor.places]
        merged, turn = await interleave(cursors, cursor.turn, cursor.per_page)
        statuses = [status_of(provider_cursor) for provider_cursor in cursors]
        if not has_answer(cursors):
            raise SearchFailed([status_of(provider_cursor) for provider_cursor in cursors if provider_cursor.was_open])
        images = [
            self._records.record(self._providers[found.cursor.name], found.image, found.also_from) for found in merged
        ]
        return SearchResponse(images, statuses, self._next(cursor, cursors, turn))

    def _open(self, place: Place, cursor: Cursor, deadline: float, end: int | None) -> ProviderCursor:
        """A provider's cursor at its place; one with an error where it cannot be asked."""
        provider = self._providers[place.name]
        try:
            if provider.state != "ok":
                raise Unconfigured(provider.public_reason)
            plan = filters.plan(provider.info, cursor.filters)
        except ProviderError as error:
            return ProviderCursor(place, error=error)
        first_page = PageKey(
            provider=provider.name,
            text=cursor.text,
            native=tuple(sorted(plan.native.items())),
            size=provider.info.page_size,
            page=1,
        )
        pages = CachedPages(
            self._pages,
            provider,
            first_page,
            deadline=deadline,
            caller=self._request.caller,
            observe=self._observe,
        )
        pages_of_range = cursor.per_page // place.size + 2
        return ProviderCursor(
            place,
            pages,
            matches=plan.matches,
            emulated=list(plan.tests),
            max_results=provider.info.max_results,
            end=end,
            max_images=provider.info.max_shown,
            page_budget=PAGE_BUDGET if end is None else pages_of_range,
        )

    def _next(self, cursor: Cursor, cursors: list[ProviderCursor], turn: int) -> str | None:
        """The sealed cursor of the page after this one, None when every list is over."""
        if all(provider_cursor.offset is None for provider_cursor in cursors):
            return None
        places = [provider_cursor.place for provider_cursor in cursors]
        return self._seal.close(msgspec.structs.replace(cursor, turn=turn, places=places))

    def _resumed(self, cursor: Cursor) -> Cursor:
        """The cursor to go on with. Raises BadInput where the request differs from what the walk began with."""
        request = self._request
        if request.page is not None:
            raise BadInput("page", "cannot be given with a cursor")
        if request.text is not None and _checked_text(request.text) != cursor.text:
            raise BadInput("cursor", "belongs to another q")
        wanted = filters.check(request.filters)
        repeated = {name: value for name, value in wanted.items() if request.filters.get(name)}
        if any(cursor.filters.get(name) != value for name, value in repeated.items()):
            raise BadInput("cursor", "belongs to a search with other filters")
        if request.providers is not None and request.providers != "all":
            names = [provider.name for provider in choose(self._providers, request.providers)]
            if names != [place.name for place in cursor.places]:
                raise BadInput("cursor", "belongs to a search of other providers")
        for place in cursor.places:
            provider = self._providers.get(place.name)
            if provider is None or provider.state == "disabled" or provider.info.page_size != place.size:
                raise BadInput(
                    "cursor", f"is no longer valid: {place.name} was disabled or changed; start a new search"
                )
        return msgspec.structs.replace(cursor, per_page=request.per_page or cursor.per_page)


def choose(providers: Mapping[str, Provider], names: str) -> list[Provider]:
    """Return the providers with these names, separated by commas, or all that are switched on.

    Raises:
        BadInput: there is no such provider, or it is switched off.

    """
    if names == "all":
        return [providers[name] for name in _enabled_names(providers)]
    chosen = {}
    for name in map(str.strip, names.split(",")):
        chosen[name] = find_enabled(providers, name, "provider")
    return list(chosen.values())


def find_enabled(providers: Mapping[str, Provider], name: str, field: str) -> Provider:
    """Return the provider with this name.

    Raises:
        BadInput: there is none, or it is switched off. The message lists those that there are.

    """
    provider = providers.get(name)
    names = _enabled_names(providers)
    known = f"There are: {', '.join(names)}."
    if provider is None:
        raise BadInput(field, f"there is no provider {name}.{nearest(name, names)} {known}")
    if provider.state == "disabled":
        raise BadInput(field, f"{name} is switched off here. {known}")
    return provider


def _enabled_names(providers: Mapping[str, Provider]) -> list[str]:
    return sorted(name for name, provider in providers.items() if provider.state != "disabled")


def _checked_text(text: str | None) -> str:
    too_long = BadInput("q", f"must have at most {MAX_TEXT} characters")
    if len(text or "") > MAX_TYPED_TEXT:
        raise too_long
    normalized = normalize_query(text or "")
    if not normalized:
        raise BadInput("q", "must say what to search for")
    if len(normalized) > MAX_TEXT:
        raise too_long
    return normalized
