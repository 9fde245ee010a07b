"""The Art Institute of Chicago: its works in the public domain, without a key.

Each fact below names its source:

* "API docs": https://api.artic.edu/docs/
* "source code": https://github.com/art-institute-of-chicago/data-aggregator, read on 2026-11-29
* "recorded": seen in recorded answers of the real API, checked on 2026-11-29
* "reported": https://github.com/art-institute-of-chicago/api-data/issues/9, of 2026-06-28

All texts are plain, except `description`, which is HTML and has another licence: it is CC BY, and all else is CC0
(recorded, in each answer). So this file never asks for it.

Since 2026 the host of the files answers browsers only (reported). Link the files, which is welcome (API docs).
"""

import colorsys
import math
import re
from collections.abc import Sequence
from typing import Annotated, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from imagevault import (
    Author,
    Declared,
    Image,
    InvalidResponse,
    License,
    Page,
    ProviderInfo,
    Quota,
    Rendition,
    RenditionName,
    SearchQuery,
    Terms,
    Unauthorized,
    decode,
    decode_each,
    hookimpl,
)

T = TypeVar("T")

MUSEUM = "The Art Institute of Chicago"
HOMEPAGE = "https://www.artic.edu/"

# The largest `limit`, and how many works one search gives at most. Above either, the answer is a 403 (API docs).
PAGE_SIZE = 100
MAX_RESULTS = 10_000

# 60 calls a minute for an address without a key (API docs).
QUOTA = Quota(60, "minute")

# The works in the public domain are CC0, as are their pictures (API docs), so `_image` sets no licence.
# A provider whose images have licences of their own sets `Image.license` instead.
LICENSE = License(
    id="cc0-1.0",
    name="CC0 1.0",
    url="https://creativecommons.org/publicdomain/zero/1.0/",
)

# The condition in Elasticsearch's query language (API docs): in the public domain, and with a picture.
ONLY_FREE_PICTURES = {
    "bool": {
        "filter": [
            {"term": {"is_public_domain": True}},
            {"exists": {"field": "image_id"}},
        ],
    },
}

# The files of a picture by their width, smallest first (API docs). 1686 is for works in the public domain only.
WIDTHS: dict[RenditionName, int] = {
    "thumbnail": 200,
    "small": 400,
    "medium": 843,
    "large": 1686,
}

# Where the files are, unless the answer names another path of the museum's own host.
IIIF_URL = "https://www.artic.edu/iiif/2"

# A query that finds works by their colour instead of their words (source code): #1E90FF
COLOR_QUERY = re.compile(r"#[0-9a-fA-F]{6}")

# The alt text of a picture that nobody has described. It names the material, such as "A work made of basalt."
# (recorded; the rest is `medium_display`).
NOT_DESCRIBED = "A work made of "

# The start of the name of a culture that stands in place of an artist: "Ancient Roman" (API docs), "Ancient Greek"
# (published answers). Other cultures, such as "Nazca", cannot be told from names.
CULTURE = "Ancient "

# What an id of a work looks like: 28560.
WORK_ID = re.compile(r"[1-9][0-9]{0,17}")

# Longer ones are no id of a picture (a UUID has 36 characters), and no address of the server of pictures.
MAX_IMAGE_ID = 100
MAX_IIIF_URL = 100


class Settings(msgspec.Struct, frozen=True):
    """The settings of this provider. None is required.

    Attributes:
        contact: A mail address or a page, which goes into every call, as the museum asks for (API docs). Letters of
            ASCII only, as it is part of a header. Its environment variable is ARTIC_CONTACT.

    """

    contact: Annotated[str, msgspec.Meta(pattern=r"^[ -~]*\Z")] = ""


class _Picture(msgspec.Struct):
    """What the museum says of a work's picture.

    Attributes:
        width: Pixels of the whole picture (API docs), though the field is called `thumbnail`.
        height: Pixels of the whole picture.
        alt_text: What the picture shows, or what the work is made of.

    """

    width: int | None = None
    height: int | None = None
    alt_text: str | None = None


