"""Pexels: photos under one free licence. It is ImageVault's default provider.

Each fact below names its source:

* "API docs": https://www.pexels.com/api/documentation/
* "help": https://help.pexels.com/hc/en-us/articles/900006470063
* "official client": the types in https://github.com/pexels/pexels-javascript
* "recorded": seen in recorded answers of the real API, checked on 2026-11-29
* "measured on DATE": seen in calls to the real API on that day

The API key goes into the `Authorization` header, without a scheme such as `Bearer` (API docs). The API docs name no
operators, so a query goes as it was typed.
"""

import math
import re
from typing import Annotated
from urllib.parse import unquote

import httpx
import msgspec

from imagevault import (
    Author,
    Image,
    License,
    Page,
    ProviderInfo,
    Quota,
    Rendition,
    SearchQuery,
    Terms,
    decode,
    decode_each,
    hookimpl,
)

DAY = 24 * 60 * 60  # seconds

# The largest `per_page` (API docs). A larger page costs no more quota than a small one.
PAGE_SIZE = 80

# 200 calls an hour and 20 000 a month (API docs). The headers describe the month and come with 2xx answers only.
HOURLY_QUOTA = Quota(200, "hour")
MONTHLY_QUOTA = Quota(20_000, "month", remaining="X-Ratelimit-Remaining", reset="X-Ratelimit-Reset")

# A separate throttle rejects bursts: 14 of about 20 calls, made two at a time without a pause, got a 429. It recovers
# within two seconds (measured on 2026-08-18). So this provider makes two calls a second, a cautious choice.
BURST_QUOTA = Quota(2, "second")
CONCURRENCY = 2

# One licence covers every photo (https://www.pexels.com/license/), so `_image` sets none.
# A provider whose images have licences of their own sets `Image.license` instead.
LICENSE = License(
    id="pexels",
    name="Pexels License",
    url="https://www.pexels.com/license/",
    attribution_required=False,
    commercial=True,
    modification=True,
)

# Filter -> ImageVault's value -> Pexels' value (API docs). Pexels uses the same words.
FILTERS = {
    "orientation": {
        "landscape": "landscape",
        "portrait": "portrait",
        "square": "square",
    },
    "size": {
        "small": "small",  # at least 4 megapixels
        "medium": "medium",  # at least 12 megapixels
        "large": "large",  # at least 24 megapixels
    },
    "color": {
        "red": "red",
        "orange": "orange",
        "yellow": "yellow",
        "green": "green",
        "turquoise": "turquoise",
        "blue": "blue",
        "violet": "violet",
        "pink": "pink",
        "brown": "brown",
        "black": "black",
        "gray": "gray",
        "white": "white",
    },
    "locale": {
        "en-US": "en-US",
        "pt-BR": "pt-BR",
        "es-ES": "es-ES",
        "ca-ES": "ca-ES",
        "de-DE": "de-DE",
        "it-IT": "it-IT",
        "fr-FR": "fr-FR",
        "sv-SE": "sv-SE",
        "id-ID": "id-ID",
        "pl-PL": "pl-PL",
        "ja-JP": "ja-JP",
        "zh-TW": "zh-TW",
        "zh-CN": "zh-CN",
        "ko-KR": "ko-KR",
        "th-TH": "th-TH",
        "nl-NL": "nl-NL",
        "hu-HU": "hu-HU",
        "vi-VN": "vi-VN",
        "cs-CZ": "cs-CZ",
        "da-DK": "da-DK",
        "fi-FI": "fi-FI",
        "uk-UA": "uk-UA",
        "el-GR": "el-GR",
        "ro-RO": "ro-RO",
        "nb-NO": "nb-NO",
        "sk-SK": "sk-SK",
        "tr-TR": "tr-TR",
        "ru-RU": "ru-RU",
    },
}

# Each file of a photo is the original, scaled by the query of its address (recorded).
# A box is the largest width and height of a file, in pixels.
MEDIUM_BOX = (math.inf, 350)  # ?h=350
LARGE_BOX = (940, 650)  # ?h=650&w=940
LARGE2X_BOX = (1880, 1300)  # ?h=650&w=940&dpr=2: twice as many pixels on each side

# `tiny` is the only file used here that is cut to a fixed shape (recorded): ?fit=crop&h=200&w=280
TINY_WIDTH = 280
TINY_HEIGHT = 200

# Longer addresses are not read. ImageVault shows none of them.
MAX_ADDRESS = 2048

# The words in the address of a photo's page, between the last two slashes and without the id:
# "brown-rocks" in https://www.pexels.com/photo/brown-rocks-2014422/
WORDS_IN_ADDRESS = re.compile(r"/([^/]{1,2000})-[0-9]{1,20}/?$")


class Settings(msgspec.Struct, frozen=True):
    """The settings of this provider.

    Attributes:
        api_key: The key from https://www.pexels.com/api/new/. Its environment variable is PEXELS_API_KEY.

    """

    api_key: str


class _Files(msgspec.Struct):
    """The addresses of a photo's files: the `src` object of a photo.

    Every answer had all of them (recorded). They are optional here, so that a missing file costs one rendition and
    not the photo. `src` has `small`, `portrait` and `landscape` too, which ImageVault does not use.
    """

    original: str | None = None
    large2x: str | None = None
    large: str | None = None
    medium: str | None = None
    tiny: str | None = None


