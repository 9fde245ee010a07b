"""Search: which providers are asked, what each answered, and where the search goes on."""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

import httpx
import msgspec

from imagevault.errors import BadInput, Missing, ProviderError, Unconfigured
from imagevault.gateway import filters, status
from imagevault.gateway.attribution import attribution
from imagevault.gateway.cursor import VERSION, Cursor, Place, seal, unseal
from imagevault.gateway.media import Media
from imagevault.gateway.pages import Found, Got, Key, Pages, normal
from imagevault.gateway.shared import DatabaseStore, SharedClock
from imagevault.gateway.status import ProviderStatus, SearchFailed
from imagevault.gateway.walk import FILL_BUDGET, Seat, walk
from imagevault.keyring import Keyring
from imagevault.plugins import Plugins, Provider
from imagevault.records import Image, ImageRecord, Page, ProviderInfo, Rendition
from imagevault.settings import Settings, nearest

PER_PAGE = 30
MAX_TEXT = 200
RECORDS = 4000  # kept ready to be shown, some 4 KB each


class Answer(msgspec.Struct, frozen=True):
    """A page of a search. `next` is the cursor of the page after it, None at the end."""

    images: Sequence[ImageRecord]
    providers: Sequence[ProviderStatus]
    next: str | None


class Asked(msgspec.Struct, frozen=True, kw_only=True):
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
    got: Got | None = None
    error: ProviderError | None = None


Watch = Callable[[Event], None]


class Who(msgspec.Struct, frozen=True):
    """For whom a search is, and who is told how it goes."""

    caller: str
    watch: Watch


