"""Openverse: openly licensed pictures of many sources, without a key. https://api.openverse.org/v1/ ("API docs" below).

"Source" is the API's own, github.com/WordPress/openverse; "measured" are answers that others published, 2024 to 2026.
Anonymous calls: 20 a minute and 200 a day, pages of 20 (measured). A registered application: 100 a minute and 10 000
a day (source, documentation/api/user/rate_limits.md), pages of 50 (measured). Either sees 240 works of a query, and a
page that reaches past them is refused whole (measured).

`mature` is never sent: any value switches sensitive works on, `false` too (source, serializers/media_serializers.py).
"""

import contextlib
import re
from collections.abc import Iterable, Iterator

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
    Unauthorized,
    hookimpl,
)

DEPTH = 240
APPLICATION_PAGE = 48  # of the 50 allowed, so that whole pages make 240
TOKEN_KEPT = 3600  # seconds, of the ten hours a token is good for (API docs)
PARAMS = {"orientation": "aspect_ratio", "license": "license"}
FILTERS = {
    "orientation": {"landscape": "wide", "portrait": "tall", "square": "square"},
    "license": {  # lists, for their `license_type` counts the retired Sampling Plus as commercial, which bars adverts
        "commercial": "by,by-sa,by-nd,cc0,pdm",
        "modification": "by,by-sa,by-nc,by-nc-sa,cc0,pdm",
        "public-domain": "cc0,pdm",
    },
}
PUBLIC_DOMAIN = {"cc0": "publicdomain/zero/1.0", "pdm": "publicdomain/mark/1.0"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Params = dict[str, str | int]


class Settings(msgspec.Struct, frozen=True):
    """Nothing is needed. Both fields of an application (API docs, "register") give more calls and larger pages."""

    client_id: str | None = None
    client_secret: str | None = None


class _Tag(msgspec.Struct):
    name: str | None = None


class _Work(msgspec.Struct):
    """The fields used of a work. Nearly all may be null; sizes and attribution were missing in 2022 (recorded)."""

    id: str
    url: str
    license: str
    license_version: str | None = None
    license_url: str | None = None
    title: str | None = None
    creator: str | None = None
    creator_url: str | None = None
    foreign_landing_url: str | None = None
    attribution: str | None = None
    thumbnail: str | None = None
    width: int | None = None
    height: int | None = None
    tags: list[_Tag] | None = None
    mature: bool | None = None
    unstable__sensitivity: list[str] | None = None

    @property
    def sensitive(self) -> bool:
        """Whether it was reported, or has words on their list."""
        return bool(self.mature or self.unstable__sensitivity)


class _Listing(msgspec.Struct):
    """A page of results. `page_count` is the page asked for where that is short, so the last (source)."""

    results: list[msgspec.Raw]
    result_count: int
    page_count: int


class _Token(msgspec.Struct):
    access_token: str


@hookimpl
def provider_info() -> ProviderInfo:
    """What anybody gets. Their sizes are not megapixels, so size is left to the gateway."""
    return ProviderInfo(
        title="Openverse",
        homepage="https://openverse.org",
        base_url="https://api.openverse.org/v1/",
        settings=Settings,
        page_size=20,
        filters=FILTERS,
        max_results=DEPTH,
        quotas=[
            Quota(20, "minute", remaining="X-RateLimit-Available-anon_burst"),
            Quota(200, "day", remaining="X-RateLimit-Available-anon_sustained"),
        ],
        credit='"{title}" by {author} ({license})',
        file_hosts={
            "api.openverse.org",  # thumbnails of all
            "live.staticflickr.com",
            "upload.wikimedia.org",
            "cdn.stocksnap.io",
            "images.rawpixel.com",
        },
        cache_for=4 * 3600,  # their own cache-control (measured)
        hotlink="allowed",
    )


@hookimpl
def configure(info: ProviderInfo, settings: Settings) -> ProviderInfo:
    """More for a registered application. ValueError if only half of its credentials is set."""
    if not settings.client_id and not settings.client_secret:
        return info
    for key in ("client_id", "client_secret"):
        if not getattr(settings, key):
            raise ValueError(f"OPENVERSE_{key.upper()} is not set (or {key} in [providers.openverse])")
    quotas = [
        Quota(100, "minute", remaining="X-RateLimit-Available-oauth2_client_credentials_burst"),
        Quota(10_000, "day", remaining="X-RateLimit-Available-oauth2_client_credentials_sustained"),
    ]
    return msgspec.structs.replace(info, page_size=APPLICATION_PAGE, quotas=quotas)


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings, keep: Keep) -> Page:
    """One page of `GET /images/`."""
    params: Params = {"q": query.text, "page": query.page, "page_size": query.per_page}
    params |= {PARAMS[name]: value for name, value in query.native.items()}
    response = await _get("images/", http, settings, keep, params)
    _check(response)
    listing = msgspec.json.decode(response.content, type=_Listing)
    return Page(
        [_image(work) for work in _works(listing.results) if not work.sensitive],
        # an empty page says 0, whatever the pages before it said (source, controllers/search_controller.py)
        total=listing.result_count if listing.results or query.page == 1 else None,
        last=not listing.results or query.page >= listing.page_count,
    )


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings, keep: Keep) -> Image | None:
    """`GET /images/{uuid}/`; anything but a UUID costs no call."""
    if not UUID.fullmatch(image_id):
        return None
    response = await _get(f"images/{image_id}/", http, settings, keep)
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    _check(response)
    work = msgspec.json.decode(response.content, type=_Work)
    return None if work.sensitive else _image(work)


