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
    License,
    Page,
    ProviderInfo,
    Quota,
    Rendition,
    SearchQuery,
    decode,
    decode_each,
    hookimpl,
)

FILTERS = {  # their words are ours; a size is at least 4, 12 or 24 megapixels (API docs)
    "orientation": "landscape portrait square",
    "size": "small medium large",
    "color": "red orange yellow green turquoise blue violet pink brown black gray white",
    "locale": """en-US pt-BR es-ES ca-ES de-DE it-IT fr-FR sv-SE id-ID pl-PL ja-JP zh-TW zh-CN ko-KR
        th-TH nl-NL hu-HU vi-VN cs-CZ da-DK fi-FI uk-UA el-GR ro-RO nb-NO sk-SK tr-TR ru-RU""",
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
        filters={name: {word: word for word in words.split()} for name, words in FILTERS.items()},
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
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """One page of `GET /search`."""
    params: dict[str, str | int] = {"query": query.text, "page": query.page, "per_page": query.per_page, **query.native}
    response = await http.get("search", params=params, headers={"Authorization": settings.api_key})
    listing = decode(response, _Listing)
    images = [_image(photo) for photo in decode_each(listing.photos, _Photo)]
    return Page(images, total=listing.total_results, last=listing.next_page is None)


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """`GET /photos/{id}`; ids are numbers, so anything else costs no call."""
    if not (image_id.isascii() and image_id.isdigit()):
        return None
    response = await http.get(f"photos/{image_id}", headers={"Authorization": settings.api_key})
    return None if response.status_code == httpx.codes.NOT_FOUND else _image(decode(response, _Photo))


def _image(photo: _Photo) -> Image:
    """One photo in our terms. Its smallest file is a crop, the others fit into boxes (measured)."""
    alt = (photo.alt or "").strip() or None
    words = re.search(r"/([^/]+)-\d+/?$", unquote(photo.url))  # in the address: /photo/brown-rocks-2014422/
    size, src = (photo.width, photo.height), {name: url or "" for name, url in photo.src.items()}
    files = [
        Rendition.within("small", src.get("medium", ""), size, (math.inf, 350)),
        Rendition.within("medium", src.get("large", ""), size, (940, 650)),
        Rendition.within("large", src.get("large2x", ""), size, (1880, 1300)),
        Rendition.within("original", src.get("original", ""), size, size),
    ]
    tiny = Rendition(name="thumbnail", url=src.get("tiny"), width=min(280, size[0]), height=min(200, size[1]))
    return Image(
        id=str(photo.id),
        title=alt or (words[1].replace("-", " ").capitalize() if words else None),
        alt=alt,
        width=photo.width,
        height=photo.height,
        color=photo.avg_color or None,
        author=Author(photo.photographer, photo.photographer_url),
        source_url=photo.url,
        renditions=[each for each in (tiny, *files) if each.url],
    )
