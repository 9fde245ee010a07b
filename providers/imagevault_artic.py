"""The Art Institute of Chicago: its works in the public domain, without a key. https://api.artic.edu/docs/ ("docs").

60 calls a minute, pages of 100, 10 000 results, widths of files: docs. `description` is CC BY, all else CC0 (measured).
The host of files answers browsers only (since 2026; issue 9 of api-data at their GitHub): link them, which is welcome.
"""

import colorsys
from typing import Annotated

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
    Unauthorized,
    decode,
    decode_each,
    hookimpl,
)

MUSEUM, HOST, DEPTH = "The Art Institute of Chicago", "https://www.artic.edu/", 10_000
OPEN = {"bool": {"filter": [{"term": {"is_public_domain": True}}, {"exists": {"field": "image_id"}}]}}
WIDTHS: list[tuple[RenditionName, int]] = [("thumbnail", 200), ("small", 400), ("medium", 843), ("large", 1686)]


class Settings(msgspec.Struct, frozen=True):
    """Nothing is needed. `contact`, a mail address, goes into `AIC-User-Agent`, as the museum asks for (docs)."""

    contact: Annotated[str, msgspec.Meta(pattern=r"^[ -~]*\Z")] = ""


class _Picture(msgspec.Struct):
    width: int | None = None  # of the whole image, as is the height (docs)
    height: int | None = None
    alt_text: str | None = None


class _Work(msgspec.Struct):  # the fields that are asked for; what is empty is null (docs)
    id: int
    image_id: str | None = None
    is_public_domain: bool = False
    title: str | None = None
    artist_title: str | None = None
    artist_display: str | None = None  # in lines: the name, then nationality and dates
    date_display: str | None = None
    credit_line: str | None = None
    thumbnail: _Picture | None = None
    color: dict[str, float | None] | None = None  # h of 360, l and s of 100
    term_titles: list[str] | None = None


class _Answer(msgspec.Struct):
    data: msgspec.Raw
    config: dict[str, str | None] = {}
    pagination: dict[str, int] = {}  # of a search, which names no next page (measured)


@hookimpl
def provider_info() -> ProviderInfo:
    """What anybody gets."""
    return ProviderInfo(
        title=MUSEUM,
        homepage=HOST,
        base_url="https://api.artic.edu/api/v1/",
        settings=Settings,
        page_size=100,
        max_results=DEPTH,
        quotas=[Quota(60, "minute")],
        license=License("cc0-1.0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        file_hosts={"www.artic.edu"},
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """One page of `GET /artworks/search`, all of it in `params` as the docs advise."""
    first = min((query.page - 1) * query.per_page, DEPTH)
    size = min(query.per_page, DEPTH - first)  # a page that reaches beyond is refused whole (docs)
    body = {"q": query.text, "query": OPEN, "fields": _Work.__struct_fields__, "from": first, "size": size}
    found = await _get("artworks/search", {"params": msgspec.json.encode(body).decode()}, http, settings)
    works, total = msgspec.json.decode(found.data, type=list[msgspec.Raw]), found.pagination.get("total")
    images = [image for work in decode_each(works, _Work) if (image := _image(work, found.config))]
    return Page(images, total, last=not works or first + size >= min(total or DEPTH, DEPTH))


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """`GET /artworks/{id}`, None if there is nothing to show. Ids are numbers, so anything else costs no call."""
    if not (image_id.isascii() and image_id.isdigit()) or image_id.startswith("0"):
        return None
    found = await _get(f"artworks/{image_id}", {"fields": ",".join(_Work.__struct_fields__)}, http, settings)
    return _image(msgspec.json.decode(found.data, type=_Work), found.config)


async def _get(path: str, params: dict[str, str], http: httpx.AsyncClient, settings: Settings) -> _Answer:
    agent = http.headers["User-Agent"] + (f" ({settings.contact})" if settings.contact else "")
    response = await http.get(path, params=params, headers={"AIC-User-Agent": agent})
    if response.status_code == httpx.codes.FORBIDDEN:
        if "json" in response.headers.get("Content-Type", ""):  # of the API itself: a page too deep or large (docs)
            raise InvalidResponse(f"{MUSEUM} refused the request: {response.text}")
        raise Unauthorized(f"{MUSEUM} blocks calls from this server's address (it answered 403)")
    return decode(response, _Answer)


def _image(work: _Work, config: dict[str, str | None]) -> Image | None:
    """One work in our terms, None unless it has a picture in the public domain, which is CC0 (docs)."""
    if not work.is_public_domain or not work.image_id:
        return None
    picture, told = work.thumbnail or _Picture(), config.get("iiif_url") or ""  # the docs show a test host too
    at = f"{told if told.startswith(HOST) else HOST + 'iiif/2'}/{work.image_id}/full/"
    size = (picture.width, picture.height) if picture.width and picture.height else (0, 0)  # which the gateway drops
    files = [Rendition.within(name, f"{at}{w},/0/default.jpg", size, (w, size[1])) for name, w in WIDTHS if w < size[0]]
    files.append(Rendition(name="original", url=f"{at}full/0/default.jpg", width=size[0], height=size[1]))
    artist = work.artist_title or (work.artist_display or "").partition("\n")[0].strip()
    label = ", ".join(filter(None, (work.title or "Untitled", work.date_display)))
    rgb = colorsys.hls_to_rgb(*(((work.color or {}).get(key) or 0) / (360 if key == "h" else 100) for key in "hls"))
    return Image(
        id=str(work.id),
        title=work.title,
        alt=picture.alt_text or work.title,
        width=size[0],
        height=size[1],
        color=f"#{''.join(f'{round(255 * part):02x}' for part in rgb)}" if work.color else None,
        tags=work.term_titles or (),
        author=Author(artist) if artist else None,
        source_url=f"{HOST}artworks/{work.id}",
        renditions=files,
        credit=". ".join(filter(None, (artist, label, MUSEUM, work.credit_line))),
    )