class Gateway:
    """The search over all providers. One per app."""

    def __init__(
        self,
        settings: Settings,
        plugins: Plugins,
        keyring: Keyring,
        transports: Mapping[str, httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self.settings = settings
        self.plugins = plugins
        self.keyring = keyring
        self.media = Media(plugins, keyring, settings.base_url, settings.data / "thumbnails")
        self.records: dict[tuple[str, str], tuple[Image, ProviderInfo, ImageRecord]] = {}
        self.clock = SharedClock()
        self.pages = Pages(DatabaseStore(), self.clock, transports)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Takes the database's time, and at the end lets go of everything."""
        await self.clock.set()
        async with self.pages.running():
            yield

    async def search(self, asked: Asked, watch: Watch | None = None) -> Answer:
        """One page of a search. Raises BadInput for what cannot be asked, SearchFailed if nobody answered.

        `watch` is told of every page that is asked for, and what came of it.
        """
        who = Who(asked.caller, watch or (lambda _: None))
        if asked.cursor is not None:
            return await self._go_on(asked, unseal(asked.cursor, self.keyring), who)
        text = _text(asked.text)
        wanted = filters.check(asked.filters)
        per_page = asked.per_page or PER_PAGE
        if asked.providers is None:
            if asked.page is not None:
                raise BadInput("page", "works only with one provider named; without, go on with the cursor")
            return await self._chain(text, wanted, per_page, who)
        chosen = self.chosen(asked.providers)
        if asked.page is None:
            places = [Place(provider.name, provider.info.page_size, 0) for provider in chosen]
            return await self._walk(Cursor(VERSION, text, wanted, per_page, 0, places), who)
        if len(chosen) > 1:
            raise BadInput("page", "works only with one provider named; with more, go on with the cursor")
        per_page = min(per_page, chosen[0].info.max_shown or per_page)
        start = (asked.page - 1) * per_page
        place = Place(chosen[0].name, chosen[0].info.page_size, start)
        return await self._walk(Cursor(VERSION, text, wanted, per_page, 0, [place]), who, limit=start + per_page)

    async def image(self, id: str, field: str = "id", caller: str = "") -> tuple[Provider, Image]:
        """An image by its id, such as `pexels:2014422`. Raises BadInput, Missing, or a ProviderError."""
        name, colon, native = id.partition(":")
        if not colon or not native:
            raise BadInput(field, "must be a provider's name, a colon and its own id, such as pexels:2014422")
        provider = self._provider(name, field)
        if provider.state != "ok":
            raise Unconfigured(f"{name}: {provider.reason}")
        seconds = min(self.settings.deadline, provider.host.timeout)
        image = await self.pages.image(provider, native, seconds, caller=caller)
        if image is None:
            raise Missing(f"{provider.info.title} has no image {native}.")
        return provider, image

    def record(self, provider: Provider, image: Image, also_from: Sequence[str] = ()) -> ImageRecord:
        """The image as consumers see it; made once while it is much asked for, except where links are signed anew."""
        key = (provider.name, image.id)
        seen, info, record = self.records.get(key, (None, None, None))
        if record is None or info is not provider.info or (seen is not image and seen != image):
            record = self._record(provider, image)
            if not provider.holds_files:
                self.records[key] = (image, provider.info, record)
                if len(self.records) > RECORDS:
                    self.records.pop(next(iter(self.records)))
        return msgspec.structs.replace(record, also_from=also_from) if also_from else record

    def _record(self, provider: Provider, image: Image) -> ImageRecord:
        return ImageRecord(
            id=f"{provider.name}:{image.id}",
            provider=provider.name,
            title=image.title,
            alt=image.alt,
            width=image.width,
            height=image.height,
            color=image.color,
            blurhash=image.blurhash,
            tags=image.tags,
            author=image.author,
            source_url=image.source_url,
            license=image.license,
            attribution=attribution(provider.info, image),
            hotlink=provider.info.hotlink,
            renditions=[self._linked(provider, image, each) for each in image.renditions],
        )

    def _linked(self, provider: Provider, image: Image, rendition: Rendition) -> Rendition:
        if rendition.url is not None:
            return rendition
        return msgspec.structs.replace(rendition, url=self.media.link(provider.name, image.id, rendition.name))

    def _provider(self, name: str, field: str) -> Provider:
        provider = self.plugins.providers.get(name)
        if provider is None:
            known = [each.name for each in self.plugins.providers.values() if each.state != "disabled"]
            hint = nearest(name, known)
            raise BadInput(field, f"there is no provider {name}.{hint} There are: {', '.join(sorted(known))}.")
        return provider

    def chosen(self, names: str) -> list[Provider]:
        """The providers of these names, separated by commas, or `all`. BadInput for one that is not there or off."""
        if names == "all":
            return [each for _, each in sorted(self.plugins.providers.items()) if each.state != "disabled"]
        chosen = {name: self._provider(name, "provider") for name in map(str.strip, names.split(","))}
        for provider in chosen.values():
            if provider.state == "disabled":
                known = sorted(each.name for each in self.plugins.providers.values() if each.state != "disabled")
                raise BadInput("provider", f"{provider.name} is switched off here. There are: {', '.join(known)}.")
        return list(chosen.values())

    async def _go_on(self, asked: Asked, cursor: Cursor, who: Who) -> Answer:
        """Continues a walk; whatever the request repeats must be what the walk began with."""
        if asked.page is not None:
            raise BadInput("page", "cannot be given with a cursor")
        if asked.text is not None and _text(asked.text) != cursor.text:
            raise BadInput("cursor", "belongs to another q")
        given = {name: value for name, value in filters.check(asked.filters).items() if asked.filters.get(name)}
        if any(cursor.filters.get(name) != value for name, value in given.items()):
            raise BadInput("cursor", "belongs to a search with other filters")
        names = [place.name for place in cursor.places]
        if asked.providers not in {None, "all"} and [each.name for each in self.chosen(asked.providers or "")] != names:
            raise BadInput("cursor", "belongs to a search of other providers")
        for place in cursor.places:
            provider = self.plugins.providers.get(place.name)
            if provider is None or provider.state == "disabled" or provider.info.page_size != place.size:
                raise BadInput("cursor", f"is no longer good: {place.name} was switched off or changed; search again")
        per_page = asked.per_page or cursor.per_page
        return await self._walk(msgspec.structs.replace(cursor, per_page=per_page), who)

    async def _chain(self, text: str, wanted: dict[str, str], per_page: int, who: Who) -> Answer:
        """The first provider of the default chain that answers, each with its share of the time left."""
        tried: list[ProviderStatus] = []
        members = [self.plugins.providers[name] for name in self.settings.default if name in self.plugins.providers]
        end = time.monotonic() + self.settings.deadline
        for position, provider in enumerate(members):
            usable = sum(each.state == "ok" for each in members[position:])
            share = (end - time.monotonic()) / max(1, usable)
            place = Place(provider.name, provider.info.page_size, 0)
            try:
                cursor = Cursor(VERSION, text, wanted, per_page, 0, [place])
                answer = await self._walk(cursor, who, seconds=share)
            except SearchFailed as error:
                tried += error.statuses
            else:
                return msgspec.structs.replace(answer, providers=[*tried, *answer.providers])
        raise SearchFailed(tried)

    async def _walk(self, cursor: Cursor, who: Who, limit: int | None = None, seconds: float | None = None) -> Answer:
        deadline = time.monotonic() + (seconds or self.settings.deadline)
        tables = [self._seat(cursor, place, who, deadline, limit) for place in cursor.places]
        seats = [seat for seat, _ in tables]
        steps, turn = await walk(seats, cursor.turn, cursor.per_page)
        statuses = [left_out or status.of_seat(seat, seat.emulated) for seat, left_out in tables]
        begun = [table for table, place in zip(tables, cursor.places, strict=True) if place.offset is not None]
        if begun and not any(not left_out and (seat.answered or seat.error is None) for seat, left_out in begun):
            raise SearchFailed(statuses)
        records = [self.record(self.plugins.providers[step.seat.name], step.image, step.also_from) for step in steps]
        return Answer(records, statuses, self._next(cursor, seats, turn))

    def _seat(
        self, cursor: Cursor, place: Place, who: Who, deadline: float, limit: int | None
    ) -> tuple[Seat, ProviderStatus | None]:
        """A provider's seat in this walk, or an empty one and the reason why it is left out."""
        provider = self.plugins.providers[place.name]
        try:
            if provider.state != "ok":
                raise Unconfigured(f"{provider.reason}")
            plan = filters.plan(provider.info, cursor.filters)
        except ProviderError as error:
            return Seat(place.name, place.size, None, _nothing), status.failed(place.name, error)
        versions: dict[int, int] = {}
        if place.offset and place.version is not None:
            versions[place.offset // place.size] = place.version

        async def read(number: int) -> tuple[Page, Found]:
            native = tuple(sorted(plan.native.items()))
            key = Key(provider.name, cursor.text, native, provider.info.page_size, number + 1)
            seconds = min(deadline - time.monotonic(), provider.host.timeout)
            version = versions.get(number)
            who.watch(Event(provider.name, number + 1))
            try:
                got = await self.pages.read(provider, key, seconds, caller=who.caller, version=version)
            except ProviderError as error:
                who.watch(Event(provider.name, number + 1, error=error))
                raise
            who.watch(Event(provider.name, number + 1, got=got))
            versions[number] = got.version
            return got.page, got.found

        seat = Seat(
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

    def _next(self, cursor: Cursor, seats: list[Seat], turn: int) -> str | None:
        if all(seat.offset is None for seat in seats):
            return None
        places = [Place(seat.name, seat.size, seat.offset, seat.version) for seat in seats]
        return seal(msgspec.structs.replace(cursor, turn=turn, places=places), self.keyring)


async def _nothing(number: int) -> tuple[Page, Found]:
    raise AssertionError(number)  # an ended seat reads nothing


def _text(given: str | None) -> str:
    text = normal(given or "")
    if not text:
        raise BadInput("q", "must say what to search for")
    if len(text) > MAX_TEXT:
        raise BadInput("q", f"must have at most {MAX_TEXT} characters")
    return text