class _Color(msgspec.Struct):
    """The dominant colour of a work: hue to 360, saturation and lightness to 100 (API docs)."""

    h: float | None = None
    s: float | None = None
    l: float | None = None  # noqa: E741  # the museum's name


class _Work(msgspec.Struct):
    """One work, with the fields that ImageVault uses. Each call asks for exactly these.

    An empty value is null, never missing and never "" (API docs).

    Attributes:
        image_id: The UUID of its picture.
        date_display: Such as "c. 1890", written by curators.
        artist_title: The artist, or the culture where the artist is unknown: "Ancient Roman" (API docs).
        artist_display: Lines of a label: the artist, then nationality and dates. Without an artist it may be a place
            (published answers: "China, probably Hunan province").
        place_of_origin: Where the work was made.
        medium_display: What it is made of.
        main_reference_number: Its number in the museum's inventory.
        credit_line: How the museum got it.

    """

    id: int
    image_id: Annotated[str, msgspec.Meta(max_length=MAX_IMAGE_ID)] | None = None
    is_public_domain: bool = False
    title: str | None = None
    date_display: str | None = None
    artist_title: str | None = None
    artist_display: str | None = None
    place_of_origin: str | None = None
    medium_display: str | None = None
    dimensions: str | None = None
    main_reference_number: str | None = None
    credit_line: str | None = None
    thumbnail: _Picture | None = None
    color: _Color | None = None
    term_titles: list[str | None] | None = None


FIELDS = _Work.__struct_fields__


class _Pagination(msgspec.Struct):
    """How many works match. `next_url` is in some answers only, and never in those of a search (recorded)."""

    total: int | None = None


class _Config(msgspec.Struct):
    """Where the files are. The API docs show a test host here."""

    iiif_url: str | None = None


class _Listing(msgspec.Struct):
    """One page of search results.

    Attributes:
        data: Undecoded, so that `decode_each` can drop a bad work and keep the page.

    """

    data: list[msgspec.Raw]
    pagination: _Pagination | None = None
    config: _Config | None = None