async def _get(
    path: str, http: httpx.AsyncClient, settings: Settings, keep: Keep, params: Params | None = None
) -> httpx.Response:
    """The answer to `GET path`, asked with the application's token if there is one."""
    if not settings.client_id:
        return await http.get(path, params=params)

    async def fetch_token() -> str:
        form = {**msgspec.structs.asdict(settings), "grant_type": "client_credentials"}
        answer = await http.post("auth_tokens/token/", data=form)
        if answer.status_code in {400, 401}:
            raise Unauthorized("Openverse does not accept OPENVERSE_CLIENT_ID with OPENVERSE_CLIENT_SECRET")
        _check(answer)
        return msgspec.json.decode(answer.content, type=_Token).access_token

    token = await keep("token", fetch_token, TOKEN_KEPT)
    response = await http.get(path, params=params, headers={"Authorization": f"Bearer {token}"})
    if response.status_code == httpx.codes.UNAUTHORIZED:  # ended before its time, or taken for none (issue 3626)
        token = await keep(f"token instead of {token}", fetch_token, TOKEN_KEPT)
        response = await http.get(path, params=params, headers={"Authorization": f"Bearer {token}"})
    return response


def _check(response: httpx.Response) -> None:
    """Raises what the gateway cannot tell from the status alone, then as httpx does."""
    if response.is_success:
        return
    status, text = response.status_code, response.text
    if status == 429 and "Retry-After" not in response.headers and (wait := re.search(r" in (\d{1,6}) second", text)):
        raise RateLimited("Openverse allows no more requests now", float(wait[1]))
    if status == 400 or (status == 401 and "may not exceed" in text):  # a page too large or too deep (measured)
        raise InvalidResponse(f"Openverse refused the request: {text[:300]}")
    if status == 403:  # Cloudflare's, of some hosting companies (issue 5478)
        raise Unauthorized("Openverse refuses calls from this server's address (it answered 403)")
    response.raise_for_status()


def _works(results: Iterable[msgspec.Raw]) -> Iterator[_Work]:
    """The works that are as documented."""
    for result in results:
        with contextlib.suppress(ValueError):
            yield msgspec.json.decode(result, type=_Work)


def _image(work: _Work) -> Image:
    """One work in our terms. Its size is that of the file at `url`, which need not be the largest (Flickr)."""
    renditions = [Rendition(name="original", url=work.url, width=work.width, height=work.height)]
    if work.thumbnail:
        renditions.insert(0, Rendition(name="thumbnail", url=work.thumbnail))
    return Image(
        id=work.id,
        title=work.title,
        alt=work.title,
        width=work.width,
        height=work.height,
        tags=list(dict.fromkeys(tag.name for tag in work.tags or () if tag.name)),
        author=Author(work.creator, work.creator_url) if work.creator else None,
        source_url=work.foreign_landing_url,
        license=_license(work),
        renditions=renditions,
        credit=work.attribution,
    )


def _license(work: _Work) -> License:
    """The licence by its address, else by code and version."""
    code, version = work.license.lower(), work.license_version or ""
    path = PUBLIC_DOMAIN.get(code) or f"licenses/{code}/{version}"
    known = License.from_url(work.license_url or "") or License.from_url(f"https://creativecommons.org/{path}/")
    return known or License(  # Sampling Plus, in practice (source, constants/licenses.py)
        id=f"cc-{code}-{version}".rstrip("-"),
        name=f"CC {code.upper()} {version}".rstrip(),
        url=work.license_url or f"https://creativecommons.org/{path}/",
        attribution_required=True,
        commercial=False,
        modification="sampling" in code,
    )
