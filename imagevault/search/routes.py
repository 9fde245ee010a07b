"""The routes of searching: search, one image, the provider list, and files that a provider holds itself."""

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
EXAMPLE_SEARCH = {"images": [EXAMPLE_IMAGE], "providers": [EXAMPLE_STATUS], "next": "W1siLi4uIl1d"}
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
    opt={"open": "search", "example": EXAMPLE_SEARCH, "problems": (401, 422, 502, 504)},
    tags=["search"],
    summary="Search for images",
)
async def search(
    request: Request[Any, Any, Any],
    gateway: NamedDependency[Gateway],
    q: Annotated[str | None, QueryParameter(description=f"What to search for, 1 to {MAX_TEXT} characters.")] = None,
    provider: Annotated[
        str | None,
        QueryParameter(
            description="One or more provider names, separated by commas, or `all`. Without it, the default chain."
        ),
    ] = None,
    per_page: Annotated[
        int | None, QueryParameter(ge=1, le=100, description=f"Images on a page, {PER_PAGE} by default.")
    ] = None,
    page: Annotated[
        int | None, QueryParameter(ge=1, le=10_000, description="The page, from 1. Works only with one provider.")
    ] = None,
    cursor: Annotated[
        str | None,
        QueryParameter(description="`next` of the page before. Other parameters may repeat those of the search."),
    ] = None,
    orientation: Annotated[str | None, QueryParameter(description="landscape, portrait or square.")] = None,
    size: Annotated[
        str | None, QueryParameter(description="small, medium or large: at least 4, 12 or 24 megapixels.")
    ] = None,
    color: Annotated[
        str | None, QueryParameter(description="A colour name or hex value. The nearest colour that exists is used.")
    ] = None,
    license: Annotated[
        str | None, QueryParameter(description="any, commercial, modification or public-domain.")
    ] = None,
    locale: Annotated[str | None, QueryParameter(description="The language of `q`, for example de-DE.")] = None,
) -> Response[SearchResponse]:
    """Search one, several or all providers.

    Without `provider`, the providers of the default chain are tried in turn, and the first that answers supplies the
    page. Several providers are asked at once, and their images are merged. `providers` in the answer says what each
    provider did. `next` continues the search; it is null only at the end. A filter that a provider lacks is emulated on
    its records, or the provider's status is `unsupported`.
    """
    search_request = SearchRequest(
        text=q,
        providers=provider,
        per_page=per_page,
        page=page,
        cursor=cursor,
        caller=_caller(request),
        filters={"orientation": orientation, "size": size, "color": color, "license": license, "locale": locale},
    )
    response = await gateway.search(search_request)
    headers = {"Cache-Control": "private, max-age=60"}
    if response.next:
        headers["Link"] = f'<{gateway.settings.base_url}/search?cursor={response.next}>; rel="next"'
    return Response(response, headers=headers)


@get(
    "/images/{id:path}",
    opt={"open": "search", "example": EXAMPLE_IMAGE, "problems": (401, 404, 502, 504)},
    tags=["search"],
    summary="Get one image",
)
async def image(
    request: Request[Any, Any, Any],
    gateway: NamedDependency[Gateway],
    id: Annotated[str, PathParameter(description="An id from a search, for example pexels:2014422, percent-encoded.")],
) -> ImageRecord:
    """Get one image by its id. The answer is 404 if its provider no longer has it."""
    provider, found = await gateway.image(id.removeprefix("/"), caller=_caller(request))
    return gateway.record(provider, found)


@get("/providers", opt={"example": EXAMPLE_PROVIDERS}, tags=["search"], summary="List the providers")
async def providers(request: Request[Caller, Any, Any], gateway: NamedDependency[Gateway]) -> ProviderList:
    """List the providers: the state, how much of the quota is left, the filters, and the notice that its terms ask for.

    Admins also see numbers, the circuit breaker, the last error, and what is wrong with plugins and configuration.
    """
    return await list_providers(gateway, admin=request.user.is_admin)


@get(
    "/media/{provider:str}/{rendition:str}/{id:path}",
    opt={"open": True, "problems": (403, 404)},
    security=[{}],
    tags=["search"],
    summary="Get a file that this server holds",
)
async def media(
    gateway: NamedDependency[Gateway],
    provider: Annotated[str, PathParameter(description="A provider that holds its files itself.")],
    rendition: Annotated[str, PathParameter(description="thumbnail, small, medium, large or original.")],
    id: Annotated[str, PathParameter(description="The provider's own id of the image.")],
    expires: Annotated[int, QueryParameter(description="Until when the link works, Unix time.")],
    signature: Annotated[str, QueryParameter(description="The signature of this server.")],
) -> File:
    """Get a picture by the signed link that a search returned. The link is the credential."""
    opened = await gateway.links.open(provider, id.removeprefix("/"), rendition, expires, signature)
    extension = opened.media_type.removeprefix("image/")
    return File(
        opened.path,
        media_type=opened.media_type,
        filename=f"{provider}-{rendition}.{extension}",
        content_disposition_type="inline",
        headers={
            "Cache-Control": f"public, max-age={opened.seconds_left}, immutable",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )


def _caller(request: Request[Any, Any, Any]) -> str:
    """Whose share of a quota a call uses: the account's, or the network address's where nobody is signed in."""
    user: Caller | None = request.scope["user"]
    if user is not None:
        return user.id
    return str(request.scope["imagevault"].network)  # type: ignore[typeddict-item]


ROUTES = [search, image, providers, media]