class _Detail(msgspec.Struct):
    """The answer to a lookup."""

    data: _Work
    config: _Config | None = None


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe what the museum offers to everybody. Its records have a colour, and no flags of ImageVault."""
    return ProviderInfo(
        title=MUSEUM,
        homepage=HOMEPAGE,
        base_url="https://api.artic.edu/api/v1/",
        settings=Settings,
        page_size=PAGE_SIZE,
        max_results=MAX_RESULTS,
        quotas=[QUOTA],
        license=LICENSE,
        tells_colors=True,
        file_hosts={"www.artic.edu"},
        terms=Terms(
            url="https://api.artic.edu/docs/",
            checked_on="2026-11-22",
        ),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """Fetch one page of `GET /artworks/search`, with the whole request as JSON in `params`, as the API docs advise.

    Quotes alone find nothing, and cost no call. Neither does a page after the last one.

    Raises the errors of `_get`.
    """
    words = _words(query.text)
    first = (query.page - 1) * query.per_page
    size = min(query.per_page, MAX_RESULTS - first)  # a page that reaches beyond the end is refused (API docs)
    if not words or size < 1:
        return Page([], last=True)
    request = {
        "q": words,
        "query": ONLY_FREE_PICTURES,
        "fields": FIELDS,
        "from": first,
        "size": size,
    }
    params = {"params": msgspec.json.encode(request).decode()}
    listing = await _get(http, settings, "artworks/search", params, _Listing)
    works = decode_each(listing.data, _Work)
    total = listing.pagination.total if listing.pagination else None
    return Page(
        images=_images(works, listing.config),
        total=total,
        last=not listing.data or first + size >= min(total or MAX_RESULTS, MAX_RESULTS),
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """Fetch one work by `GET /artworks/{id}`, or return None if there is none or its picture is not free.

    Ids are numbers (API docs), so any other id costs no call and cannot change the path.

    Raises the errors of `_get`. The gateway reads a 404 as "there is none".
    """
    if not WORK_ID.fullmatch(image_id):
        return None
    detail = await _get(http, settings, f"artworks/{image_id}", {"fields": ",".join(FIELDS)}, _Detail)
    return _image(detail.data, detail.config)


async def _get(http: httpx.AsyncClient, settings: Settings, path: str, params: dict[str, str], type: type[T]) -> T:
    """Call the API and return its answer.

    Raises:
        InvalidResponse: The museum refused the request.
        Unauthorized: It blocks this server's address.
        httpx.HTTPStatusError: It answered another 4xx, or 5xx. The gateway names these errors.
        msgspec.MsgspecError: The answer does not have the documented form. The gateway names this error too.

    """
    response = await http.get(path, params=params, headers=_headers(http, settings))
    if response.status_code == httpx.codes.FORBIDDEN:
        raise _refusal(response)
    return decode(response, type)


def _headers(http: httpx.AsyncClient, settings: Settings) -> dict[str, str]:
    """Return the header by which a caller says who it is (API docs): `ImageVault/2.0 (ops@example.org)`."""
    agent = http.headers["User-Agent"]
    if settings.contact:
        agent = f"{agent} ({settings.contact})"
    return {"AIC-User-Agent": agent}


def _refusal(response: httpx.Response) -> InvalidResponse | Unauthorized:
    """Return the error that a 403 stands for.

    The API itself refuses a page that is too deep or too large, in JSON (API docs). HTML is the challenge of the
    service in front of it, which asks for a browser (reported).
    """
    if "json" in response.headers.get("Content-Type", ""):
        return InvalidResponse(f"{MUSEUM} refused the request: {response.text}")
    return Unauthorized(f"{MUSEUM} blocks calls from this server's address (it answered 403)")


def _words(text: str) -> str:
    """Return a query as words, without what has a meaning (source code).

    Words between quotes must stand side by side, so the quotes go. A query that is a colour finds works of that
    colour, so its `#` goes. A word that begins with a digit must be in the work as it is; nothing can change that.
    """
    words = " ".join(text.replace('"', " ").split())
    if COLOR_QUERY.fullmatch(words):
        return words.removeprefix("#")
    return words


def _images(works: Sequence[_Work], config: _Config | None) -> list[Image]:
    """Convert works into ImageVault's records, without those that must not be shown."""
    images = [_image(work, config) for work in works]
    return [image for image in images if image is not None]


def _image(work: _Work, config: _Config | None) -> Image | None:
    """Convert a work into ImageVault's record, or return None unless it has a picture in the public domain."""
    if not work.is_public_domain or not work.image_id:
        return None
    size = _size(work)
    artist = _artist(work)
    return Image(
        id=str(work.id),
        title=work.title,
        alt=_alt(work),
        date=work.date_display,
        extra=_extra(work),
        width=size[0] or None,
        height=size[1] or None,
        color=_hex_color(work.color),
        tags=[title for title in work.term_titles or [] if title],
        author=Author(name=artist) if artist else None,
        source_url=f"{HOMEPAGE}artworks/{work.id}",
        declared=Declared(field="is_public_domain", words="true"),
        identities=[f"iiif:{work.image_id}"],
        renditions=_renditions(work.image_id, size, config),
        credit=_credit(work),
    )


def _size(work: _Work) -> tuple[int, int]:
    """Return width and height of the whole picture in pixels; (0, 0) unless both are known."""
    picture = work.thumbnail
    if picture is None or not picture.width or not picture.height:
        return (0, 0)
    return (picture.width, picture.height)


def _alt(work: _Work) -> str | None:
    """Return what the picture shows, or None if the museum has not described it."""
    alt = work.thumbnail.alt_text if work.thumbnail else None
    if not alt or alt.startswith(NOT_DESCRIBED):
        return None
    return alt


