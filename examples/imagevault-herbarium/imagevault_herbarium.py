"""The Open Herbarium, an invented collection of pressed plants. https://herbarium.example/api ("API docs" below).

Calls: 500 an hour, 5 a second (API docs). A page has 40 specimens at most, and the list ends after 1000 (API docs).
Trouble comes as 200 with `"ok": false` (API docs). Rights are those of each picture; some are not free (measured).
"""

import math
import re
from urllib.parse import quote

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
    RateLimited,
    Rendition,
    RenditionName,
    SearchQuery,
    Unauthorized,
    decode,
    decode_each,
    hookimpl,
)

DEPTH = 1000
FREE = "cc0,by,by-nc"
FILTERS = {
    "orientation": {"landscape": "wide", "portrait": "tall"},
    "license": {"commercial": "cc0,by", "modification": FREE, "public-domain": "cc0"},
}
PARAMS = {"orientation": "format", "license": "rights"}
FILES: dict[RenditionName, tuple[str, float]] = {  # the longer side in pixels; others may be asked for (API docs)
    "thumbnail": ("300", 300),
    "medium": ("1000", 1000),
    "original": ("full", math.inf),
}
SPECIMEN = re.compile(r"HB/[0-9]{4}/[0-9]{1,6}")


class Settings(msgspec.Struct, frozen=True):
    """What an admin sets: the key from https://herbarium.example/keys."""

    api_key: str


class _Specimen(msgspec.Struct):
    """The fields used of a specimen. `picture` is null until it is photographed, `collector` where nobody knows."""

    id: str
    label: str
    permalink: str
    rights: str
    picture: str | None = None
    pixels: tuple[int, int] | None = None
    collector: str | None = None
    family: str | None = None


class _Answer(msgspec.Struct):
    """Either `specimens` and `count`, or `specimen`, or `error` with the seconds to `wait`."""

    ok: bool
    specimens: list[msgspec.Raw] = []
    specimen: _Specimen | None = None
    count: int = 0
    error: str | None = None
    wait: float | None = None


@hookimpl
def provider_info() -> ProviderInfo:
    """What everybody with a key gets. Each picture brings its own licence, so there is none for all."""
    return ProviderInfo(
        title="Open Herbarium",
        homepage="https://herbarium.example",
        base_url="https://herbarium.example/api/",
        settings=Settings,
        page_size=40,
        max_results=DEPTH,
        filters=FILTERS,
        quotas=[Quota(500, "hour", remaining="X-Calls-Left"), Quota(5, "second")],
        concurrency=2,
        credit="{title}, collected by {author}, Open Herbarium ({license})",
        notice="Pictures from the Open Herbarium",
        file_hosts={"pictures.herbarium.example"},
        cache_for=24 * 3600,
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """One page of `GET /specimens`, of what is free only."""
    offset = (query.page - 1) * query.per_page
    params: dict[str, str | int] = {"text": query.text, "offset": offset, "limit": query.per_page, "rights": FREE}
    params |= {PARAMS[name]: value for name, value in query.native.items()}
    answer = await _get("specimens", http, settings, params)
    images = [image for each in decode_each(answer.specimens, _Specimen) if (image := _image(each))]
    return Page(images, total=answer.count, last=offset + query.per_page >= min(answer.count, DEPTH))


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """`GET /specimens/{id}`; an id holds slashes, `HB/1897/12`, and anything else costs no call."""
    if not SPECIMEN.fullmatch(image_id):
        return None
    answer = await _get(f"specimens/{quote(image_id, safe='')}", http, settings)
    return _image(answer.specimen) if answer.specimen else None


async def _get(
    path: str, http: httpx.AsyncClient, settings: Settings, params: dict[str, str | int] | None = None
) -> _Answer:
    """The answer, or the error that it tells under status 200; what the status tells, the gateway understands."""
    response = await http.get(path, params=params, headers={"Authorization": f"Bearer {settings.api_key}"})
    answer = decode(response, _Answer)
    if answer.error == "key":
        raise Unauthorized("the Open Herbarium does not accept the key")
    if answer.error == "too-many":
        raise RateLimited("the Open Herbarium allows no more calls now", answer.wait)
    if answer.error and answer.error != "unknown":
        raise InvalidResponse(f"the Open Herbarium answered: {answer.error}")
    return answer


def _image(specimen: _Specimen) -> Image | None:
    """The picture in our terms, or None if there is none or it is not free."""
    license, size = License.from_url(specimen.rights), specimen.pixels
    if license is None or size is None or specimen.picture is None or min(size) < 1:
        return None
    folder = f"https://pictures.herbarium.example/{quote(specimen.picture, safe='')}"
    return Image(
        id=specimen.id,
        title=specimen.label,
        alt=f"A pressed plant: {specimen.label}",
        width=size[0],
        height=size[1],
        tags=[specimen.family] if specimen.family else (),
        author=Author(specimen.collector) if specimen.collector else None,
        source_url=specimen.permalink,
        license=license,
        renditions=[
            Rendition.within(name, f"{folder}/{file}.jpg", size, (side, side)) for name, (file, side) in FILES.items()
        ],
    )