class _Photo(msgspec.Struct):
    """One photo, with the fields that ImageVault uses.

    Attributes:
        width: Pixels of the original.
        height: Pixels of the original.
        url: The photo's page.
        alt: What the photo shows. May be null (official client), and was missing in older answers (recorded).
        avg_color: Such as `#978E82`. May be null (official client), and was missing in older answers (recorded).

    """

    id: int
    width: Annotated[int, msgspec.Meta(gt=0)]
    height: Annotated[int, msgspec.Meta(gt=0)]
    url: str
    photographer: str
    src: _Files
    photographer_url: str | None = None
    alt: str | None = None
    avg_color: str | None = None


class _Listing(msgspec.Struct):
    """One page of search results.

    Attributes:
        photos: Undecoded, so that `decode_each` can drop a bad photo and keep the page.
        total_results: How many photos match. May be missing in other lists of photos (recorded).
        next_page: The address of the next page, absent on the last one (API docs). Nothing else marks the end: a page
            had 14 photos instead of 15, and more followed (recorded). It is not followed, so it has any type here.

    """

    photos: list[msgspec.Raw]
    total_results: int | None = None
    next_page: object = None


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe what Pexels offers and what its terms demand.

    The terms ask for a link to Pexels near the results and for a credit that links to the photo (API docs).
    Answers may be cached for 24 hours (help).
    """
    return ProviderInfo(
        title="Pexels",
        homepage="https://www.pexels.com",
        base_url="https://api.pexels.com/v1/",
        settings=Settings,
        page_size=PAGE_SIZE,
        filters=FILTERS,
        quotas=[HOURLY_QUOTA, MONTHLY_QUOTA, BURST_QUOTA],
        concurrency=CONCURRENCY,
        license=LICENSE,
        credit="Photo by {author} on Pexels",
        notice="Photos provided by Pexels",
        file_hosts={"images.pexels.com"},  # every file was there (recorded)
        cache_for=DAY,
        tells_colors=True,
        terms=Terms(
            url="https://www.pexels.com/api/documentation/",
            checked_on="2026-11-22",
        ),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """Fetch one page of `GET /search`.

    Raises:
        httpx.HTTPStatusError: Pexels answered 4xx or 5xx. The gateway names these errors.
        msgspec.MsgspecError: The answer does not have the documented form. The gateway names this error too.

    """
    params: dict[str, str | int] = {
        "query": query.text,
        "page": query.page,
        "per_page": query.per_page,
    }
    params.update(query.native)  # Pexels' parameters have the same names as ImageVault's filters
    response = await http.get("search", params=params, headers=_headers(settings))
    listing = decode(response, _Listing)
    photos = decode_each(listing.photos, _Photo)
    return Page(
        images=[_image(photo) for photo in photos],
        total=listing.total_results,
        last=listing.next_page is None,
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """Fetch one photo by `GET /photos/{id}`, or return None if there is no such photo.

    Ids are numbers (API docs), so any other id costs no call and cannot change the path.

    Raises the errors of `search_images`, except for a 404.
    """
    is_number = image_id.isascii() and image_id.isdigit()
    if not is_number:
        return None
    response = await http.get(f"photos/{image_id}", headers=_headers(settings))
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    photo = decode(response, _Photo)
    return _image(photo)


def _headers(settings: Settings) -> dict[str, str]:
    """Return the headers of a call: the bare key, without a scheme (API docs)."""
    return {"Authorization": settings.api_key}


def _image(photo: _Photo) -> Image:
    """Convert a photo into ImageVault's record."""
    return Image(
        id=str(photo.id),
        title=_title(photo),
        alt=_alt(photo),
        width=photo.width,
        height=photo.height,
        color=photo.avg_color or None,
        author=_author(photo),
        source_url=photo.url,
        identities=[f"pexels:{photo.id}"],
        renditions=_renditions(photo),
    )


def _alt(photo: _Photo) -> str | None:
    """Return what the photo shows, or None if that is missing or blank."""
    if photo.alt is None:
        return None
    return photo.alt.strip() or None


def _title(photo: _Photo) -> str | None:
    """Return the photo's description, else the words in the address of its page, else None.

    A photo has no title of its own. `/photo/brown-rocks-2014422/` becomes "Brown rocks"; `/photo/17658/` has no words.
    """
    alt = _alt(photo)
    if alt is not None:
        return alt
    address = unquote(photo.url) if len(photo.url) <= MAX_ADDRESS else ""
    words = WORDS_IN_ADDRESS.search(address)
    if words is None:
        return None
    return words[1].replace("-", " ").capitalize()


def _author(photo: _Photo) -> Author:
    """Return the photographer, with the address of their page at Pexels."""
    return Author(name=photo.photographer, url=photo.photographer_url)


def _renditions(photo: _Photo) -> list[Rendition]:
    """Return the files of a photo, smallest first, without those that it lacks.

    Pexels states no sizes of files. They follow from the original's size and from the box of each file; a file is
    never larger than the original.
    """
    size = (photo.width, photo.height)
    files = photo.src
    renditions = []
    if files.tiny:
        renditions.append(_thumbnail(files.tiny, photo))
    if files.medium:
        renditions.append(Rendition.within("small", files.medium, size, MEDIUM_BOX))
    if files.large:
        renditions.append(Rendition.within("medium", files.large, size, LARGE_BOX))
    if files.large2x:
        renditions.append(Rendition.within("large", files.large2x, size, LARGE2X_BOX))
    if files.original:
        renditions.append(Rendition(name="original", url=files.original, width=photo.width, height=photo.height))
    return renditions


def _thumbnail(url: str, photo: _Photo) -> Rendition:
    """Return the `tiny` file: a crop of 280 x 200 pixels, smaller where the original is smaller."""
    return Rendition(
        name="thumbnail",
        url=url,
        width=min(TINY_WIDTH, photo.width),
        height=min(TINY_HEIGHT, photo.height),
    )
