"""The page of a search: its form, the pictures that were found, and what each provider did."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from imagevault.config.settings import Settings
from imagevault.images.record import ImageRecord
from imagevault.plugins.provider import Provider
from imagevault.search.choice import ALL
from imagevault.search.filters import COLORS, VALUES
from imagevault.search.outcome import ProviderStatus, Status
from imagevault.search.provider_list import ProviderRecord
from imagevault.search.search import SearchRequest, SearchResponse
from imagevault.upstream.models import Decision
from imagevault.web import words
from imagevault.web.address import picture_address, search_address
from imagevault.web.picture_sources import PictureSources

FILTERS = ("orientation", "size", "color", "license", "locale", "ai", "sensitive")
# The shape of a picture in the list, width by height, in tenths: the stylesheet has a class for each, `a5` to `a30`.
NARROWEST = 5
WIDEST = 30
UNKNOWN_SHAPE = "ax"
AGREED = "yes"  # the value of the parameter `pictures`
# Why a search cannot ask a provider, and the words for one and for several.
UNASKED: dict[Status, tuple[str, str]] = {
    "unsupported": ("cannot search like this", "cannot search like this"),
    "unconfigured": ("is not set up", "are not set up"),
}
BASE83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~"
# What the choices of the form are called.
LABELS = {
    "landscape": "Landscape",
    "portrait": "Portrait",
    "square": "Square",
    "small": "4 megapixels or more",
    "medium": "12 megapixels or more",
    "large": "24 megapixels or more",
    "commercial": "Commercial use",
    "modification": "Changes allowed",
    "public-domain": "Public domain",
}


class SearchForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the form of a search holds.

    Attributes:
        text: the query; empty before the first search.
        providers: the chosen names, or `all`; none for the default chain.
        filters: filter -> value, those that are set.
        cursor: `next` of the page before.
        pictures: whether its reader agreed to load pictures from the hosts of providers, where the page asks.

    """

    text: str
    providers: Sequence[str] = ()
    filters: Mapping[str, str] = {}
    cursor: str | None = None
    pictures: bool = False

    @classmethod
    def read(
        cls, text: str | None, providers: Iterable[str], filters: Mapping[str, str | None], cursor: str | None
    ) -> "SearchForm":
        """Read the parameters of an address. Each provider may be a parameter of its own, or several one list.

        Names win over `all`: without script, a reader who came from all providers can choose some.
        """
        names = dict.fromkeys(name.strip() for value in providers for name in value.split(",") if name.strip())
        chosen = [name for name in names if name != ALL] or list(names)
        given = {name: value.strip() for name, value in filters.items() if value and value.strip()}
        return cls(text=(text or "").strip(), providers=chosen, filters=given, cursor=cursor or None)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is searched for yet."""
        return not self.text and self.cursor is None

    def request(self, caller: str) -> SearchRequest:
        """Return the search that the form asks for, for a caller whose share of a quota it uses."""
        return SearchRequest(
            text=self.text or None,
            providers=",".join(self.providers) or None,
            cursor=self.cursor,
            filters=self.filters,
            caller=caller,
        )

    def address(self, cursor: str | None = None) -> str:
        """Return the address of this search, or of its page at a cursor."""
        providers = [("provider", name) for name in self.providers]
        filters = [(name, self.filters.get(name)) for name in FILTERS]
        return search_address(
            [
                ("q", self.text),
                *providers,
                *filters,
                ("cursor", cursor),
                ("pictures", AGREED if self.pictures else None),
            ]
        )

    def with_pictures(self) -> "SearchForm":
        """Return the same page of the search with pictures from the hosts of providers."""
        return msgspec.structs.replace(self, pictures=True)

    def with_providers(self, *names: str) -> "SearchForm":
        """Return the same search of other providers, from its start."""
        return msgspec.structs.replace(self, providers=names, cursor=None)

    def without_filters(self) -> "SearchForm":
        """Return the same search without filters, from its start."""
        return msgspec.structs.replace(self, filters={}, cursor=None)


class Chip(msgspec.Struct, frozen=True, kw_only=True):
    """A provider in the form.

    Attributes:
        name: the provider.
        title: its name as people write it.
        chosen: whether it is chosen.
        state: ok, low, out or broken.
        remark: what keeps it from answering; None if nothing does.

    """

    name: str
    title: str
    chosen: bool
    state: str
    remark: str | None


class Tile(msgspec.Struct, frozen=True, kw_only=True):
    """A picture in the list.

    Attributes:
        record: the picture.
        shape: the class of its shape.
        color: shown until the file is there; None where the provider says nothing of it.
        address: its page.
        alt: what it shows.
        provider: the title of its provider.
        source: the address that the page loads its file from; None where it may not load it.
        must_ask: whether it may load it when its reader agrees.

    """

    record: ImageRecord
    shape: str
    color: str | None
    address: str
    alt: str
    provider: str
    source: str | None
    must_ask: bool


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What one provider did.

    Attributes:
        title: its name as people write it.
        words: what it did, the rest of the sentence.
        status: the same for programs.

    """

    title: str
    words: str
    status: Status

    @property
    def is_ok(self) -> bool:
        """Whether it answered."""
        return self.status == "ok"

    @property
    def was_asked(self) -> bool:
        """Whether the search could ask it at all. One that could not be asked did not fail."""
        return self.status not in UNASKED


