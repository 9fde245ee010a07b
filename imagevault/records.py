"""What travels between plugins, gateway and callers: plain msgspec Structs, no I/O.

A plugin makes `Image`, `Page` and `ProviderInfo`. The gateway sanitizes each `Image` and shows it as an `ImageRecord`:
every consumer sees the same form, whatever the provider.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Literal, Protocol, TypeVar

import msgspec
from msgspec import Meta

from imagevault.licenses import License
from imagevault.quotas import Quota
from imagevault.terms import Terms

PLUGIN_API = 2
"""The version of the plugin API. It is counted up when something is removed or changes, and not for an addition."""

Hotlink = Literal["allowed", "required", "temporary"]
FlagName = Literal["ai_generated", "ai_training_refused", "sensitive"]
RenditionName = Literal["thumbnail", "small", "medium", "large", "original"]
Sort = Literal["relevance", "newest", "oldest", "popular"]
# Filter -> its values, for all but color and locale, which have no list. `any` and `include` ask for nothing.
FILTER_VALUES: Mapping[str, tuple[str, ...]] = {
    "orientation": ("landscape", "portrait", "square"),
    "size": ("small", "medium", "large"),
    "license": ("any", "commercial", "modification", "public-domain"),
    "ai": ("include", "exclude"),
    "sensitive": ("include", "exclude"),
}
Paging = Literal["number", "token"]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[int, Meta(ge=0)]
CallSeconds = Annotated[float, Meta(ge=0.1, le=30)]
T = TypeVar("T")

MAX_SIDE = 1_000_000  # pixels; a larger side is a mistake of the provider, and counts as unknown


class Author(msgspec.Struct, frozen=True):
    """Who made the image.

    Attributes:
        name: as the provider shows it, up to 200 characters.
        url: the author's page, for people.

    """

    name: str
    url: str | None = None


class Rendition(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an image.

    Attributes:
        name: the size it has among the others.
        url: https, on one of `ProviderInfo.file_hosts`; http only where a server that the provider does not run answers
            nothing else; None where the provider holds the file itself (`open_file`).
        width: of this file, in pixels; None where it is not known. The size of another file is never given.
        height: of this file, in pixels; None where the width is None.
        type: its MIME type, such as `image/jpeg`; None lets the gateway read it from the end of the file name.

    """

    name: RenditionName
    url: str | None = None
    width: int | None = None
    height: int | None = None
    type: str | None = None

    @classmethod
    def within(cls, name: RenditionName, url: str, size: tuple[int, int], box: tuple[float, float]) -> "Rendition":
        """An original of this size (width, height) scaled down to fit into a box; never scaled up.

        The box `(400, math.inf)` is a width of 400 with the height that belongs to it. A size of 0 is unknown: then the
        rendition has no size either. A side of more than a million pixels is unknown too.
        """
        if min(size) <= 0 or max(size) > MAX_SIDE:
            return cls(name=name, url=url)
        scale = min(1.0, box[0] / size[0], box[1] / size[1])
        return cls(
            name=name,
            url=url,
            width=max(1, round(size[0] * scale)),
            height=max(1, round(size[1] * scale)),
        )


class Flags(msgspec.Struct, frozen=True, kw_only=True):
    """What the provider says about an image beside its licence. None where it says nothing.

    Attributes:
        ai_generated: whether software generated it.
        ai_training_refused: whether its owner refuses its use for training.
        sensitive: whether it is marked as sensitive, mature or unsafe.
        restrictions: limits beside copyright, in the provider's words, such as `personality rights`; up to 10.

    """

    ai_generated: bool | None = None
    ai_training_refused: bool | None = None
    sensitive: bool | None = None
    restrictions: Sequence[str] = ()


