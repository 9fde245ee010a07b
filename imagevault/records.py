"""What travels between plugins, gateway and callers: plain msgspec Structs, no I/O.

A plugin makes `Image`, `Page` and `ProviderInfo`. The gateway sanitizes each `Image` and shows it as an `ImageRecord`:
every consumer sees the same form, whatever the provider.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Annotated, Literal, Protocol, TypeVar

import msgspec
from msgspec import Meta

Hotlink = Literal["allowed", "required", "temporary"]
RenditionName = Literal["thumbnail", "small", "medium", "large", "original"]
Period = Literal["second", "minute", "hour", "day", "month"]
Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[int, Meta(ge=0)]
T = TypeVar("T")


class Author(msgspec.Struct, frozen=True):
    """Who made the image.

    Attributes:
        name: as the provider shows it, up to 200 characters.
        url: the author's page, for people.

    """

    name: str
    url: str | None = None


class License(msgspec.Struct, frozen=True):
    """A licence and what it allows.

    Attributes:
        id: stable and lowercase: `cc-by-4.0`, `cc0-1.0`, `pdm-1.0`, or a provider's own, such as `pexels`.
        name: as people write it: `CC BY 4.0`.
        url: where its text is.
        attribution_required: whether the licence itself asks for credit.
        commercial: whether it allows commercial use.
        modification: whether it allows publishing changed versions.

    """

    id: str
    name: str
    url: str | None = None
    attribution_required: bool = False
    commercial: bool = True
    modification: bool = True

    @property
    def public_domain(self) -> bool:
        """Whether no right is reserved: CC0 or a public domain mark."""
        return self.id.startswith(("cc0-", "pdm-"))

    @classmethod
    def from_url(cls, url: str) -> "License | None":
        """The Creative Commons licence or public domain mark at this address; None if it is neither.

        Accepts the port of a country (`/by/2.0/de/`), a deed or legalcode page, and `http:`.
        Source of the forms: https://creativecommons.org/licenses/ and /publicdomain/.
        """
        found = _CREATIVE_COMMONS.match(url.strip().lower())
        if found is None:
            return None
        version = found["version"]
        if found["mark"] == "zero":
            return cls(f"cc0-{version}", f"CC0 {version}", f"{_PUBLIC_DOMAIN}/zero/{version}/")
        if found["mark"] == "mark":
            return cls(f"pdm-{version}", f"Public Domain Mark {version}", f"{_PUBLIC_DOMAIN}/mark/{version}/")
        return _creative_commons(found["code"], version, found["port"])


def _creative_commons(code: str, version: str, port: str | None) -> License:
    """Return the licence with this code (`by-nc-sa`), version (`2.0`) and port (`de`)."""
    conditions = code.split("-")
    return License(
        id=f"cc-{code}-{version}-{port}" if port else f"cc-{code}-{version}",
        name=f"CC {code.upper()} {version} {port.upper()}" if port else f"CC {code.upper()} {version}",
        url=f"https://creativecommons.org/licenses/{code}/{version}/{port + '/' if port else ''}",
        attribution_required=True,
        commercial="nc" not in conditions,
        modification="nd" not in conditions,
    )


_PUBLIC_DOMAIN = "https://creativecommons.org/publicdomain"
# http://creativecommons.org/licenses/by-sa/2.0/de/deed.en, //creativecommons.org/publicdomain/zero/1.0/
_CREATIVE_COMMONS = re.compile(
    r"(?:https?:)?//(?:www\.)?creativecommons\.org/"
    r"(?:licenses/(?P<code>by(?:-nc|-nd|-sa|-nc-nd|-nd-nc|-nc-sa)?)|publicdomain/(?P<mark>zero|mark))"
    r"/(?P<version>[0-9]\.[0-9])(?:/(?P<port>(?!deed|legalcode|rdf)[a-z]{2,}))?(?![^/?#])"
)


class Rendition(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an image.

    Attributes:
        name: the size it has among the others.
        url: https, on one of `ProviderInfo.file_hosts`; None where the provider holds the file itself (`open_file`).
        width: of this file, in pixels; None where it is not known.
        height: of this file, in pixels; None where the width is None.

    """

    name: RenditionName
    url: str | None = None
    width: int | None = None
    height: int | None = None

    @classmethod
    def within(cls, name: RenditionName, url: str, size: tuple[int, int], box: tuple[float, float]) -> "Rendition":
        """An original of this size (width, height) scaled down to fit into a box; never scaled up.

        The box `(400, math.inf)` is a width of 400 with the height that belongs to it. A size of 0 is unknown: then the
        rendition has no size either.
        """
        if min(size) <= 0:
            return cls(name=name, url=url)
        scale = min(1.0, box[0] / size[0], box[1] / size[1])
        return cls(
            name=name,
            url=url,
            width=max(1, round(size[0] * scale)),
            height=max(1, round(size[1] * scale)),
        )


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One image as a plugin returns it. The gateway drops one without an id or without any rendition.

    Attributes:
        id: the provider's own, up to 200 characters; callers see `NAME:id`.
        title: what it is called, in one line.
        alt: what it shows, for people who cannot see it.
        width: of the original, in pixels; without it the filters `orientation` and `size` never match.
        height: of the original, in pixels.
        color: its average or dominant colour, `#1E90FF`.
        blurhash: its BlurHash.
        tags: up to 50.
        author: who made it; None where the provider does not say.
        source_url: its page at the provider, for people.
        license: its own licence; None where all images of the provider have the same (`ProviderInfo.license`).
        renditions: its files, each name once, with an `original` or at least a `large` among them.
        credit: the credit line, plain text, where the provider dictates it; otherwise `ProviderInfo.credit` makes one.
        ref: for the plugin's own later use, such as an address to call. It is stored with the image; no caller sees it.
            It is meant for `image_downloaded`, which nothing calls yet.

    """

    id: str
    title: str | None = None
    alt: str | None = None
    width: int | None = None
    height: int | None = None
    color: str | None = None
    blurhash: str | None = None
    tags: Sequence[str] = ()
    author: Author | None = None
    source_url: str | None = None
    license: License | None = None
    renditions: Sequence[Rendition] = ()
    credit: str | None = None
    ref: str | None = None


class Page(msgspec.Struct, frozen=True):
    """One page of a provider's results.

    Attributes:
        images: the images of the page. Fewer than `per_page` do not mean that no page follows.
        total: how many results the provider reports, before filters that the gateway emulates; None where it does not.
        last: whether no page follows. Until it is true, the gateway asks for the next page, but it stops after two
            empty pages in a row.

    """

    images: Sequence[Image]
    total: int | None = None
    last: bool = False


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin searches for.

    Attributes:
        text: the words, lowercase, with single blanks, never empty.
        page: counts from 1, in pages of `per_page`.
        per_page: the provider's fixed `ProviderInfo.page_size`, whatever a caller asks for.
        native: the filters by their uniform names (`orientation`, `size`, `color`, `license`, `locale`) with the
            provider's own values, as `ProviderInfo.filters` maps them.

    """

    text: str
    page: int = 1
    per_page: int
    native: Mapping[str, str] = {}