def _extra(work: _Work) -> dict[str, str]:
    """Return what a label says of the work beside artist, title and date."""
    facts = {
        "culture": _culture(work),
        "place": work.place_of_origin,
        "medium": work.medium_display,
        "dimensions": work.dimensions,
        "reference number": work.main_reference_number,
    }
    return {name: value for name, value in facts.items() if value}


def _maker(work: _Work) -> str | None:
    """Return the artist's name, else the first line of the label that names one, else None. A place is no artist.

    It may be a culture: a label begins with it too.
    """
    name = (work.artist_title or "").strip()
    if name and not _is_place(name, work):
        return name
    first_line = (work.artist_display or "").partition("\n")[0].strip()
    if first_line and not _is_place(first_line, work):
        return first_line
    return None


def _artist(work: _Work) -> str | None:
    """Return the artist's name, or None if nobody is named. A culture is no artist."""
    maker = _maker(work)
    if maker is None or maker.startswith(CULTURE):
        return None
    return maker


def _culture(work: _Work) -> str | None:
    """Return the culture that stands in place of an artist, or None."""
    maker = _maker(work)
    if maker is None or not maker.startswith(CULTURE):
        return None
    return maker


def _is_place(line: str, work: _Work) -> bool:
    """Return whether a line is the work's place of origin, as "China" and "China, probably Hunan province" are."""
    place = (work.place_of_origin or "").strip().casefold()
    if not place:
        return False
    folded = line.casefold()
    return folded == place or folded.startswith(f"{place},")


def _hex_color(color: _Color | None) -> str | None:
    """Return the dominant colour as `#B2804D`, or None if it is unknown. A grey may have no hue."""
    if color is None or color.l is None:
        return None
    hue = (color.h or 0) / 360
    saturation = (color.s or 0) / 100
    lightness = color.l / 100
    if not all(0 <= part <= 1 for part in (hue, saturation, lightness)):
        return None
    red, green, blue = colorsys.hls_to_rgb(hue, lightness, saturation)
    return f"#{_hex_byte(red)}{_hex_byte(green)}{_hex_byte(blue)}"


def _hex_byte(part: float) -> str:
    """Return a part of a colour from 0 to 1 as two hexadecimal digits."""
    return f"{round(255 * part):02X}"


def _renditions(image_id: str, size: tuple[int, int], config: _Config | None) -> list[Rendition]:
    """Return the files of a picture, smallest first.

    The server makes no file wider than the whole, so without a size only the whole is certain to be there. It makes
    JPEG of every format, as `default.jpg` says (https://iiif.io/api/image/2.1/#format).
    """
    address = f"{_iiif_url(config)}/{quote(image_id, safe='')}/full"
    renditions = []
    for name, width in WIDTHS.items():
        if width < size[0]:
            renditions.append(Rendition.within(name, f"{address}/{width},/0/default.jpg", size, (width, math.inf)))
    original = Rendition(
        name="original",
        url=f"{address}/full/0/default.jpg",
        width=size[0] or None,
        height=size[1] or None,
    )
    return [*renditions, original]


def _iiif_url(config: _Config | None) -> str:
    """Return where the files are: what the answer says, if that is on the museum's own host."""
    stated = (config.iiif_url if config else None) or ""
    is_usable = stated.startswith(HOMEPAGE) and len(stated) <= MAX_IIIF_URL
    return stated if is_usable else IIIF_URL


def _credit(work: _Work) -> str:
    """Return the credit, which is the museum's label (API docs): artist or culture, title and date, museum, donor."""
    title = work.title or "Untitled"
    label = f"{title.rstrip(' .,;:')}, {work.date_display}" if work.date_display else title
    return _sentences([_maker(work), label, MUSEUM, work.credit_line])


def _sentences(parts: Sequence[str | None]) -> str:
    """Join the parts that there are by full stops, and add none after a part that ends in one."""
    text = ""
    for part in parts:
        line = " ".join((part or "").split())
        if text and line:
            text += " " if text.endswith((".", "!", "?", "…")) else ". "
        text += line
    return text