class Declared(msgspec.Struct, frozen=True):
    """Where the upstream's record declares the licence.

    Attributes:
        field: the field of the upstream's record, such as `license_url`; several are joined by ` + `.
        words: its value as it was sent, up to 500 characters.

    """

    field: str
    words: str


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One image as a plugin returns it. The gateway drops one without an id or without any rendition.

    Every text is plain text, shown letter by letter. A plugin passes HTML through `imagevault.text_of`.

    Attributes:
        id: the provider's own, up to 200 characters, the same in every answer; callers see `NAME:id`.
        title: what it is called, in one line.
        alt: what it shows, for people who cannot see it; None unless the provider describes the picture.
        description: what the provider says about it, up to 5000 characters.
        date: when it was made: ISO 8601 at any precision (`1889`, `1889-05-04`), or the provider's words.
        extra: up to 20 short facts by name, such as `{"place": "Oslo"}`.
        width: of the original, in pixels; without it the filters `orientation` and `size` never match.
        height: of the original, in pixels.
        color: its average or dominant colour, `#1E90FF`.
        blurhash: its BlurHash.
        tags: up to 50.
        author: who made it; None where the provider does not say.
        source_url: its page at the provider, for people.
        license: its own licence; None where all images of the provider have the same (`ProviderInfo.license`).
            `License.unknown` where the provider leaves the rights unclear.
        declared: where the upstream's record declares that licence.
        flags: what the provider says beside the licence; see `ProviderInfo.declares`.
        identities: keys that name the same picture at other providers, such as `flickr:7352`; up to 10. The gateway
            makes most of them itself, from `source_url` and the files.
        renditions: its files, each name once. The largest is the `original` or a `large`, unless the provider has a
            thumbnail only.
        credit: the credit line, plain text, where the provider dictates it; otherwise `ProviderInfo.credit` makes one.
        ref: for the plugin's own later use, such as an address to call. It is stored with the image; no caller sees it.
            The hook `image_downloaded` receives it, up to 30 days later.

    """

    id: str
    title: str | None = None
    alt: str | None = None
    description: str | None = None
    date: str | None = None
    extra: Mapping[str, str] = {}
    width: int | None = None
    height: int | None = None
    color: str | None = None
    blurhash: str | None = None
    tags: Sequence[str] = ()
    author: Author | None = None
    source_url: str | None = None
    license: License | None = None
    declared: Declared | None = None
    flags: Flags = Flags()
    identities: Sequence[str] = ()
    renditions: Sequence[Rendition] = ()
    credit: str | None = None
    ref: str | None = None


class Page(msgspec.Struct, frozen=True):
    """One page of a provider's results.

    Attributes:
        images: the images of the page. Fewer than `per_page` do not mean that no page follows.
        total: how many results the provider reports, before filters that the gateway emulates; None where it does not.
        last: whether no page follows. Until it is true, the gateway asks for the next page, but it stops after two
            empty pages in a row. It says nothing where `ProviderInfo.paging` is `token`.
        next: the upstream's token or cursor of the next page, up to 4000 characters, where `ProviderInfo.paging` is
            `token`; None at the end. The gateway gives it back as `SearchQuery.token`.

    """

    images: Sequence[Image]
    total: int | None = None
    last: bool = False
    next: str | None = None


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin searches for.

    Attributes:
        text: what was typed, never empty: composed (NFC), with single blanks, without invisible characters, in the
            letter case as typed. At most `ProviderInfo.max_text` characters.
        page: counts from 1, in pages of `per_page`.
        per_page: the provider's fixed `ProviderInfo.page_size`, whatever a caller asks for.
        native: the filters by their uniform names (`orientation`, `size`, `color`, `license`, `locale`) with the
            provider's own values, as `ProviderInfo.filters` maps them; `sort` as `ProviderInfo.sorts` maps it.
        parameters: the provider's own parameters that the caller gave, by their names in `ProviderInfo.parameters`.
        token: `Page.next` of the page before, where `ProviderInfo.paging` is `token`; None for the first page.

    """

    text: str
    page: int = 1
    per_page: int
    native: Mapping[str, str] = {}
    parameters: Mapping[str, str] = {}
    token: str | None = None


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """A search parameter that only this provider has. Callers give it as `NAME.parameter=`.

    It has either `values` or a `pattern`. A value has at most 100 characters.

    Attributes:
        description: what it does, in one sentence.
        values: the values that it takes.
        pattern: a regular expression for the whole value. It must be cheap to match: the gateway refuses a repeat
            inside a repeat, a back-reference and a lookaround.
        example: a value that shows its form; where there is a pattern, it is required.

    """

    description: str
    values: Sequence[str] = ()
    pattern: str | None = None
    example: str | None = None


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a provider that has none."""


class ProviderInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider can do and what its terms demand; the gateway enforces it.

    Attributes:
        title: its name as people write it. Where the credit line contains it, it links to the image's page.
        max_text: how many characters of a query it takes; None for any number. The gateway cuts longer ones after a
            word and says so.
        page_size: how many images the gateway asks for in every call: as many as the provider returns at once.
        min_page_size: the smallest page that the provider accepts; an admin cannot set a smaller `page_size`.
        homepage: its site, https.
        base_url: where its API is, https, with a slash at the end; None only if it holds its files (`open_file`).
        settings: the Struct of its own settings. If the provider needs one key, call it `api_key`. A field without a
            default is required: until it is set, the provider is `unconfigured`. The names of the host's own keys are
            taken.
        filters: filter -> uniform value -> the provider's value. The uniform values: orientation (landscape, portrait,
            square), size (small, medium, large: at least 4, 12, 24 megapixels), license (commercial, modification,
            public-domain), color (CSS names), locale (de-DE). The gateway emulates what is left out of the first
            three, and of the colours where `tells_colors` is true. Among the colours and the locales of a provider, it
            takes the nearest. A locale is a hint: a provider without that language answers all the same.
        max_results: how many images of one search it returns at most; None if there is no limit.
        quotas: the calls it allows, at most one quota for each length of time.
        concurrency: how many calls at once.
        license: the licence of all its images, where they have the same.
        credit: the credit line that its terms ask for, with `{author}`, `{title}` and `{license}`.
        notice: the words that its terms require near results.
        file_hosts: the hosts of its files. The gateway makes links to them https, and leaves out files on other hosts.
            `*` stands for any host; only an `aggregator` may declare it.
        api_hosts: further hosts that its client may call by https, such as one that gives tokens.
        cache_for: for how many seconds a page is fresh, as its terms allow.
        must_cache_for: for how many seconds its terms require caching; no setting can go below.
        max_shown: how many of its images one page of results may show; None for any number.
        declares: the flags that its records carry. With `ai=exclude`, the status of a provider that does not declare
            `ai_generated` says so.
        aggregator: whether it lists pictures of other owners. A file on a host of several providers belongs to the
            one that is no aggregator.
        hotlink: whether consumers may link to its files, must do so, or may do so only for a while.
        paging: `number` where it has numbered pages; `token` where each page names the next one (`Page.next`). A
            provider that pages by token has no `page=` for callers.
        fixed_page_size: whether it always returns `page_size` images; an admin cannot set a smaller one.
        timeout: how many seconds a search waits for one of its calls, 0.1 to 30; None for 3. An admin's setting wins.
        sorts: order -> the provider's own value. The orders: relevance, newest, oldest, popular. A search in another
            order leaves this provider out and says so.
        parameters: its own search parameters by name: lowercase letters, digits and `_`.
        terms: its terms of use, as a program reads them.
        tells_sizes: whether its records have width and height. Without them the gateway cannot filter by orientation or
            size.
        tells_colors: whether its records have a `color`, so that the gateway can emulate the filter.
        max_age: after how many seconds no page may be shown, because its links expire or removals must take effect;
            None for a week.

    """

    title: str
    page_size: Count
    min_page_size: Count = 1
    max_text: Count | None = None
    homepage: str | None = None
    base_url: str | None = None
    settings: type[msgspec.Struct] = NoSettings
    filters: Mapping[str, Mapping[str, str]] = {}
    max_results: Count | None = None
    quotas: Sequence[Quota] = ()
    concurrency: Count = 4
    license: License | None = None
    credit: str = "{title} by {author}"
    notice: str | None = None
    file_hosts: AbstractSet[str] = frozenset()
    api_hosts: AbstractSet[str] = frozenset()
    cache_for: Seconds = 3600
    must_cache_for: Seconds = 0
    max_shown: Count | None = None
    max_age: Count | None = None
    tells_sizes: bool = True
    tells_colors: bool = False
    declares: AbstractSet[FlagName] = frozenset()
    aggregator: bool = False
    hotlink: Hotlink = "allowed"
    paging: Paging = "number"
    fixed_page_size: bool = False
    timeout: CallSeconds | None = None
    sorts: Mapping[Sort, str] = {}
    parameters: Mapping[str, Parameter] = {}
    terms: Terms | None = None


class Keep(Protocol):
    """The host's cache for one plugin: `await keep("token", make, seconds=3600)`.

    Returns the value for `key`, or awaits `make()` and keeps its result for `seconds`. Callers at the same time wait
    for one `make`; if it raises, all of them get the error and nothing is kept. Each worker has its own cache of 10 000
    keys: a full one drops the key that was used least recently. A change of the provider's settings empties it.
    """

    async def __call__(self, key: str, make: Callable[[], Awaitable[T]], seconds: float) -> T:
        """Return the value for `key`; make it if there is none."""
        ...
