"""What travels between plugins, gateway and callers: plain msgspec Structs, no I/O.

A plugin makes `Image`, `Page` and `ProviderInfo`. The gateway mends each `Image` and shows it as an
`ImageRecord`, which is what every consumer sees, whatever the provider.
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

    `name`: as the provider shows it, up to 200 characters.
    `url`: the author's page, for people.
    """

    name: str
    url: str | None = None


class License(msgspec.Struct, frozen=True):
    """A licence and what it allows.

    `id`: stable and in small letters: `cc-by-4.0`, `cc0-1.0`, `pdm-1.0`, or a provider's own, such as `pexels`.
    `name`: as people write it: `CC BY 4.0`.
    `url`: its text.
    `attribution_required`: whether the licence itself asks for credit.
    `commercial`: whether commercial use is allowed.
    `modification`: whether changed versions may be published.
    """

    id: str
    name: str
    url: str | None = None
    attribution_required: bool = False
    commercial: bool = True
    modification: bool = True

    @property
    def public_domain(self) -> bool:
        """Whether no right is reserved: CC0, or a public domain mark."""
        return self.id.startswith(("cc0-", "pdm-"))

    @classmethod
    def from_url(cls, url: str) -> "License | None":
        """The Creative Commons licence or public domain mark at this address, or None if it is neither.

        Ports of a country (`/by/2.0/de/`), a deed or legalcode page and `http:` are understood.
        Source of the forms: https://creativecommons.org/licenses/ and /publicdomain/.
        """
        found = _CREATIVE_COMMONS.match(url.strip().lower())
        if found is None:
            return None
        code, mark, version, port = found.group("code", "mark", "version", "port")
        if mark:
            id, name = ("cc0", "CC0") if mark == "zero" else ("pdm", "Public Domain Mark")
            link = f"https://creativecommons.org/publicdomain/{mark}/{version}/"
            return cls(f"{id}-{version}", f"{name} {version}", link)
        port = f"/{port}" if port else ""
        return cls(
            id=f"cc-{code}-{version}{port.replace('/', '-')}",
            name=f"CC {code.upper()} {version}{port.replace('/', ' ').upper()}",
            url=f"https://creativecommons.org/licenses/{code}/{version}{port}/",
            attribution_required=True,
            commercial="nc" not in code.split("-"),
            modification="nd" not in code.split("-"),
        )


_CREATIVE_COMMONS = re.compile(
    r"(?:https?:)?//(?:www\.)?creativecommons\.org/"
    r"(?:licenses/(?P<code>by(?:-nc|-nd|-sa|-nc-nd|-nd-nc|-nc-sa)?)|publicdomain/(?P<mark>zero|mark))"
    r"/(?P<version>[0-9]\.[0-9])(?:/(?P<port>(?!deed|legalcode|rdf)[a-z]{2,}))?(?![^/?#])"
)


