"""The routes of the ledger."""

import uuid
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import HeaderParameter, JSONBody, PathParameter, QueryParameter

from imagevault.downloads.examples import EXAMPLE, EXAMPLE_PROJECT, EXAMPLE_PROOF, EXAMPLE_TAKEN, NEW_EXAMPLE
from imagevault.downloads.finding import MAX_FILTER, Filters, ProjectCount, Taken, read_time, stated
from imagevault.downloads.ledger import Ledger
from imagevault.downloads.new_download import NewDownload
from imagevault.downloads.record import CheckStatus, DownloadProof, DownloadRecord, Note, Project
from imagevault.downloads.repeatable_saves import read_key
from imagevault.errors import BadInput
from imagevault.search.lookup import read_ids
from imagevault.security.caller import Caller

DownloadId = Annotated[uuid.UUID, PathParameter(description="The id of a download of yours.")]


class DownloadList(msgspec.Struct, frozen=True):
    """A page of your downloads.

    Attributes:
        downloads: newest first.
        next: the cursor of the page after it; null at the end.

    """

    downloads: list[DownloadRecord]
    next: str | None


class DownloadChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What to change in a download. A field that is left out stays as it is; null clears it.

    Attributes:
        project: what it is for.
        note: any text.

    """

    project: Project | msgspec.UnsetType | None = msgspec.UNSET
    note: Note | msgspec.UnsetType | None = msgspec.UNSET


class TakenList(msgspec.Struct, frozen=True):
    """Which of the images you took before.

    Attributes:
        taken: in the order of the ids; images that you did not take are left out.

    """

    taken: list[Taken]


class ProjectList(msgspec.Struct, frozen=True):
    """Your projects.

    Attributes:
        projects: the last used first.

    """

    projects: list[ProjectCount]


@post(
    "/download",
    opt={
        "scopes": ("downloads",),
        "example": EXAMPLE,
        "body": NEW_EXAMPLE,
        "problems": (404, 409, 413, 415, 422, 502, 504),
        "parameters": {"Idempotency-Key": {"minLength": 1, "maxLength": 257}},
    },
    tags=["downloads"],
    summary="Record a download",
)
async def download(
    request: Request[Caller, Any, Any],
    data: JSONBody[NewDownload],
    ledger: NamedDependency[Ledger],
    idempotency_key: Annotated[
        str | None,
        HeaderParameter(
            name="Idempotency-Key",
            description="A new random text for each download. A request that repeats key and body records nothing more "
            "and gets the same answer, for a day.",
        ),
    ] = None,
) -> Response[DownloadRecord]:
    """Record what was downloaded, with title, author, licence and credit as they are today.

    Give `image` (an id from a search) or `url`, not both. The status 201 means that the record is stored durably. To
    repeat a request safely, send an `Idempotency-Key`: with another body it is refused with 422, and with 409 while the
    first request is running. A repeated answer has the header `Idempotent-Replayed: true`.
    """
    if len(request.headers.getall("Idempotency-Key", [])) > 1:
        raise BadInput("Idempotency-Key", "must be given once")
    key = read_key(idempotency_key) if idempotency_key is not None else None
    saved = await ledger.save(request.user, data, key)
    headers = {"Idempotent-Replayed": "true"} if saved.is_replayed else {}
    return Response(saved.record, headers=headers)


@get(
    "/downloads",
    opt={"scopes": ("downloads",), "example": {"downloads": [EXAMPLE], "next": None}},
    tags=["downloads"],
    summary="My downloads",
)
async def downloads(
    request: Request[Caller, Any, Any],
    ledger: NamedDependency[Ledger],
    limit: Annotated[int, QueryParameter(ge=1, le=200, description="Downloads on a page.")] = 50,
    cursor: Annotated[str | None, QueryParameter(description="`next` of the previous page.")] = None,
    provider: Annotated[
        str | None, QueryParameter(max_length=MAX_FILTER, description="Only downloads from this provider.")
    ] = None,
    project: Annotated[
        str | None, QueryParameter(max_length=MAX_FILTER, description="Only downloads for this project.")
    ] = None,
    license: Annotated[
        str | None,
        QueryParameter(max_length=MAX_FILTER, description="Only downloads under the licence with this id: cc-by-4.0."),
    ] = None,
    status: Annotated[
        CheckStatus | None,
        QueryParameter(description="Only downloads of which the last check at the source found this."),
    ] = None,
    q: Annotated[
        str | None,
        QueryParameter(
            max_length=MAX_FILTER, description="Words that title, author, project, note or credit contain, all of them."
        ),
    ] = None,
    since: Annotated[
        str | None, QueryParameter(max_length=40, description="Only downloads of this day or time, or later.")
    ] = None,
    until: Annotated[
        str | None, QueryParameter(max_length=40, description="Only downloads of this day or time, or earlier.")
    ] = None,
) -> Response[DownloadList]:
    """List your own downloads, newest first.

    With `q`, or with several filters, a page may be shorter than `limit`, even empty: one request looks through a
    limited number of records. `next` is null only at the end.
    """
    filters = Filters(
        provider=stated(provider, "provider"),
        project=stated(project, "project"),
        license=stated(license, "license"),
        status=status,
        q=stated(q, "q"),
        since=read_time(since, "since") if since is not None else None,
        until=read_time(until, "until") if until is not None else None,
    )
    if filters.since is not None and filters.until is not None and filters.since > filters.until:
        raise BadInput("since", "must not be later than until")
    page = await ledger.page(request.user.id, limit, cursor, filters)
    headers = {}
    if page.next_cursor:
        given = {**request.query_params, "limit": limit, "cursor": page.next_cursor}
        headers["Link"] = f'<{ledger.gateway.settings.base_url}/downloads?{urlencode(given)}>; rel="next"'
    return Response(DownloadList(page.downloads, page.next_cursor), headers=headers)


@get(
    "/downloads/taken",
    opt={
        "scopes": ("downloads",),
        "example": {"taken": [EXAMPLE_TAKEN]},
        "parameters": {"ids": {"minLength": 3, "examples": ["pexels:2014422,local:fox-in-snow.jpg"]}},
    },
    tags=["downloads"],
    summary="Which images I took before",
)
async def taken(
    request: Request[Caller, Any, Any],
    ledger: NamedDependency[Ledger],
    ids: Annotated[str, QueryParameter(description="Up to 100 ids of images, separated by commas.")],
) -> TakenList:
    """Tell which of up to 100 images you recorded before, how often and when."""
    return TakenList(await ledger.taken(request.user.id, read_ids(ids)))


@get(
    "/projects",
    opt={"scopes": ("downloads",), "example": {"projects": [EXAMPLE_PROJECT]}},
    tags=["downloads"],
    summary="My projects",
)
async def projects(request: Request[Caller, Any, Any], ledger: NamedDependency[Ledger]) -> ProjectList:
    """List the projects of your downloads with their counts, the last used first, up to 1000."""
    return ProjectList(await ledger.projects(request.user.id))


@get(
    "/downloads/{id:uuid}",
    opt={"scopes": ("downloads",), "example": EXAMPLE_PROOF, "problems": (404,)},
    tags=["downloads"],
    summary="One download with its proof",
)
async def one_download(
    request: Request[Caller, Any, Any], ledger: NamedDependency[Ledger], id: DownloadId
) -> DownloadProof:
    """Get one of your downloads, with the provider's record of the image as it was on that day."""
    return await ledger.find(request.user.id, id)


@patch(
    "/downloads/{id:uuid}",
    opt={
        "scopes": ("downloads",),
        "example": EXAMPLE_PROOF,
        "body": {"project": "winter-brochure"},
        "problems": (404, 413, 415),
    },
    tags=["downloads"],
    summary="Change project or note",
)
async def change_download(
    request: Request[Caller, Any, Any],
    data: JSONBody[DownloadChange],
    ledger: NamedDependency[Ledger],
    id: DownloadId,
) -> DownloadProof:
    """Change the project or the note of one of your downloads. Nothing else of a record changes."""
    return await ledger.change(request.user.id, id, data.project, data.note)


@delete(
    "/downloads/{id:uuid}",
    opt={"scopes": ("downloads",), "example": None, "problems": (404,)},
    tags=["downloads"],
    summary="Forget a download",
)
async def forget_download(request: Request[Caller, Any, Any], ledger: NamedDependency[Ledger], id: DownloadId) -> None:
    """Delete one of your downloads. A report of it that the provider's terms demand is still sent."""
    await ledger.forget(request.user.id, id)


ROUTES = [download, downloads, taken, projects, one_download, change_download, forget_download]
