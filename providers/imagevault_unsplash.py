"""Unsplash: photos under one licence. Its terms demand links to its own files, and a call for each download.

Each fact below names its source:

* "API docs": https://unsplash.com/documentation, and the OpenAPI file in https://github.com/unsplash/unsplash-js
* "help": articles 2511245 and 2511271 of https://help.unsplash.com
* "recorded": seen in recorded answers of the real API, checked on 2026-11-29
* "reported": seen by users of the real API, who published it
* "unverified": no answer has proved it; this file takes the cautious reading

The access key goes into the `Authorization` header, after the word `Client-ID` (API docs). It could be a parameter too,
but then it would be part of addresses. The API docs name no operators, so a query goes as it was typed.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import quote, urlencode

import httpx
import msgspec

from imagevault import (
    Author,
    Image,
    License,
    NotFound,
    Page,
    ProviderInfo,
    Quota,
    RateLimited,
    Rendition,
    RenditionName,
    SearchQuery,
    Terms,
    decode,
    decode_each,
    hookimpl,
)

DAY = 24 * 60 * 60  # seconds

# The largest `per_page` (reported). A larger page costs no more quota than a small one.
PAGE_SIZE = 30

# Page 200 of 30 photos is the last one with photos. From page 201 on, pages are empty and say that the total is 0
# (reported: https://github.com/unsplash/unsplash-js/issues/216).
MAX_RESULTS = 6000

# A demo key has 50 calls an hour. A production key has 1000 or 5000: versions of the API docs differ, so an admin sets
# `quota`. No header says when the hour ends (reported: https://github.com/hbagdi/go-unsplash/issues/1).
QUOTA = Quota(50, "hour", remaining="X-Ratelimit-Remaining")

# One licence covers every photo (https://unsplash.com/license), so `_image` sets none.
# A provider whose images have licences of their own sets `Image.license` instead.
LICENSE = License(
    id="unsplash",
    name="Unsplash License",
    url="https://unsplash.com/license",
    attribution_required=False,
    commercial=True,
    modification=True,
)

# Filter -> ImageVault's value -> Unsplash's value (API docs).
# `lang` is a beta, so there is no locale. A value that Unsplash lacks is left out.
FILTERS = {
    "orientation": {
        "landscape": "landscape",
        "portrait": "portrait",
        "square": "squarish",
    },
    "color": {
        "black": "black",
        "white": "white",
        "yellow": "yellow",
        "orange": "orange",
        "red": "red",
        "purple": "purple",
        "magenta": "magenta",
        "green": "green",
        "teal": "teal",
        "blue": "blue",
        "gray": "black_and_white",
    },
}

# Files here count a view (help). Copies on S3 do not, and files of Unsplash+ are on plus.unsplash.com and have a
# watermark (unverified).
FILE_HOST = "images.unsplash.com"

# The widths of the scaled files, in pixels (recorded). The height follows; no file is larger than the original, because
# their addresses hold `fit=max`.
THUMB_WIDTH = 200
SMALL_WIDTH = 400
REGULAR_WIDTH = 1080

# imgix makes no file with a longer side, in pixels: its own client libraries ask for none (unverified). The size of
# `full` is therefore unknown where the original is larger.
MAX_SIDE = 8192

# What the address of a JPEG holds, whatever the format of the original is: ?crop=entropy&fm=jpg&w=400 (recorded)
IS_JPEG = re.compile(r"[?&]fm=jpe?g(?:&|$)")

# Of a slug, only so many characters are read.
MAX_SLUG = 500

# An id, such as TA5hw14Coh4. Each one had eleven characters (recorded). `photos/random` would give any photo.
PHOTO_ID = re.compile(r"[A-Za-z0-9_-]{11}")

# The path that counts a download, and the address that Unsplash gives for it, with the `ixid` that counts:
# https://api.unsplash.com/photos/TA5hw14Coh4/download?ixid=M3wx
DOWNLOAD_PATH = re.compile(r"photos/[A-Za-z0-9_-]{1,300}/download(?:\?[\x21-\x7e]{0,1000})?")
DOWNLOAD_LOCATION = re.compile(rf"https?://[^/?#]{{1,255}}/({DOWNLOAD_PATH.pattern})")


class Settings(msgspec.Struct, frozen=True):
    """The settings of this provider.

    Attributes:
        api_key: The access key from https://unsplash.com/oauth/applications. Its environment variable is
            UNSPLASH_API_KEY.
        app_name: The name of the application there. Links to Unsplash carry it. Its environment variable is
            UNSPLASH_APP_NAME.

    """

    api_key: str
    app_name: str = "imagevault"


class _Files(msgspec.Struct):
    """The addresses of a photo's files: the `urls` object of a photo.

    They are optional, so that a missing file costs one rendition and not the photo. `urls` has `small_s3` too, which
    ImageVault does not use: it counts no view.

    Attributes:
        raw: The original. Its address takes parameters of imgix, such as `&w=1600&fm=webp` (API docs).
        full: A JPEG with all pixels of the original.

    """

    raw: str | None = None
    full: str | None = None
    regular: str | None = None
    small: str | None = None
    thumb: str | None = None


class _PhotoLinks(msgspec.Struct):
    """The addresses around a photo.

    Attributes:
        html: The photo's page.
        download_location: The address to call when somebody downloads the photo (API docs).

    """

    html: str | None = None
    download_location: str | None = None


class _UserLinks(msgspec.Struct):
    """The addresses around a photographer; `html` is their page."""

    html: str | None = None


class _User(msgspec.Struct):
    """The photographer."""

    name: str
    links: _UserLinks | None = None


class _Tag(msgspec.Struct):
    """One tag. A search gives about three of them, a list of photos none (recorded)."""

    title: str | None = None


class _Location(msgspec.Struct):
    """Where a photo was taken, such as "New York, United States". The name may be null or empty (recorded)."""

    name: str | None = None


class _Photo(msgspec.Struct):
    """One photo, with the fields that ImageVault uses.

    Attributes:
        width: Pixels of the original.
        height: Pixels of the original.
        slug: Words and the id: "fog-in-a-forest-TA5hw14Coh4", or the id alone. Missing before 2023 (recorded).
        alt_description: What the photo shows, written by software. Null in some (recorded).
        description: What the photographer says about it. Null in most (recorded).
        color: Its dominant colour, such as `#0c2640`.
        blur_hash: Its BlurHash. Missing in answers of 2020 (recorded).
        tags: Missing in lists of photos (recorded).
        location: In a lookup only (recorded).
        sponsorship: An object in an advertisement, otherwise null (recorded).
        premium: True for photos of Unsplash+ (unverified).
        plus: True for photos of Unsplash+ (unverified).

    """

    id: str
    width: Annotated[int, msgspec.Meta(gt=0)]
    height: Annotated[int, msgspec.Meta(gt=0)]
    urls: _Files
    user: _User
    links: _PhotoLinks | None = None
    slug: str | None = None
    alt_description: str | None = None
    description: str | None = None
    color: str | None = None
    blur_hash: str | None = None
    tags: list[_Tag] | None = None
    location: _Location | None = None
    sponsorship: object = None
    premium: object = None
    plus: object = None


class _Listing(msgspec.Struct):
    """One page of search results.

    Attributes:
        results: Undecoded, so that `decode_each` can drop a bad photo and keep the page.
        total: How many photos match. It is 0 behind the last page that has photos (reported).

    """

    results: list[msgspec.Raw]
    total: int | None = None


class _Download(msgspec.Struct):
    """The answer to a call of `download_location` (recorded). An answer without an address counted nothing."""

    url: str


@hookimpl
def provider_info() -> ProviderInfo:
    """Describe what Unsplash offers and what its terms demand.

    The terms ask for links to the files at their own place (help), for a credit that links to photographer and photo
    with the application's name (help), and for a call when somebody downloads a photo (API docs).
    They say nothing of caching. A day saves calls, of which there are few.
    """
    return ProviderInfo(
        title="Unsplash",
        homepage="https://unsplash.com",
        base_url="https://api.unsplash.com/",
        settings=Settings,
        page_size=PAGE_SIZE,
        filters=FILTERS,
        sorts={"relevance": "relevant", "newest": "latest"},
        max_results=MAX_RESULTS,
        quotas=[QUOTA],
        license=LICENSE,
        credit="Photo by {author} on Unsplash",
        file_hosts={FILE_HOST},
        cache_for=DAY,
        tells_colors=True,
        hotlink="required",
        terms=Terms(
            url="https://unsplash.com/documentation",
            checked_on="2026-11-22",
            automated_use="human",
            evaluation="A new application is a demo with 50 calls an hour; more need an approval.",
        ),
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """Fetch one page of `GET /search/photos`, without advertisements, Unsplash+ and what is not for everybody.

    Raises:
        RateLimited: The calls of this hour are used up.
        NotFound: Unsplash takes the query for spam.
        httpx.HTTPStatusError: Unsplash answered another 4xx, or 5xx. The gateway names these errors.
        msgspec.MsgspecError: The answer does not have the documented form. The gateway names this error too.

    """
    params: dict[str, str | int] = {
        "query": query.text,
        "page": query.page,
        "per_page": query.per_page,
        "content_filter": "high",
    }
    native = dict(query.native)
    if "sort" in native:
        params["order_by"] = native.pop("sort")
    params.update(native)  # Unsplash's parameters have the same names as ImageVault's filters
    response = await _get(http, settings, "search/photos", params)
    listing = decode(response, _Listing)
    photos = decode_each(listing.results, _Photo)
    return Page(
        images=[_image(photo, settings) for photo in photos if _is_free(photo)],
        total=_total(query, listing),
        last=_is_last(query, listing),
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """Fetch one photo by `GET /photos/{id}`, or return None if there is no such photo, or none that is free.

    An id that cannot be one costs no call and cannot change the path.

    Raises the errors of `search_images`, except for a 404.
    """
    if not PHOTO_ID.fullmatch(image_id):
        return None
    response = await _get(http, settings, f"photos/{image_id}")
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    photo = decode(response, _Photo)
    if not _is_free(photo):
        return None
    return _image(photo, settings)


@hookimpl
async def image_downloaded(image: Image, http: httpx.AsyncClient, settings: Settings) -> None:
    """Call the photo's `download_location`, which counts the download.

    The call goes to the API's own host, whatever host the location names: no other host gets the key.

    Raises the errors of `search_images`. Any answer without the address of a file is one, so that the call is repeated.
    """
    response = await _get(http, settings, _download_path(image))
    decode(response, _Download)


async def _get(
    http: httpx.AsyncClient, settings: Settings, path: str, params: Mapping[str, str | int] | None = None
) -> httpx.Response:
    """Call the API and return its answer.

    A used-up hour is a 403 whose body is the plain text "Rate Limit Exceeded" (recorded). A true 403 holds `errors` in
    JSON (reported). A 429 is possible too (reported), and left to the gateway.
    """
    headers = {"Authorization": f"Client-ID {settings.api_key}"}
    response = await http.get(path, params=params, headers=headers)
    is_forbidden = response.status_code == httpx.codes.FORBIDDEN
    if is_forbidden and "rate limit" in response.text.lower():
        raise RateLimited("Unsplash allows no more requests this hour")
    if response.status_code == httpx.codes.GONE:  # API docs
        raise NotFound("Unsplash takes these words for spam (it answered 410)")
    return response


def _total(query: SearchQuery, listing: _Listing) -> int | None:
    """Return how many photos match, or None if the page does not know: an empty page behind others says 0."""
    if query.page > 1 and not listing.results:
        return None
    return listing.total


def _is_last(query: SearchQuery, listing: _Listing) -> bool:
    """Return whether no page follows this one. The total ends the list; a page may be short although more follow."""
    if not listing.results:
        return True
    if listing.total is None:
        return False
    photos_so_far = query.page * query.per_page
    return photos_so_far >= listing.total


def _is_free(photo: _Photo) -> bool:
    """Return whether a photo is no advertisement and under the Unsplash License: those of Unsplash+ are not."""
    is_advertisement = bool(photo.sponsorship)
    is_unsplash_plus = bool(photo.premium) or bool(photo.plus)
    return not is_advertisement and not is_unsplash_plus and _is_counted(photo.urls.raw)


def _is_counted(url: str | None) -> bool:
    """Return whether a file is on the host that counts a view and has free photos only."""
    return url is not None and url.startswith(f"https://{FILE_HOST}/")


def _image(photo: _Photo, settings: Settings) -> Image:
    """Convert a photo into ImageVault's record. Its texts are plain: no answer had markup or entities (recorded)."""
    return Image(
        id=photo.id,
        title=_title(photo),
        alt=_text(photo.alt_description),
        description=_text(photo.description),
        extra=_extra(photo),
        width=photo.width,
        height=photo.height,
        color=photo.color,
        blurhash=photo.blur_hash,
        tags=_tags(photo),
        author=_author(photo, settings),
        source_url=_source_url(photo, settings),
        identities=[f"unsplash:{photo.id}"],
        renditions=_renditions(photo),
        ref=_ref(photo),
    )


