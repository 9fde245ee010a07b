"""The routes of search."""

from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import PathParameter, QueryParameter
from litestar.response import File

from imagevault.records import Caller, ImageRecord
from imagevault.search.gateway import Gateway
from imagevault.search.provider_list import ProviderList, list_providers
from imagevault.search.search import MAX_TEXT, PER_PAGE, SearchRequest, SearchResponse

EXAMPLE_IMAGE = {
    "id": "pexels:2014422",
    "provider": "pexels",
    "title": "Brown rocks during golden hour",
    "alt": "Brown rocks during golden hour",
    "width": 3024,
    "height": 3024,
    "color": "#978E82",
    "blurhash": None,
    "tags": [],
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
    "attribution": {
        "text": "Photo by Joey Farina on Pexels",
        "html": 'Photo by <a href="https://www.pexels.com/@joey">Joey Farina</a> on <a href="...">Pexels</a>',
        "markdown": "Photo by [Joey Farina](https://www.pexels.com/@joey) on [Pexels](...)",
    },
    "hotlink": "allowed",
    "also_from": [],
    "renditions": [
        {"name": "thumbnail", "url": "https://images.pexels.com/...", "width": 280, "height": 200},
        {"name": "original", "url": "https://images.pexels.com/...", "width": 3024, "height": 3024},
    ],
}
EXAMPLE_STATUS = {
    "name": "pexels",
    "status": "ok",
    "total": 8000,
    "cache": "miss",
    "emulated": [],
    "retry_after": None,
    "detail": None,
}
EXAMPLE_ANSWER = {"images": [EXAMPLE_IMAGE], "providers": [EXAMPLE_STATUS], "next": "W1siLi4uIl1d"}
EXAMPLE_PROVIDERS = {
    "providers": [
        {
            "name": "pexels",
            "title": "Pexels",
            "homepage": "https://www.pexels.com",
            "state": "ok",
            "quota": "ok",
            "notice": "Photos provided by Pexels",
            "hotlink": "allowed",
            "page_size": 80,
            "max_results": None,
            "filters": {"orientation": ["landscape", "portrait", "square"]},
            "emulated": ["license"],
            "reason": None,
            "source": None,
            "standing": None,
        }
    ],
    "failures": [],
    "problems": [],
}


@get(
    "/search",
    opt={"open": "search", "example": EXAMPLE_ANSWER, "problems": (401, 422, 502, 504)},
    tags=["search"],
    summary="Search for images",
)
async def search(
    request: Request[Any, Any, Any],
    gateway: NamedDependency[Gateway],
    q: Annotated[str | None, QueryParameter(description=f"What to search for, 1 to {MAX_TEXT} characters.")] = None,
    provider: Annotated[
        str | None,
        QueryParameter(description="One or more names, separated by commas, or `all`. Absent: the default chain."),
    ] = None,
    per_page: Annotated[int | None, QueryParameter(ge=1, le=100, description=f"Images a page; {PER_PAGE}.")] = None,
    page: Annotated[
        int | None, QueryParameter(ge=1, le=10_000, description="Counts from 1; only with one provider named.")
    ] = None,
    cursor: Annotated[
        str | None, QueryParameter(description="`next` of the page before; what is repeated beside it must agree.")
    ] = None,
    orientation: Annotated[str | None, QueryParameter(description="landscape, portrait or square.")] = None,
    size: Annotated[
        str | None, QueryParameter(description="small, medium or large: at least 4, 12 or 24 megapixels.")
    ] = None,
    color: Annotated[str | None, QueryParameter(description="A name or hex value; the nearest known is used.")] = None,
    license: Annotated[str | None, QueryParameter(description="any, commercial, modification, public-domain.")] = None,
    locale: Annotated[str | None, QueryParameter(description="The language of `q`, such as de-DE.")] = None,
) -> Response[SearchResponse]:
    """Searches one, several or all providers.

    Without `provider`, those of the default chain are tried in turn, and the first that answers gives the page. Several
    are asked at once and merged. `providers` in the answer says what each did. `next` continues the search, and is null
    only at its end. A filter that a provider lacks is emulated on its records, or the provider says `unsupported`.
    """
    asked = SearchRequest(
        text=q,
        providers=provider,
        per_page=per_page,
        page=page,
        cursor=cursor,
        caller=_caller(request),
        filters={"orientation": orientation, "size": size, "color": color, "license": license, "locale": locale},
    )
    answer = await gateway.search(asked)
    headers = {"Cache-Control": "private, max-age=60"}
    if answer.next:
        headers["Link"] = f'<{gateway.settings.base_url}/search?cursor={answer.next}>; rel="next"'
    return Response(answer, headers=headers)


@get(
    "/images/{id:path}",
    opt={"open": "search", "example": EXAMPLE_IMAGE, "problems": (401, 404, 502, 504)},
    tags=["search"],
    summary="One image",
)
async def image(
    request: Request[Any, Any, Any],
    gateway: NamedDependency[Gateway],
    id: Annotated[str, PathParameter(description="An id from a search, such as pexels:2014422, percent-encoded.")],
) -> ImageRecord:
    """Answers one image by its id; 404 if its provider does not have it any more."""
    provider, found = await gateway.image(id.removeprefix("/"), caller=_caller(request))
    return gateway.record(provider, found)


@get("/providers", opt={"example": EXAMPLE_PROVIDERS}, tags=["search"], summary="The providers")
async def providers(request: Request[Caller, Any, Any], gateway: NamedDependency[Gateway]) -> ProviderList:
    """Lists the providers: state, how its quota stands, the filters it knows and those that are emulated, its notice.

    Admins also see numbers, the breaker, the last error, and what is wrong with plugins and config.
    """
    return await list_providers(gateway, admin=request.user.is_admin)


@get(
    "/media/{provider:str}/{rendition:str}/{id:path}",
    opt={"open": True, "problems": (403, 404)},
    security=[{}],
    tags=["search"],
    summary="A file that this server holds",
)
async def media(
    gateway: NamedDependency[Gateway],
    provider: Annotated[str, PathParameter(description="A provider that holds its files itself.")],
    rendition: Annotated[str, PathParameter(description="thumbnail, small, medium, large or original.")],
    id: Annotated[str, PathParameter(description="The provider's own id of the image.")],
    expires: Annotated[int, QueryParameter(description="Unix time until which the link is good.")],
    signature: Annotated[str, QueryParameter(description="What makes the link one of ours.")],
) -> File:
    """Answers a picture by the signed link that a search gave; no credential is needed, the link is one."""
    path, kind, left = await gateway.media.open(provider, id.removeprefix("/"), rendition, expires, signature)
    return File(
        path,
        media_type=kind,
        filename=f"{provider}-{rendition}.{kind.removeprefix('image/')}",
        content_disposition_type="inline",
        headers={
            "Cache-Control": f"public, max-age={left}, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )


def _caller(request: Request[Any, Any, Any]) -> str:
    """Whose share of a quota a call is: the account's, or the address's where nobody is signed in."""
    return request.scope["user"].id if request.scope["user"] else request.scope["imagevault.network"]  # type: ignore[no-any-return, typeddict-item]


ROUTES = [search, image, providers, media]