class Choice(msgspec.Struct, frozen=True):
    """A value of a filter, and what it is called."""

    value: str
    label: str


def choices() -> dict[str, list[Choice]]:
    """Return the values that the form offers for each filter."""
    listed = {
        name: [Choice(value, LABELS.get(value, value)) for value in VALUES[name] if value != "any"]
        for name in ("orientation", "size", "license")
    }
    return {**listed, "color": [Choice(name, name.capitalize()) for name in COLORS]}


def chips(records: Iterable[ProviderRecord], chosen: Sequence[str], pauses: Mapping[str, Decision]) -> list[Chip]:
    """Return the providers that can be chosen: all that are switched on, by their titles, the chosen ones first.

    On a telephone they stand in one row, of which only the first are in sight.

    Args:
        records: the providers.
        chosen: the names that are chosen.
        pauses: name -> why the provider is not called for a while.

    """
    return [
        Chip(
            name=record.name,
            title=record.title,
            chosen=record.name in chosen,
            state=_chip_state(record, pauses.get(record.name)),
            remark=words.describe_provider(record, pauses.get(record.name)),
        )
        for record in sorted(records, key=lambda record: (record.name not in chosen, record.title.casefold()))
        if record.state != "disabled"
    ]


def _chip_state(record: ProviderRecord, pause: Decision | None) -> str:
    if record.state != "ok":
        return "broken"
    return "out" if pause is not None else record.quota or "ok"


def tiles(response: SearchResponse, providers: Mapping[str, Provider], sources: PictureSources) -> list[Tile]:
    """Return the pictures of a page of results.

    Args:
        response: what was found.
        providers: in force now.
        sources: where the page loads pictures from.

    """
    return [tile(record, providers[record.provider], sources) for record in response.images]


def tile(record: ImageRecord, provider: Provider, sources: PictureSources) -> Tile:
    """Return a picture as the list shows it."""
    native_id = record.id.partition(":")[2]
    return Tile(
        record=record,
        shape=shape(record),
        color=record.color or (average_color(record.blurhash) if record.blurhash else None),
        address=picture_address(record, pictures=sources.agreed),
        alt=alt_of(record, provider),
        provider=provider.info.title,
        source=sources.address(provider, native_id, record.preview.url),
        must_ask=sources.must_ask(provider),
    )


def shape(record: ImageRecord) -> str:
    """Return the class of a picture's shape, the nearest that there is."""
    for width, height in ((record.width, record.height), (record.preview.width, record.preview.height)):
        if width and height:
            return f"a{min(WIDEST, max(NARROWEST, round(10 * width / height)))}"
    return UNKNOWN_SHAPE


def average_color(blurhash: str) -> str | None:
    """Return the average colour that a BlurHash begins with; None if it has letters that none has.

    Source of the format: the characters 3 to 6 are the colour as a number in base 83
    (https://github.com/woltapp/blurhash/blob/master/Algorithm.md).
    """
    value = 0
    for letter in blurhash[2:6]:
        digit = BASE83.find(letter)
        if digit < 0:
            return None
        value = value * len(BASE83) + digit
    return f"#{value & 0xFFFFFF:06X}"


def alt_of(record: ImageRecord, provider: Provider) -> str:
    """Return what a picture shows, as well as its provider says it."""
    return record.alt or record.title or f"Picture of {provider.info.title} without a description"


def outcomes(statuses: Iterable[ProviderStatus], providers: Mapping[str, Provider]) -> list[Outcome]:
    """Return what each provider did, in words, by its title."""
    listed = [
        Outcome(
            title=providers[status.name].info.title if status.name in providers else status.name,
            words=words.describe_status(status),
            status=status.status,
        )
        for status in statuses
    ]
    return sorted(listed, key=lambda outcome: outcome.title.casefold())


def count_outcomes(outcomes: Sequence[Outcome]) -> str:
    """Return how many providers did what: `3 providers, 1 did not answer, 11 cannot search like this`."""
    counts = Counter(outcome.status if outcome.is_ok or not outcome.was_asked else "failed" for outcome in outcomes)
    parts = [f"{counts['ok']} provider{'' if counts['ok'] == 1 else 's'}"]
    parts += [f"{counts['failed']} did not answer"] if counts["failed"] else []
    for status, (one, several) in UNASKED.items():
        if counts[status]:
            parts.append(f"{counts[status]} {one if counts[status] == 1 else several}")
    return ", ".join(parts)


def notices(response: SearchResponse, providers: Mapping[str, Provider]) -> list[tuple[str, str | None]]:
    """Return the words that the terms of the providers shown require near results, each with the provider's site."""
    shown = dict.fromkeys(name for record in response.images for name in (record.provider, *record.also_from))
    infos = [providers[name].info for name in shown]
    return [(info.notice, info.homepage) for info in infos if info.notice]


def asked_providers(form: SearchForm, providers: Mapping[str, Provider], settings: Settings) -> list[Provider]:
    """Return the providers whose pictures a search may show, also on the pages after this one.

    With a cursor the search names no providers, so all count.
    """
    names: Iterable[str] = form.providers or settings.default
    if form.cursor is not None or ALL in form.providers:
        names = providers
    return [providers[name] for name in names if name in providers and providers[name].state == "ok"]
