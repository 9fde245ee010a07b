"""One search: which providers are asked, what each answered, and where the search goes on."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec

from imagevault.cache.page_cache import CacheResult, CacheStatus, PageKey, Pages, normalize_query
from imagevault.config.settings import Settings, nearest
from imagevault.errors import BadInput, ProviderError, Unconfigured
from imagevault.plugins.provider import Provider
from imagevault.records import Image, ImageRecord, Page
from imagevault.search import filters
from imagevault.search import outcome as status
from imagevault.search.cursor import VERSION, Cursor, Place, seal, unseal
from imagevault.search.merge import FILL_BUDGET, ProviderCursor, walk
from imagevault.search.outcome import ProviderStatus, SearchFailed
from imagevault.security.keyring import Keyring

PER_PAGE = 30
MAX_TEXT = 200


class SearchResponse(msgspec.Struct, frozen=True):
    """A page of a search. `next` is the cursor of the page after it, None at the end."""

    images: Sequence[ImageRecord]
    providers: Sequence[ProviderStatus]
    next: str | None


class SearchRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A search as it was asked, before anything is checked; `caller` for his fair share of a quota."""

    text: str | None = None
    providers: str | None = None
    per_page: int | None = None
    page: int | None = None
    cursor: str | None = None
    filters: Mapping[str, str | None] = {}
    caller: str = ""


class Event(msgspec.Struct, frozen=True):
    """Something that happened in a search: a page was asked for, came, or did not."""

    provider: str
    page: int
    got: CacheResult | None = None
    error: ProviderError | None = None


Watch = Callable[[Event], None]


class Host(Protocol):
    """What a search needs of the gateway."""

    settings: Settings
    keyring: Keyring
    pages: Pages

    @property
    def providers(self) -> Mapping[str, Provider]:
        """Those in force now."""
        ...

    def record(self, provider: Provider, image: Image, also_from: Sequence[str] = ()) -> ImageRecord:
        """The image as consumers see it."""
        ...


