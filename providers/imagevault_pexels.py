"""Pexels, the default provider. https://www.pexels.com/api/documentation/ ("API docs" below).

Auth is the bare key in `Authorization` (API docs). 200 calls per hour and 20 000 per month; the headers tell the
monthly state, on 2xx only (API docs). A separate burst throttle answers 429 (measured), so we keep to 2 per second.
`per_page` goes up to 80 (API docs). Answers may be cached for 24 hours (help.pexels.com, article 900006470063).
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
    InvalidResponse,
    License,
    Page,
    ProviderInfo,
    Quota,
    Rendition,
    RenditionName,
    SearchQuery,
    hookimpl,
)

COLORS = "red orange yellow green turquoise blue violet pink brown black gray white"
LOCALES = """en-US pt-BR es-ES ca-ES de-DE it-IT fr-FR sv-SE id-ID pl-PL ja-JP zh-TW zh-CN ko-KR
    th-TH nl-NL hu-HU vi-VN cs-CZ da-DK fi-FI uk-UA el-GR ro-RO nb-NO sk-SK tr-TR ru-RU"""
FILTERS = {  # their words are ours; a size is at least 4, 12 or 24 megapixels (API docs)
    "orientation": {word: word for word in ("landscape", "portrait", "square")},
    "size": {word: word for word in ("small", "medium", "large")},
    "color": {word: word for word in COLORS.split()} | {"grey": "gray"},
    "locale": {word: word for word in LOCALES.split()},
}


class Settings(msgspec.Struct, frozen=True):
    """What an admin sets: the key from https://www.pexels.com/api/new/."""

    api_key: str


class _Photo(msgspec.Struct):
    """The fields used of a photo; `alt` and `avg_color` may be null (official client) and were missing (measured)."""

    id: int
    width: Annotated[int, msgspec.Meta(gt=0)]
    height: Annotated[int, msgspec.Meta(gt=0)]
    url: str
    photographer: str
    photographer_url: str
    src: dict[str, str | None]
    alt: str | None = None
    avg_color: str | None = None


class _Listing(msgspec.Struct):
    """A page of results. A page may be short though more follow (measured): only `next_page` tells the end."""

    photos: list[msgspec.Raw]
    total_results: int | None = None
    next_page: str | None = None


@hookimpl
def provider_info() -> ProviderInfo:
    """What Pexels offers and demands (API docs: link back, credit the photographer)."""
    return ProviderInfo(
        title="Pexels",
        homepage="https://www.pexels.com",
        base_url="https://api.pexels.com/v1/",
        settings=Settings,
        page_size=80,
        filters=FILTERS,
        quotas=[
            Quota(200, "hour"),
            Quota(20_000, "month", remaining="X-Ratelimit-Remaining", reset="X-Ratelimit-Reset"),
            Quota(2, "second"),
        ],
        concurrency=2,  # more makes the burst throttle reject most calls (measured)
        license=License("pexels", "Pexels License", "https://www.pexels.com/license/"),
        credit="Photo by {author} on Pexels",
        notice="Photos provided by Pexels",
        file_hosts={"images.pexels.com"},
        cache_for=24 * 3600,
        hotlink="allowed",
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """One page of `GET /search`."""
    params: dict[str, str | int] = {"query": query.text, "page": query.page, "per_page": query.per_page, **query.native}
    response = await http.get("search", params=params, headers={"Authorization": settings.api_key})
    response.raise_for_status()
    try:
        listing = msgspec.json.decode(response.content, type=_Listing)
    except ValueError as error:
        raise InvalidResponse(f"Pexels' answer is not a page of photos: {error}") from error
    images = [image for photo in listing.photos if (image := _image(photo)) is not None]
    return Page(images, total=listing.total_results, last=listing.next_page is None)


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """`GET /photos/{id}`; ids are numbers, so anything else costs no call."""
    if not (image_id.isascii() and image_id.isdigit()):
        return None
    response = await http.get(f"photos/{image_id}", headers={"Authorization": settings.api_key})
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    response.raise_for_status()
    image = _image(response.content)
    if image is None:
        raise InvalidResponse("Pexels' answer is not a photo")
    return image


def _image(photo_json: msgspec.Raw | bytes) -> Image | None:
    """One photo in our terms, or None where the record is not as documented."""
    try:
        photo = msgspec.json.decode(photo_json, type=_Photo)
    except ValueError:
        return None
    alt = (photo.alt or "").strip() or None
    return Image(
        id=str(photo.id),
        title=alt or _title_in(photo.url),
        alt=alt,
        width=photo.width,
        height=photo.height,
        color=photo.avg_color or None,
        author=Author(photo.photographer, photo.photographer_url),
        source_url=photo.url,
        renditions=_renditions(photo),
    )


def _title_in(url: str) -> str | None:
    """The words in a photo page's address: `/photo/brown-rocks-2014422/` -> `Brown rocks`."""
    slug = re.search(r"/([^/]+)-\d+/?$", unquote(url))
    return slug[1].replace("-", " ").capitalize() if slug else None


def _renditions(photo: _Photo) -> list[Rendition]:
    """The files in `src` under our names, never larger than the original (boxes and crop as measured)."""

    def fit(width: float, height: float) -> tuple[int, int]:
        scale = min(1, width / photo.width, height / photo.height)
        return max(1, round(photo.width * scale)), max(1, round(photo.height * scale))

    files: dict[RenditionName, tuple[str, tuple[int, int]]] = {
        "thumbnail": ("tiny", (min(280, photo.width), min(200, photo.height))),
        "small": ("medium", fit(math.inf, 350)),
        "medium": ("large", fit(940, 650)),
        "large": ("large2x", fit(1880, 1300)),
        "original": ("original", (photo.width, photo.height)),
    }
    return [
        Rendition(name=name, url=url, width=width, height=height)
        for name, (theirs, (width, height)) in files.items()
        if (url := photo.src.get(theirs))
    ]