def _text(text: str | None) -> str | None:
    """Return a text without blanks around it, or None if it is missing or blank."""
    if text is None:
        return None
    return text.strip() or None


def _title(photo: _Photo) -> str | None:
    """Return what the photo shows, else what the photographer says about it, else the words of the slug, else None.

    A photo has no title of its own. "fog-in-a-forest-TA5hw14Coh4" becomes "Fog in a forest"; an id has no words.
    """
    text = _text(photo.alt_description) or _text(photo.description)
    if text is not None:
        return text
    slug = (photo.slug or "")[:MAX_SLUG]
    words = slug.removesuffix(photo.id).replace("-", " ").strip()
    return words.capitalize() or None


def _extra(photo: _Photo) -> Mapping[str, str]:
    """Return the one fact that no other field has: the place, in a lookup."""
    place = _text(photo.location.name) if photo.location else None
    if place is None:
        return {}
    return {"place": place}


def _tags(photo: _Photo) -> list[str]:
    """Return the tags that have a title."""
    return [tag.title for tag in photo.tags or [] if tag.title]


def _author(photo: _Photo, settings: Settings) -> Author:
    """Return the photographer, with the address of their page at Unsplash."""
    page = photo.user.links.html if photo.user.links else None
    return Author(name=photo.user.name, url=_with_referral(page, settings))


