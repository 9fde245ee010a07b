"""Unsplash: photographs under a licence of its own. https://unsplash.com/documentation ("docs"; measured: as recorded).

Demo keys have 50 calls an hour, production keys 1000 or 5000 (two versions of the docs): set `quota` to yours. The hour
ends without a header (go-unsplash issue 1). Pages hold 30 (v50.ai/skills/unsplash); from page 201 on the total is 0
(unsplash-js issue 216). Nothing is said of caching: a day, as calls are few. Terms: link files as given, whose `ixid`
counts the view; call `download_location` when one is taken; `utm` on links back (docs; help articles 2511245, 2511271).
"""

import re

import httpx
import msgspec

import imagevault
from imagevault import Author, Image, License, Page, ProviderInfo, Quota, Rendition, SearchQuery

ORIENTATIONS = {"landscape": "landscape", "portrait": "portrait", "square": "squarish"}
COLORS = "black", "white", "yellow", "orange", "red", "purple", "magenta", "green", "teal", "blue"


class Settings(msgspec.Struct, frozen=True):
    """The access key from https://unsplash.com/oauth/applications, and the application's name there."""

    api_key: str
    app_name: str = "imagevault"


class _User(msgspec.Struct):
    name: str
    links: dict[str, str | None]


class _Photo(msgspec.Struct):  # what has a default is null or missing in some (measured)
    id: str
    width: int
    height: int
    urls: dict[str, str | None]
    links: dict[str, str | None]
    user: _User
    slug: str | None = None
    alt_description: str | None = None
    description: str | None = None
    color: str | None = None
    blur_hash: str | None = None
    tags: list[dict[str, object]] | None = None
    sponsorship: object = None
    premium: object = None
    plus: object = None


class _Listing(msgspec.Struct):
    total: int
    results: list[msgspec.Raw]


@imagevault.hookimpl
def provider_info() -> ProviderInfo:
    """What Unsplash offers and demands. Its `lang` is a beta (docs), so there is no locale."""
    return ProviderInfo(
        title="Unsplash",
        homepage="https://unsplash.com",
        base_url="https://api.unsplash.com/",
        settings=Settings,
        page_size=30,
        filters={"orientation": ORIENTATIONS, "color": {word: word for word in COLORS} | {"gray": "black_and_white"}},
        max_results=6000,
        quotas=[Quota(50, "hour", remaining="X-Ratelimit-Remaining")],
        license=License("unsplash", "Unsplash License", "https://unsplash.com/license"),
        credit="Photo by {author} on Unsplash",
        file_hosts={"images.unsplash.com"},
        cache_for=24 * 3600,
        hotlink="required",
    )


@imagevault.hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """One page of `GET /search/photos`, without adverts, Unsplash+ and what is not for everybody."""
    params = {"query": query.text, "page": f"{query.page}", "per_page": f"{query.per_page}", "content_filter": "high"}
    listing = imagevault.decode(await _get(http, settings, "search/photos", **params, **query.native), _Listing)
    images = [_image(photo, settings) for photo in imagevault.decode_each(listing.results, _Photo)]
    total = listing.total if listing.results or query.page == 1 else None
    return Page([*filter(None, images)], total, last=not total or query.page * query.per_page >= total)


@imagevault.hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """`GET /photos/{id}`. Every id has this form (measured); `photos/random` would answer any photo."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{11}", image_id):
        return None
    return _image(imagevault.decode(await _get(http, settings, f"photos/{image_id}"), _Photo), settings)


@imagevault.hookimpl
async def image_downloaded(image: Image, http: httpx.AsyncClient, settings: Settings) -> None:
    """`GET` its `download_location`, below the base URL, `ixid` and all."""
    imagevault.decode(await _get(http, settings, image.ref or f"photos/{image.id}/download"), dict[str, str])


async def _get(http: httpx.AsyncClient, settings: Settings, path: str, **params: str) -> httpx.Response:
    response = await http.get(path, params=params or None, headers={"Authorization": f"Client-ID {settings.api_key}"})
    if response.status_code == 403 and "rate limit" in response.text.lower():  # plain text, labelled JSON (measured)
        raise imagevault.RateLimited("Unsplash allows no more requests this hour")
    if response.status_code == 410:
        raise imagevault.NotFound("Unsplash takes these words for spam (it answered 410)")
    return response


def _image(photo: _Photo, settings: Settings) -> Image | None:
    """One photo in our terms. Files of Unsplash+ are watermarked and on plus.unsplash.com; S3 counts no view."""
    raw, size = photo.urls.get("raw") or "", (photo.width, photo.height)
    if any([photo.sponsorship, photo.premium, photo.plus, 0 in size, "//images.unsplash.com/" not in raw]):
        return None
    alt = (photo.alt_description or "").strip() or (photo.description or "").strip()
    utm = f"?{httpx.QueryParams(utm_source=settings.app_name.strip() or 'imagevault', utm_medium='referral')}"
    return Image(
        id=photo.id,
        title=alt or (photo.slug or "").removesuffix(photo.id).replace("-", " ").strip().capitalize(),
        alt=alt,
        width=photo.width,
        height=photo.height,
        color=photo.color,
        blurhash=photo.blur_hash,
        tags=[f"{tag.get('title') or ''}" for tag in photo.tags or ()],
        author=Author(photo.user.name, f"{photo.user.links.get('html')}{utm}"),
        source_url=f"{photo.links.get('html')}{utm}",
        renditions=[
            Rendition.within("thumbnail", photo.urls.get("thumb") or "", size, (200, photo.height)),
            Rendition.within("small", photo.urls.get("small") or "", size, (400, photo.height)),
            Rendition.within("medium", photo.urls.get("regular") or "", size, (1080, photo.height)),
            Rendition.within("large", photo.urls.get("full") or "", size, size),
            Rendition.within("original", raw, size, size),
        ],
        ref=re.sub(r"^https?://[^/]+/", "", photo.links.get("download_location") or ""),
    )