class Search:
    """One search, which ends on the settings and providers that it began with."""

    def __init__(self, host: Host, asked: SearchRequest, watch: Watch | None = None) -> None:
        self.host = host
        self.settings = host.settings
        self.providers = host.providers
        self.asked = asked
        self.watch = watch or (lambda _: None)

    async def answer(self) -> SearchResponse:
        """One page. Raises BadInput for what cannot be asked, SearchFailed if nobody answered."""
        asked = self.asked
        if asked.cursor is not None:
            return await self._go_on(unseal(asked.cursor, self.host.keyring))
        text = _text(asked.text)
        wanted = filters.check(asked.filters)
        per_page = asked.per_page or PER_PAGE
        if asked.providers is None:
            if asked.page is not None:
                raise BadInput("page", "works only with one provider named; without, go on with the cursor")
            return await self._chain(text, wanted, per_page)
        chosen = choose(self.providers, asked.providers)
        if asked.page is None:
            places = [Place(provider.name, provider.info.page_size, 0) for provider in chosen]
            return await self._walk(Cursor(VERSION, text, wanted, per_page, 0, places))
        if len(chosen) > 1:
            raise BadInput("page", "works only with one provider named; with more, go on with the cursor")
        per_page = min(per_page, chosen[0].info.max_shown or per_page)
        start = (asked.page - 1) * per_page
        place = Place(chosen[0].name, chosen[0].info.page_size, start)
        return await self._walk(Cursor(VERSION, text, wanted, per_page, 0, [place]), limit=start + per_page)

    async def _go_on(self, cursor: Cursor) -> SearchResponse:
        """Continues a walk; whatever the request repeats must be what the walk began with."""
        asked = self.asked
        if asked.page is not None:
            raise BadInput("page", "cannot be given with a cursor")
        if asked.text is not None and _text(asked.text) != cursor.text:
            raise BadInput("cursor", "belongs to another q")
        given = {name: value for name, value in filters.check(asked.filters).items() if asked.filters.get(name)}
        if any(cursor.filters.get(name) != value for name, value in given.items()):
            raise BadInput("cursor", "belongs to a search with other filters")
        if asked.providers not in {None, "all"}:
            self._check_same(asked.providers or "", cursor)
        for place in cursor.places:
            provider = self.providers.get(place.name)
            if provider is None or provider.state == "disabled" or provider.info.page_size != place.size:
                raise BadInput("cursor", f"is no longer good: {place.name} was switched off or changed; search again")
        per_page = asked.per_page or cursor.per_page
        return await self._walk(msgspec.structs.replace(cursor, per_page=per_page))

    def _check_same(self, names: str, cursor: Cursor) -> None:
        if [each.name for each in choose(self.providers, names)] != [place.name for place in cursor.places]:
            raise BadInput("cursor", "belongs to a search of other providers")

    async def _chain(self, text: str, wanted: dict[str, str], per_page: int) -> SearchResponse:
        """The first provider of the default chain that answers, each with its share of the time left."""
        tried: list[ProviderStatus] = []
        members = [self.providers[name] for name in self.settings.default if name in self.providers]
        end = time.monotonic() + self.settings.deadline
        for position, provider in enumerate(members):
            usable = sum(each.state == "ok" for each in members[position:])
            share = (end - time.monotonic()) / max(1, usable)
            place = Place(provider.name, provider.info.page_size, 0)
            try:
                cursor = Cursor(VERSION, text, wanted, per_page, 0, [place])
                answer = await self._walk(cursor, seconds=share)
            except SearchFailed as error:
                tried += error.statuses
            else:
                return msgspec.structs.replace(answer, providers=[*tried, *answer.providers])
        raise SearchFailed(tried)

    async def _walk(self, cursor: Cursor, limit: int | None = None, seconds: float | None = None) -> SearchResponse:
        deadline = time.monotonic() + (seconds or self.settings.deadline)
        tables = [self._seat(cursor, place, deadline, limit) for place in cursor.places]
        seats = [seat for seat, _ in tables]
        steps, turn = await walk(seats, cursor.turn, cursor.per_page)
        statuses = [left_out or status.of_seat(seat, seat.emulated) for seat, left_out in tables]
        begun = [table for table, place in zip(tables, cursor.places, strict=True) if place.offset is not None]
        if begun and not any(not left_out and (seat.answered or seat.error is None) for seat, left_out in begun):
            raise SearchFailed(statuses)
        records = [self.host.record(self.providers[step.seat.name], step.image, step.also_from) for step in steps]
        return SearchResponse(records, statuses, self._next(cursor, seats, turn))

    def _seat(
        self, cursor: Cursor, place: Place, deadline: float, limit: int | None
    ) -> tuple[ProviderCursor, ProviderStatus | None]:
        """A provider's seat in this walk, or an empty one and the reason why it is left out."""
        provider = self.providers[place.name]
        try:
            if provider.state != "ok":
                raise Unconfigured(provider.excuse)
            plan = filters.plan(provider.info, cursor.filters)
        except ProviderError as error:
            return ProviderCursor(place.name, place.size, None, _nothing), status.failed(place.name, error)
        versions: dict[int, int] = {}
        if place.offset and place.version is not None:
            versions[place.offset // place.size] = place.version

        async def read(number: int) -> tuple[Page, CacheStatus]:
            native = tuple(sorted(plan.native.items()))
            key = PageKey(provider.name, cursor.text, native, provider.info.page_size, number + 1)
            seconds = min(deadline - time.monotonic(), provider.host.timeout)
            version = versions.get(number)
            self.watch(Event(provider.name, number + 1))
            try:
                got = await self.host.pages.read(provider, key, seconds, caller=self.asked.caller, version=version)
            except ProviderError as error:
                self.watch(Event(provider.name, number + 1, error=error))
                raise
            self.watch(Event(provider.name, number + 1, got=got))
            versions[number] = got.version
            return got.page, got.found

        seat = ProviderCursor(
            place.name,
            place.size,
            place.offset,
            read,
            matches=plan.matches,
            emulated=list(plan.tests),
            versions=versions,
            window=provider.info.max_results,
            limit=limit,
            most=provider.info.max_shown,
            budget=FILL_BUDGET if limit is None else cursor.per_page // place.size + 2,
        )
        return seat, None

    def _next(self, cursor: Cursor, seats: list[ProviderCursor], turn: int) -> str | None:
        if all(seat.offset is None for seat in seats):
            return None
        places = [Place(seat.name, seat.size, seat.offset, seat.version) for seat in seats]
        return seal(msgspec.structs.replace(cursor, turn=turn, places=places), self.host.keyring)


def switched_on(providers: Mapping[str, Provider], name: str, field: str) -> Provider:
    """The provider of this name. BadInput, with the names that there are, if there is none or it is switched off."""
    provider, known = providers.get(name), _names(providers)
    if provider is None:
        raise BadInput(field, f"there is no provider {name}.{nearest(name, known)} There are: {', '.join(known)}.")
    if provider.state == "disabled":
        raise BadInput(field, f"{name} is switched off here. There are: {', '.join(known)}.")
    return provider


def choose(providers: Mapping[str, Provider], names: str) -> list[Provider]:
    """The providers of these names, separated by commas, or `all`. BadInput for one that is not there or off."""
    if names == "all":
        return [providers[name] for name in _names(providers)]
    return list({name: switched_on(providers, name, "provider") for name in map(str.strip, names.split(","))}.values())


def _names(providers: Mapping[str, Provider]) -> list[str]:
    return sorted(name for name, each in providers.items() if each.state != "disabled")


async def _nothing(number: int) -> tuple[Page, CacheStatus]:
    raise AssertionError(number)  # an ended seat reads nothing


def _text(given: str | None) -> str:
    text = normalize_query(given or "")
    if not text:
        raise BadInput("q", "must say what to search for")
    if len(text) > MAX_TEXT:
        raise BadInput("q", f"must have at most {MAX_TEXT} characters")
    return text