def _source_url(photo: _Photo, settings: Settings) -> str | None:
    """Return the address of the photo's page, or None if Unsplash does not state it."""
    page = photo.links.html if photo.links else None
    return _with_referral(page, settings)


def _with_referral(url: str | None, settings: Settings) -> str | None:
    """Return a link to Unsplash that says where people come from, as the terms demand (help), or None without a link.

    https://unsplash.com/@ada becomes https://unsplash.com/@ada?utm_source=imagevault&utm_medium=referral
    """
    if not url:
        return None
    app_name = settings.app_name.strip() or "imagevault"
    referral = urlencode({"utm_source": app_name, "utm_medium": "referral"})
    separator = "&" if "?" in url else "?"
    return f"{url}{separator}{referral}"


def _renditions(photo: _Photo) -> list[Rendition]:
    """Return the files of a photo, smallest first, without those that it lacks or that are elsewhere.

    Unsplash states no sizes of files. They follow from the original's size and from the width of each file. `ixid` in
    their addresses carries the credit for a view, so addresses stay as they are (API docs).
    """
    files = photo.urls
    renditions = [
        _scaled("thumbnail", files.thumb, photo, THUMB_WIDTH),
        _scaled("small", files.small, photo, SMALL_WIDTH),
        _scaled("medium", files.regular, photo, REGULAR_WIDTH),
        _full(files.full, photo),
        _scaled("original", files.raw, photo, photo.width),
    ]
    return [rendition for rendition in renditions if rendition is not None]


