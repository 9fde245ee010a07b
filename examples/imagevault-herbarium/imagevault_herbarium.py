"""The Open Herbarium, an invented collection of pressed plants. https://herbarium.example/api ("API docs" below).

Facts about the service, each with its source:

* 500 calls an hour and 5 a second (API docs).
* A page has at most 40 specimens, and the list ends after 1000 (API docs).
* A failed call has status 200 and `"ok": false` (API docs).
* Each picture has rights of its own, and some are not free (measured on 2026-11-22).
"""

import math
import re
from collections.abc import Mapping, Sequence
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
    text_of,
)

MAX_RESULTS = 1000  # API docs
FREE = "cc0,by,by-nc"  # the codes of the free rights (API docs)
FILTERS = {
    "orientation": {"landscape": "wide", "portrait": "tall"},
    "license": {"commercial": "cc0,by", "modification": FREE, "public-domain": "cc0"},
}
PARAMETERS = {"orientation": "format", "license": "rights"}  # what the API calls our filters
SPECIMEN_ID = re.compile(r"HB/[0-9]{4}/[0-9]{1,6}")  # HB/1897/12
PICTURES = "https://pictures.herbarium.example"


class Size(msgspec.Struct, frozen=True):
    """A size in which the API offers each picture. `longest` is the longer side in pixels at most (API docs)."""

    name: RenditionName
    file: str
    longest: float


SIZES = (
    Size("thumbnail", "300", 300),
    Size("medium", "1000", 1000),
    Size("original", "full", math.inf),
)


class Settings(msgspec.Struct, frozen=True):
    """What an admin sets: the key from https://herbarium.example/keys."""

    api_key: str


class _Specimen(msgspec.Struct):
    """The fields that are used of a specimen.

    `picture` and `pixels` are null until the specimen is photographed, and `collector` is null if unknown.
    """

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
    """What holds for everybody with a key. Each picture has its own licence, so there is none for all."""
    return ProviderInfo(
        title="Open Herbarium",
        homepage="https://herbarium.example",
        base_url="https://herbarium.example/api/",
        settings=Settings,
        page_size=40,
        max_results=MAX_RESULTS,
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
    """One page of `GET /specimens`, of free pictures only."""
    offset = (query.page - 1) * query.per_page
    params: dict[str, str | int] = {
        "text": query.text,
        "offset": offset,
        "limit": query.per_page,
        "rights": FREE,
    }
    for name, value in query.native.items():
        params[PARAMETERS[name]] = value
    answer = await _get("specimens", http, settings, params)
    specimens = decode_each(answer.specimens, _Specimen)
    images = [_image(specimen) for specimen in specimens]
    end = min(answer.count, MAX_RESULTS)
    return Page(
        [image for image in images if image is not None],
        total=answer.count,
        last=offset + query.per_page >= end,
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """`GET /specimens/{id}`. An id holds slashes, as in `HB/1897/12`; an id of another form costs no call."""
    if not SPECIMEN_ID.fullmatch(image_id):
        return None
    answer = await _get(f"specimens/{quote(image_id, safe='')}", http, settings)
    return _image(answer.specimen) if answer.specimen else None


async def _get(
    path: str,
    http: httpx.AsyncClient,
    settings: Settings,
    params: Mapping[str, str | int] | None = None,
) -> _Answer:
    """Return the answer, or raise the error that it names under status 200.

    `decode` raises what the status says, and the gateway what httpx raises.
    """
    headers = {"Authorization": f"Bearer {settings.api_key}"}
    response = await http.get(path, params=params, headers=headers)
    answer = decode(response, _Answer)
    if answer.error == "key":
        raise Unauthorized("the Open Herbarium does not accept the key: check HERBARIUM_API_KEY")
    if answer.error == "too-many":
        raise RateLimited("the Open Herbarium allows no more calls now", answer.wait)
    if answer.error and answer.error != "unknown":
        raise InvalidResponse(f"the Open Herbarium answered: {answer.error}")
    return answer


def _image(specimen: _Specimen) -> Image | None:
    """Return the picture as an Image, or None if there is none or it is not free."""
    license = _license(specimen)
    renditions = _renditions(specimen)
    if license is None or not renditions:
        return None
    original = renditions[-1]
    return Image(
        id=specimen.id,
        title=text_of(specimen.label),  # HTML: names of species are in italics (API docs)
        width=original.width,
        height=original.height,
        tags=[specimen.family] if specimen.family else (),
        author=_author(specimen),
        source_url=specimen.permalink,
        license=license,
        renditions=renditions,
    )


def _license(specimen: _Specimen) -> License | None:
    """Return the licence that `rights` links to, or None if the picture is not free."""
    return License.from_url(specimen.rights)


def _author(specimen: _Specimen) -> Author | None:
    """Return the collector. The API has no page of a collector to link to."""
    return Author(specimen.collector) if specimen.collector else None


def _renditions(specimen: _Specimen) -> Sequence[Rendition]:
    """Return the picture in each size, the original last; nothing if the specimen is not photographed."""
    pixels = specimen.pixels
    if specimen.picture is None or pixels is None or min(pixels) < 1:
        return []
    folder = f"{PICTURES}/{quote(specimen.picture, safe='')}"
    return [
        Rendition.within(size.name, f"{folder}/{size.file}.jpg", pixels, (size.longest, size.longest)) for size in SIZES
    ]
