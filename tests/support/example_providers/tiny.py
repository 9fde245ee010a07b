"""Tiny: a photo service with numbered pages by GET and answers in JSON."""

import math
from urllib.parse import quote

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
    text_of,
)


class Settings(msgspec.Struct, frozen=True):
    api_key: str


class _Photo(msgspec.Struct):
    id: str
    title: str
    by: str
    rights: str
    width: int
    height: int


class _Listing(msgspec.Struct):
    photos: list[msgspec.Raw]
    total: int
    more: bool


@hookimpl
def provider_info() -> ProviderInfo:
    return ProviderInfo(
        title="Tiny",
        homepage="https://tiny.example",
        base_url="https://api.tiny.example/v1/",
        settings=Settings,
        page_size=10,
        max_results=None,
        filters={"orientation": {"landscape": "wide"}, "color": {"red": "rot"}, "locale": {"de-DE": "de"}},
        quotas=[Quota(100, "hour", remaining="X-Left", reset="X-Reset")],
        credit="{title} by {author}, {license}",
        file_hosts={"files.tiny.example"},
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    offset = (query.page - 1) * query.per_page
    params: dict[str, str | int] = {"q": query.text, "offset": offset, "size": query.per_page, **query.native}
    response = await http.get("find", params=params, headers={"X-Key": settings.api_key})
    listing = decode(response, _Listing)
    photos = decode_each(listing.photos, _Photo)
    images = [_image(photo) for photo in photos]
    return Page(images, total=listing.total, last=not listing.more)


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image:
    response = await http.get(f"photos/{quote(image_id, safe='')}", headers={"X-Key": settings.api_key})
    return _image(decode(response, _Photo))


@hookimpl
async def image_downloaded(image: Image, http: httpx.AsyncClient, settings: Settings) -> None:
    response = await http.post(image.ref or "", headers={"X-Key": settings.api_key})
    response.raise_for_status()


def _image(photo: _Photo) -> Image:
    size = photo.width, photo.height
    return Image(
        id=photo.id,
        title=text_of(photo.title),
        width=photo.width,
        height=photo.height,
        color="#102030",
        tags=["cat"],
        author=Author(photo.by, f"https://tiny.example/people/{quote(photo.by)}"),
        source_url=f"https://tiny.example/photos/{photo.id}",
        license=License.from_url(photo.rights),
        ref=f"photos/{photo.id}/taken",
        renditions=[
            Rendition.within("small", f"https://files.tiny.example/{photo.id}/s", size, (320, math.inf)),
            Rendition.within("original", f"https://files.tiny.example/{photo.id}.jpg", size, size),
        ],
    )