def _scaled(name: RenditionName, url: str | None, photo: _Photo, width: int) -> Rendition | None:
    """Return the file at this address: the photo scaled down to a width. None if it is missing or elsewhere."""
    if url is None or not _is_counted(url):
        return None
    rendition = Rendition.within(name, url, (photo.width, photo.height), (width, math.inf))
    return msgspec.structs.replace(rendition, type=_type(url))


def _full(url: str | None, photo: _Photo) -> Rendition | None:
    """Return the JPEG with all pixels of the original, without a size where the original is too large for one."""
    rendition = _scaled("large", url, photo, photo.width)
    if rendition is not None and max(photo.width, photo.height) > MAX_SIDE:
        return msgspec.structs.replace(rendition, width=None, height=None)
    return rendition


def _type(url: str) -> str | None:
    """Return the type of a file that Unsplash converts to JPEG, or None: the address of an original names no type."""
    if IS_JPEG.search(url):
        return "image/jpeg"
    return None


def _ref(photo: _Photo) -> str | None:
    """Return the path to call when somebody downloads the photo, with its `ixid`, or None if Unsplash states none.

    "photos/TA5hw14Coh4/download?ixid=M3wx" of https://api.unsplash.com/photos/TA5hw14Coh4/download?ixid=M3wx
    """
    location = photo.links.download_location if photo.links else None
    found = DOWNLOAD_LOCATION.fullmatch(location or "")
    if found is None:
        return None
    return found[1]


def _download_path(image: Image) -> str:
    """Return the path that counts a download: that of its `download_location`, else one made of its id (API docs)."""
    if image.ref is not None and DOWNLOAD_PATH.fullmatch(image.ref):
        return image.ref
    return f"photos/{quote(image.id, safe='')}/download"