class Quota(msgspec.Struct, frozen=True):
    """The calls that an upstream allows in a period. The period slides: it may begin at any moment.

    Attributes:
        limit: how many calls.
        period: how long; a month has 31 days.
        remaining: the upstream's header with the number of calls left, if it sends one. It can only lower the count.
        reset: the upstream's header with the time when the count starts again, as Unix time or as seconds from now.

    """

    limit: Count
    period: Period
    remaining: str | None = None
    reset: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Quota":
        """The quota written as `5000/hour`. Raises ValueError with what would be right."""
        found = re.fullmatch(r"\s*([1-9]\d{0,8})\s*/\s*(second|minute|hour|day|month)\s*", text)
        if found is None:
            raise ValueError("quota: must be calls per second, minute, hour, day or month, such as 5000/hour")
        return cls(int(found[1]), found[2])  # type: ignore[arg-type]  # one of the periods

    @property
    def name(self) -> str:
        """The quota as text: `200/hour`."""
        return f"{self.limit}/{self.period}"


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a provider that has none."""


class ProviderInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider can do and what its terms demand; the gateway enforces it.

    Attributes:
        title: its name as people write it. Where the credit line contains it, it links to the image's page.
        page_size: how many images the gateway asks for in every call: as many as the provider returns at once.
        homepage: its site, https.
        base_url: where its API is, https, with a slash at the end; None if it holds its files itself (`open_file`).
        settings: the Struct of its own settings. If the provider needs one key, call it `api_key`. A field without a
            default is required: until it is set, the provider is `unconfigured`. The names of the host's own keys are
            taken.
        filters: filter -> uniform value -> the provider's value. The uniform values: orientation (landscape, portrait,
            square), size (small, medium, large: at least 4, 12, 24 megapixels), license (commercial, modification,
            public-domain), color (CSS names), locale (de-DE). The gateway emulates what is left out of the first three.
            For a colour or a locale, it takes the nearest that is given.
        max_results: how many images of one search it returns at most; None if there is no limit.
        quotas: the calls it allows, at most one quota for each period.
        concurrency: how many calls at once.
        license: the licence of all its images, where they have the same.
        credit: the credit line that its terms ask for, with `{author}`, `{title}` and `{license}`.
        notice: the words that its terms require near results.
        file_hosts: the hosts of its files. The gateway makes links to them https.
        cache_for: for how many seconds a page is fresh, as its terms allow.
        must_cache_for: for how many seconds its terms require caching; no setting can go below.
        max_shown: how many of its images one page of results may show; None for any number.
        hotlink: whether consumers may link to its files, must do so, or may do so only for a while.
        tells_sizes: whether its records have width and height. Without them the gateway cannot filter by orientation or
            size.
        max_age: after how many seconds no page may be shown, because its links expire or removals must take effect;
            None for a week.

    """

    title: str
    page_size: Count
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
    cache_for: Seconds = 3600
    must_cache_for: Seconds = 0
    max_shown: Count | None = None
    max_age: Count | None = None
    tells_sizes: bool = True
    hotlink: Hotlink = "allowed"