class Rendition(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an image.

    `name`: the size it has among the others.
    `url`: https, on one of `ProviderInfo.file_hosts`; None where the provider holds the file itself (`open_file`).
    `width`, `height`: pixels of this file; None, both, where they are not known.
    """

    name: RenditionName
    url: str | None = None
    width: int | None = None
    height: int | None = None

    @classmethod
    def within(cls, name: RenditionName, url: str, size: tuple[int, int], box: tuple[float, float]) -> "Rendition":
        """An original of this size (width, height) scaled into a box, and never up; without sizes if unknown.

        `(400, math.inf)` is a width of 400 and whatever height belongs to it.
        """
        if min(size) <= 0:
            return cls(name=name, url=url)
        scale = min(1.0, box[0] / size[0], box[1] / size[1])
        width, height = (max(1, round(side * scale)) for side in size)
        return cls(name=name, url=url, width=width, height=height)


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """One image as a plugin gives it. One without an id or without any rendition is dropped.

    `id`: the provider's own, up to 200 characters; callers see `NAME:id`.
    `title`: what it is called, in one line.
    `alt`: what it shows, for those who do not see it.
    `width`, `height`: pixels of the original; without them the filters `orientation` and `size` never match.
    `color`: its average or dominant colour, `#1E90FF`.
    `blurhash`: its BlurHash.
    `tags`: up to 50.
    `author`: who made it; None where the provider does not say.
    `source_url`: its page at the provider, for people.
    `license`: its own licence; None where the provider has one for all (`ProviderInfo.license`).
    `renditions`: its files, each name once, with an `original` or at least a `large` among them.
    `credit`: the credit line, plain text, where the provider dictates it; else `ProviderInfo.credit` makes one.
    `ref`: for the plugin's own later use, such as an address to call; kept with the image and handed back to
        `image_downloaded`, never shown to a caller.
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
    """One page of a provider's list.

    `images`: those of the page; fewer than `per_page` say nothing about what follows.
    `total`: how many the provider says there are, before filters that the gateway emulates; None where it does not say.
    `last`: whether nothing follows. Until it is true, the next page is asked for, but for two in a row that are empty.
    """

    images: Sequence[Image]
    total: int | None = None
    last: bool = False


class SearchQuery(msgspec.Struct, frozen=True, kw_only=True):
    """What a plugin is asked.

    `text`: the words, in small letters, with single blanks, never empty.
    `page`: from 1, in pages of `per_page`.
    `per_page`: the provider's fixed `ProviderInfo.page_size`, whatever a caller of ours asked for.
    `native`: the filters by their uniform names (`orientation`, `size`, `color`, `license`, `locale`) with the
        provider's own values, as `ProviderInfo.filters` maps them.
    """

    text: str
    page: int = 1
    per_page: int
    native: Mapping[str, str] = {}


class Quota(msgspec.Struct, frozen=True):
    """At most so many calls in any stretch of time so long.

    `limit`: how many.
    `period`: the stretch; a month is 31 days.
    `remaining`: the upstream's header that tells how many calls are left, if it has one; it only ever lowers the count.
    `reset`: its header that tells when the count begins anew, as Unix time or as seconds from now.
    """

    limit: Count
    period: Period
    remaining: str | None = None
    reset: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Quota":
        """The quota that `5000/hour` says; ValueError says what would be right."""
        found = re.fullmatch(r"\s*([1-9]\d{0,8})\s*/\s*(second|minute|hour|day|month)\s*", text)
        if found is None:
            raise ValueError("quota: must be calls per second, minute, hour, day or month, such as 5000/hour")
        return cls(int(found[1]), found[2])  # type: ignore[arg-type]  # one of the periods

    @property
    def name(self) -> str:
        """How it is written: `200/hour`."""
        return f"{self.limit}/{self.period}"


class NoSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The settings of a provider that needs none."""


class ProviderInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider can do and what its terms demand; the gateway enforces it.

    `title`: its name as people write it; where the credit line holds it, it links to the image's page.
    `page_size`: how many images it is asked for at once, always: as many as it gives.
    `homepage`: its site, https.
    `base_url`: where its API is, https, with a slash at the end; None if it holds its files itself (`open_file`).
    `settings`: the Struct of its own settings. The one key of a provider is called `api_key`; a field without a default
        must be set, and until then the provider is `unconfigured`. Names of the host's own keys are taken.
    `filters`: filter -> uniform value -> its own value. The uniform values: orientation (landscape, portrait, square),
        size (small, medium, large: at least 4, 12, 24 megapixels), license (commercial, modification, public-domain),
        color (names of CSS), locale (de-DE). What is left out of the first three is emulated on the records; of the
        colours and locales that are given, the nearest is taken.
    `max_results`: how many images of one search it gives at most; None if there is no end.
    `quotas`: the calls it allows, one for each period.
    `concurrency`: calls at once.
    `license`: the licence of all its images, where there is one.
    `credit`: the credit line that its terms ask for, with `{author}`, `{title}` and `{license}`.
    `notice`: the words that its terms want to see near results.
    `file_hosts`: the hosts of its files; links to them are made https.
    `cache_for`: seconds that a page is fresh, as its terms allow.
    `must_cache_for`: seconds that its terms demand; no setting goes below.
    `max_shown`: how many of its images one page of ours may show; None for any number.
    `hotlink`: whether consumers may link its files, must, or may for a while only.
    `tells_sizes`: whether its records have width and height, without which no orientation or size can be told.
    `max_age`: seconds after which no page is shown any more, for its links end or removals must be honoured; None for
        a week.
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
    """An image as every consumer sees it; `id` begins with the provider's name."""

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
    """Who makes this request, as its credential proves. `id` is the account's."""

    id: str
    username: str
    is_admin: bool = False


class Keep(Protocol):
    """The host's memory for one plugin: `await keep("token", make, seconds=3600)`.

    Answers what is kept under `key`, else awaits `make()` and keeps that for `seconds`. Callers at the same time
    wait for one `make`; a `make` that raises keeps nothing. It is the worker's own, holds 10 000 keys, the oldest out
    first, and is emptied when the provider's settings change.
    """

    async def __call__(self, key: str, make: Callable[[], Awaitable[T]], seconds: float) -> T:
        """What is kept under `key`, made now if it is not there."""
        ...
