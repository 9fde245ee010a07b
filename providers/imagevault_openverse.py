"""Openverse: openly licensed pictures of many sources, without a key. https://api.openverse.org/v1/ ("API docs" below).

"Source" is the API's own, github.com/WordPress/openverse; "measured" are answers that others published, 2024 to 2026.
Anonymous calls: 20 a minute and 200 a day, pages of 20 (measured). A registered application: 100 a minute and 10 000
a day (source, documentation/api/user/rate_limits.md), pages of 50 (measured). Either sees 240 works of a query, and a
page that reaches past them is refused whole (measured).

`mature` is never sent: any value switches sensitive works on, `false` too (source, serializers/media_serializers.py).
"""

import re

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
    decode,
    decode_each,
    hookimpl,
)

DEPTH = 240
APPLICATION_PAGE = 48  # of the 50 allowed, so that whole pages make 240
TOKEN_KEPT = 3600  # seconds, of the ten hours a token is good for (API docs)
FREE = "by,by-sa,cc0,pdm"  # lists, for their `license_type` counts Sampling Plus as commercial, which bars adverts
FILTERS = {
    "orientation": {"landscape": "wide", "portrait": "tall", "square": "square"},
    "license": {"commercial": f"{FREE},by-nd", "modification": f"{FREE},by-nc,by-nc-sa", "public-domain": "cc0,pdm"},
}
PARAMS = {"orientation": "aspect_ratio", "license": "license"}
HOSTS = "live.staticflickr.com upload.wikimedia.org cdn.stocksnap.io images.rawpixel.com"  # of the largest sources
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
        quotas=_quotas("anon", 20, 200),
        credit='"{title}" by {author} ({license})',
        file_hosts={"api.openverse.org", "api.openverse.engineering", *HOSTS.split()},  # thumbnails: now, and once
        cache_for=4 * 3600,  # their own cache-control (measured)
    )


@hookimpl
def configure(info: ProviderInfo, settings: Settings) -> ProviderInfo:
    """More for a registered application. ValueError if only half of its credentials is set."""
    lacking = [key for key in ("client_id", "client_secret") if not getattr(settings, key)]
    if len(lacking) == 1:
        raise ValueError(f"OPENVERSE_{lacking[0].upper()} is not set (or {lacking[0]} in [providers.openverse])")
    quotas = _quotas("oauth2_client_credentials", 100, 10_000)
    return info if lacking else msgspec.structs.replace(info, page_size=APPLICATION_PAGE, quotas=quotas)


def _quotas(scope: str, burst: int, sustained: int) -> list[Quota]:
    header = f"X-RateLimit-Available-{scope}"
    return [Quota(burst, "minute", f"{header}_burst"), Quota(sustained, "day", f"{header}_sustained")]


@hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings, keep: Keep) -> Page:
    """One page of `GET /images/`, without the works that were reported or have words on their list."""
    params: Params = {"q": query.text, "page": query.page, "page_size": query.per_page}
    params |= {PARAMS[name]: value for name, value in query.native.items()}
    listing = decode(await _get("images/", http, settings, keep, params), _Listing)
    images = [image for work in decode_each(listing.results, _Work) if (image := _image(work))]
    # an empty page says 0, whatever the pages before it said (source, controllers/search_controller.py)
    total = listing.result_count if listing.results or query.page == 1 else None
    return Page(images, total=total, last=not listing.results or query.page >= listing.page_count)


@hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings, keep: Keep) -> Image | None:
    """`GET /images/{uuid}/`; anything but a UUID costs no call."""
    if not UUID.fullmatch(image_id):
        return None
    response = await _get(f"images/{image_id}/", http, settings, keep)
    return None if response.status_code == httpx.codes.NOT_FOUND else _image(decode(response, _Work))


async def _get(
    path: str, http: httpx.AsyncClient, settings: Settings, keep: Keep, params: Params | None = None
) -> httpx.Response:
    """The answer to `GET path`, asked with the application's token if there is one."""
    if not settings.client_id:
        return _understood(await http.get(path, params=params))

    async def fetch_token() -> str:
        form = {**msgspec.structs.asdict(settings), "grant_type": "client_credentials"}
        answer = await http.post("auth_tokens/token/", data=form)
        if answer.status_code in {400, 401}:
            raise Unauthorized("Openverse does not accept OPENVERSE_CLIENT_ID with OPENVERSE_CLIENT_SECRET")
        return decode(_understood(answer), _Token).access_token

    token = await keep("token", fetch_token, TOKEN_KEPT)
    response = await http.get(path, params=params, headers={"Authorization": f"Bearer {token}"})
    if response.status_code == httpx.codes.UNAUTHORIZED:  # ended before its time, or taken for none (issue 3626)
        token = await keep(f"token instead of {token}", fetch_token, TOKEN_KEPT)
        response = await http.get(path, params=params, headers={"Authorization": f"Bearer {token}"})
    return _understood(response)


def _understood(response: httpx.Response) -> httpx.Response:
    """The answer. Raises what the gateway cannot tell from the status alone."""
    status, text = response.status_code, response.text
    if status == 429 and "Retry-After" not in response.headers and (wait := re.search(r" in (\d{1,6}) second", text)):
        raise RateLimited("Openverse allows no more requests now", float(wait[1]))
    if status == 400 or (status == 401 and "may not exceed" in text):  # a page too large or too deep (measured)
        raise InvalidResponse(f"Openverse refused the request: {text}")
    if status == 403:  # Cloudflare's, of some hosting companies (issue 5478)
        raise Unauthorized("Openverse refuses calls from this server's address (it answered 403)")
    return response


def _image(work: _Work) -> Image | None:
    """One work in our terms, None for a sensitive one. Its size is that of `url`, often not the largest (Flickr)."""
    if work.mature or work.unstable__sensitivity:
        return None
    thumbnail = [Rendition(name="thumbnail", url=work.thumbnail)] if work.thumbnail else []
    original = Rendition(name="original", url=work.url, width=work.width, height=work.height)
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
        renditions=[*thumbnail, original],
        credit=work.attribution,
    )


def _license(work: _Work) -> License:
    """The licence by its address, else by code and version; of one that is neither, little is promised."""
    code, version = work.license.lower(), work.license_version or ""
    mark = {"cc0": "publicdomain/zero/1.0", "pdm": "publicdomain/mark/1.0"}.get(code)
    url = f"https://creativecommons.org/{mark or f'licenses/{code}/{version}'}/"
    name = f"CC {code.upper()} {version}".rstrip()  # Sampling Plus, in practice (source, constants/licenses.py)
    other = License(name.lower().replace(" ", "-"), name, work.license_url or url, True, False, "sampling" in code)
    return License.from_url(work.license_url or "") or License.from_url(url) or other