class Attribution(msgspec.Struct, frozen=True):
    """The credit for an image, ready to paste: plain text, HTML, Markdown."""

    text: str
    html: str
    markdown: str


class ImageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An image as every consumer sees it.

    `id` begins with the provider's name, and `also_from` names other providers that have the same picture. The other
    fields are those of `Image`, sanitized.
    """

    id: str
    provider: str
    title: str | None
    alt: str | None
    width: int | None
    height: int | None
    color: str | None
    blurhash: str | None
    tags: Sequence[str]
    author: Author | None
    source_url: str | None
    license: License | None
    attribution: Attribution
    hotlink: Hotlink
    also_from: Sequence[str] = ()
    renditions: Sequence[Rendition]


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """The account that a request's credential belongs to; `id` is the account's."""

    id: str
    username: str
    is_admin: bool = False


class Keep(Protocol):
    """The host's cache for one plugin: `await keep("token", make, seconds=3600)`.

    Returns the value for `key`, or awaits `make()` and keeps its result for `seconds`. Callers at the same time wait
    for one `make`; if it raises, all of them get the error and nothing is kept. Each worker has its own cache of 10 000
    keys: a full one drops the key that was used least recently. A change of the provider's settings empties it.
    """

    async def __call__(self, key: str, make: Callable[[], Awaitable[T]], seconds: float) -> T:
        """Return the value for `key`; make it if there is none."""
        ...
