"""The Metropolitan Museum of Art: its works in the public domain, without a key. https://metmuseum.github.io ("docs").

A search answers ids only; each object is one call more. Not 80 calls a second as in the docs but some 30 quick ones, or
80 in 45 s, and a firewall answers 403 for a minute (measured; metmuseum/openaccess, issues 58 and 60). So 30 a minute;
six a second, so a page takes 2 s. What was looked up is kept: a page that a limit cuts short goes on where it stopped.
"""

import asyncio

import httpx
import msgspec

from imagevault import (
    Author,
    Image,
    InvalidResponse,
    Keep,
    License,
    Page,
    ProviderInfo,
    Quota,
    RateLimited,
    Rendition,
    SearchQuery,
    decode,
    decode_each,
    hookimpl,
)

MUSEUM, DEPTH, DAY = "The Metropolitan Museum of Art", 10_000, 24 * 3600  # lists end at DEPTH (measured)


class _Listing(msgspec.Struct):
    total: int  # also of what was withdrawn
    ids: list[msgspec.Raw] | None = msgspec.field(name="objectIDs")  # null, not [], where there are none (measured)


class _Object(msgspec.Struct, rename="camel"):
    """The fields used of an object. Texts are "" where unknown, `tags` is null (measured). It tells no sizes."""

    id: int = msgspec.field(name="objectID")
    is_public_domain: bool
    original: str = msgspec.field(name="primaryImage")
    small: str = msgspec.field(name="primaryImageSmall", default="")
    title: str = ""
    artist_prefix: str = ""
    artist_display_name: str = ""
    ulan: str = msgspec.field(name="artistULAN_URL", default="")
    wikidata: str = msgspec.field(name="artistWikidata_URL", default="")
    culture: str = ""
    object_date: str = ""
    credit_line: str = ""
    tags: list[dict[str, str | None]] | None = None


@hookimpl
def provider_info() -> ProviderInfo:
    """Open access images are CC0 (docs); of no others a file is given."""
    return ProviderInfo(
        title=MUSEUM,
        homepage="https://www.metmuseum.org",
        base_url="https://collectionapi.metmuseum.org/public/collection/",
        page_size=10,
        max_results=DEPTH,
        quotas=[Quota(30, "minute"), Quota(6, "second")],
        concurrency=2,
        license=License("cc0-1.0", "CC0 1.0", "https://creativecommons.org/publicdomain/zero/1.0/"),
        file_hosts={"images.metmuseum.org"},
        cache_for=DAY,
        tells_sizes=False,
    )


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, keep: Keep) -> Page:
    """One page of `GET v1.1/search`, without the objects that have no picture, are not open access or withdrawn."""
    first, block = (query.page - 1) * query.per_page, 10 * query.per_page  # ids of ten pages: 100, of 500 (measured)
    offset = first - first % block

    async def list_ids() -> _Listing:
        params = {"q": query.text, "hasImages": "true", "offset": f"{offset}", "limit": f"{min(block, DEPTH - offset)}"}
        return decode(await _get(http, "v1.1/search", params), _Listing)

    listing = await keep(f"ids {offset} {block} {query.text}", list_ids, DAY)
    ids = decode_each((listing.ids or [])[first - offset :][: query.per_page], int)
    found: list[Image | BaseException | None] = []
    for at in range(0, len(ids), 2):  # two at once, no more (measured); once one fails, none is begun
        pair = (fetch_image(str(id), http, keep) for id in ids[at : at + 2])
        found += await asyncio.gather(*pair, return_exceptions=True)
        if failed := [each for each in found if isinstance(each, BaseException) and not isinstance(each, ValueError)]:
            raise failed[0]
    if (broken := [each for each in found if isinstance(each, ValueError)]) and len(broken) == len(ids):
        raise broken[0]  # one that cannot be read does not cost the page, but all of them do
    images = [each for each in found if isinstance(each, Image)]
    return Page(images, total=listing.total, last=not ids or first + query.per_page >= min(listing.total, DEPTH))


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, keep: Keep) -> Image | None:
    """`GET v1/objects/{id}`, or what is kept of it; None if it is not there or not to be shown. Ids are numbers."""
    if not (image_id.isascii() and image_id.isdigit()) or image_id.startswith("0"):
        return None

    async def look_up() -> Image | None:
        response = await _get(http, f"v1/objects/{image_id}")
        return None if response.status_code == httpx.codes.NOT_FOUND else _image(decode(response, _Object))

    return await keep(f"object {image_id}", look_up, DAY)


async def _get(http: httpx.AsyncClient, path: str, params: dict[str, str] | None = None) -> httpx.Response:
    """The answer, unless its status would mislead the gateway."""
    response = await http.get(path, params=params)
    if response.status_code == httpx.codes.FORBIDDEN and "json" not in response.headers.get("Content-Type", ""):
        raise RateLimited("the Met's firewall blocks all calls for about a minute", retry_after=60)
    if response.status_code == httpx.codes.GONE:  # the end of a whole version, as of v1/search (measured), of no object
        raise InvalidResponse(f"the Met has taken this part of its API away: {response.text}")
    return response


def _image(work: _Object) -> Image | None:
    """One object in our terms, None unless its picture is open access. Its `objectURL` named a test host (recorded)."""
    if not work.is_public_domain or not work.original:
        return None
    artist = f"{work.artist_prefix} {work.artist_display_name}" if work.artist_display_name else work.culture
    label = ", ".join(filter(None, (artist, work.title or "Untitled", work.object_date)))
    return Image(
        id=str(work.id),
        title=work.title,
        alt=work.title,
        tags=[tag.get("term") or "" for tag in work.tags or ()],
        author=Author(artist, (work.ulan or work.wikidata).replace("http:", "https:", 1)) if artist else None,
        source_url=f"https://www.metmuseum.org/art/collection/search/{work.id}",
        renditions=[Rendition(name="small", url=work.small), Rendition(name="original", url=work.original)],
        credit=f"{label}. {MUSEUM}. {work.credit_line}",
    )
