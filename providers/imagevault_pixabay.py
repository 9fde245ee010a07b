"""Pixabay: photographs under a licence of its own. https://pixabay.com/api/docs/ ("docs"; measured: as recorded).

The key can only go into the query. 100 calls a minute; headers tell what is left, and the seconds until it begins anew.
Pages hold 3 to 200, words have 100 characters at most (docs). A search ends after 500, as `totalHits` says and `total`
does not; a page behind that is a 400 in plain text, and so is a wrong key (measured). Terms: keep answers for 24 hours;
say where results are from; link no file for good (docs): one at pixabay.com/get/ is believed to end after 24 hours.
"""

import re
from typing import Annotated
from urllib.parse import quote, unquote

import httpx
import msgspec

import imagevault
from imagevault import Author, Image, License, Page, ProviderInfo, Quota, Rendition, SearchQuery

COLORS = "red orange yellow green turquoise blue pink white gray black brown"
LANGUAGES = "cs da de en es fr id it hu nl no pl pt ro sk fi sv tr vi th bg ru el ja ko zh"
PARAMS = {"orientation": "orientation", "color": "colors", "locale": "lang"}


class Settings(msgspec.Struct, frozen=True):
    """The key that https://pixabay.com/api/docs/ shows to whoever is logged in there."""

    api_key: str


class _Hit(msgspec.Struct):  # any field may vanish without notice (docs); full HD and original are for some keys only
    id: int
    width: Annotated[int, msgspec.Meta(gt=0)] = msgspec.field(name="imageWidth")
    height: Annotated[int, msgspec.Meta(gt=0)] = msgspec.field(name="imageHeight")
    web: Annotated[str, msgspec.Meta(min_length=1)] = msgspec.field(name="webformatURL")
    web_width: int | None = msgspec.field(name="webformatWidth", default=None)
    web_height: int | None = msgspec.field(name="webformatHeight", default=None)
    preview: str | None = msgspec.field(name="previewURL", default=None)
    preview_width: int | None = msgspec.field(name="previewWidth", default=None)
    preview_height: int | None = msgspec.field(name="previewHeight", default=None)
    large: str | None = msgspec.field(name="largeImageURL", default=None)
    full_hd: str | None = msgspec.field(name="fullHDURL", default=None)
    original: str | None = msgspec.field(name="imageURL", default=None)
    page: str | None = msgspec.field(name="pageURL", default=None)
    type: str | None = None  # a lookup also finds illustrations and drawings
    tags: str | None = None
    user: str | None = None
    user_id: int | None = None


class _Listing(msgspec.Struct):
    hits: list[msgspec.Raw]
    total: int | None = msgspec.field(name="totalHits", default=None)


@imagevault.hookimpl
def provider_info() -> ProviderInfo:
    """What Pixabay offers and demands. It has no orientation `square`."""
    return ProviderInfo(
        title="Pixabay",
        homepage="https://pixabay.com",
        base_url="https://pixabay.com/api/",
        settings=Settings,
        page_size=200,
        filters={
            "orientation": {"landscape": "horizontal", "portrait": "vertical"},
            "color": {word: word for word in COLORS.split()} | {"violet": "lilac"},
            "locale": {word: word for word in LANGUAGES.split()} | {"nb": "no", "nn": "no"},
        },
        max_results=500,
        quotas=[Quota(100, "minute", remaining="X-RateLimit-Remaining", reset="X-RateLimit-Reset")],
        license=License("pixabay", "Pixabay Content License", "https://pixabay.com/service/license-summary/"),
        credit="Image by {author} from Pixabay",
        notice="Images from Pixabay",
        file_hosts={"pixabay.com", "cdn.pixabay.com"},
        must_cache_for=24 * 3600,
        max_age=24 * 3600,
        hotlink="temporary",
    )


@imagevault.hookimpl
async def search_images(query: SearchQuery, http: httpx.AsyncClient, settings: Settings) -> Page:
    """One page of photos. Of words that are too many the first ones are asked for."""
    words = query.text if len(query.text) <= 100 else query.text[:101].rpartition(" ")[0] or query.text[:100]
    params = {PARAMS[name]: value for name, value in query.native.items()} | {"q": words, "image_type": "photo"}
    listing = await _get(http, settings, **params, page=f"{query.page}", per_page=f"{query.per_page}")
    last = not listing.hits or query.page * query.per_page >= min(listing.total or 500, 500)
    return Page([_image(hit) for hit in imagevault.decode_each(listing.hits, _Hit)], listing.total, last)


@imagevault.hookimpl
async def fetch_image(image_id: str, http: httpx.AsyncClient, settings: Settings) -> Image | None:
    """The same call, with `id`, which is a number. Files get new links."""
    if not re.fullmatch(r"[1-9][0-9]{0,17}", image_id):
        return None
    hits = imagevault.decode_each((await _get(http, settings, id=image_id)).hits, _Hit)
    return next((_image(hit) for hit in hits if str(hit.id) == image_id and hit.type in {None, "photo"}), None)


async def _get(http: httpx.AsyncClient, settings: Settings, **params: str) -> _Listing:
    response = await http.get("", params={"key": settings.api_key, "safesearch": "true", **params})
    if response.status_code == 400:
        if re.search('"(page|id)" is out of valid range', response.text):
            return _Listing([])
        error = imagevault.Unauthorized if "API key" in response.text else imagevault.InvalidResponse
        raise error(f"Pixabay refused the request: {response.text[:200]}")
    reset = response.headers.get("X-RateLimit-Reset", "")
    if response.status_code == 429 and "Retry-After" not in response.headers and reset.isdecimal():
        raise imagevault.RateLimited("Pixabay allows no more requests now", float(reset))
    return imagevault.decode(response, _Listing)


def _image(hit: _Hit) -> Image:
    """One hit in our terms. Words are in the address of its page, as in `/photos/red-fox-123/`, and in its tags."""
    size = hit.width, hit.height
    slug = re.search(r"/([^/]+)-\d+/?$", unquote(hit.page or ""))
    words = slug[1].replace("-", " ").capitalize() if slug else hit.tags
    profile = f"https://pixabay.com/users/{quote(hit.user, '')}-{hit.user_id}/" if hit.user and hit.user_id else None
    files = [
        Rendition(name="thumbnail", url=hit.preview, width=hit.preview_width, height=hit.preview_height),
        Rendition(name="small", url=hit.web, width=hit.web_width, height=hit.web_height),
        Rendition.within("medium", hit.large or "", size, (1280, 1280)),
        Rendition.within("large", hit.full_hd or "", size, (1920, 1920)),
    ]
    *smaller, largest = [each for each in files if each.url]
    original = [Rendition.within("original", hit.original, size, size)] if hit.original else []
    return Image(
        id=str(hit.id),
        title=words,
        alt=words,
        width=hit.width,
        height=hit.height,
        tags=(hit.tags or "").split(", "),
        author=Author(hit.user, profile) if hit.user else None,
        source_url=hit.page,
        renditions=[*smaller, msgspec.structs.replace(largest, name="large"), *original],
    )
