"""The Open Herbarium, an invented collection of pressed plants. https://herbarium.example/api ("API docs" below).

The API reports errors with status 200 and `"ok": false` (API docs). Each picture has its own rights, and some are not
free (measured).
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

PAGE_SIZE = 40  # specimens, at most (API docs)
MAX_RESULTS = 1000  # the list ends there, whatever the count (API docs)
CALLS_PER_HOUR = 500  # API docs
CALLS_PER_SECOND = 5  # API docs
CACHE_SECONDS = 24 * 3600  # "reuse answers for up to a day" (API docs)

FREE = "cc0,by,by-nc"  # the rights that allow showing a picture (API docs)
# Our name of a filter -> our value -> the API's value (API docs).
FILTERS = {
    "orientation": {"landscape": "wide", "portrait": "tall"},
    "license": {"commercial": "cc0,by", "modification": FREE, "public-domain": "cc0"},
}
# Our name of a filter -> the API's parameter (API docs).
PARAMETERS = {
    "orientation": "format",
    "license": "rights",
}
# Our name of a rendition -> the name of its file, which is its longer side in pixels. Any number works (API docs).
FILES: dict[RenditionName, str] = {
    "thumbnail": "300",
    "medium": "1000",
    "original": "full",
}
SPECIMEN_ID = re.compile(r"HB/[0-9]{4}/[0-9]{1,6}")  # HB/1897/12: collection, year, sheet (API docs)


class Settings(msgspec.Struct, frozen=True):
    """What an admin sets: `HERBARIUM_API_KEY`, from https://herbarium.example/keys."""

    api_key: str


class _Specimen(msgspec.Struct):
    """The fields of a specimen that are used.

    `picture` and `pixels` are null until it is photographed, `collector` where nobody knows who it was (API docs).
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
    """Either `specimens` and `count`, or `specimen`, or `error`, some with the seconds to `wait` (API docs)."""

    ok: bool
    specimens: list[msgspec.Raw] = []
    specimen: _Specimen | None = None
    count: int = 0
    error: str | None = None
    wait: float | None = None


@hookimpl
def provider_info() -> ProviderInfo:
    """Return what everybody with a key gets. Each picture has its own licence, so there is none for all."""
    return ProviderInfo(
        title="Open Herbarium",
        homepage="https://herbarium.example",
        base_url="https://herbarium.example/api/",
        settings=Settings,
        page_size=PAGE_SIZE,
        max_results=MAX_RESULTS,
        filters=FILTERS,
        quotas=[
            Quota(CALLS_PER_HOUR, "hour", remaining="X-Calls-Left"),
            Quota(CALLS_PER_SECOND, "second"),
        ],
        concurrency=2,
        credit="{title}, collected by {author}, Open Herbarium ({license})",
        notice="Pictures from the Open Herbarium",
        file_hosts={"pictures.herbarium.example"},
        cache_for=CACHE_SECONDS,
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """Return one page of `GET /specimens`, only of pictures that are free."""
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
    images = [_image(specimen) for specimen in decode_each(answer.specimens, _Specimen)]
    return Page(
        images=[image for image in images if image is not None],
        total=answer.count,
        last=offset + query.per_page >= min(answer.count, MAX_RESULTS),
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """Return the picture of `GET /specimens/{id}`. The slashes of an id must be encoded (API docs)."""
    if not SPECIMEN_ID.fullmatch(image_id):  # no specimen has such an id, so it costs no call
        return None
    answer = await _get(f"specimens/{quote(image_id, safe='')}", http, settings)
    return _image(answer.specimen) if answer.specimen else None


async def _get(
    path: str, http: httpx.AsyncClient, settings: Settings, params: dict[str, str | int] | None = None
) -> _Answer:
    """Return the answer, or raise the error that it reports with status 200.

    Errors that the status reports need no care: `decode` raises them, and the gateway understands them.
    """
    headers = {"Authorization": f"Bearer {settings.api_key}"}
    response = await http.get(path, params=params, headers=headers)
    answer = decode(response, _Answer)
    if answer.error == "key":
        raise Unauthorized("the Open Herbarium does not accept the key")
    if answer.error == "too-many":
        raise RateLimited("the Open Herbarium allows no more calls now", answer.wait)
    if answer.error and answer.error != "unknown":
        raise InvalidResponse(f"the Open Herbarium answered: {answer.error}")
    return answer


def _image(specimen: _Specimen) -> Image | None:
    """Return the picture in our terms; None if there is none or it is not free."""
    license = License.from_url(specimen.rights)
    renditions = _renditions(specimen)
    if license is None or not renditions:
        return None
    original = renditions[-1]
    return Image(
        id=specimen.id,
        title=specimen.label,
        alt=f"A pressed plant: {specimen.label}",
        width=original.width,
        height=original.height,
        tags=[specimen.family] if specimen.family else (),
        author=_author(specimen),
        source_url=specimen.permalink,
        license=license,
        renditions=renditions,
    )


def _author(specimen: _Specimen) -> Author | None:
    """Return who collected the plant; None where nobody knows."""
    if specimen.collector is None:
        return None
    return Author(specimen.collector)


def _renditions(specimen: _Specimen) -> list[Rendition]:
    """Return the files of the picture, the original last; none if the plant has not been photographed."""
    size = specimen.pixels
    if specimen.picture is None or size is None or min(size) < 1:
        return []
    folder = f"https://pictures.herbarium.example/{quote(specimen.picture, safe='')}"
    renditions = []
    for name, file in FILES.items():
        longer_side = math.inf if file == "full" else int(file)
        renditions.append(Rendition.within(name, f"{folder}/{file}.jpg", size, (longer_side, longer_side)))
    return renditions
