"""The routes of the ledger."""

from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from msgspec import Meta

from imagevault.downloads.ledger import MAX_NOTE, MAX_PROJECT, DownloadRecord, Ledger
from imagevault.errors import BadInput
from imagevault.records import Caller

EXAMPLE = {
    "id": "5d2f1c3a-7a58-4f0e-9d3b-0e6c2a9b7f41",
    "image": "pexels:2014422",
    "provider": "pexels",
    "url": "https://images.pexels.com/photos/2014422/pexels-photo-2014422.jpeg",
    "rendition": "original",
    "width": 3024,
    "height": 3024,
    "title": "Brown rocks during golden hour",
    "author": {"name": "Joey Farina", "url": "https://www.pexels.com/@joey"},
    "source_url": "https://www.pexels.com/photo/brown-rocks-during-golden-hour-2014422/",
    "license": {
        "id": "pexels",
        "name": "Pexels License",
        "url": "https://www.pexels.com/license/",
        "attribution_required": False,
        "commercial": True,
        "modification": True,
    },
    "attribution": {"text": "Photo by Joey Farina on Pexels", "html": "...", "markdown": "..."},
    "project": "autumn-brochure",
    "note": None,
    "created_at": "2026-11-23T09:31:00Z",
}

NEW_EXAMPLE = {"image": "local:mountain-lake.jpg", "project": "atlas"}


class NewDownload(msgspec.Struct, forbid_unknown_fields=True):
    """What was downloaded: an `image` of a search, in a `rendition` (by default the largest), or a bare `url`."""

    image: Annotated[str, Meta(max_length=260, examples=["pexels:2014422"])] | None = None
    rendition: Annotated[str, Meta(max_length=16, examples=["original"])] | None = None
    url: Annotated[str, Meta(max_length=2048)] | None = None
    project: Annotated[str, Meta(max_length=MAX_PROJECT, examples=["autumn-brochure"])] | None = None
    note: Annotated[str, Meta(max_length=MAX_NOTE)] | None = None


class DownloadList(msgspec.Struct, frozen=True):
    """A page of the ledger; `next` is the cursor of the page after it, null at the end."""

    downloads: list[DownloadRecord]
    next: str | None


@post(
    "/download",
    opt={"example": EXAMPLE, "body": NEW_EXAMPLE, "problems": (404, 413, 415, 502, 504)},
    tags=["downloads"],
    summary="Record a download",
)
async def download(
    request: Request[Caller, Any, Any], data: JSONBody[NewDownload], ledger: NamedDependency[Ledger]
) -> DownloadRecord:
    """Record what was downloaded, with title, author, licence and credit as they are today.

    Give `image` (an id from a search) or `url`, not both. The status 201 means that the record is stored durably.
    """
    if (data.image is None) == (data.url is None):
        raise BadInput("image", "give either image or url")
    if data.image is not None:
        return await ledger.save_image(request.user.id, data.image, data.rendition, data.project, data.note)
    if data.rendition is not None:
        raise BadInput("rendition", "goes with image, not with url")
    return await ledger.save_url(request.user.id, data.url or "", data.project, data.note)


@get(
    "/downloads",
    opt={"example": {"downloads": [EXAMPLE], "next": None}},
    tags=["downloads"],
    summary="My downloads",
)
async def downloads(
    request: Request[Caller, Any, Any],
    ledger: NamedDependency[Ledger],
    limit: Annotated[int, QueryParameter(ge=1, le=200, description="Downloads on a page.")] = 50,
    cursor: Annotated[str | None, QueryParameter(description="`next` of the previous page.")] = None,
) -> Response[DownloadList]:
    """List your own downloads, newest first."""
    page = await ledger.page(request.user.id, limit, cursor)
    headers = {}
    if page.next_cursor:
        base = ledger.gateway.settings.base_url
        headers["Link"] = f'<{base}/downloads?limit={limit}&cursor={page.next_cursor}>; rel="next"'
    return Response(DownloadList(page.downloads, page.next_cursor), headers=headers)


ROUTES = [download, downloads]
